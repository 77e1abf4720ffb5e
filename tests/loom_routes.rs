//! Cached routes against subscriptions that come and go, explored by loom. Only for
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --no-default-features --test loom_routes
//! ```
//!
//! What is modelled is `src/bus/versions.rs`, which says when a route is stale and in which order a change is made and made
//! known. The tables are a list here, the index of topics another one, and a route the subscriptions that were in the list.
#![cfg(loom)]

#[path = "exploration/mod.rs"]
mod exploration;

use std::sync::Arc;

use agentwire::bus::versions::{Changes, LocalRoute, RouteSlot};
use agentwire::sync::{AtomicBool, Ordering, RwLock};
use exploration::model;
use loom::thread;

/// A subscription: counted, so that one that is kept after its end is noticed.
type Subscription = Arc<u32>;
type Route = Vec<Subscription>;
type Topic = Arc<RouteSlot<Route>>;

/// How many topics a change concerns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Each is told.
    Narrow,
    /// Too many: nobody is told, and all must notice.
    Wide,
}

/// What has returned, for who comes after it.
#[derive(Default)]
struct Done(AtomicBool);

impl Done {
    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

struct Bus {
    table: RwLock<Route>,
    changes: Changes<Vec<Topic>>,
    subscribed: Done,
    /// Somebody is about to unsubscribe.
    ending: Done,
    unsubscribed: Done,
}

impl Bus {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            table: RwLock::new(Vec::new()),
            changes: Changes::default(),
            subscribed: Done::default(),
            ending: Done::default(),
            unsubscribed: Done::default(),
        })
    }

    fn change(&self, reach: Reach, edit: impl FnOnce(&mut Route)) {
        self.changes.announce(
            || edit(&mut self.table.write()),
            |topics| {
                if reach == Reach::Narrow {
                    topics.iter().for_each(|topic| topic.outdate());
                }
                reach == Reach::Narrow
            },
        );
    }

    fn subscribe(&self, reach: Reach, subscription: &Subscription) {
        self.change(reach, |table| table.push(Arc::clone(subscription)));
        self.subscribed.set();
    }

    fn unsubscribe(&self, reach: Reach, subscription: &Subscription) {
        self.ending.set();
        self.change(reach, |table| {
            table.retain(|filed| !Arc::ptr_eq(filed, subscription));
        });
        self.unsubscribed.set();
    }

    /// The one topic, made at first sight.
    fn topic(&self) -> Topic {
        if let Some(topic) = self.changes.topics().first() {
            return Arc::clone(topic);
        }
        let mut topics = self.changes.topics_mut();
        if topics.is_empty() {
            topics.push(Topic::default());
        }
        Arc::clone(&topics[0])
    }
}

/// A thread that publishes to the topic.
struct Publisher {
    bus: Arc<Bus>,
    topic: Topic,
    route: LocalRoute<Route>,
}

impl Publisher {
    fn new(bus: &Arc<Bus>) -> Self {
        Self {
            bus: Arc::clone(bus),
            topic: bus.topic(),
            route: LocalRoute::none(&Arc::default()),
        }
    }

    /// Publishes: whoever subscribed before gets the message, and nobody who unsubscribed before.
    fn publish(&mut self) {
        let owed = self.bus.subscribed.is_set();
        let ended = self.bus.unsubscribed.is_set();
        let Self { bus, topic, route } = self;
        let remake = |old: &Route| {
            let table = bus.table.read();
            let is_same =
                table.len() == old.len() && table.iter().zip(old).all(|(a, b)| Arc::ptr_eq(a, b));
            (!is_same).then(|| table.clone())
        };
        let found = !route.current(&bus.changes, topic, remake).is_empty();
        // Looked at afterwards: whoever is not found because he is just leaving has said so before.
        let ending = bus.ending.is_set();
        assert!(found || !owed || ending, "it misses who subscribed before");
        assert!(!found || !ended, "it has who unsubscribed before");
    }

    fn let_go(&mut self) {
        let Self { bus, topic, route } = self;
        route.let_go_if_stale(&bus.changes, topic, &Arc::default());
    }
}

/// Somebody subscribes while the topic is made and published to.
#[test]
fn a_subscription_against_the_first_publish() {
    for reach in [Reach::Narrow, Reach::Wide] {
        model(move || {
            let bus = Bus::new();
            let subscriber = {
                let bus = Arc::clone(&bus);
                thread::spawn(move || bus.subscribe(reach, &Arc::new(1)))
            };
            let mut publisher = Publisher::new(&bus);
            publisher.publish();
            publisher.publish();
            subscriber.join().expect("no panic");
            publisher.publish();
        });
    }
}

/// Two publishers share what one of them finds, while somebody subscribes.
#[test]
fn a_subscription_against_publishers_that_share_a_route() {
    for reach in [Reach::Narrow, Reach::Wide] {
        model(move || {
            let bus = Bus::new();
            let subscriber = {
                let bus = Arc::clone(&bus);
                thread::spawn(move || bus.subscribe(reach, &Arc::new(1)))
            };
            let other = {
                let bus = Arc::clone(&bus);
                thread::spawn(move || {
                    let mut publisher = Publisher::new(&bus);
                    publisher.publish();
                    publisher.publish();
                })
            };
            let mut publisher = Publisher::new(&bus);
            publisher.publish();
            publisher.publish();
            subscriber.join().expect("no panic");
            publisher.publish();
            other.join().expect("no panic");
        });
    }
}

/// Somebody subscribes and unsubscribes while others publish. A publisher that publishes once more has let go of what has
/// ended, and one that does not can be made to; nothing else keeps it.
#[test]
fn what_has_ended_is_let_go() {
    for reach in [Reach::Narrow, Reach::Wide] {
        model(move || {
            let bus = Bus::new();
            let subscription = Subscription::new(1);
            let (mut active, mut idle) = (Publisher::new(&bus), Publisher::new(&bus));
            idle.publish();
            let subscriber = {
                let (bus, subscription) = (Arc::clone(&bus), Arc::clone(&subscription));
                thread::spawn(move || {
                    bus.subscribe(reach, &subscription);
                    bus.unsubscribe(reach, &subscription);
                })
            };
            active.publish();
            idle.publish();
            active.publish();
            subscriber.join().expect("no panic");
            idle.let_go();
            if reach == Reach::Narrow {
                active.publish();
            } else {
                active.let_go();
            }
            assert_eq!(Arc::strong_count(&subscription), 1, "somebody keeps it");
            active.publish();
            idle.publish();
        });
    }
}

/// Two threads change the subscriptions, one in a way that the topic is told of and one in a way that all are: the two
/// numbers of a version are not read at one instant.
#[test]
fn narrow_and_wide_changes_at_once() {
    model(|| {
        let bus = Bus::new();
        let mut publisher = Publisher::new(&bus);
        publisher.publish();
        let changes: Vec<_> = [(Reach::Narrow, 1), (Reach::Wide, 2)]
            .into_iter()
            .map(|(reach, id)| {
                let bus = Arc::clone(&bus);
                thread::spawn(move || {
                    let edit = |table: &mut Route| table.push(Arc::new(id));
                    bus.change(reach, edit);
                })
            })
            .collect();
        publisher.publish();
        publisher.publish();
        changes
            .into_iter()
            .for_each(|change| change.join().expect("no panic"));
        publisher.publish();
        assert_eq!(publisher.route.len(), 2);
    });
}
