//! How long a topic takes to route: one that was published to before, and one that is new.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use agentwire::bus::hub::Hub;
use agentwire::bus::receiver::Receiver;
use serde_json::{Value, json};

use super::population::{BROAD, Random, Wildcards};
use super::subscriptions::{receiver, subscription};

/// Topics that are looked up by turns.
const TOPICS: usize = 10_000;

/// Among `count` subscriptions with wildcards, first those that match one robot each, then four more that match all.
pub fn among(count: usize, wildcards: Wildcards, rounds: usize) -> Value {
    let bus = Hub::global().open_bus("matching");
    let receiver = receiver();
    let mut random = Random(1);
    let topics: Vec<String> = (0..TOPICS.min(count))
        .map(|_| wildcards.topic(random.below(count)))
        .collect();
    let subscribe = |pattern: &str, receiver: &Arc<Receiver>| {
        let subscription = subscription(pattern, receiver);
        bus.subscribe(&subscription).expect("a good pattern");
        subscription
    };
    let mut all: Vec<_> = (0..count)
        .map(|robot| subscribe(&wildcards.pattern(robot), &receiver))
        .collect();
    let one = look_up(&bus, &topics, 1, rounds);
    all.extend(BROAD.map(|pattern| subscribe(pattern, &receiver)));
    let five = look_up(&bus, &topics, 5, rounds);
    for subscription in &all {
        bus.unsubscribe(subscription);
        bus.retire(subscription);
    }
    Hub::global().close_bus(&bus);
    json!({ "subscriptions": count, "topics": topics.len(), "oneMatches": one, "fiveMatch": five })
}

/// Median ns for each topic.
fn look_up(
    bus: &agentwire::bus::named_bus::Bus,
    topics: &[String],
    expected: usize,
    rounds: usize,
) -> Value {
    let routing = bus.routing();
    let mut known: Vec<_> = topics
        .iter()
        .map(|name| {
            let topic = bus.topic(name).expect("a good name").expect("an id");
            let route = routing.local_route(&topic);
            (topic, route)
        })
        .collect();
    let total = expected * topics.len();
    let cached = median(rounds, topics.len(), || {
        let routes = known
            .iter_mut()
            .map(|(topic, route)| routing.current_route(topic, route).legs.len());
        assert_eq!(routes.sum::<usize>(), topics.len());
    });
    let (topic, route) = &mut known[0];
    let hot = median(rounds, topics.len(), || {
        (0..topics.len()).for_each(|_| _ = black_box(routing.current_route(topic, route)));
    });
    let found = median(rounds, topics.len(), || {
        let counts = topics.iter().map(|topic| bus.count_matches(topic));
        assert_eq!(counts.sum::<usize>(), total);
    });
    let made = median(rounds, topics.len(), || {
        let routes = topics.iter().map(|topic| bus.match_route(topic));
        let found = routes.map(|route| route.targets().count());
        assert_eq!(found.sum::<usize>(), total);
    });
    // Somebody comes and goes whom they all match: each is looked up, and none has changed.
    let receiver = receiver();
    let stale = median(rounds, topics.len(), || {
        let all = subscription("**", &receiver);
        bus.subscribe(&all).expect("a good pattern");
        bus.unsubscribe(&all);
        bus.retire(&all);
        let routes = known.iter_mut();
        routes.for_each(|(topic, route)| _ = black_box(routing.current_route(topic, route)));
    });
    json!({
        "cachedNs": cached,
        "cachedHotNs": hot,
        "staleNs": stale,
        "findNs": found,
        "newNs": made,
    })
}

/// Median of several rounds, ns for each of `count`. The first two rounds are warm-up.
pub fn median(rounds: usize, count: usize, mut round: impl FnMut()) -> f64 {
    let mut seen: Vec<f64> = (0..rounds + 2)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed().as_nanos() as f64 / count as f64
        })
        .skip(2)
        .collect();
    seen.sort_by(f64::total_cmp);
    (seen[seen.len() / 2] * 10.0).round() / 10.0
}
