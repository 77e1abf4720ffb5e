//! All or nothing, refusals that leave the outbox as it is, and the call that follows them.

use std::sync::Barrier;

use agentwire::bus::endpoint::EndpointError;
use agentwire::bus::layout::*;
use agentwire::bus::subscription::SubscribeOptions;
use agentwire::pool::{MAX_BYTES, process_budget};

use super::harness::*;

#[test]
fn a_refusal_leaves_the_rest_in_the_outbox() {
    let _alone = alone();
    let (mut publisher, mut full, mut free) = (
        Actor::on("refuse"),
        Actor::on("refuse"),
        Actor::on("refuse"),
    );
    full.subscribe("t", 4);
    free.subscribe("*", 100);
    free.handle_all();
    let (topic, other) = (publisher.topic("t"), publisher.topic("other"));
    for number in 0..6 {
        assert!(publisher.write(&Message::new(topic, &[number])));
    }
    // Behind a refused record the order is kept, whatever its topic.
    assert!(publisher.write(&Message::new(other, &[6])));
    assert_eq!(publisher.submit(), 4);
    assert_eq!(free.bell.rings(), 1, "once for a batch");
    assert_eq!(publisher.metrics().counts.refused, 1);
    assert_eq!(publisher.submit(), 0);
    assert_eq!(free.handle_all().len(), 4, "all or nothing");
    assert_eq!(publisher.bell.rings(), 0);

    let received = full.drain(256);
    assert_eq!(received.len(), 4);
    full.settle(&received[0], HANDLED);
    full.endpoint.fold_outcomes();
    assert_eq!(publisher.bell.rings(), 0, "one place is not worth a wake");
    full.settle(&received[1], FAILED);
    full.endpoint.fold_outcomes();
    assert_eq!(
        (publisher.bell.rings(), publisher.bell.attention()),
        (1, WRITABLE),
        "half is"
    );
    assert_eq!(publisher.submit(), 3);
    full.endpoint.fold_outcomes();
    assert_eq!(publisher.bell.rings(), 1, "nobody waits any more");

    full.settle(&received[2], HANDLED);
    full.settle(&received[3], HANDLED);
    let payloads: Vec<u8> = free
        .handle_all()
        .into_iter()
        .map(|message| message.payload[0])
        .collect();
    assert_eq!(payloads, [4, 5, 6]);
    assert_eq!(full.handle_all().len(), 2);
    [&mut full, &mut free]
        .into_iter()
        .for_each(|actor| _ = actor.metrics());
    assert_settled(&publisher.metrics().ledger);
}

#[test]
fn gates_say_whether_to_ask() {
    let _alone = alone();
    let (mut publisher, mut subscriber) = (Actor::on("gate"), Actor::on("gate"));
    let early = publisher.topic("t");
    assert_eq!(publisher.gates.byte(early as usize), OPEN as u8);
    let slot = subscriber.subscribe("t", 2 * ASK_MARGIN);
    let open_for = |publisher: &mut Actor| {
        let mut taken = 0;
        while publisher.publish(&Message::new(early, b""))
            && publisher.gates.byte(early as usize) == OPEN as u8
        {
            taken += 1;
        }
        taken
    };
    // The gate says what was before the record that set it.
    assert_eq!(open_for(&mut publisher), ASK_MARGIN + 1);
    for _ in ASK_MARGIN + 2..2 * ASK_MARGIN {
        assert!(publisher.publish(&Message::new(early, b"")));
    }
    assert!(!publisher.publish(&Message::new(early, b"")));
    assert_eq!(publisher.gates.byte(early as usize), ASK as u8);
    assert_eq!(publisher.endpoint.is_writable(early), Ok(false));
    subscriber.handle_all();
    assert_eq!(publisher.bell.attention(), WRITABLE);
    assert_eq!(publisher.endpoint.is_writable(early), Ok(true));
    assert_eq!(publisher.gates.byte(early as usize), OPEN as u8);
    assert_eq!(
        publisher.endpoint.is_writable(99),
        Err(EndpointError::Closed)
    );
    let small = subscriber.subscribe("small", ASK_MARGIN - 1);
    let small_topic = publisher.topic("small");
    assert_eq!(publisher.gates.byte(small_topic as usize), ASK as u8);
    [slot, small]
        .into_iter()
        .for_each(|slot| subscriber.endpoint.unsubscribe(slot));
    assert_eq!(publisher.endpoint.is_writable(small_topic), Ok(true));
    assert_eq!(publisher.gates.byte(small_topic as usize), OPEN as u8);
}

/// The end of a subscription makes room, although a message of it never ends.
#[test]
fn an_ended_subscription_refuses_nobody() {
    let _alone = alone();
    let (mut publisher, mut subscriber) = (Actor::on("ended"), Actor::on("ended"));
    let slot = subscriber.subscribe("t", 1);
    let topic = publisher.topic("t");
    assert!(publisher.publish(&Message::new(topic, b"")));
    assert_eq!(subscriber.drain(256).len(), 1);
    assert!(!publisher.publish(&Message::new(topic, b"")));
    let ended = std::sync::Arc::clone(subscriber.endpoint.subscription(slot).unwrap());
    assert_eq!(ended.account.room(), 0);
    subscriber.endpoint.unsubscribe(slot);
    assert_eq!(publisher.bell.attention(), WRITABLE);
    assert!(
        ended.account.room() > 0 && ended.account.has_drained(),
        "routes of before refuse nobody"
    );
    assert!(publisher.publish(&Message::new(topic, b"")));
    assert_eq!(publisher.metrics().counts.unmatched, 1);
    assert_ne!(
        subscriber.subscribe("t", 1),
        slot,
        "its message is still in hand"
    );
    subscriber.count(slot, HANDLED);
    subscriber.metrics();
    assert_eq!(subscriber.subscribe("t", 1), slot);
    assert_settled(&subscriber.metrics().ledger);
}

#[test]
fn a_limit_of_nothing_is_one() {
    let _alone = alone();
    let mut actor = Actor::on("zero");
    actor.subscribe("t", 0);
    let topic = actor.topic("t");
    assert!(actor.publish(&Message::new(topic, b"")));
    assert!(!actor.publish(&Message::new(topic, b"")));
    actor.handle_all();
    actor.endpoint.fold_outcomes();
    assert_eq!(actor.bell.attention(), WRITABLE);
    assert!(actor.publish(&Message::new(topic, b"")));
}

/// A mailbox is full in bytes, whatever the subscriptions' limits.
#[test]
fn a_full_mailbox_refuses() {
    let _alone = alone();
    let (mut publisher, mut subscriber) = (Actor::on("bytes"), Actor::on("bytes"));
    subscriber.subscribe("t", 1000);
    subscriber.handle_all();
    let topic = publisher.topic("t");
    let half = vec![0; MAILBOX_BYTES as usize / 2];
    assert!(publisher.publish_block(&Message::new(topic, &half)));
    assert!(publisher.publish_block(&Message::new(topic, &half)));
    assert!(!publisher.publish(&Message::new(topic, b"small")));
    assert_eq!(publisher.endpoint.is_writable(topic), Ok(false));
    assert_eq!(publisher.bell.rings(), 0);
    assert_eq!(subscriber.drain(1).len(), 1);
    assert_eq!(publisher.bell.rings(), 0, "crowded still");
    assert_eq!(subscriber.drain(1).len(), 1);
    assert_eq!(
        (publisher.bell.rings(), publisher.bell.attention()),
        (1, WRITABLE)
    );
    assert!(publisher.publish(&Message::new(topic, b"small")));
}

#[test]
fn a_sleeping_thread_is_rung_once() {
    let _alone = alone();
    let (mut publisher, mut subscriber) = (Actor::on("ring"), Actor::on("ring"));
    subscriber.subscribe("t", 1000);
    let topic = publisher.topic("t");
    assert!(publisher.publish(&Message::new(topic, b"")));
    assert_eq!(subscriber.bell.rings(), 0, "never parked, so awake");
    subscriber.handle_all();
    assert!(subscriber.is_parked());
    for rings in [1, 1, 1] {
        assert!(publisher.publish(&Message::new(topic, b"")));
        assert_eq!(subscriber.bell.rings(), rings);
    }
    assert_eq!(subscriber.drain(256).len(), 3);
    assert!(!subscriber.is_parked());
    assert!(publisher.publish(&Message::new(topic, b"")));
    assert_eq!(subscriber.bell.rings(), 1);
    subscriber.handle_all();
    assert!(publisher.publish(&Message::new(topic, b"")));
    assert_eq!(subscriber.bell.rings(), 2);
}

#[test]
fn what_memory_has_no_room_for_must_grow_first() {
    let _alone = alone();
    let mut actor = Actor::on("grow");
    let topics = (1..actor.gates_len())
        .map(|number| actor.topic(&format!("t{number}")))
        .collect::<Vec<_>>();
    assert_eq!(topics, (1..actor.gates_len() as u32).collect::<Vec<_>>());
    assert_eq!(
        actor.endpoint.resolve_topic(0, "one more"),
        Err(EndpointError::Outgrown)
    );
    let slots = actor.slots_len();
    (0..slots as u32).for_each(|slot| assert_eq!(actor.subscribe("t", 1), slot));
    assert_eq!(
        actor
            .endpoint
            .subscribe(0, "t", SubscribeOptions::limited_to(1)),
        Err(EndpointError::Outgrown)
    );
    actor.endpoint.unsubscribe(7);
    assert_eq!(actor.subscribe("t", 1), 7);
}

/// Large payloads take their memory from the same bound as mailboxes.
#[test]
fn large_messages_wait_for_memory_of_the_process() {
    const MEBIBYTE: usize = 1 << 20;
    let _alone = alone();
    let (mut publisher, mut subscriber) = (Actor::on("memory"), Actor::on("memory"));
    subscriber.subscribe("t", 1000);
    subscriber.handle_all();
    let topic = publisher.topic("t");
    // All but 30 MiB of what is handed out before publishers are asked to wait.
    let elsewhere = MAX_BYTES / 10 * 9 - 30 * MEBIBYTE;
    assert!(process_budget().take(elsewhere));
    let payload = vec![7; MEBIBYTE];
    let message = Message::new(topic, &payload);
    let mut admitted = 0;
    while publisher.publish_block(&message) {
        admitted += 1;
    }
    assert_eq!(admitted, 30);
    assert!(
        !publisher.publish(&Message::new(topic, b"small")),
        "for all messages alike"
    );
    assert!(!publisher.endpoint.is_writable(topic).unwrap());
    assert_eq!(publisher.metrics().counts.refused, 2);
    assert_eq!(publisher.bell.attention(), 0);

    process_budget().give(elsewhere);
    assert_eq!(publisher.bell.attention(), WRITABLE);
    assert!(publisher.publish_block(&message));
    let received = subscriber.drain(256);
    assert_eq!(received.len(), 31);
    for message in &received {
        let (handle, length) = message.block.expect("a large one");
        assert_eq!(length, MEBIBYTE);
        let block = subscriber.endpoint.take_block(handle).expect("there once");
        assert!(block.bytes() == payload);
        subscriber.settle(message, HANDLED);
    }
    assert_settled(&subscriber.metrics().ledger);
}

/// Two publishers see the last headroom at once, and there is memory for one of their messages: the one who gets none
/// is refused as if there had been no headroom.
#[test]
fn of_two_large_messages_for_the_last_memory_one_is_refused() {
    const ROUNDS: u64 = 10;
    let _alone = alone();
    let mut subscriber = Actor::on("last");
    subscriber.subscribe("t", 1000);
    subscriber.handle_all();
    // A mebibyte is left for mailboxes.
    let almost_all = MAX_BYTES / 10 * 9 - (1 << 20);
    assert!(process_budget().take(almost_all));
    let payload = vec![7; 60 << 20];
    let mut taken = Vec::new();
    for _ in 0..ROUNDS {
        let start = Barrier::new(2);
        let publish = || {
            let mut publisher = Actor::on("last");
            let topic = publisher.topic("t");
            start.wait();
            publisher.publish_block(&Message::new(topic, &payload))
        };
        taken.push(std::thread::scope(|scope| {
            let threads = [scope.spawn(publish), scope.spawn(publish)];
            threads.map(|thread| u64::from(thread.join().unwrap()))
        }));
        subscriber.handle_all();
    }
    process_budget().give(almost_all);
    assert!(
        taken.iter().all(|[first, second]| first + second == 1),
        "{taken:?}"
    );
    let metrics = subscriber.metrics();
    assert_eq!(
        (metrics.counts.published(), metrics.counts.refused),
        (ROUNDS, ROUNDS)
    );
    assert_settled(&metrics.ledger);
}

/// A message that nobody gets takes no memory, however large.
#[test]
fn a_large_message_for_nobody_is_not_copied() {
    let _alone = alone();
    let mut publisher = Actor::on("nobody");
    let topic = publisher.topic("t");
    let everything = MAX_BYTES / 10 * 9 - 1;
    assert!(process_budget().take(everything));
    for _ in 0..20 {
        assert!(publisher.publish_block(&Message::new(topic, &vec![1; 10 << 20])));
    }
    process_budget().give(everything);
    assert_eq!(publisher.metrics().counts.unmatched, 20);
}
