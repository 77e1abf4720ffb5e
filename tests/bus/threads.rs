//! Real threads: endpoints that die, subscriptions that come and go, and threads that sleep, all while
//! others publish. Nothing is lost, nothing comes twice or out of order, and the ledgers add up to the message.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;

use agentwire::bus::layout::*;
use agentwire::bus::subscription::{Outcome, SubscribeOptions};

use super::harness::*;

const PUBLISHERS: u64 = 3;

/// Publishes numbered messages, waiting where there is no room; every so often a large one.
fn publish_numbers(actor: &mut Actor, topic: u32, count: u64) {
    let mut number = 0;
    while number < count {
        let payload = number.to_le_bytes();
        let message = Message::new(topic, &payload);
        if number % 97 == 96 {
            while actor.submit() > 0 {}
            if actor.committed() == 0 && actor.publish_block(&message) {
                number += 1;
                continue;
            }
        } else if actor.write(&message) {
            number += 1;
            if number % 32 != 0 || actor.submit() == 32 {
                continue;
            }
        }
        // Refused: in the outbox or not, it goes on when there is room.
        while !actor.endpoint.is_writable(topic).unwrap() {
            actor.bell.wait();
        }
        actor.submit();
    }
    while actor.committed() > 0 {
        while !actor.endpoint.is_writable(topic).unwrap() {
            actor.bell.wait();
        }
        actor.submit();
    }
}

/// Checks that each publisher's numbers come one after the other.
#[derive(Default)]
struct InOrder(HashMap<u32, u64>);

impl InOrder {
    fn check(&mut self, actor: &mut Actor, message: &Received) {
        let payload = match message.block {
            Some((handle, _)) => actor
                .endpoint
                .take_block(handle)
                .expect("a block of this batch")
                .bytes()
                .to_vec(),
            None => message.payload.clone(),
        };
        let number = u64::from_le_bytes(payload.try_into().expect("a number"));
        let next = self.0.entry(message.publisher).or_default();
        assert_eq!(number, *next, "lost, doubled or out of order");
        *next += 1;
    }
}

/// Sleeps whenever nothing waits; wakes only by its bell.
fn receive_numbers(actor: &mut Actor, count: u64) {
    let mut order = InOrder::default();
    let mut received = 0;
    while received < count {
        let batch = actor.drain(64);
        for message in &batch {
            order.check(actor, message);
            actor.settle(message, HANDLED);
        }
        received += batch.len() as u64;
        if received < count && actor.is_parked() {
            actor.bell.wait();
        }
    }
    assert_eq!(actor.handle_all(), []);
}

#[test]
fn sleeping_threads_miss_nothing() {
    let _alone = alone();
    let count = scaled(40_000);
    let mut witness = Actor::on("sleep");
    // Small limits: the publishers wait often.
    let receivers = [40, 1000].map(|limit| {
        let (ready, is_ready) = std::sync::mpsc::channel();
        let receiver = thread::spawn(move || {
            let mut actor = Actor::on("sleep");
            actor.subscribe(if limit == 40 { "numbers" } else { "*" }, limit);
            ready.send(()).unwrap();
            receive_numbers(&mut actor, PUBLISHERS * count);
        });
        is_ready.recv().unwrap();
        receiver
    });
    let publishers = (0..PUBLISHERS).map(|_| {
        thread::spawn(move || {
            let mut actor = Actor::on("sleep");
            let topic = actor.topic("numbers");
            publish_numbers(&mut actor, topic, count);
        })
    });
    let threads: Vec<_> = publishers.chain(receivers).collect();
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    let metrics = witness.metrics();
    assert_settled(&metrics.ledger);
    assert_eq!(
        metrics.ledger.ended[Outcome::Handled as usize],
        2 * PUBLISHERS * count
    );
    assert_eq!(
        (metrics.counts.published(), metrics.counts.unmatched),
        (PUBLISHERS * count, 0)
    );
}

/// Endpoints come, subscribe, publish a little, take a little, and end with messages in their outbox, their
/// mailbox and their hands.
#[test]
fn threads_that_end_while_others_publish() {
    let _alone = alone();
    let lives = scaled(400);
    let mut witness = Actor::on("die");
    let all = witness.subscribe("t.**", u64::MAX);
    let stop = AtomicBool::new(false);
    let (published, solo) = (AtomicU64::new(0), AtomicU64::new(0));
    let received = thread::scope(|scope| {
        let stopping = AtEnd(|| stop.store(true, Ordering::Relaxed));
        let publishers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut actor = Actor::on("die");
                    let topics = [actor.topic("t.one"), actor.topic("t.two")];
                    let solos = [actor.topic("solo.0"), actor.topic("solo.1")];
                    let mut count = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let message =
                            Message::new(topics[count % 2], b"payload").at((count % 4) as u8);
                        // Refused ones stay, and are sent with the rest; what is left at the end is forced through.
                        if count % 16 == 0 && actor.committed() == 0 {
                            published.fetch_add(
                                u64::from(actor.publish_block(&message)),
                                Ordering::Relaxed,
                            );
                        } else if actor.write(&message) {
                            published.fetch_add(1, Ordering::Relaxed);
                        }
                        // Several in a row to one victim and nobody else.
                        if count % 3 == 0 {
                            for _ in 0..8 {
                                let written = actor.write(&Message::new(solos[count % 2], b"solo"));
                                solo.fetch_add(u64::from(written), Ordering::Relaxed);
                            }
                        }
                        actor.submit();
                        count += 1;
                    }
                })
            })
            .collect();
        let victims: Vec<_> = (0..2)
            .map(|victim| {
                let published = &published;
                scope.spawn(move || {
                    for life in 0..lives {
                        let mut actor = Actor::on("die");
                        let own = format!("solo.{victim}");
                        let slots = ["t.*", &own, "t.two"]
                            .map(|pattern| actor.subscribe(pattern, 50 + life % 50));
                        let topic = actor.topic("t.one");
                        for batch in 0..life % 5 {
                            let batch = actor.drain(1 + batch as u32);
                            batch
                                .iter()
                                .step_by(2)
                                .for_each(|message| actor.settle(message, HANDLED));
                            if life % 3 == 0 && actor.write(&Message::new(topic, b"victim")) {
                                published.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        if life % 4 == 0 {
                            actor.endpoint.unsubscribe(slots[victim]);
                            actor.drain(10);
                        }
                        if life % 2 == 0 {
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let mut received = 0;
        while victims.iter().any(|victim| !victim.is_finished()) {
            received += witness.handle_all().len() as u64;
            let ledger = witness.metrics().ledger;
            assert!(ledger.ended.iter().sum::<u64>() <= ledger.admitted);
        }
        drop(stopping);
        for thread in victims.into_iter().chain(publishers) {
            thread.join().unwrap();
        }
        received
    });
    let received = received + witness.handle_all().len() as u64;
    assert_eq!(received, published.load(Ordering::Relaxed), "one gets all");
    let ledger = witness.ledger(all);
    assert_eq!(
        (ledger.admitted, ledger.ended[Outcome::Handled as usize]),
        (received, received)
    );
    let metrics = witness.metrics();
    assert_settled(&metrics.ledger);
    assert_eq!(
        (metrics.counts.published(), metrics.subscriptions),
        (received + solo.into_inner(), 1)
    );
}

#[test]
fn subscriptions_that_come_and_go_while_others_publish() {
    let _alone = alone();
    let count = scaled(30_000);
    let mut witness = Actor::on("churn");
    let done = AtomicU32::new(0);
    let patterns = ["numbers", "*", "**", "numbers.**", "*.x", "other"];
    thread::scope(|scope| {
        let (ready, is_ready) = std::sync::mpsc::channel();
        let stable = scope.spawn(move || {
            let mut actor = Actor::on("churn");
            actor.subscribe("numbers", 10_000);
            ready.send(()).unwrap();
            receive_numbers(&mut actor, PUBLISHERS * count);
        });
        is_ready.recv().unwrap();
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|_| {
                scope.spawn(|| {
                    let _done = AtEnd(|| _ = done.fetch_add(1, Ordering::Relaxed));
                    let mut actor = Actor::on("churn");
                    let topic = actor.topic("numbers");
                    publish_numbers(&mut actor, topic, count);
                })
            })
            .collect();
        let churners: Vec<_> = (0..2)
            .map(|churner| {
                let done = &done;
                scope.spawn(move || {
                    let mut actor = Actor::on("churn");
                    let mut open: Vec<(u32, u64)> = Vec::new();
                    let mut seen = HashMap::new();
                    for round in 0.. {
                        if done.load(Ordering::Relaxed) == PUBLISHERS as u32 {
                            break;
                        }
                        let pattern = patterns[(round * 5 + churner) % patterns.len()];
                        open.push(
                            actor
                                .endpoint
                                .subscribe(0, pattern, SubscribeOptions::limited_to(300))
                                .unwrap(),
                        );
                        if open.len() > 20 {
                            let (slot, _) = open.remove(round * 7 % open.len());
                            actor.endpoint.unsubscribe(slot);
                        }
                        for message in actor.drain(50) {
                            let last = seen
                                .insert((message.publisher, message.priority), message.sequence);
                            assert!(
                                last.is_none_or(|last| last < message.sequence),
                                "out of order"
                            );
                            for &slot in &message.slots {
                                // As JavaScript does: an ended subscription's handler is not called.
                                let is_open = open.iter().any(|(open, _)| *open == slot);
                                actor.count(slot, if is_open { HANDLED } else { UNSUBSCRIBED });
                            }
                        }
                    }
                    for (slot, _) in open {
                        actor.endpoint.unsubscribe(slot);
                    }
                    loop {
                        actor
                            .drain(50)
                            .iter()
                            .for_each(|message| actor.settle(message, UNSUBSCRIBED));
                        if actor.is_parked() {
                            break;
                        }
                    }
                    actor.endpoint.fold_outcomes();
                    // Everything came: no slot is held by a message that never will.
                    assert!((0..30).all(|slot| actor.endpoint.subscription(slot).is_none()));
                })
            })
            .collect();
        publishers
            .into_iter()
            .for_each(|publisher| publisher.join().unwrap());
        churners
            .into_iter()
            .for_each(|churner| churner.join().unwrap());
        stable.join().unwrap();
    });
    let metrics = witness.metrics();
    assert_settled(&metrics.ledger);
    assert_eq!(
        (metrics.counts.published(), metrics.subscriptions),
        (PUBLISHERS * count, 0)
    );
    assert_eq!(metrics.ledger.ended[Outcome::SubscriberDied as usize], 0);
}

/// The last handle goes and the first comes at the same time, on several threads.
#[test]
fn a_bus_that_is_opened_and_closed_by_many() {
    let _alone = alone();
    let rounds = scaled(500);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(move || {
                let mut actor = Actor::new();
                for _ in 0..rounds {
                    let handle = actor.endpoint.open_bus("flicker");
                    let (slot, _) = actor
                        .endpoint
                        .subscribe(handle, "t.*", SubscribeOptions::limited_to(1000))
                        .unwrap();
                    let topic = actor
                        .endpoint
                        .resolve_topic(handle, "t.x")
                        .unwrap()
                        .unwrap();
                    assert!(actor.publish(&Message::new(topic, b"x")));
                    // Its own is there, but may lie behind a record that another thread has yet to commit.
                    while !actor
                        .handle_all()
                        .iter()
                        .any(|message| message.slots.contains(&slot))
                    {
                        actor.bell.wait();
                    }
                    actor.endpoint.close_bus(handle).unwrap();
                    actor.handle_all();
                }
            });
        }
    });
    assert!(!agentwire::bus::hub::Hub::global().has_bus("flicker"));
}
