//! The acknowledgement table, explored by loom: the handler, the timer and the end of the subscription reach for the same message,
//! and exactly one of them gets it. How to run it: tests/loom_mailbox.rs.
#![cfg(loom)]

#[path = "exploration/mod.rs"]
mod exploration;

use agentwire::bus::ack::table::{AckTable, Begin};
use agentwire::sync::Arc;
use exploration::model;
use loom::thread;

const TIMEOUT: u64 = 10;

/// A table with one message that was begun at 0, and its handle.
fn begun() -> (Arc<AckTable<u32>>, u64) {
    let table = Arc::new(AckTable::new(TIMEOUT));
    let handle = table.hand(7, 1);
    assert_eq!(table.begin(handle, 0), Begin::Begun(Some(TIMEOUT)));
    (table, handle)
}

/// The handler is done at the moment when its time is over: the message is acknowledged or tried again, never both.
#[test]
fn the_handler_against_the_timer() {
    model(|| {
        let (table, handle) = begun();
        let timer = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                let due = table.due(TIMEOUT);
                assert_eq!(due.next, None);
                due.timed_out.len()
            })
        };
        let acknowledged = usize::from(table.settle(handle).is_some());
        let timed_out = timer.join().expect("no panic");
        assert_eq!(acknowledged + timed_out, 1);
        assert_eq!(table.handed(), 0);
        assert!(table.settle(handle).is_none());
    });
}

/// The thread that ends, or the subscription, against the timer: the message is with one of them, also one that rests.
#[test]
fn the_end_against_the_timer() {
    model(|| {
        let (table, _) = begun();
        assert_eq!(table.rest(8, 5), Ok(Some(5)));
        let timer = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                let due = table.due(TIMEOUT);
                due.timed_out.len() + due.rested.len()
            })
        };
        let left = table.clear(true);
        let due = timer.join().expect("no panic");
        assert_eq!(left.begun.len() + left.waiting.len() + due, 2);
        assert_eq!((table.handed(), table.resting()), (0, 0));
        assert_eq!(table.rest(9, 1), Err(9), "nothing rests any more");
    });
}

/// A message that fails as its subscription ends rests and is found, or is given back: it is never left behind.
#[test]
fn a_rest_against_the_end() {
    model(|| {
        let (table, handle) = begun();
        let ending = {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                let left = table.clear(true);
                left.begun.len() + left.waiting.len()
            })
        };
        let mut given_back = 0;
        if let Some(message) = table.settle(handle) {
            given_back = usize::from(table.rest(message, 100).is_err());
        }
        let left = ending.join().expect("no panic");
        assert_eq!(given_back + left, 1);
        assert_eq!((table.handed(), table.resting()), (0, 0));
    });
}

/// The thread comes to a message of its inbox while the timer gives others what it has not begun: the handler is called, or
/// another's is.
#[test]
fn the_next_handler_against_who_takes_what_waits() {
    model(|| {
        let (table, stuck) = begun();
        let next = table.hand(8, 2);
        let taking = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.take_waiting().len())
        };
        let begun = usize::from(table.begin(next, 1) != Begin::Gone);
        let taken = taking.join().expect("no panic");
        assert_eq!(begun + taken, 1);
        assert_eq!(usize::from(table.settle(next).is_some()), begun);
        assert!(table.settle(stuck).is_some());
        assert_eq!(table.handed(), 0);
    });
}

/// Whoever makes the next deadline asks for a call, or the timer does: no deadline is forgotten.
#[test]
fn a_deadline_is_asked_for() {
    model(|| {
        let table = Arc::new(AckTable::new(TIMEOUT));
        let first = table.hand(1, 1);
        let second = table.hand(2, 2);
        assert_eq!(table.begin(first, 0), Begin::Begun(Some(TIMEOUT)));
        assert!(table.settle(first).is_some());
        let timer = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.due(TIMEOUT).next)
        };
        let asked = match table.begin(second, 5) {
            Begin::Begun(asked) => asked,
            Begin::Gone => panic!("nobody took it"),
        };
        let kept = timer.join().expect("no panic");
        // Before the timer's look: it goes on to the second's deadline. Behind it: a call of its own.
        assert_eq!(asked.or(kept), Some(5 + TIMEOUT));
    });
}
