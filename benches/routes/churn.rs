//! Threads publish, while others subscribe and unsubscribe as fast as they can.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use agentwire::bus::hub::Hub;
use agentwire::bus::subscription::SubscribeOptions;
use serde_json::{Value, json};

use super::population::{BROAD, Random, Wildcards, exact, mixed};
use super::publisher::Publisher;
use super::subscriptions::{receiver, subscription};

const BUS: &str = "churn";
/// Topics of each publisher.
const TOPICS: usize = 1000;

/// What the others do meanwhile.
#[derive(Clone, Copy)]
enum Churn {
    None,
    /// Patterns of robots of all plants, a few of which the publishers publish to: each change is told to those.
    Told,
    /// The same, but every eighth pattern begins with `**`: there are too many topics to look through, so all are told.
    SomeToAll,
    /// Patterns that every topic matches: each change changes every route.
    Broad,
}

/// Among `count` subscriptions, with `threads` publishers and as many threads that subscribe and unsubscribe.
pub fn among(count: usize, threads: usize, time: Duration) -> Value {
    let bus = Hub::global().open_bus(BUS);
    let nobody = receiver();
    let all: Vec<_> = (0..count)
        .map(|robot| subscription(&mixed(robot, Wildcards::Any), &nobody))
        .collect();
    all.iter()
        .for_each(|subscription| bus.subscribe(subscription).expect("a good pattern"));
    let run = |delivered, churn| one(count, threads, delivered, churn, time);
    let result = json!({
        "subscriptions": count,
        "publishers": threads,
        "changers": threads,
        "routedOnly": all_of(&|churn| run(false, churn)),
        "delivered": all_of(&|churn| run(true, churn)),
    });
    for subscription in &all {
        bus.unsubscribe(subscription);
        bus.retire(subscription);
    }
    Hub::global().close_bus(&bus);
    result
}

fn all_of(run: &dyn Fn(Churn) -> Value) -> Value {
    json!({
        "alone": run(Churn::None),
        "told": run(Churn::Told),
        "someToAll": run(Churn::SomeToAll),
        "broad": run(Churn::Broad),
    })
}

/// Publishes and changes a second, of all threads.
fn one(count: usize, threads: usize, delivered: bool, churn: Churn, time: Duration) -> Value {
    let (stop, published, changed) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let longest = AtomicU64::new(0);
    let (publishes, changes) = thread::scope(|scope| {
        for thread in 0..threads {
            let (stop, published, longest) = (&stop, &published, &longest);
            scope.spawn(move || {
                // Robots that nobody else listens to.
                let first = count + thread * TOPICS;
                let names: Vec<_> = (first..first + TOPICS).map(exact).collect();
                let mut publisher = Publisher::new(BUS, &names);
                if delivered {
                    for name in &names {
                        let subscribed = publisher.endpoint.subscribe(
                            0,
                            name,
                            SubscribeOptions::limited_to(1 << 20),
                        );
                        subscribed.expect("a good pattern, and a place for it");
                    }
                }
                while !stop.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    published.fetch_add(publisher.publish(), Ordering::Relaxed);
                    let took = start.elapsed().as_nanos() as u64;
                    longest.fetch_max(took, Ordering::Relaxed);
                    publisher.receive();
                }
            });
        }
        for thread in 0..threads {
            let (stop, changed) = (&stop, &changed);
            scope.spawn(move || {
                let bus = Hub::global().open_bus(BUS);
                let receiver = receiver();
                let mut random = Random(thread as u64);
                let numbers = 2 * (count + threads * TOPICS);
                while !stop.load(Ordering::Relaxed) {
                    let pattern = match churn {
                        Churn::None => {
                            thread::sleep(Duration::from_millis(1));
                            continue;
                        }
                        Churn::Told => mixed(random.below(numbers), Wildcards::Single),
                        Churn::SomeToAll => mixed(random.below(numbers), Wildcards::Any),
                        Churn::Broad => BROAD[random.below(BROAD.len())].to_owned(),
                    };
                    let subscription = subscription(&pattern, &receiver);
                    bus.subscribe(&subscription).expect("a good pattern");
                    bus.unsubscribe(&subscription);
                    bus.retire(&subscription);
                    changed.fetch_add(2, Ordering::Relaxed);
                }
                Hub::global().close_bus(&bus);
            });
        }
        thread::sleep(time / 4);
        // What was before is warm-up.
        let counts = [&published, &changed].map(|count| count.load(Ordering::Relaxed));
        let start = Instant::now();
        thread::sleep(time);
        let elapsed = start.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        let a_second = |before: u64, count: &AtomicU64| {
            ((count.load(Ordering::Relaxed) - before) as f64 / elapsed).round()
        };
        (
            a_second(counts[0], &published),
            a_second(counts[1], &changed),
        )
    });
    json!({
        "publishesPerSecond": publishes,
        "changesPerSecond": changes,
        "longestSubmitUs": longest.into_inner() as f64 / 1e3,
    })
}
