//! Messages that wait apart from the mailbox: for a handler to settle, or for their time to be over; and limits in bytes.

use std::time::{Duration, Instant};

use agentwire::bus::layout::*;
use agentwire::bus::subscription::{Outcome, Overflow, SubscribeOptions};
use agentwire::pool::process_budget;
use proptest::prelude::*;

use super::harness::*;

fn numbers(received: &[Received]) -> Vec<u8> {
    received.iter().map(|message| message.payload[0]).collect()
}

fn at_most(max_in_flight: u32, limit: u64) -> SubscribeOptions {
    SubscribeOptions {
        max_in_flight: Some(max_in_flight),
        ..SubscribeOptions::limited_to(limit)
    }
}

/// What the timer does comes from another thread.
fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::yield_now();
    }
}

/// Two may be in hand: the others wait, in order and by priority, and a neighbour on the same thread goes on.
#[test]
fn as_many_in_hand_as_may_be() {
    let _alone = alone();
    let mut actor = Actor::on("in hand");
    let slot = actor.subscribe_with("t", at_most(2, 100));
    let neighbour = actor.subscribe("t", 100);
    let topic = actor.topic("t");
    for number in 0..5 {
        assert!(actor.publish(&Message::new(topic, &[number])));
    }
    assert!(actor.publish(&Message::new(topic, &[5]).at(CRITICAL)));
    let got = actor.drain(256);
    let of = |got: &[Received], slot: u32| {
        let mine = got.iter().filter(|message| message.slots == [slot]);
        mine.cloned().collect::<Vec<_>>()
    };
    let mut held = of(&got, slot);
    assert_eq!(numbers(&held), [5, 0]);
    assert_eq!(numbers(&of(&got, neighbour)), [5, 0, 1, 2, 3, 4]);
    of(&got, neighbour)
        .iter()
        .for_each(|message| actor.settle(message, HANDLED));
    assert_eq!(actor.drain(256), []);
    assert!(
        actor.is_parked(),
        "it waits for a handler, not for a message"
    );
    for expected in 1..5 {
        let message = held.remove(0);
        actor.settle(&message, HANDLED);
        actor.endpoint.fold_outcomes();
        assert!(actor.has_own_mail(), "the thread is told to drain");
        let next = actor.drain(256);
        assert_eq!(numbers(&next), [expected]);
        held.extend(next);
    }
    held.iter()
        .for_each(|message| actor.settle(message, HANDLED));
    assert_settled(&actor.ledger(slot));
    assert_settled(&actor.ledger(neighbour));
}

/// What waits for a handler that never settles ends with its subscription, and with its thread.
#[test]
fn what_waits_ends_with_its_subscription() {
    let _alone = alone();
    let (mut publisher, mut one) = (Actor::on("ends"), Actor::on("ends"));
    let mut two = Actor::on("ends");
    let slot = one.subscribe_with("t", at_most(1, 10));
    two.subscribe_with("t", at_most(1, 10));
    let topic = publisher.topic("t");
    for number in 0..4 {
        assert!(publisher.publish(&Message::new(topic, &[number])));
    }
    assert!(publisher.publish_block(&Message::new(topic, &[4; 5000])));
    assert_eq!((one.drain(256).len(), two.drain(256).len()), (1, 1));
    one.endpoint.unsubscribe(slot);
    let ledger = one.ledger(slot);
    assert_eq!(ledger.ended[Outcome::Unsubscribed as usize], 4);
    assert_eq!(ledger.in_flight(), 1);
    two.endpoint.close();
    one.count(slot, UNSUBSCRIBED);
    one.endpoint.fold_outcomes();
    let ledger = publisher.metrics().ledger;
    assert_settled(&ledger);
    assert_eq!(ledger.ended[Outcome::SubscriberDied as usize], 5);
}

/// With limits of its own: what is in hand counts against the queue's limit as well.
#[test]
fn the_limit_of_the_queue_counts_both() {
    let _alone = alone();
    let (mut publisher, mut actor) = (Actor::on("both"), Actor::on("both"));
    actor.subscribe_with("t", at_most(1, 3));
    let topic = publisher.topic("t");
    for number in 0..3 {
        assert!(publisher.publish(&Message::new(topic, &[number])));
        actor.drain(256);
    }
    assert!(!publisher.publish(&Message::new(topic, &[3])));
    let options = SubscribeOptions {
        overflow: Overflow::DropNewest,
        ..at_most(1, 2)
    };
    let loose = actor.subscribe_with("u", options);
    let other = publisher.topic("u");
    for number in 0..5 {
        assert!(publisher.publish(&Message::new(other, &[number])));
    }
    assert_eq!(actor.drain(256).len(), 1);
    let ledger = actor.ledger(loose);
    assert_eq!(ledger.ended[Outcome::Newest as usize], 3);
    assert_eq!(ledger.in_flight(), 2);
}

#[test]
fn bytes_that_wait_are_limited() {
    let _alone = alone();
    let (mut publisher, mut actor) = (Actor::on("bytes"), Actor::on("bytes"));
    let strict = SubscribeOptions {
        queue_limit_bytes: Some(1000),
        ..SubscribeOptions::limited_to(100)
    };
    let slot = actor.subscribe_with("t", strict);
    let (topic, payload) = (publisher.topic("t"), [7; 400]);
    // The third begins while less than the limit waits.
    for _ in 0..3 {
        assert!(publisher.publish(&Message::new(topic, &payload)));
    }
    assert!(!publisher.publish(&Message::new(topic, &payload)));
    assert!(!publisher.endpoint.is_writable(topic).unwrap());
    let held = actor.drain(256);
    assert_eq!(held.len(), 3);
    assert_eq!(publisher.bell.attention() & WRITABLE, WRITABLE);
    // What is in hand takes no place.
    assert!(publisher.publish_block(&Message::new(topic, &[7; 50_000])));
    assert!(!publisher.publish(&Message::new(topic, &payload)));
    let large = actor.drain(256);
    assert!(publisher.publish(&Message::new(topic, &payload)));
    held.iter()
        .chain(&large)
        .for_each(|message| actor.settle(message, HANDLED));
    actor.handle_all();
    assert_settled(&actor.ledger(slot));
    let subscription = actor.endpoint.subscription(slot).expect("it is there");
    assert_eq!(subscription.account.waiting_bytes(), 0);
}

#[test]
fn the_oldest_go_where_bytes_are_too_many() {
    let _alone = alone();
    let (mut publisher, mut actor) = (Actor::on("old bytes"), Actor::on("old bytes"));
    let options = SubscribeOptions {
        overflow: Overflow::DropOldest,
        queue_limit_bytes: Some(3000),
        ..SubscribeOptions::limited_to(100)
    };
    let slot = actor.subscribe_with("t", options);
    let topic = publisher.topic("t");
    for number in 0..20 {
        assert!(publisher.publish(&Message::new(topic, &[number; 800])));
    }
    assert_eq!(numbers(&actor.handle_all()), [17, 18, 19]);
    assert_settled(&actor.ledger(slot));
}

/// The thread is stuck: the timer counts its message out, gives its memory back and tells who waits for room.
#[test]
fn the_timer_gives_up_what_has_expired() {
    let _alone = alone();
    let (mut publisher, mut stuck) = (Actor::on("late"), Actor::on("late"));
    let slot = stuck.subscribe("t", 2);
    let topic = publisher.topic("t");
    let before = process_budget().in_use();
    let soon = |payload| Message::new(topic, payload).expiring_in(Duration::from_millis(20));
    assert!(publisher.publish(&soon(&[1])));
    assert!(publisher.publish_block(&soon(&[2; 100_000])));
    assert!(process_budget().in_use() > before + 100_000);
    assert!(!publisher.publish(&Message::new(topic, &[3])));
    wait_for("the timer counts both out", || {
        publisher.metrics().ledger.ended[Outcome::Expired as usize] == 2
    });
    assert_eq!(publisher.bell.attention() & WRITABLE, WRITABLE);
    wait_for("its memory comes back", || {
        process_budget().in_use() < before + 100_000
    });
    assert!(publisher.publish(&Message::new(topic, &[4])));
    assert_eq!(numbers(&stuck.handle_all()), [4]);
    assert_settled(&stuck.ledger(slot));
}

/// Messages that expire keep their place among those that do not.
#[test]
fn who_expires_keeps_the_order_of_the_others() {
    let _alone = alone();
    let (mut publisher, mut actor) = (Actor::on("order"), Actor::on("order"));
    let slot = actor.subscribe("t", 100);
    let topic = publisher.topic("t");
    let later = Duration::from_secs(3600);
    for number in 0..6 {
        let message = match number % 3 {
            0 => Message::new(topic, &[0]).expiring_in(Duration::from_millis(5)),
            1 => Message::new(topic, &[1]),
            _ => Message::new(topic, &[2]).expiring_in(later),
        };
        let payload = [number];
        assert!(publisher.publish(&Message {
            payload: &payload,
            ..message
        }));
    }
    wait_for("two have expired", || {
        publisher.metrics().ledger.ended[Outcome::Expired as usize] == 2
    });
    assert_eq!(numbers(&actor.handle_all()), [1, 2, 4, 5]);
    assert_settled(&actor.ledger(slot));
}

/// A record that waits in the outbox for room goes when its time is over, and holds nobody up.
#[test]
fn it_expires_in_the_outbox_too() {
    let _alone = alone();
    let (mut publisher, mut actor) = (Actor::on("outbox"), Actor::on("outbox"));
    let slot = actor.subscribe("t", 1);
    let (topic, free) = (publisher.topic("t"), publisher.topic("free"));
    actor.subscribe("free", 10);
    let wait = Duration::from_millis(10);
    assert!(publisher.write(&Message::new(topic, &[0])));
    assert!(publisher.write(&Message::new(topic, &[1]).expiring_in(wait)));
    assert!(publisher.write(&Message::new(free, &[2])));
    assert_eq!(publisher.submit(), 1);
    // Not polled: whoever has left it there is told.
    wait_for("the publisher is told", || {
        publisher.bell.attention() & WRITABLE != 0
    });
    wait_for("the second gives up", || publisher.submit() == 2);
    assert_eq!(numbers(&actor.handle_all()), [0, 2]);
    assert_eq!(actor.ledger(slot).ended[Outcome::Expired as usize], 1);
    assert_settled(&publisher.metrics().ledger);
}

#[derive(Debug, Clone)]
enum Act {
    Publish(u8, bool),
    Drain(u32),
    Settle(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..4u8, any::<bool>()).prop_map(|(priority, expires)| Act::Publish(priority, expires)),
        2 => (1..6u32).prop_map(Act::Drain),
        3 => any::<usize>().prop_map(Act::Settle),
    ]
}

proptest! {
    /// Against lists: who waits, by priority, and who is in hand; nobody is lost, doubled or out of order, and no more are in hand
    /// than may be. The neighbour, without a limit, gets everything at once.
    #[test]
    fn a_limit_of_handlers_is_a_line_before_them(
        limit in 1..4u32,
        acts in prop::collection::vec(act(), 0..80),
    ) {
        let _alone = alone();
        let mut actor = Actor::on("line");
        let slot = actor.subscribe_with("t", at_most(limit, 1000));
        let neighbour = actor.subscribe("t", 1000);
        let topic = actor.topic("t");
        let (mut waiting, mut in_hand) = (Vec::<(u8, u64)>::new(), Vec::new());
        let (mut sequence, mut seen) = (0, 0);
        for act in acts {
            match act {
                Act::Publish(priority, expires) => {
                    let message = Message::new(topic, &[0]).at(priority);
                    let hour = Duration::from_secs(3600);
                    let message = if expires { message.expiring_in(hour) } else { message };
                    prop_assert!(actor.publish(&message));
                    sequence += 1;
                    waiting.push((priority, sequence));
                }
                Act::Drain(most) => {
                    for message in actor.drain(most) {
                        if message.slots == [neighbour] {
                            actor.settle(&message, HANDLED);
                            seen += 1;
                            continue;
                        }
                        let at = waiting.iter().position(|(priority, _)| *priority == message.priority);
                        prop_assert_eq!(waiting.remove(at.expect("one waits")).1, message.sequence);
                        in_hand.push(message);
                    }
                    prop_assert!(in_hand.len() <= limit as usize);
                }
                Act::Settle(which) => {
                    if !in_hand.is_empty() {
                        let message = in_hand.swap_remove(which % in_hand.len());
                        actor.settle(&message, HANDLED);
                        actor.endpoint.fold_outcomes();
                    }
                }
            }
            let ledger = actor.ledger(slot);
            prop_assert_eq!(ledger.in_flight() as usize, waiting.len() + in_hand.len());
        }
        in_hand.iter().for_each(|message| actor.settle(message, HANDLED));
        let rest = actor.handle_all();
        let mine = rest.iter().filter(|message| message.slots == [slot]).count();
        prop_assert_eq!(mine, waiting.len());
        prop_assert_eq!(seen + rest.len() - mine, sequence as usize);
        assert_settled(&actor.ledger(slot));
        assert_settled(&actor.ledger(neighbour));
    }
}
