//! The tables as a whole against the plain model: whatever comes and goes, a publisher's cached route is what a look at the
//! subscriptions one by one finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use agentwire::bus::route::Route;
use agentwire::bus::routing::{Routing, RoutingSize};
use agentwire::bus::subscription::Subscription;
use agentwire::bus::topic::Topic;
use agentwire::bus::versions::LocalRoute;
use proptest::prelude::*;
use proptest::sample::Index;

use super::model::{matches, path, pattern};
use super::subscriptions::{receiver, subscription};

#[derive(Debug, Clone)]
enum Step {
    Subscribe {
        pattern: String,
        receiver: Index,
    },
    Unsubscribe(Index),
    /// A publisher publishes to a topic, perhaps for the first time.
    Publish {
        publisher: Index,
        topic: String,
    },
    /// All publish to all of their topics.
    PublishAll,
    LetGo {
        publisher: Index,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (pattern(), any::<Index>())
            .prop_map(|(pattern, receiver)| Step::Subscribe { pattern, receiver }),
        2 => any::<Index>().prop_map(Step::Unsubscribe),
        4 => (any::<Index>(), path("[ab]"))
            .prop_map(|(publisher, topic)| Step::Publish { publisher, topic }),
        1 => Just(Step::PublishAll),
        1 => any::<Index>().prop_map(|publisher| Step::LetGo { publisher }),
    ]
}

/// The routes that a publisher keeps, by topic.
type Publisher = BTreeMap<String, (Arc<Topic>, LocalRoute<Route>)>;

fn ids<'a>(targets: impl Iterator<Item = &'a Arc<Subscription>>) -> Vec<u64> {
    let mut ids: Vec<u64> = targets.map(|target| target.id).collect();
    ids.sort_unstable();
    ids
}

struct Tables {
    routing: Routing,
    all: Vec<Arc<Subscription>>,
    publishers: [Publisher; 3],
}

impl Tables {
    fn expected(&self, topic: &str) -> Vec<u64> {
        let matching = self.all.iter();
        ids(matching.filter(|subscription| matches(&subscription.pattern, topic)))
    }

    fn publish(&mut self, publisher: usize, name: &str) -> Result<(), TestCaseError> {
        let expected = self.expected(name);
        let routing = &self.routing;
        let known = &mut self.publishers[publisher];
        let (topic, local) = known.entry(name.to_owned()).or_insert_with(|| {
            let topic = routing.topic(name).expect("a good name");
            let topic = topic.expect("an id");
            let local = routing.local_route(&topic);
            (topic, local)
        });
        let route = routing.current_route(topic, local);
        prop_assert_eq!(
            ids(route.targets()),
            expected.clone(),
            "the route of {}",
            name
        );
        let fresh = routing.match_route(name);
        prop_assert_eq!(ids(fresh.targets()), expected.clone());
        prop_assert_eq!(routing.matching_ids(name), expected.clone());
        prop_assert_eq!(routing.count_matches(name), expected.len());
        for leg in &route.legs {
            let of_one = leg.targets.iter();
            prop_assert!(
                of_one
                    .clone()
                    .all(|target| target.receiver.id == leg.receiver.id)
            );
            prop_assert!(of_one.is_sorted_by_key(|target| target.id), "in order");
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn cached_routes_are_what_the_plain_model_finds(
        steps in prop::collection::vec(step(), 1..80),
        most_names in prop_oneof![0..8_usize, Just(usize::MAX)],
    ) {
        let receivers = [receiver(), receiver()];
        let mut tables = Tables {
            routing: Routing::looking_at(most_names),
            all: Vec::new(),
            publishers: Default::default(),
        };
        for step in steps {
            match step {
                Step::Subscribe { pattern, receiver } => {
                    let new = subscription(&pattern, receiver.get(&receivers));
                    tables.routing.subscribe(&new);
                    tables.all.push(new);
                }
                Step::Unsubscribe(_) if tables.all.is_empty() => (),
                Step::Unsubscribe(which) => {
                    let ended = tables.all.swap_remove(which.index(tables.all.len()));
                    prop_assert!(tables.routing.unsubscribe(&ended));
                    prop_assert!(!tables.routing.unsubscribe(&ended));
                }
                Step::Publish { publisher, topic } => tables.publish(publisher.index(3), &topic)?,
                Step::PublishAll => {
                    for publisher in 0..3 {
                        let names: Vec<_> = tables.publishers[publisher].keys().cloned().collect();
                        names.iter().try_for_each(|name| tables.publish(publisher, name))?;
                    }
                }
                Step::LetGo { publisher } => {
                    let Tables { routing, publishers, .. } = &mut tables;
                    for (topic, local) in publishers[publisher.index(3)].values_mut() {
                        routing.let_go_if_stale(topic, local);
                    }
                }
            }
        }
        let topics = tables.routing.size().topics;
        prop_assert_eq!(tables.routing.topics_named("**").len(), topics);
        for ended in &tables.all {
            prop_assert!(tables.routing.unsubscribe(ended));
        }
        let empty = RoutingSize { topics, ..RoutingSize::default() };
        prop_assert_eq!(tables.routing.size(), empty, "something is left in the tables");
        // Whoever published to all topics once more, or let go, keeps no subscription.
        let ended = std::mem::take(&mut tables.all);
        let names: Vec<_> = tables.publishers[0].keys().cloned().collect();
        names.iter().try_for_each(|name| tables.publish(0, name))?;
        let Tables { routing, publishers, .. } = &mut tables;
        for (topic, local) in publishers[1..].iter_mut().flat_map(BTreeMap::values_mut) {
            routing.let_go_if_stale(topic, local);
        }
        for subscription in ended {
            prop_assert_eq!(Arc::strong_count(&subscription), 1, "somebody keeps it");
        }
    }
}
