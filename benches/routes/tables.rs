//! What a subscription costs in the tables: time to come and to go, and memory.

use std::time::{Duration, Instant};

use agentwire::bus::hub::Hub;
use agentwire::bus::routing::RoutingSize;
use serde_json::{Value, json};

use super::allocation::measure;
use super::population::{Random, mixed};
use super::subscriptions::{receiver, subscription};

/// Topics that are there while subscriptions come and go.
const TOPICS: usize = 100_000;

/// So many subscriptions, half of them exact and half with wildcards, each different, that come in order and go in none.
pub fn of(count: usize) -> Value {
    let bus = Hub::global().open_bus("tables");
    let (_, topics) = measure(|| {
        (0..TOPICS).for_each(|robot| _ = bus.topic(&super::population::exact(robot)));
    });
    let receiver = receiver();
    let (mut all, objects) = measure(|| {
        let patterns = (0..count).map(mixed);
        let subscriptions = patterns.map(|pattern| subscription(&pattern, &receiver));
        subscriptions.collect::<Vec<_>>()
    });
    let routing = bus.routing();
    let (coming, tables) = measure(|| timed(&all, |subscription| routing.subscribe(subscription)));
    let size = routing.size();
    let mut random = Random(2);
    (1..count).for_each(|last| all.swap(last, random.below(last + 1)));
    let (going, left) = measure(|| {
        timed(&all, |subscription| {
            assert!(routing.unsubscribe(subscription))
        })
    });
    assert_eq!(
        routing.size(),
        RoutingSize {
            topics: TOPICS,
            ..RoutingSize::default()
        }
    );
    Hub::global().close_bus(&bus);
    let each = |bytes: isize| bytes as f64 / count as f64;
    json!({
        "subscriptions": count,
        "subscribe": coming,
        "unsubscribe": going,
        "tableBytesEach": each(tables.kept),
        "bytesLeftEach": each(tables.kept + left.kept),
        "objectBytesEach": each(objects.kept),
        "topicBytesEach": topics.kept as f64 / TOPICS as f64,
        "patterns": size.patterns,
        "nodes": size.nodes,
    })
}

fn timed<T>(all: &[T], mut each: impl FnMut(&T)) -> Value {
    let start = Instant::now();
    let mut before = start;
    let mut longest = Duration::ZERO;
    for item in all {
        each(item);
        let now = Instant::now();
        longest = longest.max(now - before);
        before = now;
    }
    json!({
        "nsEach": start.elapsed().as_nanos() as f64 / all.len() as f64,
        "longestUs": longest.as_nanos() as f64 / 1e3,
    })
}
