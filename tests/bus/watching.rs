//! Endpoints that remember routes of their own are told when subscriptions change.

use agentwire::bus::layout::*;

use super::harness::*;

#[test]
fn a_watcher_is_told_of_each_change_until_its_last_handle_closes() {
    let _alone = alone();
    let (mut watcher, mut other) = (Actor::on("watched"), Actor::on("watched"));
    let mut elsewhere = Actor::on("unwatched");
    other.subscribe("a", 10);
    assert_eq!(watcher.bell.attention(), 0, "it does not watch yet");

    let second = watcher.endpoint.open_bus("watched");
    for handle in [0, second] {
        watcher.endpoint.watch(handle).unwrap();
    }
    elsewhere.subscribe("a", 10);
    assert_eq!(watcher.bell.attention(), 0, "another bus");
    for pattern in ["a", "b.*", "**"] {
        let slot = other.subscribe(pattern, 10);
        assert_eq!(watcher.bell.attention(), ROUTES, "subscribed {pattern}");
        other.endpoint.unsubscribe(slot);
        assert_eq!(watcher.bell.attention(), ROUTES, "ended {pattern}");
    }
    assert_eq!(other.bell.attention(), 0, "it never watched");
    assert_eq!(watcher.bell.rings(), 0, "nobody is woken for it");

    watcher.endpoint.close_bus(second).unwrap();
    other.subscribe("a", 10);
    assert_eq!(watcher.bell.attention(), ROUTES, "one handle is open still");
    watcher.endpoint.close_bus(0).unwrap();
    watcher.bell.attention();
    other.subscribe("a", 10);
    assert_eq!(watcher.bell.attention(), 0);
    assert!(watcher.endpoint.watch(0).is_err());
}

#[test]
fn a_thread_that_ends_watches_no_more() {
    let _alone = alone();
    let (mut watcher, mut other) = (Actor::on("watched end"), Actor::on("watched end"));
    watcher.endpoint.watch(0).unwrap();
    watcher.endpoint.close();
    watcher.bell.attention();
    other.subscribe("a", 10);
    assert_eq!(watcher.bell.attention(), 0);
}

#[test]
fn ids_of_matching_subscriptions_come_in_order() {
    let _alone = alone();
    let mut actor = Actor::on("ids");
    let ids: Vec<u64> = ["**", "a.*", "a.b", "b", "a.b"]
        .iter()
        .map(|pattern| {
            let slot = actor.subscribe(pattern, 10);
            actor.endpoint.subscription(slot).unwrap().id
        })
        .collect();
    let bus = actor.endpoint.bus(0).unwrap();
    assert_eq!(bus.matching_ids("a.b"), [ids[0], ids[1], ids[2], ids[4]]);
    assert_eq!(bus.matching_ids("b"), [ids[0], ids[3]]);
}
