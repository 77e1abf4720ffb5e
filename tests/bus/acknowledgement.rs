//! Acknowledgement: attempts, time-outs, who gets a message next.

use std::time::{Duration, Instant};

use agentwire::bus::ack::Policy;
use agentwire::bus::dead_letters::{Letter, Reason};
use agentwire::bus::subscription::{Outcome, Overflow, SubscribeOptions};
use agentwire::pool::{MAX_BYTES, process_budget};

use crate::harness::*;

/// No time-out, no rest.
pub const PROMPT: Policy = Policy {
    timeout_ms: 60_000,
    max_attempts: 3,
    back_off_ms: 0,
};

pub fn acknowledging(policy: Policy) -> SubscribeOptions {
    SubscribeOptions {
        ack: Some(policy),
        ..SubscribeOptions::limited_to(1_000)
    }
}

fn member(policy: Policy) -> SubscribeOptions {
    SubscribeOptions {
        group: Some("group".into()),
        ..acknowledging(policy)
    }
}

/// The dead letters of an actor's bus, oldest first.
pub fn letters(actor: &Actor) -> Vec<std::sync::Arc<Letter>> {
    let bus = actor.endpoint.bus(0).unwrap();
    bus.dead_letters.after(0, usize::MAX, None)
}

fn payload_of(letter: &Letter) -> &[u8] {
    letter.kept.headers_and_payload().1
}

/// Waits until `look` says that something is there, which another thread brings about.
fn until(mut look: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !look() {
        assert!(Instant::now() < deadline, "it never comes");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_is_acknowledged_is_handled() {
    let _alone = alone();
    let mut actor = Actor::on("ack");
    let slot = actor.subscribe_with("t", acknowledging(PROMPT));
    let topic = actor.topic("t");
    for number in 0..3 {
        assert!(actor.publish(&Message::new(topic, &[number])));
    }
    let batch = actor.drain(256);
    assert_eq!(batch.len(), 3);
    for message in &batch {
        assert_eq!(message.attempt, 0);
        assert!(actor.begin(message));
        assert_eq!(
            actor.ledger(slot).in_flight(),
            3 - u64::from(message.payload[0])
        );
        actor.acknowledge(message);
    }
    let ledger = actor.ledger(slot);
    assert_settled(&ledger);
    assert_eq!(ledger.ended[Outcome::Handled as usize], 3);
    // Again is too late.
    actor.acknowledge(&batch[0]);
    assert!(!actor.begin(&batch[1]));
    assert!(!actor.reject(&batch[2], ""));
    assert_eq!(actor.ledger(slot).attempts.late, 2);
    assert!(letters(&actor).is_empty());
}

#[test]
fn what_fails_is_tried_again_and_then_a_dead_letter() {
    let _alone = alone();
    let mut actor = Actor::on("retry");
    let slot = actor.subscribe_with("t.*", acknowledging(PROMPT));
    let topic = actor.topic("t.x");
    assert!(actor.publish(&Message::new(topic, b"poison")));
    for attempt in 0..3 {
        let batch = actor.wait_for_messages();
        assert_eq!((batch.len(), batch[0].attempt), (1, attempt));
        assert!(actor.begin(&batch[0]));
        assert_eq!(actor.reject(&batch[0], "no good"), attempt == 2);
    }
    let ledger = actor.ledger(slot);
    assert_settled(&ledger);
    assert_eq!(ledger.ended[Outcome::DeadLetter as usize], 1);
    assert_eq!(
        (ledger.attempts.rejected, ledger.attempts.redelivered),
        (3, 2)
    );
    let letters = letters(&actor);
    let [letter] = &letters[..] else {
        panic!("{}", letters.len())
    };
    assert_eq!(letter.reason, Reason::HandlerError);
    assert_eq!((&*letter.topic, &*letter.error), ("t.x", "no good"));
    assert_eq!((letter.attempts, payload_of(letter)), (3, &b"poison"[..]));
    let addressee = letter.addressee.as_ref().expect("a subscription");
    assert_eq!((&*addressee.pattern, &addressee.group), ("t.*", &None));
}

#[test]
fn a_message_rests_between_two_attempts_and_others_go_on() {
    let _alone = alone();
    let mut actor = Actor::on("rest");
    let policy = Policy {
        back_off_ms: 200,
        ..PROMPT
    };
    let slot = actor.subscribe_with("t", acknowledging(policy));
    let topic = actor.topic("t");
    assert!(actor.publish(&Message::new(topic, b"first")));
    let first = actor.drain(1).remove(0);
    assert!(actor.begin(&first));
    let failed = Instant::now();
    assert!(!actor.reject(&first, ""));
    assert!(actor.publish(&Message::new(topic, b"second")));
    let second = actor.drain(256);
    assert_eq!(second[0].payload, b"second");
    assert!(actor.begin(&second[0]));
    actor.acknowledge(&second[0]);
    assert_eq!(actor.ledger(slot).in_flight(), 1);
    let again = actor.wait_for_messages();
    // At least half of the back-off is no chance.
    assert!(failed.elapsed() >= Duration::from_millis(100));
    assert_eq!(
        (again[0].payload.as_slice(), again[0].attempt),
        (&b"first"[..], 1)
    );
    assert!(actor.begin(&again[0]));
    actor.acknowledge(&again[0]);
    assert_settled(&actor.ledger(slot));
}

#[test]
fn a_handler_that_is_not_done_in_time_has_failed() {
    let _alone = alone();
    let mut actor = Actor::on("timeout");
    let policy = Policy {
        timeout_ms: 20,
        ..PROMPT
    };
    let slot = actor.subscribe_with("t", acknowledging(policy));
    let topic = actor.topic("t");
    for payload in [b"slow", b"next"] {
        assert!(actor.publish(&Message::new(topic, payload)));
    }
    let batch = actor.drain(256);
    assert!(actor.begin(&batch[0]));
    until(|| {
        actor
            .endpoint
            .subscription(slot)
            .unwrap()
            .ledger()
            .attempts
            .timed_out
            == 1
    });
    // What lay behind it in the inbox has not failed: nobody else is there who could have it.
    assert!(actor.begin(&batch[1]));
    actor.acknowledge(&batch[1]);
    actor.acknowledge(&batch[0]);
    let again = actor.wait_for_messages();
    assert_eq!((again.len(), again[0].attempt), (1, 1));
    assert!(actor.begin(&again[0]));
    actor.acknowledge(&again[0]);
    let ledger = actor.ledger(slot);
    assert_settled(&ledger);
    assert_eq!(
        (
            ledger.attempts.late,
            ledger.ended[Outcome::Handled as usize]
        ),
        (1, 2)
    );
}

#[test]
fn of_a_group_another_member_gets_what_failed() {
    let _alone = alone();
    let (mut one, mut other) = (Actor::on("group-retry"), Actor::on("group-retry"));
    let slots = [
        one.subscribe_with("t", member(PROMPT)),
        other.subscribe_with("*", member(PROMPT)),
    ];
    let topic = one.topic("t");
    assert!(one.publish(&Message::new(topic, b"x")));
    let holder = [&mut one, &mut other];
    for attempt in 0..3 {
        let at = usize::from(attempt % 2);
        let batch = holder[at].wait_for_messages();
        assert_eq!((batch.len(), batch[0].attempt), (1, attempt));
        assert!(holder[at].begin(&batch[0]));
        assert_eq!(holder[at].reject(&batch[0], "never"), attempt == 2);
    }
    let ledgers = [one.ledger(slots[0]), other.ledger(slots[1])];
    ledgers.iter().for_each(assert_settled);
    assert_eq!(ledgers.map(|ledger| ledger.admitted), [2, 1]);
    let rerouted = ledgers.map(|ledger| ledger.ended[Outcome::Rerouted as usize]);
    assert_eq!(rerouted, [1, 1]);
    assert_eq!(letters(&one).len(), 1);
    let addressee = letters(&one)[0].addressee.clone().unwrap();
    assert_eq!(addressee.group.as_deref(), Some("group"));
}

/// In its mailbox, in its inbox, with its handler, resting: all that a thread has goes to the other member when it ends.
#[test]
fn of_a_group_another_member_gets_what_a_thread_leaves() {
    let _alone = alone();
    let mut publisher = Actor::on("group-death");
    let mut dying = Actor::on("group-death");
    let slow = Policy {
        back_off_ms: 60_000,
        ..PROMPT
    };
    dying.subscribe_with("t", member(slow));
    let topic = publisher.topic("t");
    for number in 0..4 {
        assert!(publisher.publish(&Message::new(topic, &[number])));
    }
    let batch = dying.drain(3);
    assert!(dying.begin(&batch[0]));
    assert!(!dying.reject(&batch[0], "rests"));
    assert!(dying.begin(&batch[1]));
    let mut heir = Actor::on("group-death");
    let slot = heir.subscribe_with("t", member(PROMPT));
    dying.endpoint.close();
    let mut got: Vec<_> = heir.wait_for_messages();
    got.sort_by_key(|message| message.payload[0]);
    let attempts: Vec<_> = got
        .iter()
        .map(|message| (message.payload[0], message.attempt))
        .collect();
    // Only what was with a handler counts as an attempt.
    assert_eq!(attempts, [(0, 1), (1, 1), (2, 0), (3, 0)]);
    for message in &got {
        assert!(heir.begin(message));
        heir.acknowledge(message);
    }
    assert_settled(&heir.ledger(slot));
    let ledger = heir.metrics().ledger;
    assert_settled(&ledger);
    assert_eq!(ledger.ended[Outcome::Rerouted as usize], 4);
    assert!(letters(&heir).is_empty());
}

#[test]
fn without_another_member_a_thread_leaves_dead_letters() {
    let _alone = alone();
    let mut publisher = Actor::on("death");
    let mut dying = Actor::on("death");
    let id = dying
        .endpoint
        .subscribe(0, "t", acknowledging(PROMPT))
        .unwrap()
        .1;
    let topic = publisher.topic("t");
    for number in 0..3 {
        assert!(publisher.publish(&Message::new(topic, &[number])));
    }
    let batch = dying.drain(2);
    assert!(dying.begin(&batch[0]));
    dying.endpoint.close();
    let left = letters(&publisher);
    assert!(
        left.iter()
            .all(|letter| letter.reason == Reason::SubscriberDied)
    );
    let mut found: Vec<_> = left
        .iter()
        .map(|letter| (payload_of(letter)[0], letter.attempts))
        .collect();
    found.sort_unstable();
    assert_eq!(found, [(0, 1), (1, 0), (2, 0)]);
    assert!(
        left.iter()
            .all(|letter| letter.addressee.as_ref().unwrap().subscription == id)
    );
    let ledger = publisher.metrics().ledger;
    assert_settled(&ledger);
    assert_eq!(ledger.ended[Outcome::DeadLetter as usize], 3);
}

#[test]
fn who_unsubscribes_leaves_what_no_handler_has() {
    let _alone = alone();
    let mut actor = Actor::on("leaving");
    let slot = actor.subscribe_with("t", acknowledging(PROMPT));
    let topic = actor.topic("t");
    for number in 0..3 {
        assert!(actor.publish(&Message::new(topic, &[number])));
    }
    let batch = actor.drain(2);
    assert!(actor.begin(&batch[0]));
    actor.endpoint.unsubscribe(slot);
    // The handler goes on, and its word counts.
    assert!(!actor.begin(&batch[1]));
    actor.acknowledge(&batch[0]);
    // What is in the mailbox goes as the thread comes upon it.
    assert!(actor.drain(256).is_empty());
    let reasons: Vec<_> = letters(&actor)
        .iter()
        .map(|letter| (payload_of(letter)[0], letter.reason))
        .collect();
    assert_eq!(
        reasons,
        [(1, Reason::Unsubscribed), (2, Reason::Unsubscribed)]
    );
    let ledger = actor.metrics().ledger;
    assert_settled(&ledger);
    assert_eq!(ledger.ended[Outcome::Handled as usize], 1);
    assert!(
        actor.endpoint.subscription(slot).is_none(),
        "its slot is free"
    );
}

/// The thread does not come back from a handler: what waits behind it goes to the other member, and new messages do.
#[test]
fn a_stuck_thread_loses_what_waits_behind_its_handler() {
    let _alone = alone();
    let (mut stuck, mut other) = (Actor::on("stuck"), Actor::on("stuck"));
    let policy = Policy {
        timeout_ms: 20,
        ..PROMPT
    };
    // What waits for a handler apart from the mailbox can be handed on as well.
    let bounded = || SubscribeOptions {
        max_in_flight: Some(100),
        ..member(policy)
    };
    stuck.subscribe_with("t", bounded());
    let topic = other.topic("t");
    for number in 0..4 {
        assert!(other.publish(&Message::new(topic, &[number])));
    }
    let batch = stuck.drain(3);
    let slot = other.subscribe_with("t", bounded());
    assert!(stuck.begin(&batch[0]));
    let mut got = Vec::new();
    while got.len() < 4 {
        got.extend(other.wait_for_messages());
    }
    let mut attempts: Vec<_> = got
        .iter()
        .map(|message| (message.payload[0], message.attempt))
        .collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [(0, 1), (1, 0), (2, 0), (3, 0)]);
    for number in 4..8 {
        assert!(other.publish(&Message::new(topic, &[number])));
    }
    got.extend(other.wait_for_messages());
    assert_eq!(got.len(), 8, "the stuck member is passed over");
    for message in &got {
        assert!(other.begin(message));
        other.acknowledge(message);
    }
    assert_settled(&other.ledger(slot));
    // It comes back, too late, and has its turn again.
    stuck.acknowledge(&batch[0]);
    assert!(!stuck.begin(&batch[1]));
    assert!(other.publish(&Message::new(topic, &[8])));
    assert!(other.publish(&Message::new(topic, &[9])));
    for actor in [&mut stuck, &mut other] {
        let batch = actor.wait_for_messages();
        assert_eq!(batch.len(), 1);
        assert!(actor.begin(&batch[0]));
        actor.acknowledge(&batch[0]);
    }
    assert_settled(&other.metrics().ledger);
}

/// Handlers that never settle hold their places only until their time is over.
#[test]
fn a_place_of_max_in_flight_comes_back_with_the_time_out() {
    let _alone = alone();
    let mut actor = Actor::on("places");
    let policy = Policy {
        timeout_ms: 20,
        max_attempts: 1,
        back_off_ms: 0,
    };
    let options = SubscribeOptions {
        max_in_flight: Some(1),
        ..acknowledging(policy)
    };
    let slot = actor.subscribe_with("t", options);
    let topic = actor.topic("t");
    for number in 0..3 {
        assert!(actor.publish(&Message::new(topic, &[number])));
    }
    for number in 0..3 {
        let batch = actor.wait_for_messages();
        assert_eq!((batch.len(), batch[0].payload[0]), (1, number));
        assert!(actor.begin(&batch[0]));
    }
    until(|| actor.ledger(slot).in_flight() == 0);
    assert_eq!(letters(&actor).len(), 3);
    assert!(
        letters(&actor)
            .iter()
            .all(|letter| letter.reason == Reason::Timeout)
    );
}

/// Where one of a thread's subscriptions acknowledges and another does not, each gets what it asked for.
#[test]
fn neighbours_need_not_acknowledge() {
    let _alone = alone();
    let mut actor = Actor::on("neighbours");
    let plain = actor.subscribe("t", 100);
    let kept = actor.subscribe_with(
        "t",
        SubscribeOptions {
            max_in_flight: Some(9),
            ..SubscribeOptions::limited_to(9)
        },
    );
    // Between two that keep their messages apart is one that does not.
    let between = actor.subscribe("t", 100);
    let acked = actor.subscribe_with("t", acknowledging(PROMPT));
    let topic = actor.topic("t");
    assert!(actor.publish(&Message::new(topic, b"x")));
    assert!(actor.publish_block(&Message::new(topic, &[7; 10_000])));
    let batch = actor.drain(256);
    assert_eq!(batch.len(), 8);
    for message in &batch {
        let is_acked = message.slots == [acked];
        assert_eq!(message.delivery.is_some(), is_acked, "{message:?}");
        if is_acked {
            assert!(actor.begin(message));
            actor.acknowledge(message);
        } else {
            actor.settle(message, agentwire::bus::layout::HANDLED);
        }
    }
    for slot in [plain, kept, between, acked] {
        let ledger = actor.ledger(slot);
        assert_settled(&ledger);
        assert_eq!(ledger.ended[Outcome::Handled as usize], 2);
    }
}

/// When messages take as much memory as they may, what is acknowledged is refused as all is, and what failed is tried all the same.
#[test]
fn without_memory_what_was_admitted_is_tried_again() {
    let _alone = alone();
    let mut actor = Actor::on("short");
    let slot = actor.subscribe_with("t", acknowledging(PROMPT));
    let topic = actor.topic("t");
    assert!(actor.publish(&Message::new(topic, b"before")));
    let everything = MAX_BYTES - process_budget().in_use();
    assert!(process_budget().take(everything));
    assert!(!actor.publish(&Message::new(topic, b"refused")));
    let nobody = actor.topic("nobody");
    assert!(!actor.publish(&Message::new(nobody, b"no letter either").mandatory()));
    for attempt in 0..3 {
        let batch = actor.wait_for_messages();
        assert_eq!((batch.len(), batch[0].attempt), (1, attempt));
        assert!(actor.begin(&batch[0]));
        assert_eq!(actor.reject(&batch[0], "bad"), attempt == 2);
    }
    process_budget().give(everything);
    assert_eq!(letters(&actor).len(), 1);
    assert_settled(&actor.ledger(slot));
}

/// What a member's end leaves is admitted by the next one past its limits, whatever its policy.
#[test]
fn what_is_handed_on_is_not_given_up_for_want_of_room() {
    let _alone = alone();
    for overflow in [Overflow::DropNewest, Overflow::DropOldest, Overflow::Reject] {
        let (mut dying, mut heir) = (Actor::on("past-limits"), Actor::on("past-limits"));
        dying.subscribe_with("t", member(PROMPT));
        let topic = heir.topic("t");
        for number in 0..4 {
            assert!(heir.publish(&Message::new(topic, &[number])));
        }
        let options = SubscribeOptions {
            overflow,
            queue_limit: 1,
            ..member(PROMPT)
        };
        let slot = heir.subscribe_with("t", options);
        dying.endpoint.close();
        let mut got = 0;
        while got < 4 {
            for message in heir.wait_for_messages() {
                assert!(heir.begin(&message));
                heir.acknowledge(&message);
                got += 1;
            }
        }
        assert!(letters(&heir).is_empty(), "{overflow:?}");
        assert_settled(&heir.ledger(slot));
        assert_settled(&heir.metrics().ledger);
    }
}

/// Bytes count until the message is settled: a rest is not for free.
#[test]
fn bytes_count_until_the_message_is_settled() {
    let _alone = alone();
    let mut actor = Actor::on("bytes-held");
    let options = SubscribeOptions {
        queue_limit_bytes: Some(10_000),
        ..acknowledging(PROMPT)
    };
    let slot = actor.subscribe_with("t", options);
    let topic = actor.topic("t");
    let large = [1; 9_000];
    assert!(actor.publish_block(&Message::new(topic, &large)));
    assert!(actor.publish_block(&Message::new(topic, &large)));
    let mut batch = actor.drain(256);
    assert_eq!(batch.len(), 2);
    assert!(
        !actor.publish(&Message::new(topic, b"")),
        "both are still here"
    );
    for attempt in 0..2 {
        assert!(actor.begin(&batch[0]) && actor.begin(&batch[1]));
        if attempt == 0 {
            batch
                .iter()
                .for_each(|message| assert!(!actor.reject(message, "once")));
            batch = Vec::new();
            while batch.len() < 2 {
                batch.extend(actor.wait_for_messages());
            }
            assert!(!actor.publish(&Message::new(topic, b"")));
        } else {
            batch.iter().for_each(|message| actor.acknowledge(message));
        }
    }
    let waiting = actor
        .endpoint
        .subscription(slot)
        .unwrap()
        .account
        .waiting_bytes();
    assert_eq!(waiting, 0);
    assert!(actor.publish(&Message::new(topic, b"")));
    let last = actor.drain(1).remove(0);
    assert!(actor.begin(&last));
    actor.acknowledge(&last);
    assert_settled(&actor.ledger(slot));
}

/// The requester has its answer; the message has failed all the same, and is tried again.
#[test]
fn a_request_that_was_answered_and_then_failed_is_tried_again() {
    let _alone = alone();
    let mut actor = Actor::on("answered");
    let slot = actor.subscribe_with("t", acknowledging(PROMPT));
    let topic = actor.topic("t");
    assert!(actor.publish(&Message::new(topic, b"?").asking(3)));
    for attempt in 0..3 {
        let mut batch = actor.wait_for_messages();
        batch.retain(|message| message.delivery.is_some());
        let Some(message) = batch.first() else {
            continue;
        };
        assert!(actor.begin(message));
        if attempt == 0 {
            let handle = message.request.expect("a request");
            assert!(actor.endpoint.answer(handle, 0, (&b"!"[..]).into()));
        }
        actor.reject(message, "after the answer");
    }
    until(|| {
        for message in actor.drain(256) {
            if message.delivery.is_some() && actor.begin(&message) {
                actor.reject(&message, "after the answer");
            }
        }
        actor.ledger(slot).in_flight() == 0
    });
    assert_eq!(letters(&actor).len(), 1);
    assert_eq!(actor.ledger(slot).ended[Outcome::Expired as usize], 0);
}
