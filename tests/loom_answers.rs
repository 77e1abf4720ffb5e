//! The settling of requests, explored by loom: of those who answer and those who give up at once, exactly one settles it. How to
//! run it: tests/loom_mailbox.rs.
#![cfg(loom)]

#[path = "exploration/mod.rs"]
mod exploration;

use agentwire::bus::answers::{Answers, NoAnswer};
use agentwire::sync::Arc;
use exploration::model;
use loom::thread;

/// Two who have a share each, while whoever handed them out gives his back: how often they settled the request.
fn settled_by(both: [fn(&Answers) -> usize; 2]) {
    model(move || {
        let answers = Arc::new(Answers::new());
        answers.share(2);
        let others = both.map(|end| {
            let answers = Arc::clone(&answers);
            thread::spawn(move || end(&answers))
        });
        let own = answers.give_back(1, NoAnswer::NoSubscriber);
        let mut settled = usize::from(own.is_some());
        for other in others {
            settled += other.join().expect("no panic");
        }
        assert_eq!(settled, 1);
        assert!(answers.is_settled());
    });
}

fn answer(answers: &Answers) -> usize {
    let first = answers.settle();
    assert_eq!(
        answers.give_back(1, NoAnswer::Dropped),
        None,
        "it was settled"
    );
    usize::from(first)
}

fn decline(answers: &Answers) -> usize {
    let last = answers.give_back(1, NoAnswer::Undefined);
    // The weightiest reason of all.
    assert!(last.is_none_or(|reason| reason == NoAnswer::Undefined));
    usize::from(last.is_some())
}

#[test]
fn two_answers() {
    settled_by([answer, answer]);
}

#[test]
fn an_answer_and_one_who_has_none() {
    settled_by([answer, decline]);
}

#[test]
fn two_who_have_none() {
    settled_by([decline, decline]);
}

/// Whoever is the last sees the reasons of the others.
#[test]
fn the_last_tells_the_weightiest_reason() {
    model(|| {
        let answers = Arc::new(Answers::new());
        answers.share(1);
        let other = {
            let answers = Arc::clone(&answers);
            thread::spawn(move || answers.give_back(1, NoAnswer::Died))
        };
        let own = answers.give_back(1, NoAnswer::NoSubscriber);
        let told = own.or(other.join().expect("no panic"));
        assert_eq!(told, Some(NoAnswer::Died));
    });
}
