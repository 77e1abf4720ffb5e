//! Dead letters: how messages come there, how many there are, how they go out again.

use std::time::Duration;

use agentwire::bus::ack::Policy;
use agentwire::bus::dead_letters::{Limits, Reason};
use agentwire::bus::layout::{ANSWER_TARGET, HANDLED, LETTERS, MAX_REPLAYS};
use agentwire::bus::replay::Replay;
use agentwire::bus::subscription::{Outcome, Overflow, SubscribeOptions};

use crate::acknowledgement::{PROMPT, acknowledging, letters};
use crate::harness::*;

const ONCE: Policy = Policy {
    max_attempts: 1,
    ..PROMPT
};

/// Has the next message of an actor fail, whose only attempt that is.
fn fail_next(actor: &mut Actor) {
    let message = actor.wait_for_messages().remove(0);
    assert!(actor.begin(&message));
    assert!(actor.reject(&message, "bad"));
}

#[test]
fn a_letter_keeps_the_bytes_of_the_message() {
    let _alone = alone();
    let mut actor = Actor::on("bytes");
    actor.subscribe_with("t", acknowledging(ONCE));
    let topic = actor.topic("t");
    let payload: Vec<u8> = (0..20_000).map(|at| at as u8).collect();
    let message = Message {
        correlation: Some(77),
        ..Message::new(topic, &payload)
    };
    assert!(actor.publish_block(&message));
    fail_next(&mut actor);
    assert!(actor.publish(&Message {
        inline_topic: Some((0, "t")),
        ..Message::new(0, b"inline")
    }));
    fail_next(&mut actor);
    let letters = letters(&actor);
    assert_eq!(letters.len(), 2);
    assert_eq!(
        letters[0].kept.headers_and_payload(),
        (&b""[..], &payload[..])
    );
    assert_eq!(letters[0].kept.correlation(), Some(77));
    assert_eq!((letters[0].kept.sequence(), letters[0].id), (1, 1));
    assert!(letters[0].died_at >= letters[0].kept.timestamp());
    assert_eq!(
        letters[1].kept.headers_and_payload(),
        (&b""[..], &b"inline"[..])
    );
    assert_eq!(
        (&*letters[1].topic, letters[1].kept.correlation()),
        ("t", None)
    );
}

#[test]
fn what_expires_or_is_given_up_is_a_letter_where_it_would_be_acknowledged() {
    let _alone = alone();
    let mut actor = Actor::on("reasons");
    let options = |overflow| SubscribeOptions {
        overflow,
        queue_limit: 1,
        ..acknowledging(ONCE)
    };
    actor.subscribe_with("oldest", options(Overflow::DropOldest));
    actor.subscribe_with("newest", options(Overflow::DropNewest));
    actor.subscribe_with("late", acknowledging(ONCE));
    for name in ["oldest", "newest"] {
        let topic = actor.topic(name);
        assert!(actor.publish(&Message::new(topic, b"1")));
        assert!(actor.publish(&Message::new(topic, b"2")));
    }
    let late = actor.topic("late");
    let message = Message::new(late, b"3").expiring_in(Duration::from_millis(5));
    assert!(actor.publish(&message));
    let mut tries = 0;
    while letters(&actor).len() < 3 && tries < 10_000 {
        std::thread::sleep(Duration::from_millis(1));
        tries += 1;
    }
    let found: Vec<_> = letters(&actor)
        .iter()
        .map(|letter| {
            (
                letter.topic.to_string(),
                letter.kept.headers_and_payload().1.to_vec(),
                letter.reason,
            )
        })
        .collect();
    let letter =
        |topic: &str, payload: &[u8], reason| (topic.to_string(), payload.to_vec(), reason);
    assert_eq!(
        found,
        [
            letter("oldest", b"1", Reason::Overflow),
            letter("newest", b"2", Reason::Overflow),
            letter("late", b"3", Reason::Expired),
        ]
    );
    let got = actor.drain(256);
    assert_eq!(got.len(), 2);
    for message in &got {
        assert!(actor.begin(message));
        actor.acknowledge(message);
    }
    assert_settled(&actor.metrics().ledger);
    // One that expired may be tried again, and does not expire.
    let id = letters(&actor)[2].id;
    assert_eq!(
        actor.endpoint.bus(0).unwrap().replay(id, false),
        Replay::Done
    );
    let again = actor.drain(256);
    assert_eq!(again[0].payload, b"3");
}

#[test]
fn a_mandatory_message_without_a_subscriber_is_a_letter() {
    let _alone = alone();
    let mut actor = Actor::on("mandatory");
    let topic = actor.topic("t");
    assert!(actor.publish(&Message::new(topic, b"only counted")));
    assert!(actor.publish(&Message::new(topic, b"kept").mandatory()));
    assert!(actor.publish_block(&Message::new(topic, &[1; 9_000]).mandatory()));
    assert!(actor.publish(&Message::new(topic, b"asked").mandatory().asking(5)));
    let found = letters(&actor);
    assert_eq!(found.len(), 3);
    assert!(
        found
            .iter()
            .all(|letter| letter.reason == Reason::NoSubscriber && letter.addressee.is_none())
    );
    let bus = std::sync::Arc::clone(actor.endpoint.bus(0).unwrap());
    assert_eq!(bus.replay(found[0].id, false), Replay::Nobody);
    // Everybody who matches by now gets it.
    let plain = actor.subscribe("*", 100);
    let acked = actor.subscribe_with("t", acknowledging(PROMPT));
    for letter in &found {
        assert_eq!(bus.replay(letter.id, false), Replay::Done);
    }
    let mut got = actor.wait_for_messages();
    // Who asked has heard before that nobody would answer.
    got.retain(|message| message.slots != [ANSWER_TARGET as u32]);
    assert_eq!(got.len(), 6);
    for message in &got {
        if message.delivery.is_some() {
            assert_eq!(message.slots, [acked]);
            assert!(actor.begin(message));
            actor.acknowledge(message);
        } else if message.slots == [plain] {
            actor.settle(message, HANDLED);
            assert!(message.request.is_none_or(|handle| handle == u64::MAX));
        }
    }
    let subscribed = actor.subscribe("u", 1);
    let heard = actor.topic("u");
    assert!(actor.publish(&Message::new(heard, b"x").mandatory()));
    assert_eq!(letters(&actor).len(), 0);
    actor.handle_all();
    assert_settled(&actor.ledger(subscribed));
}

#[test]
fn a_letter_goes_back_to_whom_it_was_for() {
    let _alone = alone();
    let mut actor = Actor::on("whom");
    let first = actor.subscribe_with("t", acknowledging(ONCE));
    let other = actor.subscribe_with("**", SubscribeOptions::limited_to(100));
    let topic = actor.topic("t");
    assert!(actor.publish(&Message::new(topic, b"x")));
    let batch = actor.drain(256);
    actor.settle(
        batch
            .iter()
            .find(|message| message.slots == [other])
            .unwrap(),
        HANDLED,
    );
    let failing = batch
        .iter()
        .find(|message| message.slots == [first])
        .unwrap();
    assert!(actor.begin(failing));
    assert!(actor.reject(failing, "bad"));
    let bus = std::sync::Arc::clone(actor.endpoint.bus(0).unwrap());
    let id = letters(&actor)[0].id;
    assert_eq!(bus.replay(id, false), Replay::Done);
    assert_eq!(bus.replay(id, false), Replay::NotFound);
    let again = actor.drain(256);
    assert_eq!((again.len(), &again[0].slots[..]), (1, &[first][..]));
    assert_eq!(again[0].attempt, 0);
    assert!(actor.begin(&again[0]));
    assert!(actor.reject(&again[0], "bad"));
    // When that has ended, to the newest with its pattern.
    actor.endpoint.unsubscribe(first);
    let id = letters(&actor)[0].id;
    assert_eq!(bus.replay(id, false), Replay::Nobody);
    actor.subscribe_with("t", acknowledging(ONCE));
    let newest = actor.subscribe_with("t", acknowledging(ONCE));
    assert_eq!(bus.replay(id, false), Replay::Done);
    let again = actor.drain(256);
    assert_eq!((again.len(), &again[0].slots[..]), (1, &[newest][..]));
    assert!(actor.begin(&again[0]));
    actor.acknowledge(&again[0]);
    let counts = bus.dead_letters.counts();
    assert_eq!((counts.held, counts.replayed, counts.added[0]), (0, 2, 2));
}

#[test]
fn a_full_subscription_gets_no_letter() {
    let _alone = alone();
    let mut actor = Actor::on("full-replay");
    let options = SubscribeOptions {
        queue_limit: 1,
        ..acknowledging(ONCE)
    };
    actor.subscribe_with("t", options);
    let topic = actor.topic("t");
    assert!(actor.publish(&Message::new(topic, b"1")));
    fail_next(&mut actor);
    assert!(actor.publish(&Message::new(topic, b"2")));
    let bus = std::sync::Arc::clone(actor.endpoint.bus(0).unwrap());
    assert_eq!(bus.replay(1, false), Replay::Full);
    fail_next(&mut actor);
    assert_eq!(bus.replay(1, false), Replay::Done);
}

/// Who replays whatever comes does not have a message that always fails go round for ever.
#[test]
fn a_poison_message_cannot_go_round_for_ever() {
    let _alone = alone();
    let mut actor = Actor::on("poison");
    let slot = actor.subscribe_with("t", acknowledging(ONCE));
    let topic = actor.topic("t");
    assert!(actor.publish(&Message::new(topic, b"poison")));
    let bus = std::sync::Arc::clone(actor.endpoint.bus(0).unwrap());
    let mut rounds = 0;
    loop {
        fail_next(&mut actor);
        let id = letters(&actor)[0].id;
        match bus.replay(id, false) {
            Replay::Done => rounds += 1,
            Replay::TooOften => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(rounds, MAX_REPLAYS);
    let id = letters(&actor)[0].id;
    assert_eq!(bus.replay(id, true), Replay::Done);
    fail_next(&mut actor);
    assert_settled(&actor.ledger(slot));
}

#[test]
fn the_oldest_letters_go_for_newer_ones() {
    let _alone = alone();
    let mut actor = Actor::on("bounds");
    let bus = std::sync::Arc::clone(actor.endpoint.bus(0).unwrap());
    let limits = Limits {
        letters: 3,
        bytes: 20_000,
    };
    assert_eq!(bus.dead_letters.limit(limits), Ok(()));
    assert_eq!(bus.dead_letters.limit(limits), Ok(()));
    assert_eq!(bus.dead_letters.limit(Limits::default()), Err(limits));
    let topic = actor.topic("t");
    for number in 0..5 {
        assert!(actor.publish(&Message::new(topic, &[number]).mandatory()));
    }
    let ids = |actor: &Actor| {
        letters(actor)
            .iter()
            .map(|letter| letter.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&actor), [3, 4, 5]);
    assert!(actor.publish_block(&Message::new(topic, &[0; 19_900]).mandatory()));
    assert_eq!(ids(&actor), [6]);
    assert!(actor.publish_block(&Message::new(topic, &[0; 50_000]).mandatory()));
    assert_eq!(ids(&actor), [7], "one that is too long is kept alone");
    assert!(bus.dead_letters.purge(7));
    assert!(!bus.dead_letters.purge(7));
    let counts = bus.dead_letters.counts();
    assert_eq!(
        (counts.held, counts.bytes, counts.purged, counts.discarded),
        (0, 0, 1, 6)
    );
    assert_eq!(counts.added[Reason::NoSubscriber as usize], 7);
}

#[test]
fn who_listens_is_called_once_for_what_he_has_not_looked_at() {
    let _alone = alone();
    let (mut publisher, listener) = (Actor::on("listening"), Actor::on("listening"));
    let topic = publisher.topic("t");
    listener.endpoint.listen_for_letters(0, true).unwrap();
    for _ in 0..3 {
        assert!(publisher.publish(&Message::new(topic, b"x").mandatory()));
    }
    assert_eq!(
        (listener.bell.rings(), listener.bell.attention()),
        (1, LETTERS)
    );
    let bus = listener.endpoint.bus(0).unwrap();
    let seen = bus.dead_letters.after(0, 10, Some(listener.endpoint.id()));
    assert_eq!(seen.len(), 3);
    assert!(publisher.publish(&Message::new(topic, b"x").mandatory()));
    assert_eq!(
        (listener.bell.rings(), listener.bell.attention()),
        (2, LETTERS)
    );
    listener.endpoint.listen_for_letters(0, false).unwrap();
    assert!(publisher.publish(&Message::new(topic, b"x").mandatory()));
    assert_eq!(listener.bell.rings(), 2);
}

/// A message whose every member has ended goes to the dead letters, also if its publisher did not know yet.
#[test]
fn nothing_is_lost_between_a_publisher_and_a_member_that_ends() {
    let _alone = alone();
    let rounds = scaled(300);
    let mut publisher = Actor::on("ending");
    let topic = publisher.topic("t");
    let done = std::sync::atomic::AtomicBool::new(false);
    let published = std::thread::scope(|scope| {
        let members = scope.spawn(|| {
            let mut handled = 0;
            for _ in 0..rounds {
                let mut member = Actor::on("ending");
                let options = SubscribeOptions {
                    group: Some("group".into()),
                    ..acknowledging(PROMPT)
                };
                member.subscribe_with("t", options);
                for message in member.drain(8) {
                    if member.begin(&message) {
                        member.acknowledge(&message);
                        handled += 1;
                    }
                }
            }
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            handled
        });
        let mut published = 0_u64;
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            published += u64::from(publisher.publish(&Message::new(topic, b"x").mandatory()));
            if published.is_multiple_of(64) {
                std::thread::yield_now();
            }
        }
        let _: u64 = members.join().unwrap();
        published
    });
    let metrics = publisher.metrics();
    assert_settled(&metrics.ledger);
    let ended = |outcome: Outcome| metrics.ledger.ended[outcome as usize];
    let counts = publisher.endpoint.bus(0).unwrap().dead_letters.counts();
    let added: u64 = counts.added.iter().sum();
    assert_eq!(metrics.counts.published(), published);
    assert_eq!(
        published,
        ended(Outcome::Handled) + added,
        "{metrics:?} {counts:?}"
    );
    assert_eq!(
        ended(Outcome::Unsubscribed) + ended(Outcome::SubscriberDied),
        0
    );
}

/// What a subscription gives up for a replayed message is no reason to keep the letter.
#[test]
fn a_letter_that_found_its_place_is_gone_whatever_went_for_it() {
    let _alone = alone();
    let mut actor = Actor::on("place");
    let topic = actor.topic("t");
    assert!(actor.publish(&Message::new(topic, b"letter").mandatory()));
    let options = SubscribeOptions {
        overflow: Overflow::DropOldest,
        ..SubscribeOptions::limited_to(1)
    };
    let slot = actor.subscribe_with("t", options);
    assert!(actor.publish(&Message::new(topic, b"older")));
    let bus = std::sync::Arc::clone(actor.endpoint.bus(0).unwrap());
    assert_eq!(bus.replay(1, false), Replay::Done);
    assert_eq!(bus.replay(1, false), Replay::NotFound);
    let got = actor.drain(256);
    assert_eq!((got.len(), &got[0].payload[..]), (1, &b"letter"[..]));
    actor.settle(&got[0], HANDLED);
    let ledger = actor.ledger(slot);
    assert_settled(&ledger);
    assert_eq!(ledger.ended[Outcome::Oldest as usize], 1);
    let counts = bus.dead_letters.counts();
    assert_eq!((counts.held, counts.bytes, counts.replayed), (0, 0, 1));
}
