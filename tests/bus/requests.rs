//! Requests: each is settled once, by an answer or by the last who could have given one.

use std::time::Duration;

use agentwire::bus::layout::*;
use agentwire::bus::subscription::{Outcome, Overflow, SubscribeOptions};

use super::harness::*;

/// The kind of the answer to this request, and its bytes; None when nothing came.
fn answer_to(actor: &mut Actor, number: u32) -> Option<(usize, Vec<u8>)> {
    let mut found = None;
    loop {
        let batch = actor.drain(256);
        for message in &batch {
            assert_eq!(message.slots, [ANSWER_TARGET as u32]);
            if message.sequence == u64::from(number) {
                assert!(found.is_none(), "answered twice");
                found = Some((message.topic as usize, bytes_of(actor, message)));
            }
        }
        if actor.is_parked() {
            return found;
        }
    }
}

fn bytes_of(actor: &mut Actor, message: &Received) -> Vec<u8> {
    match message.block {
        None => message.payload.clone(),
        Some((handle, _)) => {
            let block = actor.endpoint.take_block(handle).expect("not taken");
            block.bytes().to_vec()
        }
    }
}

fn ask(actor: &mut Actor, topic: u32, number: u32) {
    assert!(actor.publish(&Message::new(topic, b"?").asking(number)));
}

#[test]
fn the_first_answer_counts() {
    let _alone = alone();
    let (mut requester, mut one, mut two) = (Actor::on("ask"), Actor::on("ask"), Actor::on("ask"));
    one.subscribe("t", 10);
    one.subscribe("*", 10);
    two.subscribe("t", 10);
    let topic = requester.topic("t");
    ask(&mut requester, topic, 7);
    let first = one.handle_all().remove(0);
    let second = two.handle_all().remove(0);
    let (handle, other) = (first.request.unwrap(), second.request.unwrap());
    assert_eq!(first.slots.len(), 2, "one handle for both handlers");
    assert!(
        one.endpoint
            .answer(handle, UNDEFINED_ANSWER, b""[..].into())
    );
    assert_eq!(answer_to(&mut requester, 7), None);
    assert!(two.endpoint.answer(other, VALUE_ANSWER, b"yes"[..].into()));
    assert_eq!(
        answer_to(&mut requester, 7),
        Some((VALUE_ANSWER, b"yes".to_vec()))
    );
    // Later ones, and more than there are handlers, come to nothing.
    assert!(!one.endpoint.answer(handle, VALUE_ANSWER, b"no"[..].into()));
    assert!(!one.endpoint.answer(handle, VALUE_ANSWER, b"no"[..].into()));
    assert!(!two.endpoint.answer(other, VALUE_ANSWER, b"no"[..].into()));
    assert_eq!(answer_to(&mut requester, 7), None);
}

#[test]
fn who_has_no_answer_says_so() {
    let _alone = alone();
    let (mut requester, mut asked) = (Actor::on("none"), Actor::on("none"));
    let topic = requester.topic("t");
    ask(&mut requester, topic, 1);
    assert_eq!(answer_to(&mut requester, 1), Some((NO_SUBSCRIBER, vec![])));
    let slot = asked.subscribe("t", 10);
    ask(&mut requester, topic, 2);
    let message = asked.handle_all().remove(0);
    let handle = message.request.unwrap();
    asked
        .endpoint
        .answer(handle, UNDEFINED_ANSWER, b""[..].into());
    assert_eq!(
        answer_to(&mut requester, 2),
        Some((UNDEFINED_ANSWER, vec![]))
    );
    // In the mailbox, and in hand, when its thread ends.
    ask(&mut requester, topic, 3);
    asked.drain(256);
    ask(&mut requester, topic, 4);
    assert_eq!(answer_to(&mut requester, 3), None);
    asked.endpoint.close();
    let answers: Vec<_> = requester.drain(256);
    let numbers: Vec<u64> = answers.iter().map(|answer| answer.sequence).collect();
    assert_eq!(numbers, [4, 3]);
    assert!(
        answers
            .iter()
            .all(|answer| answer.topic as usize == SUBSCRIBER_GONE)
    );
    assert_eq!(slot, 0);
    assert_settled(&requester.metrics().ledger);
}

/// A subscription that drops gives the answer up with the message.
#[test]
fn what_is_dropped_has_no_answer() {
    let _alone = alone();
    let (mut requester, mut asked) = (Actor::on("dropped"), Actor::on("dropped"));
    let oldest = SubscribeOptions {
        overflow: Overflow::DropOldest,
        ..SubscribeOptions::limited_to(1)
    };
    let slot = asked.subscribe_with("t", oldest);
    let topic = requester.topic("t");
    (1..=3).for_each(|number| ask(&mut requester, topic, number));
    let dropped: Vec<u64> = requester
        .drain(256)
        .iter()
        .map(|answer| answer.sequence)
        .collect();
    assert_eq!(dropped, [1, 2]);
    let handle = asked.handle_all()[0].request.expect("a request");
    assert!(asked.endpoint.answer(handle, ERROR_ANSWER, b"!"[..].into()));
    assert_eq!(
        answer_to(&mut requester, 3),
        Some((ERROR_ANSWER, b"!".to_vec()))
    );
    assert_eq!(asked.ledger(slot).ended[Outcome::Oldest as usize], 2);
}

/// A request that is over is not handed over any more.
#[test]
fn nobody_answers_who_waits_no_more() {
    let _alone = alone();
    let (mut requester, mut asked) = (Actor::on("over"), Actor::on("over"));
    let slot = asked.subscribe("t", 10);
    let topic = requester.topic("t");
    let message = Message {
        request: Some((5, 0)),
        ..Message::new(topic, b"?")
    };
    assert!(requester.publish(&message));
    assert_eq!(asked.drain(256), []);
    assert_eq!(asked.ledger(slot).ended[Outcome::Expired as usize], 1);
    assert_eq!(
        answer_to(&mut requester, 5),
        Some((REQUEST_DROPPED, vec![]))
    );
}

#[test]
fn answers_of_any_size_to_requests_of_any_size() {
    let _alone = alone();
    let (mut requester, mut asked) = (Actor::on("sizes"), Actor::on("sizes"));
    asked.subscribe("t", 10);
    asked.subscribe_with(
        "u",
        SubscribeOptions {
            max_in_flight: Some(1),
            ..SubscribeOptions::limited_to(10)
        },
    );
    for (name, number) in [("t", 1), ("u", 2)] {
        let topic = requester.topic(name);
        for size in [
            0,
            1,
            INLINE_PAYLOAD_BYTES,
            INLINE_PAYLOAD_BYTES + 1,
            300_000,
        ] {
            let payload = vec![3; size];
            let message = Message::new(topic, &payload).asking(number).at(CRITICAL);
            let taken = match size {
                0..=INLINE_PAYLOAD_BYTES => requester.publish(&message),
                _ => requester.publish_block(&message),
            };
            assert!(taken);
            let asking = asked.drain(256).remove(0);
            asked.settle(&asking, HANDLED);
            let echoed = bytes_of(&mut asked, &asking);
            assert_eq!(echoed, payload);
            let handle = asking.request.unwrap();
            assert!(
                asked
                    .endpoint
                    .answer(handle, VALUE_ANSWER, echoed[..].into())
            );
            assert_eq!(
                answer_to(&mut requester, number),
                Some((VALUE_ANSWER, payload))
            );
        }
    }
    asked.drain(256);
}

/// The requester's thread has ended: who answers is unharmed, and nothing is kept.
#[test]
fn a_requester_that_is_gone() {
    let _alone = alone();
    let (mut requester, mut asked) = (Actor::on("gone"), Actor::on("gone"));
    asked.subscribe("t", 10);
    let topic = requester.topic("t");
    ask(&mut requester, topic, 1);
    ask(&mut requester, topic, 2);
    let handles: Vec<u64> = asked
        .handle_all()
        .iter()
        .map(|message| message.request.unwrap())
        .collect();
    requester.endpoint.close();
    assert!(
        !asked
            .endpoint
            .answer(handles[0], VALUE_ANSWER, b"x"[..].into())
    );
    assert!(
        !asked
            .endpoint
            .answer(handles[1], VALUE_ANSWER, vec![1; 10_000][..].into())
    );
    assert_eq!(asked.endpoint.faults.lost_answers, 2);
    assert!(
        !asked
            .endpoint
            .answer(u64::MAX, VALUE_ANSWER, b"x"[..].into())
    );
}

#[test]
fn the_time_of_a_request_goes_on_in_the_outbox() {
    let _alone = alone();
    let (mut requester, mut asked) = (Actor::on("late"), Actor::on("late"));
    let slot = asked.subscribe("t", 1);
    let topic = requester.topic("t");
    for (number, milliseconds, is_handed_over) in [
        (1, 5, false),
        (2, 600_000, true),
        (3, u32::MAX, true),
        (4, LONGEST_KEPT_MS + 1, true),
    ] {
        assert!(requester.publish(&Message::new(topic, b"fills it")));
        let asking = Message::new(topic, b"?").asking_for(number, milliseconds);
        assert!(requester.write(&asking));
        assert_eq!(requester.submit(), 0);
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(requester.submit(), 0, "no room yet");
        asked.handle_all();
        asked.ledger(slot);
        assert_eq!(requester.submit(), 1);
        let got = asked.handle_all();
        assert_eq!(got.len(), usize::from(is_handed_over), "{milliseconds} ms");
        if let Some(handle) = got.first().and_then(|message| message.request) {
            asked
                .endpoint
                .answer(handle, UNDEFINED_ANSWER, b""[..].into());
        }
        let kind = if is_handed_over {
            UNDEFINED_ANSWER
        } else {
            REQUEST_DROPPED
        };
        assert_eq!(answer_to(&mut requester, number), Some((kind, vec![])));
    }
    let ledger = asked.ledger(slot);
    assert_eq!(ledger.ended[Outcome::Expired as usize], 1);
    assert_settled(&ledger);
}
