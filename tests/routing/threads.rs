//! Real threads: subscriptions come and go while topics are made and published to.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use agentwire::bus::routing::{Routing, RoutingSize};

use super::subscriptions::{receiver, subscription};

/// Under an emulator or a sanitizer a tenth will do.
fn scaled(count: usize) -> usize {
    if std::env::var_os("AGENTWIRE_TEST_SLOW").is_some() {
        count / 10
    } else {
        count
    }
}

/// Ends the other threads, also when this one fails.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The same, only when this one fails.
struct StopIfFailing<'a>(&'a AtomicBool);

impl Drop for StopIfFailing<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Somebody always subscribes anew before he ends what he had: he is never without. With patterns of both kinds, of which
/// changes are told to each topic or to all.
#[test]
fn who_subscribes_anew_first_is_never_without() {
    for most_names in [0, usize::MAX] {
        let routing = Routing::looking_at(most_names);
        let receiver = receiver();
        let stop = AtomicBool::new(false);
        let patterns = ["a.b", "a.*", "**", "*.b", "a.b"];
        let mut held = subscription(patterns[4], &receiver);
        routing.subscribe(&held);
        thread::scope(|scope| {
            let (routing, stop) = (&routing, &stop);
            let _stopping = Stop(stop);
            for _ in 0..2 {
                scope.spawn(move || {
                    let topic = routing.topic("a.b").unwrap().unwrap();
                    let mut local = routing.local_route(&topic);
                    while !stop.load(Ordering::Relaxed) {
                        let route = routing.current_route(&topic, &mut local);
                        assert_ne!(route.targets().count(), 0, "a publisher found nobody");
                        assert_ne!(routing.count_matches("a.b"), 0, "nobody matched");
                    }
                });
            }
            for change in 0..scaled(50_000) {
                let new = subscription(patterns[change % patterns.len()], &receiver);
                routing.subscribe(&new);
                assert!(routing.unsubscribe(&std::mem::replace(&mut held, new)));
            }
        });
        assert!(routing.unsubscribe(&held));
        assert_eq!(
            routing.size(),
            RoutingSize {
                topics: 1,
                ..RoutingSize::default()
            }
        );
    }
}

/// Round by round: two threads subscribe to a topic while two others publish to it for the first time. Whoever had
/// subscribed before is in the route.
#[test]
fn a_topic_that_is_made_while_somebody_subscribes() {
    let rounds = scaled(5_000);
    for most_names in [0, usize::MAX] {
        let routing = Routing::looking_at(most_names);
        // How far each subscriber is, and how far all may go.
        let (subscribed, round) = ([(); 2].map(|()| AtomicUsize::new(0)), AtomicUsize::new(0));
        let published = AtomicUsize::new(0);
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let (routing, stop) = (&routing, &stop);
            let (subscribed, round, published) = (&subscribed, &round, &published);
            let waits = move |number: usize| {
                while round.load(Ordering::Acquire) < number {
                    if stop.load(Ordering::Relaxed) {
                        return false;
                    }
                    thread::yield_now();
                }
                true
            };
            for (which, subscribed) in subscribed.iter().enumerate() {
                scope.spawn(move || {
                    let _stopping = StopIfFailing(stop);
                    let receiver = receiver();
                    for number in 1..=rounds {
                        if !waits(number) {
                            return;
                        }
                        let pattern = match which {
                            0 => format!("t.{number}"),
                            _ => format!("*.{number}"),
                        };
                        let new = subscription(&pattern, &receiver);
                        routing.subscribe(&new);
                        subscribed.store(number, Ordering::Release);
                        // Kept until everybody has published.
                        if !waits(number + 1) {
                            return;
                        }
                        assert!(routing.unsubscribe(&new));
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(move || {
                    let _stopping = StopIfFailing(stop);
                    for number in 1..=rounds {
                        if !waits(number) {
                            return;
                        }
                        let topic = routing.topic(&format!("t.{number}")).unwrap().unwrap();
                        let mut local = routing.local_route(&topic);
                        loop {
                            let owed = subscribed
                                .iter()
                                .filter(|done| done.load(Ordering::Acquire) >= number)
                                .count();
                            let found = routing.current_route(&topic, &mut local);
                            assert!(found.targets().count() >= owed, "round {number}");
                            if owed == 2 {
                                break;
                            }
                            if stop.load(Ordering::Relaxed) {
                                return;
                            }
                        }
                        published.fetch_add(1, Ordering::Release);
                    }
                });
            }
            let _stopping = StopIfFailing(stop);
            for number in 1..=rounds + 1 {
                round.store(number, Ordering::Release);
                while number <= rounds && published.load(Ordering::Acquire) < 2 * number {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    thread::yield_now();
                }
            }
        });
        assert_eq!(
            routing.size(),
            RoutingSize {
                topics: rounds,
                ..RoutingSize::default()
            }
        );
    }
}
