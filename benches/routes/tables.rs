//! What a subscription costs in the tables: time to come and to go, and memory.

use std::sync::Arc;
use std::time::{Duration, Instant};

use agentwire::bus::hub::Hub;
use agentwire::bus::routing::RoutingSize;
use agentwire::bus::subscription::Subscription;
use serde_json::{Value, json};

use super::allocation::measure;
use super::population::{Random, Wildcards, mixed};
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
        let patterns = (0..count).map(|number| mixed(number, Wildcards::Any));
        let subscriptions = patterns.map(|pattern| subscription(&pattern, &receiver));
        subscriptions.collect::<Vec<_>>()
    });
    let routing = bus.routing();
    let subscribe = |subscription: &Arc<Subscription>| routing.subscribe(subscription);
    let unsubscribe = |subscription: &Arc<Subscription>| assert!(routing.unsubscribe(subscription));
    let (coming, tables) = measure(|| ns_each(&all, subscribe));
    let size = routing.size();
    let mut random = Random(2);
    (1..count).for_each(|last| all.swap(last, random.below(last + 1)));
    let (going, left) = measure(|| ns_each(&all, unsubscribe));
    assert_eq!(
        routing.size(),
        RoutingSize {
            topics: TOPICS,
            ..RoutingSize::default()
        }
    );
    let longest_coming = longest_us(&all, subscribe);
    let longest_going = longest_us(&all, unsubscribe);
    Hub::global().close_bus(&bus);
    let each = |bytes: isize| bytes as f64 / count as f64;
    json!({
        "subscriptions": count,
        "subscribeNs": coming,
        "unsubscribeNs": going,
        "longestSubscribeUs": longest_coming,
        "longestUnsubscribeUs": longest_going,
        "tableBytesEach": each(tables.kept),
        "bytesLeftEach": each(tables.kept + left.kept),
        "objectBytesEach": each(objects.kept),
        "topicBytesEach": topics.kept as f64 / TOPICS as f64,
        "patterns": size.patterns,
        "nodes": size.nodes,
    })
}

fn ns_each<T>(all: &[T], each: impl FnMut(&T)) -> f64 {
    let start = Instant::now();
    all.iter().for_each(each);
    (start.elapsed().as_nanos() as f64 / all.len() as f64).round()
}

/// The longest single one. In time of this thread's own, where the system tells: others may take the core away.
fn longest_us<T>(all: &[T], mut each: impl FnMut(&T)) -> f64 {
    let durations = all.iter().map(|item| {
        let before = own_time();
        each(item);
        own_time() - before
    });
    durations.max().unwrap_or_default().as_nanos() as f64 / 1e3
}

#[cfg(unix)]
fn own_time() -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the place for the result is this function's own.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

#[cfg(not(unix))]
fn own_time() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}
