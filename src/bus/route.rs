//! Where a topic's messages go: threads, and the subscriptions on each.

use std::sync::Arc;

use super::group::{Delivery, GroupLeg};
use super::receiver::Receiver;
use super::subscription::Subscription;

/// The way to one thread.
pub struct Leg {
    /// The thread's mailbox.
    pub receiver: Arc<Receiver>,
    /// The matching subscriptions on it, by their priority and in order of subscription.
    pub targets: Box<[Arc<Subscription>]>,
    /// One of them takes part in admission.
    pub takes_part: bool,
}

/// All the ways of a topic. Never changed: replaced when subscriptions change.
pub struct Route {
    /// One for each thread with a matching subscription that gets every message.
    pub legs: Box<[Leg]>,
    /// One for each group with matching members of which one gets the message.
    pub groups: Box<[GroupLeg]>,
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
    /// Sorts matching subscriptions by group and by thread.
    pub fn new(mut matching: Vec<Arc<Subscription>>) -> Self {
        let has_filters = matching.iter().any(|target| target.filter().is_some());
        let mut grouped: Vec<_> = matching.extract_if(.., |target| shares(target)).collect();
        matching.sort_unstable_by_key(|target| order_of(target));
        let legs = matching
            .chunk_by(|a, b| a.receiver.id == b.receiver.id)
            .map(|targets| Leg::new(Arc::clone(&targets[0].receiver), targets.into()))
            .collect();
        let group = |target: &Arc<Subscription>| target.group.as_ref().map(Arc::as_ptr);
        grouped.sort_unstable_by_key(|target| (group(target), target.id));
        let groups = grouped
            .chunk_by(|a, b| group(a) == group(b))
            .filter_map(|members| {
                let group = members[0].group.as_ref()?;
                Some(GroupLeg {
                    group: Arc::clone(group),
                    balancing: group.settings().balancing,
                    members: members.into(),
                })
            })
            .collect();
        Self::of(legs, groups, has_filters)
    }

    /// The route of these legs.
    pub(super) fn of(legs: Box<[Leg]>, groups: Box<[GroupLeg]>, has_filters: bool) -> Self {
        let mut members = groups.iter().flat_map(|group| group.members.iter());
        let is_empty = legs.is_empty() && groups.is_empty();
        let takes_part = is_empty
            || legs.iter().any(|leg| leg.takes_part)
            || members.any(|member| member.takes_part_in_admission());
        Self {
            legs,
            groups,
            takes_part,
            has_filters,
        }
    }

    /// True when nobody matches.
    pub fn is_empty(&self) -> bool {
        self.legs.is_empty() && self.groups.is_empty()
    }

    /// Gives the groups of this route, a part of an older one, the members that they have now. Of who has joined it is not known
    /// whether his filter wants the message.
    pub fn add_members_of(&mut self, now: &Self) {
        for leg in &mut self.groups {
            let same = |other: &&GroupLeg| Arc::ptr_eq(&other.group, &leg.group);
            if let Some(now) = now.groups.iter().find(same) {
                leg.members = now.members.clone();
            }
        }
    }

    /// Every subscription that gets every message.
    pub fn targets(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.legs.iter().flat_map(|leg| leg.targets.iter())
    }

    /// True when a route of these subscriptions would be this one.
    pub fn leads_to_just(&self, matching: &[&Arc<Subscription>]) -> bool {
        matching.len() == self.all_targets().count()
            && matching.iter().all(|&one| self.leads_to(one))
    }

    fn leads_to(&self, wanted: &Arc<Subscription>) -> bool {
        let is_wanted = |target: &Arc<Subscription>| Arc::ptr_eq(target, wanted);
        let Some(group) = wanted.group.as_ref().filter(|_| shares(wanted)) else {
            return self.targets().any(is_wanted);
        };
        let balancing = group.settings().balancing;
        self.groups
            .iter()
            .filter(|leg| leg.balancing == balancing)
            .any(|leg| leg.members.iter().any(is_wanted))
    }

    /// Every subscription, those of groups last.
    pub fn all_targets(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        let members = self.groups.iter().flat_map(|group| group.members.iter());
        self.targets().chain(members)
    }
}

/// By thread, and on each in the order in which their handlers are called.
pub(super) fn order_of(target: &Subscription) -> (u32, u8, u64) {
    (target.receiver.id, target.priority, target.id)
}

/// True for a member of a group of which one member gets a message.
pub(super) fn shares(target: &Subscription) -> bool {
    let group = target.group.as_ref();
    group.is_some_and(|group| group.settings().delivery == Delivery::OneOf)
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
