//! What is published arrives: whole, at the right subscriptions, in order, and by priority.

use std::sync::Arc;

use agentwire::bus::layout::*;
use agentwire::bus::subscription::Outcome;

use super::harness::*;

#[test]
fn one_publisher_one_subscription() {
    let _alone = alone();
    let (mut publisher, mut subscriber) = (Actor::on("one"), Actor::on("one"));
    let slot = subscriber.subscribe("a.b", 100);
    let topic = publisher.topic("a.b");
    for number in 0..10u8 {
        let correlation = (number % 2 == 0).then_some(7);
        assert!(publisher.write(&Message {
            correlation,
            ..Message::new(topic, &[number; 13])
        }));
    }
    assert_eq!(publisher.submit(), 10);
    let received = subscriber.drain(256);
    assert_eq!(received.len(), 10);
    for (number, message) in (0..10u8).zip(&received) {
        assert_eq!(
            (message.slots.as_slice(), message.priority),
            (&[slot][..], NORMAL)
        );
        assert_eq!(message.payload, [number; 13]);
        assert_eq!(message.sequence, u64::from(number) + 1);
        assert_eq!(message.publisher, publisher.endpoint.id());
        assert_eq!(message.correlation, (number % 2 == 0).then_some(7));
        assert!(
            message.timestamp > 1_600_000_000_000_000_000,
            "nanoseconds since 1970"
        );
        let topic = agentwire::bus::hub::Hub::global()
            .topic(message.topic)
            .expect("the bus is open");
        assert_eq!(&*topic.name, "a.b");
    }
    assert_eq!(subscriber.ledger(slot).in_flight(), 10);
    received
        .iter()
        .zip([HANDLED, FAILED, UNDECODABLE].into_iter().cycle())
        .for_each(|(message, outcome)| {
            subscriber.settle(message, outcome);
        });
    let ledger = subscriber.ledger(slot);
    assert_settled(&ledger);
    assert_eq!(
        (
            ledger.ended[Outcome::Handled as usize],
            ledger.ended[Outcome::Failed as usize]
        ),
        (4, 3)
    );
    assert_eq!(ledger.ended[Outcome::Undecodable as usize], 3);
    assert_eq!(publisher.metrics().counts.published(), 10);
}

/// One outbox, records to one, to another, to both, to nobody, at two priorities and of many lengths: however
/// native bundles them, each receiver has its own, whole and in order.
#[test]
fn one_outbox_for_many() {
    let _alone = alone();
    let mut publisher = Actor::on("mixed");
    let (mut first, mut second) = (Actor::on("mixed"), Actor::on("mixed"));
    let slots = [
        first.subscribe("first", 1000),
        first.subscribe("first.too", 1000),
        second.subscribe("second", 1000),
    ];
    [&mut first, &mut second]
        .into_iter()
        .for_each(|actor| _ = actor.subscribe("both", 1000));
    let names = ["first", "first.too", "second", "both", "nobody"];
    let topics = names.map(|name| publisher.topic(name));
    let mut expected = [Vec::new(), Vec::new()];
    let mut sequence = 0;
    for round in 0..40u32 {
        let mut records = 0;
        for number in 0..60 {
            let choice = (number * number + 3 * round + number / (round % 7 + 1)) as usize % 6;
            let payload = vec![number as u8; (number * round % 300) as usize];
            let priority = if (number + round) % 11 == 0 {
                HIGH
            } else {
                NORMAL
            };
            // The last is a topic that there is not.
            let topic = topics.get(choice).copied().unwrap_or(99);
            if !publisher.write(&Message::new(topic, &payload).at(priority)) {
                break;
            }
            records += 1;
            sequence += u64::from(choice < 5);
            let to = [[0].as_slice(), &[0], &[1], &[0, 1], &[], &[]][choice];
            to.iter()
                .for_each(|&to| expected[to].push((priority, choice, sequence, payload.clone())));
        }
        assert_eq!(publisher.submit(), records);
        if round % 5 != 0 {
            continue;
        }
        for (actor, expected) in [&mut first, &mut second].into_iter().zip(&mut expected) {
            let mut received = actor.handle_all();
            // By priority, as they were taken by turns.
            received.sort_by_key(|message| message.priority);
            expected.sort_by_key(|(priority, ..)| *priority);
            assert_eq!(received.len(), expected.len());
            for (message, (priority, choice, sequence, payload)) in
                received.iter().zip(expected.drain(..))
            {
                assert_eq!((message.priority, message.sequence), (priority, sequence));
                assert!(message.payload == payload && message.publisher == publisher.endpoint.id());
                let topic = agentwire::bus::hub::Hub::global()
                    .topic(message.topic)
                    .expect("open");
                assert_eq!(&*topic.name, names[choice]);
                assert!(choice == 3 || message.slots == [slots[choice]]);
            }
        }
    }
    [&mut first, &mut second]
        .into_iter()
        .for_each(|actor| _ = actor.handle_all());
    [&mut first, &mut second]
        .into_iter()
        .for_each(|actor| _ = actor.metrics());
    assert_settled(&publisher.metrics().ledger);
}

#[test]
fn fan_out_is_one_record_for_each_thread() {
    let _alone = alone();
    let mut publisher = Actor::on("fan");
    let mut subscribers = [Actor::on("fan"), Actor::on("fan")];
    let slots = subscribers
        .each_mut()
        .map(|actor| (0..3).map(|_| actor.subscribe("t", 9)).collect::<Vec<_>>());
    let own = publisher.subscribe("t", 9);
    let topic = publisher.topic("t");
    assert!(publisher.publish(&Message::new(topic, b"hello")));
    for (actor, slots) in subscribers.iter_mut().zip(&slots) {
        let received = actor.handle_all();
        assert_eq!(received.len(), 1);
        assert_eq!(
            (&received[0].slots, received[0].payload.as_slice()),
            (slots, &b"hello"[..])
        );
    }
    assert_eq!(publisher.handle_all()[0].slots, [own]);
    let metrics = publisher.metrics();
    assert_eq!(
        (
            metrics.counts.published(),
            metrics.counts.unmatched,
            metrics.ledger.admitted
        ),
        (1, 0, 7)
    );
    subscribers.iter_mut().for_each(|actor| _ = actor.metrics());
    assert_settled(&publisher.metrics().ledger);
}

#[test]
fn a_large_fan_out_takes_several_records() {
    let _alone = alone();
    let mut actor = Actor::on("large");
    let slots: Vec<u32> = (0..MAX_TARGETS + 88)
        .map(|_| actor.subscribe("t", 9))
        .collect();
    let topic = actor.topic("t");
    let payload = vec![7; INLINE_PAYLOAD_BYTES];
    assert!(actor.publish(&Message {
        correlation: Some(1),
        ..Message::new(topic, &payload).at(CRITICAL)
    }));
    let received = actor.drain_critical();
    // The longest record there is, and no room for another behind it.
    assert_eq!(
        received
            .iter()
            .map(|message| message.slots.len())
            .collect::<Vec<_>>(),
        [MAX_TARGETS]
    );
    let mut reached = received[0].slots.clone();
    actor.settle(&received[0], HANDLED);
    let rest = actor.handle_all();
    assert!(
        received
            .iter()
            .chain(&rest)
            .all(|message| message.payload == payload && message.sequence == 1)
    );
    reached.extend(rest.into_iter().flat_map(|message| message.slots));
    assert_eq!(reached, slots);
    assert_settled(&actor.metrics().ledger);
}

#[test]
fn wildcards() {
    let _alone = alone();
    let mut actor = Actor::on("wild");
    let patterns = ["a.b", "a.*", "a.**", "**", "*.b", "x"];
    let slots = patterns.map(|pattern| actor.subscribe(pattern, 9));
    let mut reached = |topic: &str| {
        let index = actor.topic(topic);
        assert!(actor.publish(&Message::new(index, b"")));
        let received = actor.handle_all();
        received
            .first()
            .map_or(Vec::new(), |message| message.slots.clone())
    };
    let of = |wanted: &[&str]| {
        let matches = patterns
            .iter()
            .zip(slots)
            .filter(|(pattern, _)| wanted.contains(pattern));
        matches.map(|(_, slot)| slot).collect::<Vec<_>>()
    };
    assert_eq!(reached("a.b"), of(&["a.b", "a.*", "a.**", "**", "*.b"]));
    assert_eq!(reached("a"), of(&["a.**", "**"]));
    assert_eq!(reached("a.b.c"), of(&["a.**", "**"]));
    assert_eq!(reached("x"), of(&["**", "x"]));
    assert_eq!(reached("y.b"), of(&["**", "*.b"]));
}

#[test]
fn nobody_listens() {
    let _alone = alone();
    let mut actor = Actor::on("nobody");
    let topic = actor.topic("t");
    assert!(actor.publish(&Message::new(topic, b"x")));
    let metrics = actor.metrics();
    assert_eq!(
        (
            metrics.counts.published(),
            metrics.counts.unmatched,
            metrics.ledger.admitted
        ),
        (1, 1, 0)
    );
}

/// Whatever the size of the batches, a flood of HIGH leaves the others their share.
#[test]
fn lower_priorities_have_a_share() {
    let _alone = alone();
    for batch in [1, 7, 256] {
        let mut actor = Actor::on("share");
        actor.subscribe("t", 10_000);
        let topic = actor.topic("t");
        let flood = |actor: &mut Actor, priority: u8, count: usize| {
            for _ in 0..count {
                assert!(actor.publish(&Message::new(topic, b"").at(priority)));
            }
        };
        for priority in [LOW, NORMAL, HIGH] {
            flood(&mut actor, priority, 300);
        }
        flood(&mut actor, CRITICAL, 20);
        let mut order = Vec::new();
        while order.len() < 920 {
            order.extend(
                actor
                    .drain(batch)
                    .into_iter()
                    .map(|message| message.priority),
            );
        }
        assert!(order[..20].iter().all(|&priority| priority == CRITICAL));
        for round in 0..5 {
            let round = &order[20 + 110 * round..][..110];
            let count = |wanted: u8| round.iter().filter(|priority| **priority == wanted).count();
            assert_eq!(
                (count(HIGH), count(NORMAL), count(LOW)),
                (60, 40, 10),
                "batches of {batch}"
            );
        }
    }
}

/// A flood of CRITICAL leaves the others a fifth.
#[test]
fn critical_leaves_the_others_a_share() {
    let _alone = alone();
    for batch in [1, 7, 256] {
        let mut actor = Actor::on("critical-share");
        actor.subscribe("t", 10_000);
        let topic = actor.topic("t");
        for (priority, count) in [(LOW, 30), (NORMAL, 80), (CRITICAL, 1_000)] {
            for _ in 0..count {
                assert!(actor.publish(&Message::new(topic, b"").at(priority)));
            }
        }
        let mut order = Vec::new();
        while order.len() < 1_110 {
            let received = actor.drain(batch);
            order.extend(received.into_iter().map(|message| message.priority));
        }
        for round in order[..980].chunks(490) {
            let count = |wanted: u8| round.iter().filter(|priority| **priority == wanted).count();
            assert_eq!(
                (count(CRITICAL), count(NORMAL), count(LOW)),
                (440, 40, 10),
                "batches of {batch}"
            );
        }
    }
}

#[test]
fn critical_is_taken_between_two_handlers() {
    let _alone = alone();
    let (mut publisher, mut subscriber) = (Actor::on("critical"), Actor::on("critical"));
    subscriber.subscribe("t", 100);
    let topic = publisher.topic("t");
    assert!(publisher.publish(&Message::new(topic, b"normal")));
    assert_eq!(subscriber.bell.attention(), 0);
    assert!(publisher.publish(&Message::new(topic, b"urgent").at(CRITICAL)));
    assert_eq!(subscriber.bell.attention(), CRITICAL_WAITS);
    let urgent = subscriber.drain_critical();
    assert_eq!(
        urgent
            .iter()
            .map(|message| message.payload.as_slice())
            .collect::<Vec<_>>(),
        [b"urgent"]
    );
    subscriber.settle(&urgent[0], HANDLED);
    assert_eq!(subscriber.handle_all().len(), 1);
    assert_settled(&subscriber.metrics().ledger);
}

#[test]
fn topics_without_an_id() {
    let _alone = alone();
    let (mut publisher, mut subscriber) = (Actor::new(), Actor::on("inline"));
    publisher.endpoint.open_bus("inline.other");
    let bus = publisher.endpoint.open_bus("inline");
    publisher.gates.set_byte(0, ASK as u8);
    subscriber.subscribe("a.*", 100);
    let to = |bus: u32, name: &'static str| Message {
        inline_topic: Some((bus, name)),
        ..Message::new(0, b"payload")
    };
    assert!(publisher.publish(&to(bus, "a.b")));
    assert!(publisher.publish(&to(bus, "b.a")));
    assert!(publisher.publish(&to(bus - 1, "a.b")));
    // No such bus; the name is longer than the payload area.
    assert!(publisher.publish(&to(9, "a.b")));
    assert!(publisher.write(&to(bus, "a.c")));
    publisher.outbox.set_byte(EXTENSIONS, 200);
    assert_eq!(publisher.submit(), 1);
    assert_eq!(publisher.endpoint.faults.orphaned_records, 2);
    let received = subscriber.handle_all();
    assert_eq!(received.len(), 1);
    assert_eq!(
        (received[0].topic, received[0].inline_topic.as_deref()),
        (0, Some("a.b"))
    );
    assert_eq!(received[0].payload, b"payload");
    let metrics = subscriber.metrics();
    assert_eq!(
        (metrics.counts.published(), metrics.counts.unmatched),
        (2, 1)
    );
    assert_eq!(
        publisher.gates.byte(0),
        ASK as u8,
        "the gate of topics without an id stays as it was"
    );
}

#[test]
fn blocks_are_shared_and_freed() {
    let _alone = alone();
    let mut publisher = Actor::on("block");
    let mut subscribers = [Actor::on("block"), Actor::on("block"), Actor::on("block")];
    subscribers
        .iter_mut()
        .for_each(|actor| _ = actor.subscribe("t", 100));
    let topic = publisher.topic("t");
    let payload: Vec<u8> = (0..100_000).map(|at| at as u8).collect();
    let inline = Message {
        inline_topic: Some((0, "t")),
        correlation: Some(9),
        ..Message::new(0, &payload)
    };
    assert!(publisher.publish_block(&Message::new(topic, &payload)));
    assert!(publisher.publish_block(&inline));
    let [taker, waster, dead] = &mut subscribers;
    let received = taker.handle_all();
    let handles: Vec<u64> = received
        .iter()
        .map(|message| message.block.expect("a block").0)
        .collect();
    assert_eq!(received[1].correlation, Some(9));
    let taken = [
        taker.endpoint.take_block(handles[0]),
        taker.endpoint.take_block(handles[1]),
    ];
    assert!(
        taken.iter().all(Option::is_none),
        "the drain that found nothing ended the batch"
    );

    assert!(publisher.publish_block(&Message::new(topic, &payload)));
    let received = taker.drain(256);
    let (handle, length) = received[0].block.expect("a block");
    assert_eq!(length, payload.len());
    let block = taker
        .endpoint
        .take_block(handle)
        .expect("the block of this batch");
    assert!(taker.endpoint.take_block(handle).is_none(), "taken once");
    assert!(
        taker.endpoint.take_block(handle + 1).is_none()
            && taker.endpoint.take_block(u64::MAX).is_none()
    );
    assert_eq!(block.bytes(), payload);
    assert_eq!(Arc::strong_count(&block), 3, "this one and two mailboxes");
    waster.handle_all();
    assert_eq!(
        Arc::strong_count(&block),
        2,
        "nobody took it from the batch"
    );
    dead.endpoint.close();
    assert_eq!(Arc::strong_count(&block), 1);
    taker.settle(&received[0], HANDLED);
    publisher.endpoint.close();
    taker.handle_all();
    assert_settled(&taker.metrics().ledger);
}

#[test]
fn a_block_that_is_too_large() {
    let _alone = alone();
    let mut actor = Actor::on("too large");
    actor.subscribe("t", 9);
    let topic = actor.topic("t");
    assert!(!actor.publish_block(&Message::new(topic, &vec![0; MAX_PAYLOAD_BYTES + 1])));
    assert_eq!(actor.endpoint.faults.malformed_outboxes, 1);
    assert!(actor.publish_block(&Message::new(topic, &vec![0; MAX_PAYLOAD_BYTES])));
    assert_eq!(actor.handle_all().len(), 1);
}
