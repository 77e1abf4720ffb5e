//! Where a topic's messages go: threads, and the subscriptions on each.

use std::sync::Arc;

use super::receiver::Receiver;
use super::subscription::Subscription;

/// The way to one thread.
pub struct Leg {
    /// The thread's mailbox.
    pub receiver: Arc<Receiver>,
    /// The matching subscriptions on it, in order of subscription.
    pub targets: Box<[Arc<Subscription>]>,
}

/// All the ways of a topic. Never changed: replaced when subscriptions change.
pub struct Route {
    /// One for each thread with a matching subscription.
    pub legs: Box<[Leg]>,
}

impl Route {
    /// Groups matching subscriptions by thread.
    pub fn new(mut matching: Vec<Arc<Subscription>>) -> Self {
        matching.sort_unstable_by_key(|subscription| (subscription.receiver.id, subscription.id));
        let legs = matching
            .chunk_by(|a, b| a.receiver.id == b.receiver.id)
            .map(|targets| Leg {
                receiver: Arc::clone(&targets[0].receiver),
                targets: targets.into(),
            })
            .collect();
        Self { legs }
    }

    /// Every subscription of every leg.
    pub fn targets(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.legs.iter().flat_map(|leg| leg.targets.iter())
    }
}

impl std::fmt::Debug for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(
                self.legs
                    .iter()
                    .map(|leg| (leg.receiver.id, leg.targets.len())),
            )
            .finish()
    }
}
