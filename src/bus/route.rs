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
    /// Whether any subscription has a filter, and a message is to be narrowed to those that want it.
    pub has_filters: bool,
}

impl Leg {
    /// The way to a thread for these subscriptions on it.
    pub(super) fn new(receiver: Arc<Receiver>, targets: Box<[Arc<Subscription>]>) -> Self {
        let takes_part = targets
            .iter()
            .any(|target| target.takes_part_in_admission());
        Self {
            receiver,
            targets,
            takes_part,
        }
    }
}

impl Route {
    /// Groups matching subscriptions by thread.
    pub fn new(mut matching: Vec<Arc<Subscription>>) -> Self {
        let has_filters = matching.iter().any(|target| target.filter().is_some());
        matching.sort_unstable_by_key(|subscription| (subscription.receiver.id, subscription.id));
        let legs = matching
            .chunk_by(|a, b| a.receiver.id == b.receiver.id)
            .map(|targets| Leg::new(Arc::clone(&targets[0].receiver), targets.into()))
            .collect();
        Self::of(legs, has_filters)
    }

    /// The route of these legs.
    pub(super) fn of(legs: Box<[Leg]>, has_filters: bool) -> Self {
        let takes_part = legs.is_empty() || legs.iter().any(|leg| leg.takes_part);
        Self {
            legs,
            takes_part,
            has_filters,
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
