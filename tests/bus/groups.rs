//! Groups: whom a message goes to, who is passed over, and what is refused.

use std::collections::HashMap;

use agentwire::bus::group::{Balancing, Delivery, GroupSettings};
use agentwire::bus::layout::*;
use agentwire::bus::subscription::{Overflow, SubscribeOptions};
use proptest::prelude::*;

use super::harness::*;

fn settings(balancing: Balancing, delivery: Delivery) -> GroupSettings {
    GroupSettings {
        balancing,
        delivery,
    }
}

fn make(actor: &mut Actor, name: &str, balancing: Balancing) {
    let made = actor
        .endpoint
        .create_group(0, name, settings(balancing, Delivery::OneOf));
    made.unwrap().unwrap();
}

fn member(actor: &mut Actor, pattern: &str, group: &str, limit: u64) -> u32 {
    let options = SubscribeOptions {
        group: Some(group.into()),
        ..SubscribeOptions::limited_to(limit)
    };
    actor.subscribe_with(pattern, options)
}

fn numbers(received: &[Received]) -> Vec<u8> {
    received.iter().map(|message| message.payload[0]).collect()
}

#[test]
fn each_in_turn() {
    let _alone = alone();
    let mut publisher = Actor::on("turns");
    let mut members: Vec<Actor> = (0..3).map(|_| Actor::on("turns")).collect();
    let slots: Vec<u32> = members
        .iter_mut()
        .map(|actor| member(actor, "t", "workers", 100))
        .collect();
    let mut plain = Actor::on("turns");
    plain.subscribe("t", 100);
    let topic = publisher.topic("t");
    for number in 0..9 {
        assert!(publisher.publish(&Message::new(topic, &[number])));
    }
    for (place, actor) in members.iter_mut().enumerate() {
        let got = actor.handle_all();
        let first = place as u8;
        assert_eq!(numbers(&got), [first, first + 3, first + 6]);
        assert!(got.iter().all(|message| message.slots == [slots[place]]));
    }
    assert_eq!(plain.handle_all().len(), 9);
    // The second ends: the others go on in turn.
    members[1].endpoint.unsubscribe(slots[1]);
    for number in 0..4 {
        assert!(publisher.publish(&Message::new(topic, &[number])));
    }
    assert_eq!(members[0].handle_all().len(), 2);
    assert_eq!(members[1].handle_all().len(), 0);
    assert_eq!(members[2].handle_all().len(), 2);
    plain.handle_all();
    let metrics = publisher.endpoint.bus(0).unwrap().group_metrics("workers");
    let metrics = metrics.expect("it has members");
    assert_eq!((metrics.members, metrics.assigned), (2, 13));
    assert_eq!(metrics.ledger.admitted, 13);
    assert_settled(&metrics.ledger);
    assert_settled(&publisher.metrics().ledger);
}

#[test]
fn the_least_busy_gets_it() {
    let _alone = alone();
    let mut publisher = Actor::on("least");
    make(&mut publisher, "g", Balancing::LeastBusy);
    let (mut slow, mut fast) = (Actor::on("least"), Actor::on("least"));
    member(&mut slow, "t", "g", 100);
    member(&mut fast, "t", "g", 100);
    let topic = publisher.topic("t");
    let mut handled = 0;
    for _ in 0..20 {
        assert!(publisher.publish(&Message::new(topic, &[0])));
        handled += fast.handle_all().len();
        fast.endpoint.fold_outcomes();
    }
    // One waits with the slow one, and the fast one is never busier.
    assert_eq!(handled, 19);
    assert_eq!(slow.handle_all().len(), 1);
}

#[test]
fn at_random_all_get_some() {
    let _alone = alone();
    let mut publisher = Actor::on("random");
    make(&mut publisher, "g", Balancing::Random);
    let mut members: Vec<Actor> = (0..4).map(|_| Actor::on("random")).collect();
    for actor in &mut members {
        member(actor, "t", "g", 10_000);
    }
    let topic = publisher.topic("t");
    for _ in 0..1000 {
        assert!(publisher.publish(&Message::new(topic, &[0])));
    }
    let got: Vec<usize> = members
        .iter_mut()
        .map(|actor| actor.handle_all().len())
        .collect();
    assert_eq!(got.iter().sum::<usize>(), 1000);
    assert!(got.iter().all(|&count| count > 150), "{got:?}");
}

/// A member that has as many as it may is passed over; when all have, a message waits with one of them; when all are full,
/// nobody gets it.
#[test]
fn who_is_stalled_is_passed_over() {
    let _alone = alone();
    let mut publisher = Actor::on("stalled");
    let (mut one, mut two) = (Actor::on("stalled"), Actor::on("stalled"));
    for (actor, limit) in [(&mut one, 2), (&mut two, 3)] {
        let options = SubscribeOptions {
            group: Some("g".into()),
            max_in_flight: Some(1),
            ..SubscribeOptions::limited_to(limit)
        };
        actor.subscribe_with("t", options);
    }
    let topic = publisher.topic("t");
    let publish = |publisher: &mut Actor| publisher.publish(&Message::new(topic, &[0]));
    assert!(publish(&mut publisher) && publish(&mut publisher));
    let (held, other) = (one.drain(256), two.drain(256));
    assert_eq!((held.len(), other.len()), (1, 1), "one each");
    two.settle(&other[0], HANDLED);
    two.endpoint.fold_outcomes();
    // The first is stalled.
    assert!(publish(&mut publisher));
    assert_eq!((one.drain(256).len(), two.drain(256).len()), (0, 1));
    // Both are: they wait, as far as there is room.
    for _ in 0..3 {
        assert!(publish(&mut publisher));
    }
    assert!(!publish(&mut publisher));
    assert!(!publisher.endpoint.is_writable(topic).unwrap());
    let metrics = publisher.endpoint.bus(0).unwrap().group_metrics("g");
    assert_eq!(metrics.expect("members").refused, 1);
    one.settle(&held[0], HANDLED);
    assert_eq!(one.drain(256).len(), 1);
    // One has drained to half, which is enough.
    assert_eq!(publisher.bell.attention() & WRITABLE, WRITABLE);
    assert!(publish(&mut publisher));
}

/// One that drops what is too much is asked last, and never refuses.
#[test]
fn who_drops_comes_last() {
    let _alone = alone();
    let mut publisher = Actor::on("drops");
    let (mut strict, mut loose) = (Actor::on("drops"), Actor::on("drops"));
    member(&mut strict, "t", "g", 1);
    let options = SubscribeOptions {
        group: Some("g".into()),
        overflow: Overflow::DropNewest,
        ..SubscribeOptions::limited_to(1)
    };
    loose.subscribe_with("t", options);
    let topic = publisher.topic("t");
    for _ in 0..5 {
        assert!(publisher.publish(&Message::new(topic, &[0])));
    }
    assert_eq!(
        (strict.handle_all().len(), loose.handle_all().len()),
        (1, 1)
    );
    assert_eq!(publisher.metrics().counts.refused, 0);
    assert_settled(&publisher.metrics().ledger);
}

#[test]
fn all_members_of_a_group_that_says_so() {
    let _alone = alone();
    let mut publisher = Actor::on("all");
    let mut members = [Actor::on("all"), Actor::on("all")];
    for actor in &mut members {
        member(actor, "t", "g", 10);
    }
    let topic = publisher.topic("t");
    assert!(publisher.publish(&Message::new(topic, &[1])));
    // Made after its members came, and after a route was: that changes.
    let all = settings(Balancing::RoundRobin, Delivery::All);
    publisher
        .endpoint
        .create_group(0, "g", all)
        .unwrap()
        .unwrap();
    assert!(publisher.publish(&Message::new(topic, &[2])));
    let got = members.each_mut().map(|actor| numbers(&actor.handle_all()));
    assert_eq!(got, [vec![1, 2], vec![2]]);
    let other = settings(Balancing::Random, Delivery::All);
    let refused = members[0].endpoint.create_group(0, "g", other).unwrap();
    assert_eq!(refused, Err(all));
    // Gone with its members and its makers.
    drop(members);
    let bus = publisher.endpoint.bus(0).unwrap();
    assert_eq!(bus.group_names(), ["g"]);
    let mut second = Actor::on("all");
    publisher.endpoint.close_bus(0).unwrap();
    assert_eq!(second.endpoint.bus(0).unwrap().group_names().len(), 0);
    assert_eq!(second.endpoint.create_group(0, "g", other), Ok(Ok(())));
}

/// The publisher ends: what it wrote goes to somebody, whether there is room or not.
#[test]
fn what_was_written_goes_somewhere() {
    let _alone = alone();
    let (mut publisher, mut only) = (Actor::on("forced"), Actor::on("forced"));
    let slot = member(&mut only, "t", "g", 1);
    let topic = publisher.topic("t");
    for number in 0..3 {
        assert!(publisher.write(&Message::new(topic, &[number])));
    }
    publisher.endpoint.close();
    assert_eq!(numbers(&only.handle_all()), [0, 1, 2]);
    assert_settled(&only.ledger(slot));
}

proptest! {
    /// Several groups, plain subscriptions and filters by pattern: each message once to each group that matches, and to every
    /// plain subscription; the members of a group take turns over what they match.
    #[test]
    fn one_of_each_group(
        members in prop::collection::vec((0..3usize, 0..3usize, 0..3usize), 1..10),
        messages in prop::collection::vec(0..3usize, 1..40),
    ) {
        let _alone = alone();
        let patterns = ["a.x", "a.*", "**"];
        let topics = ["a.x", "a.y", "b"];
        let matches = |pattern: usize, topic: usize| pattern == 2 || topic == 0 || (pattern == 1 && topic == 1);
        let mut publisher = Actor::on("each");
        let mut actors: Vec<Actor> = (0..3).map(|_| Actor::on("each")).collect();
        // Group 0 is none.
        let mut of_slot = HashMap::new();
        for &(thread, group, pattern) in &members {
            let actor = &mut actors[thread];
            let slot = match group {
                0 => actor.subscribe(patterns[pattern], 1000),
                _ => member(actor, patterns[pattern], ["", "g1", "g2"][group], 1000),
            };
            of_slot.insert((thread, slot), (group, pattern));
        }
        let indices: Vec<u32> = topics.iter().map(|topic| publisher.topic(topic)).collect();
        for (number, &topic) in messages.iter().enumerate() {
            let taken = publisher.publish(&Message::new(indices[topic], &[number as u8]));
            prop_assert!(taken);
        }
        let mut got: HashMap<(usize, usize), usize> = HashMap::new();
        for (thread, actor) in actors.iter_mut().enumerate() {
            for message in actor.handle_all() {
                for slot in &message.slots {
                    let (group, pattern) = of_slot[&(thread, *slot)];
                    let number = message.payload[0] as usize;
                    prop_assert!(matches(pattern, messages[number]));
                    *got.entry((number, group)).or_default() += 1;
                }
            }
        }
        for (number, &topic) in messages.iter().enumerate() {
            for group in 0..3 {
                let matching = members.iter().filter(|(_, of, pattern)| *of == group && matches(*pattern, topic)).count();
                let expected = if group == 0 { matching } else { matching.min(1) };
                prop_assert_eq!(got.get(&(number, group)).copied().unwrap_or(0), expected);
            }
        }
        assert_settled(&publisher.metrics().ledger);
    }
}
