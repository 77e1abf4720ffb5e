//! Filters on the way of a record: who is left out takes no part in its admission, and its thread sleeps on.

use agentwire::bus::filter::Filter;
use agentwire::bus::layout::*;
use agentwire::bus::subscription::SubscribeOptions;
use agentwire::codec::{Value, encode};
use agentwire::memory::Memory;

use super::harness::*;

fn encoded(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(value, &mut bytes).unwrap();
    bytes
}

fn object(properties: Vec<(&str, Value)>) -> Value {
    let properties = properties
        .into_iter()
        .map(|(key, value)| (key.into(), value));
    Value::Object(properties.collect())
}

/// Wants payloads whose `to` is this.
fn only(to: i32) -> Option<Filter> {
    let condition = object(vec![
        ("field", Value::text("to")),
        ("operator", Value::text("eq")),
        ("value", Value::Int(to)),
    ]);
    let filter = object(vec![
        ("operator", Value::text("AND")),
        ("conditions", Value::Array(vec![condition])),
    ]);
    Some(Filter::decode(&encoded(&filter)).unwrap())
}

fn subscribe(actor: &mut Actor, pattern: &str, limit: u64, to: i32) -> u32 {
    let options = SubscribeOptions {
        filter: only(to),
        ..SubscribeOptions::limited_to(limit)
    };
    actor.subscribe_with(pattern, options)
}

fn to(to: i32) -> Vec<u8> {
    encoded(&object(vec![
        ("pad", Value::text("x")),
        ("to", Value::Int(to)),
    ]))
}

fn large(to: i32) -> Vec<u8> {
    let pad = "x".repeat(10_000);
    encoded(&object(vec![
        ("pad", Value::text(&pad)),
        ("to", Value::Int(to)),
    ]))
}

#[test]
fn who_does_not_want_it_sleeps_on() {
    let _alone = alone();
    let (mut one, mut two) = (Actor::on("sleep"), Actor::on("sleep"));
    let mut publisher = Actor::on("sleep");
    let slots = [
        subscribe(&mut one, "t", 10, 1),
        subscribe(&mut two, "*", 10, 2),
    ];
    for actor in [&mut one, &mut two] {
        actor.drain(256);
        assert!(actor.is_parked());
    }
    let topic = publisher.topic("t");
    let payloads = [to(2), to(2), to(3)];
    for priority in [NORMAL, CRITICAL] {
        for payload in &payloads {
            assert!(publisher.publish(&Message::new(topic, payload).at(priority)));
        }
    }
    assert!(publisher.publish_block(&Message::new(topic, &large(2))));
    assert!(publisher.publish_block(&Message::new(topic, &large(3))));
    assert_eq!((one.bell.rings(), one.bell.attention()), (0, 0));
    assert!(one.handle_all().is_empty());
    assert_eq!(two.bell.rings(), 1);
    let got = two.handle_all();
    assert_eq!(
        got.iter().filter(|message| message.block.is_some()).count(),
        1
    );
    assert_eq!(got.len(), 5);
    let (one, two) = (one.ledger(slots[0]), two.ledger(slots[1]));
    assert_eq!((one.admitted, one.filtered), (0, 8));
    assert_eq!((two.admitted, two.filtered), (5, 3));
    let metrics = publisher.metrics();
    assert_eq!(
        (metrics.counts.published(), metrics.counts.unmatched),
        (8, 3)
    );
    assert_eq!(metrics.ledger.filtered, 11);
}

#[test]
fn subscriptions_of_one_thread_are_asked_each() {
    let _alone = alone();
    let (mut actor, mut publisher) = (Actor::on("each"), Actor::on("each"));
    let one = subscribe(&mut actor, "t", 10, 1);
    let plain = actor.subscribe("t", 10);
    let two = subscribe(&mut actor, "t", 10, 2);
    let again = subscribe(&mut actor, "**", 10, 1);
    let topic = publisher.topic("t");
    for payload in [to(1), to(2), to(3)] {
        assert!(publisher.write(&Message::new(topic, &payload)));
    }
    assert_eq!(publisher.submit(), 3);
    let got = actor.handle_all();
    let slots: Vec<_> = got.iter().map(|message| message.slots.clone()).collect();
    assert_eq!(
        slots,
        [vec![one, plain, again], vec![plain, two], vec![plain]]
    );
    let sequences: Vec<_> = got.iter().map(|message| message.sequence).collect();
    assert_eq!(sequences, [1, 2, 3]);
    let filtered: Vec<_> = [one, plain, two, again]
        .map(|slot| actor.ledger(slot).filtered)
        .into();
    assert_eq!(filtered, [2, 0, 2, 2]);
}

#[test]
fn who_is_full_refuses_only_what_it_wants() {
    let _alone = alone();
    let (mut full, mut other) = (Actor::on("full"), Actor::on("full"));
    let mut publisher = Actor::on("full");
    let slot = subscribe(&mut full, "t", 2, 1);
    subscribe(&mut other, "t", 1_000_000, 2);
    let topic = publisher.topic("t");
    for _ in 0..2 {
        assert!(publisher.publish(&Message::new(topic, &to(1))));
    }
    assert!(!publisher.publish(&Message::new(topic, &to(1))));
    // The next message may be for it: each is asked for.
    for _ in 0..100 {
        assert!(publisher.publish(&Message::new(topic, &to(2))));
        assert_eq!(usize::from(publisher.gates.byte(topic as usize)), ASK);
    }
    assert!(publisher.publish_block(&Message::new(topic, &large(2))));
    assert!(!publisher.publish_block(&Message::new(topic, &large(1))));
    // What was refused waits for the one that wanted it.
    assert!(!publisher.endpoint.is_writable(topic).unwrap());
    assert_eq!(full.handle_all().len(), 2);
    full.ledger(slot);
    assert!(publisher.endpoint.is_writable(topic).unwrap());
    assert!(publisher.publish_block(&Message::new(topic, &large(1))));
    assert_eq!(other.handle_all().len(), 101);
    assert_eq!(full.handle_all().len(), 1);
    // A record is counted as kept away when it is taken, however often it was refused before.
    assert_eq!(full.ledger(slot).filtered, 101);
    assert_eq!(publisher.metrics().counts.refused, 2);
}

#[test]
fn writable_waits_for_those_alone_that_wanted_the_message() {
    let _alone = alone();
    let (mut stuck, mut busy) = (Actor::on("writable"), Actor::on("writable"));
    let mut publisher = Actor::on("writable");
    subscribe(&mut stuck, "t", 1, 1);
    let slot = subscribe(&mut busy, "t", 1, 2);
    let topic = publisher.topic("t");
    assert!(publisher.publish(&Message::new(topic, &to(1))));
    assert!(publisher.publish(&Message::new(topic, &to(2))));
    assert!(!publisher.endpoint.is_writable(topic).unwrap());
    assert!(!publisher.publish(&Message::new(topic, &to(2))));
    assert!(!publisher.endpoint.is_writable(topic).unwrap());
    busy.handle_all();
    busy.ledger(slot);
    assert!(publisher.endpoint.is_writable(topic).unwrap());
    assert!(publisher.publish(&Message::new(topic, &to(2))));
    // That said, it is all of them again.
    assert!(!publisher.endpoint.is_writable(topic).unwrap());
    stuck.handle_all();
    busy.handle_all();
}

#[test]
fn the_topic_before_the_payload_is_not_read_as_one() {
    let _alone = alone();
    let (mut actor, mut publisher) = (Actor::on("inline"), Actor::on("inline"));
    let slot = subscribe(&mut actor, "far.away", 10, 1);
    for payload in [to(1), to(2)] {
        let message = Message {
            inline_topic: Some((0, "far.away")),
            ..Message::new(0, &payload)
        };
        assert!(publisher.publish(&message));
    }
    for payload in [large(1), large(2)] {
        let message = Message {
            inline_topic: Some((0, "far.away")),
            ..Message::new(0, &payload)
        };
        assert!(publisher.publish_block(&message));
    }
    assert_eq!(actor.handle_all().len(), 2);
    let ledger = actor.ledger(slot);
    assert_eq!((ledger.admitted, ledger.filtered), (2, 2));
}

#[test]
fn a_record_whose_headers_are_longer_than_all_of_it_is_left_to_the_subscriber() {
    let _alone = alone();
    let (mut actor, mut publisher) = (Actor::on("headers"), Actor::on("headers"));
    let slot = subscribe(&mut actor, "t", 10, 1);
    let topic = publisher.topic("t");
    let payload = to(2);
    let all = payload.len() as u32;
    for length in [0, all, all + 1, 1 << 20, u32::MAX] {
        let record = publisher.write_spoilt(topic, &payload, &|_| {});
        // An extension between the header and the payload area, which stays as long as it was.
        let start = record.start;
        let mut bytes: Vec<u8> = record.map(|at| publisher.outbox.byte(at)).collect();
        let extension = u64::from(length).to_le_bytes();
        bytes.splice(EXTENSIONS..EXTENSIONS, extension);
        let total = bytes.len() as u32;
        bytes[LENGTH..LENGTH + 4].copy_from_slice(&total.to_le_bytes());
        bytes[FLAGS..FLAGS + 2].copy_from_slice(&(HEADERS as u16).to_le_bytes());
        publisher.put(start, &bytes);
        let end = start as u32 + total;
        publisher
            .control
            .store(OUTBOX_COMMITTED, end, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(publisher.submit(), 2);
        actor.handle_all();
    }
    // Before each of them a message went that begins as a number, which has no fields; the first can be read too.
    let ledger = actor.ledger(slot);
    assert_eq!((ledger.admitted, ledger.filtered), (4, 6));
    assert_settled(&ledger);
}
