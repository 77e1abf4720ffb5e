//! Ends: of subscriptions, of bus handles, of threads. Every message is accounted for.

use agentwire::bus::endpoint::EndpointError;
use agentwire::bus::hub::Hub;
use agentwire::bus::layout::*;
use agentwire::bus::subscription::{Outcome, SubscribeOptions};

use super::harness::*;

/// Messages in the outbox, in the mailbox and in hand, on both ends.
#[test]
fn the_end_of_a_thread() {
    let _alone = alone();
    let (mut dying, mut other) = (Actor::on("death"), Actor::on("death"));
    other.subscribe("to.other", 2);
    dying.subscribe("to.dying", 100);
    dying.subscribe("to.*", 100);
    let (to_dying, to_other) = (other.topic("to.dying"), dying.topic("to.other"));
    for _ in 0..5 {
        assert!(other.publish(&Message::new(to_dying, b"")));
    }
    assert!(other.publish_block(&Message::new(to_dying, b"block")));
    let in_hand = dying.drain(3);
    assert_eq!(in_hand.len(), 3);
    dying.settle(&in_hand[0], HANDLED);
    // Past the limit of the other's subscription, but its publisher's word was given.
    for _ in 0..5 {
        assert!(dying.write(&Message::new(to_other, b"")));
    }
    assert_eq!(dying.submit(), 2);
    dying.endpoint.close();
    let metrics = other.metrics();
    assert_eq!((metrics.subscriptions, metrics.counts.published()), (1, 11));
    // Six to two subscriptions each; and five to one of its own and one of the other's.
    assert_eq!(metrics.ledger.admitted, 22);
    assert_eq!(metrics.ledger.ended[Outcome::Handled as usize], 2);
    assert_eq!(
        metrics.ledger.ended[Outcome::SubscriberDied as usize],
        10 + 5
    );
    assert_eq!(metrics.ledger.in_flight(), 5);
    assert_eq!(other.handle_all().len(), 5);
    assert!(other.publish(&Message::new(to_dying, b"")));
    assert_eq!(other.metrics().counts.unmatched, 1);
    assert_settled(&other.metrics().ledger);
    dying.endpoint.close();
}

#[test]
fn what_is_under_way_to_an_ended_subscription() {
    let _alone = alone();
    let (mut publisher, mut subscriber) = (Actor::on("unsubscribe"), Actor::on("unsubscribe"));
    let slot = subscriber.subscribe("t", 100);
    let topic = publisher.topic("t");
    for _ in 0..3 {
        assert!(publisher.publish(&Message::new(topic, b"")));
    }
    subscriber.endpoint.unsubscribe(slot);
    assert!(publisher.publish(&Message::new(topic, b"")));
    assert_ne!(
        subscriber.subscribe("other", 1),
        slot,
        "the slot is not free yet"
    );
    let received = subscriber.drain(256);
    assert_eq!(received.len(), 3);
    received
        .iter()
        .for_each(|message| subscriber.settle(message, UNSUBSCRIBED));
    let metrics = subscriber.metrics();
    assert_eq!(metrics.ledger.ended[Outcome::Unsubscribed as usize], 3);
    assert_settled(&metrics.ledger);
    assert_eq!(subscriber.subscribe("third", 1), slot);
    assert_eq!(subscriber.ledger(slot).admitted, 0);
}

/// JavaScript cannot end a message that it was not handed.
#[test]
fn outcomes_are_believed_up_to_what_is_in_hand() {
    let _alone = alone();
    let mut actor = Actor::on("lies");
    let slot = actor.subscribe("t", 100);
    let topic = actor.topic("t");
    actor.count(slot, HANDLED);
    assert!(actor.publish(&Message::new(topic, b"")));
    let received = actor.drain(256);
    (0..5).for_each(|_| actor.count(slot, FAILED));
    assert_eq!(received.len(), 1);
    let ledger = actor.ledger(slot);
    assert_settled(&ledger);
    assert_eq!(ledger.admitted, 1);
}

#[test]
fn a_bus_ends_with_its_last_handle() {
    let _alone = alone();
    let (mut first, mut second) = (Actor::on("again"), Actor::on("again"));
    assert_eq!(first.endpoint.open_bus("again"), 1);
    let slot = second.subscribe("t", 100);
    let topic = first.topic("t");
    assert!(first.publish(&Message::new(topic, b"before")));
    let id = second.drain(256)[0].topic;
    second.count(slot, HANDLED);
    assert_eq!(first.endpoint.close_bus(1), Ok(()));
    assert_eq!(first.endpoint.close_bus(1), Err(EndpointError::Closed));
    assert!(first.write(&Message::new(topic, b"word given")));
    assert_eq!(first.endpoint.close_bus(0), Ok(()));
    assert_eq!(first.committed(), 0);
    assert!(first.publish(&Message::new(topic, b"too late")));
    assert_eq!(first.endpoint.faults.orphaned_records, 1);
    assert_eq!(second.handle_all()[0].payload, b"word given");
    assert_settled(&second.metrics().ledger);
    assert!(Hub::global().topic(id).is_some());
    assert_eq!(second.endpoint.close_bus(0), Ok(()));
    assert!(!Hub::global().has_bus("again") && Hub::global().topic(id).is_none());

    // Opened again it is another bus, with topics of its own. The indexes of closed topics serve again.
    let handle = first.endpoint.open_bus("again");
    let again = first.endpoint.resolve_topic(handle, "t").unwrap().unwrap();
    assert_eq!(again, topic);
    let (slot, _) = first
        .endpoint
        .subscribe(handle, "t", SubscribeOptions::limited_to(9))
        .unwrap();
    assert!(first.publish(&Message::new(again, b"after")));
    let received = first.drain(256);
    assert_eq!(
        (received[0].slots.as_slice(), received[0].payload.as_slice()),
        (&[slot][..], &b"after"[..])
    );
    assert_ne!(received[0].topic, id, "ids are never given twice");
    assert_eq!(
        first
            .endpoint
            .bus(handle)
            .unwrap()
            .metrics()
            .counts
            .published(),
        1
    );
}

/// A topic that is published to no more does not keep who was subscribed to it.
#[test]
fn routes_that_are_not_used_any_more() {
    let _alone = alone();
    let (mut publisher, mut subscriber) = (Actor::on("let go"), Actor::on("let go"));
    let slots: Vec<u32> = (0..20)
        .map(|number| {
            let name = format!("once.{number}");
            let slot = subscriber.subscribe(&name, 10);
            let topic = publisher.topic(&name);
            assert!(publisher.publish(&Message::new(topic, b"")));
            slot
        })
        .collect();
    assert_eq!(subscriber.handle_all().len(), 20);
    for slot in slots {
        subscriber.endpoint.unsubscribe(slot);
    }
    let bus = Hub::global().bus("let go").expect("it is open");
    let other = publisher.topic("other");
    let mut publishes = 0;
    while bus.subscriptions_in_memory() != 0 {
        publishes += 1;
        assert!(publishes <= 20, "a publish looks at some of them");
        assert!(publisher.publish(&Message::new(other, b"")));
    }
    assert_ne!(publishes, 0, "the publisher kept them until then");
    // And the topic is good for another one.
    subscriber.subscribe("once.3", 10);
    let topic = publisher.topic("once.3");
    assert!(publisher.publish(&Message::new(topic, b"again")));
    assert_eq!(subscriber.handle_all().len(), 1);
}
