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
    /// One of them takes part in admission.
    pub takes_part: bool,
}

/// All the ways of a topic. Never changed: replaced when subscriptions change.
pub struct Route {
    /// One for each thread with a matching subscription.
    pub legs: Box<[Leg]>,
    /// Somebody may refuse a message: a subscription that takes part in admission. False where all drop what is too much.
    pub takes_part: bool,
}

impl Route {
    /// Groups matching subscriptions by thread.
    pub fn new(mut matching: Vec<Arc<Subscription>>) -> Self {
        matching.sort_unstable_by_key(|subscription| (subscription.receiver.id, subscription.id));
        let takes_part = |targets: &[Arc<Subscription>]| {
            targets
                .iter()
                .any(|target| target.takes_part_in_admission())
        };
        let legs = matching
            .chunk_by(|a, b| a.receiver.id == b.receiver.id)
            .map(|targets| Leg {
                receiver: Arc::clone(&targets[0].receiver),
                targets: targets.into(),
                takes_part: takes_part(targets),
            })
            .collect();
        Self {
            legs,
            takes_part: matching.is_empty() || takes_part(&matching),
        }
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
