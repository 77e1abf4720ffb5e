//! The figures of a bus: of all, of each topic, subscription and group. Whoever asks adds them up; nobody who publishes or
//! subscribes keeps sums for him.

use std::sync::Arc;

use super::group::GroupMetrics;
use super::named_bus::Bus;
use super::subscription::{Ledger, Subscription};
use super::tally::Counts;
use super::topic::{NameError, Topic, check_pattern};

/// Figures of a bus.
#[derive(Debug, Clone, Copy, Default)]
pub struct BusMetrics {
    /// What was published.
    pub counts: Counts,
    /// Sum over all subscriptions that there are and were.
    pub ledger: Ledger,
    /// Subscriptions at this moment.
    pub subscriptions: usize,
    /// Topics with an id.
    pub topics: usize,
}

/// Figures of a topic.
pub struct TopicMetrics {
    /// The topic.
    pub topic: Arc<Topic>,
    /// What was published to it.
    pub counts: Counts,
    /// Subscriptions that match it at this moment.
    pub subscriptions: usize,
}

impl Bus {
    /// The figures of the bus now.
    pub fn metrics(&self) -> BusMetrics {
        let subscriptions = self.subscriptions();
        let mut ledger = subscriptions.retired;
        let mut open = 0;
        for subscription in subscriptions.with_open_ledger() {
            ledger.add(&subscription.ledger());
            open += usize::from(!subscription.account.is_closed());
        }
        BusMetrics {
            counts: self.tallies.sum(),
            ledger,
            subscriptions: open,
            topics: self.routing().size().topics,
        }
    }

    /// The topics that most was published to, most first, with how much: at most so many.
    pub fn busiest_topics(&self, most: usize) -> Vec<(Arc<Topic>, u64)> {
        let topics = self.routing().topics_named("**").into_iter();
        let mut counted: Vec<_> = topics
            .map(|topic| {
                let published = topic.tallies.sum().published();
                (topic, published)
            })
            .collect();
        counted.sort_unstable_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then(a.id.cmp(&b.id)));
        counted.truncate(most);
        counted
    }

    /// The figures of the topics with an id that a pattern matches, by name.
    pub fn topic_metrics(&self, pattern: &str) -> Result<Vec<TopicMetrics>, NameError> {
        check_pattern(pattern)?;
        let mut topics = self.routing().topics_named(pattern);
        topics.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let metrics = topics.into_iter().map(|topic| TopicMetrics {
            counts: topic.tallies.sum(),
            subscriptions: self.count_matches(&topic.name),
            topic,
        });
        Ok(metrics.collect())
    }

    /// The open subscriptions, in order of subscription.
    pub fn open_subscriptions(&self) -> Vec<Arc<Subscription>> {
        let subscriptions = self.subscriptions();
        let is_open = |one: &&Arc<Subscription>| !one.account.is_closed();
        let mut open: Vec<_> = subscriptions
            .with_open_ledger()
            .filter(is_open)
            .cloned()
            .collect();
        open.sort_unstable_by_key(|subscription| subscription.id);
        open
    }

    /// The figures of a group, if there is one of that name.
    pub fn group_metrics(&self, name: &str) -> Option<GroupMetrics> {
        let group = self.group(name)?;
        let subscriptions = self.subscriptions();
        Some(group.metrics(subscriptions.members_of(&group)))
    }
}
