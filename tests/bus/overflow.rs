//! Subscriptions that drop what is too much: whom they leave alone, what they keep, and that it is bounded.

use agentwire::bus::layout::*;
use agentwire::bus::subscription::{Outcome, Overflow, SubscribeOptions};
use agentwire::pool::process_budget;
use proptest::prelude::*;

use super::harness::*;

fn subscribe(actor: &mut Actor, pattern: &str, limit: u64, overflow: Overflow) -> u32 {
    let options = SubscribeOptions {
        overflow,
        ..SubscribeOptions::limited_to(limit)
    };
    actor.subscribe_with(pattern, options)
}

fn dropped(actor: &mut Actor, slot: u32, outcome: Outcome) -> u64 {
    actor.ledger(slot).ended[outcome as usize]
}

fn payloads(received: &[Received]) -> Vec<u8> {
    received.iter().map(|message| message.payload[0]).collect()
}

/// Ten messages to three subscriptions of four places each and one with room, two of them on one thread.
#[test]
fn each_policy_keeps_what_it_says() {
    let _alone = alone();
    let mut publisher = Actor::on("policies");
    let (mut one, mut two) = (Actor::on("policies"), Actor::on("policies"));
    let newest = subscribe(&mut one, "t", 4, Overflow::DropNewest);
    let oldest = subscribe(&mut one, "*", 4, Overflow::DropOldest);
    let all = one.subscribe("**", 100);
    let alone = subscribe(&mut two, "t", 4, Overflow::DropOldest);
    let topic = publisher.topic("t");
    for number in 0..10 {
        assert!(publisher.publish(&Message::new(topic, &[number])));
        assert!(publisher.endpoint.is_writable(topic).unwrap());
    }
    assert_eq!(publisher.metrics().counts.refused, 0);
    let got = one.handle_all();
    let of = |slot: u32| {
        let mine = got.iter().filter(|message| message.slots.contains(&slot));
        mine.map(|message| message.payload[0]).collect::<Vec<_>>()
    };
    assert_eq!(of(newest), [0, 1, 2, 3]);
    assert_eq!(of(oldest), [6, 7, 8, 9]);
    assert_eq!(of(all), (0..10).collect::<Vec<_>>());
    assert_eq!(payloads(&two.handle_all()), [6, 7, 8, 9]);
    assert_eq!(dropped(&mut one, newest, Outcome::Newest), 6);
    assert_eq!(dropped(&mut one, oldest, Outcome::Oldest), 6);
    assert_eq!(dropped(&mut two, alone, Outcome::Oldest), 6);
    assert_settled(&publisher.metrics().ledger);
}

#[test]
fn the_gate_stays_open_for_those_that_drop() {
    let _alone = alone();
    let (mut publisher, mut subscriber) = (Actor::on("gate"), Actor::on("gate"));
    subscribe(&mut subscriber, "t", 1, Overflow::DropNewest);
    subscribe(&mut subscriber, "t", 1, Overflow::DropOldest);
    let topic = publisher.topic("t");
    for _ in 0..5 {
        assert!(publisher.publish(&Message::new(topic, &[0])));
        assert_eq!(usize::from(publisher.gates.byte(topic as usize)), OPEN);
    }
    // One that takes part closes it again, and refuses for all.
    subscriber.subscribe("t", 1);
    assert!(publisher.publish(&Message::new(topic, &[1])));
    assert_eq!(usize::from(publisher.gates.byte(topic as usize)), ASK);
    assert!(!publisher.publish(&Message::new(topic, &[2])));
    subscriber.handle_all();
    assert_settled(&publisher.metrics().ledger);
}

/// While promises that are pending hold as many messages as may be in hand, the newest ones wait.
#[test]
fn what_waits_for_handlers_is_the_newest() {
    let _alone = alone();
    let mut actor = Actor::on("in hand");
    let slot = subscribe(&mut actor, "t", 2, Overflow::DropOldest);
    let topic = actor.topic("t");
    (0..2).for_each(|number| assert!(actor.publish(&Message::new(topic, &[number]))));
    let held = actor.drain(256);
    assert_eq!(payloads(&held), [0, 1]);
    for number in 2..5 {
        assert!(actor.publish(&Message::new(topic, &[number])));
        assert_eq!(actor.drain(256), []);
    }
    assert_eq!(dropped(&mut actor, slot, Outcome::Oldest), 1);
    actor.settle(&held[0], HANDLED);
    // One place in hand: the second waits until the first is handled.
    assert_eq!(payloads(&actor.drain(256)), [3]);
    assert_eq!(actor.drain(256), []);
    actor.settle(&held[1], HANDLED);
    assert_eq!(payloads(&actor.drain(256)), [4]);
    (0..2).for_each(|_| actor.count(slot, HANDLED));
    assert_eq!(dropped(&mut actor, slot, Outcome::Oldest), 1);
    assert_settled(&actor.ledger(slot));
}

/// A thread that does nothing under a flood: what it holds stays bounded, in messages and in bytes, at all priorities,
/// inline and in blocks; a neighbour on another thread and a neighbour on the same one get everything.
#[test]
fn a_stuck_thread_holds_no_more_than_its_limit() {
    let _alone = alone();
    let before = process_budget().in_use();
    let mut publisher = Actor::on("flood");
    let (mut stuck, mut free) = (Actor::on("flood"), Actor::on("flood"));
    let slot = subscribe(&mut stuck, "t", 50, Overflow::DropOldest);
    let neighbour = stuck.subscribe("other", 10);
    free.subscribe("t", 1000);
    let (topic, other) = (publisher.topic("t"), publisher.topic("other"));
    let large = vec![7; 2 * 1024 * 1024];
    let rounds = scaled(3000);
    let mut most = 0;
    for round in 0..rounds {
        let message = Message::new(topic, &large).at((round % 4) as u8);
        let taken = if round % 10 == 0 {
            publisher.publish_block(&message)
        } else {
            publisher.publish(&Message {
                payload: &round.to_le_bytes(),
                ..message
            })
        };
        assert!(taken, "never refused");
        free.handle_all();
        most = most.max(process_budget().in_use() - before);
    }
    assert!(publisher.publish(&Message::new(other, b"x")), "not slowed");
    // The backlog's bound, the block that is under way, and segments of two mailboxes.
    assert!(
        most < BACKLOG_BYTES as usize + (8 << 20),
        "{most} bytes held"
    );
    let ledger = stuck.ledger(slot);
    assert!(ledger.in_flight() <= 50);
    assert_eq!(ledger.admitted, rounds);
    let mut got = Vec::new();
    for message in stuck.handle_all() {
        if message.slots == [slot] {
            got.push(message.sequence);
        } else {
            assert_eq!(message.slots, [neighbour]);
        }
    }
    got.sort_unstable();
    let expected = ledger.in_flight();
    let first = rounds - expected + 1;
    assert_eq!(got, (first..=rounds).collect::<Vec<_>>(), "the newest");
    assert_settled(&stuck.ledger(slot));
    assert_settled(&publisher.metrics().ledger);
}

/// `drop-newest` keeps what it has in the mailbox: past a quarter of it, it takes no more.
#[test]
fn one_that_drops_the_newest_leaves_the_mailbox_to_its_neighbours() {
    let _alone = alone();
    let mut publisher = Actor::on("quarter");
    let mut stuck = Actor::on("quarter");
    let slot = subscribe(&mut stuck, "t", 1_000_000, Overflow::DropNewest);
    let neighbour = stuck.subscribe("other", 10);
    let (topic, other) = (publisher.topic("t"), publisher.topic("other"));
    let large = vec![7; 1024 * 1024];
    for _ in 0..40 {
        assert!(publisher.publish_block(&Message::new(topic, &large)));
    }
    assert_eq!(dropped(&mut stuck, slot, Outcome::Newest), 24);
    assert!(publisher.endpoint.is_writable(other).unwrap());
    assert!(publisher.publish(&Message::new(other, b"x")));
    assert!(stuck.handle_all().iter().any(|m| m.slots == [neighbour]));
    assert_settled(&publisher.metrics().ledger);
}

#[test]
fn what_waits_is_accounted_for_when_it_ends() {
    let _alone = alone();
    let (mut publisher, mut dying, mut leaving) =
        (Actor::on("ends"), Actor::on("ends"), Actor::on("ends"));
    subscribe(&mut dying, "t", 3, Overflow::DropOldest);
    let slot = subscribe(&mut leaving, "t", 3, Overflow::DropOldest);
    let topic = publisher.topic("t");
    (0..5).for_each(|number| assert!(publisher.publish(&Message::new(topic, &[number]))));
    assert!(publisher.publish_block(&Message::new(topic, &[5; 5000])));
    dying.endpoint.close();
    leaving.endpoint.unsubscribe(slot);
    // Its announcements bring nothing.
    assert_eq!(leaving.drain(256), []);
    let ledger = publisher.metrics().ledger;
    assert_settled(&ledger);
    assert_eq!(ledger.ended[Outcome::SubscriberDied as usize], 3);
    assert_eq!(ledger.ended[Outcome::Unsubscribed as usize], 3);
    assert_eq!(ledger.ended[Outcome::Oldest as usize], 6);
    assert!(publisher.publish(&Message::new(topic, &[0])));
    // The slot serves another, whom announcements of before do not concern.
    assert_eq!(leaving.subscribe("t", 3), slot);
}

/// Publishers in threads of their own, a subscriber that takes what it can: each publisher's messages come in order, the
/// last of each comes, and the ledger adds up.
#[test]
fn publishers_race_with_the_drain() {
    let _alone = alone();
    let mut subscriber = Actor::on("race");
    let slot = subscribe(&mut subscriber, "t", 8, Overflow::DropOldest);
    let count = scaled(20_000);
    let mut last = std::collections::HashMap::new();
    let mut handled = 0;
    let mut note = |received: Vec<Received>, last: &mut std::collections::HashMap<u32, u64>| {
        for message in received {
            let before = last.insert(message.publisher, message.sequence);
            assert!(before.is_none_or(|before| before < message.sequence));
            handled += 1;
        }
    };
    std::thread::scope(|scope| {
        let publishers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(move || {
                    let mut publisher = Actor::on("race");
                    let topic = publisher.topic("t");
                    for _ in 0..count {
                        assert!(publisher.publish(&Message::new(topic, &[1])));
                    }
                })
            })
            .collect();
        while publishers.iter().any(|publisher| !publisher.is_finished()) {
            note(subscriber.handle_all(), &mut last);
        }
    });
    note(subscriber.handle_all(), &mut last);
    assert!(
        last.values().any(|&last| last == count),
        "the newest of all came"
    );
    let ledger = subscriber.ledger(slot);
    assert_settled(&ledger);
    assert_eq!(ledger.admitted, 3 * count);
    assert_eq!(ledger.ended[Outcome::Handled as usize], handled);
    assert_eq!(
        ledger.ended[Outcome::Newest as usize] + ledger.ended[Outcome::Oldest as usize] + handled,
        3 * count
    );
}

#[derive(Debug, Clone)]
enum Act {
    Publish(u8),
    Drain(u32),
    Settle,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0..4u8).prop_map(Act::Publish),
        1 => (1..6u32).prop_map(Act::Drain),
        2 => Just(Act::Settle),
    ]
}

proptest! {
    /// Against a list: what waits, oldest first, and what is in hand.
    #[test]
    fn a_backlog_is_a_list_that_forgets_its_beginning(limit in 1..6usize, acts in prop::collection::vec(act(), 0..80)) {
        let _alone = alone();
        let mut actor = Actor::on("model");
        let slot = subscribe(&mut actor, "t", limit as u64, Overflow::DropOldest);
        let topic = actor.topic("t");
        let (mut waiting, mut in_hand) = (Vec::<(u8, u64)>::new(), Vec::new());
        let (mut sequence, mut oldest) = (0, 0);
        for act in acts {
            match act {
                Act::Publish(priority) => {
                    prop_assert!(actor.publish(&Message::new(topic, &[0]).at(priority)));
                    sequence += 1;
                    if waiting.len() == limit {
                        waiting.remove(0);
                        oldest += 1;
                    }
                    waiting.push((priority, sequence));
                }
                Act::Drain(most) => {
                    let received = actor.drain(most);
                    let expected = waiting.len().min(limit - in_hand.len()).min(most as usize);
                    prop_assert_eq!(received.len(), expected);
                    for message in received {
                        // Of its priority the oldest. How priorities take turns is the mailbox's.
                        let at = waiting.iter().position(|(priority, _)| *priority == message.priority);
                        prop_assert_eq!(waiting.remove(at.expect("one waits")).1, message.sequence);
                        in_hand.push(message);
                    }
                }
                Act::Settle => {
                    if let Some(message) = in_hand.pop() {
                        actor.settle(&message, HANDLED);
                        actor.endpoint.fold_outcomes();
                    }
                }
            }
            let ledger = actor.ledger(slot);
            prop_assert_eq!(ledger.in_flight() as usize, waiting.len() + in_hand.len());
            prop_assert_eq!(ledger.ended[Outcome::Oldest as usize], oldest);
            prop_assert_eq!(ledger.ended[Outcome::Newest as usize], 0);
        }
        in_hand.iter().for_each(|message| actor.settle(message, HANDLED));
        prop_assert_eq!(actor.handle_all().len(), waiting.len());
        assert_settled(&actor.ledger(slot));
    }
}
