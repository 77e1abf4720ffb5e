//! A bus: a space of topics and subscriptions that threads open by name.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use foldhash::fast::RandomState;
use parking_lot::{Mutex, MutexGuard, RwLock};

use super::dead_letters::DeadLetters;
use super::group::{Group, GroupLeg};
use super::layout::{LONGEST_LATENCY_MS, ROUTES};
use super::quota::Quota;
use super::receiver::Receiver;
use super::route::Route;
use super::routing::{Routing, shrink};
use super::subscription::{Ledger, Subscription};
use super::tally::Tallies;
use super::topic::{NameError, Topic, check_pattern};
use crate::monitor::histogram::{SharedHistogram, SharedPart};
use crate::sync::{AtomicUsize, Ordering, fence};

/// Ended subscriptions are swept when so many more have gathered than are still referred to.
const FEWEST_TO_SWEEP: usize = 64;

/// See the module's documentation.
pub struct Bus {
    /// Its name, unique in the process.
    pub name: Box<str>,
    /// Unlike that of any other bus that there is or was: the next one of its name has another.
    pub serial: u64,
    /// How many openings were not given back yet. Changed under the hub's lock.
    pub(super) handles: AtomicUsize,
    routing: Routing,
    /// Endpoints that remember routes of their own: told when subscriptions change.
    watchers: RwLock<Vec<Arc<Receiver>>>,
    subscriptions: Mutex<Subscriptions>,
    /// The groups that somebody holds: a member, or who made it.
    groups: Mutex<HashMap<Box<str>, HeldGroup>>,
    /// What is published, to topics with an id and without.
    pub(super) tallies: Tallies,
    /// What nobody could handle.
    pub dead_letters: DeadLetters,
    /// Publish to handler, of some of its messages.
    pub latency: SharedHistogram<SharedPart>,
    /// The quota, where the bus is a channel. Given when it is opened, before anybody subscribes.
    pub quota: OnceLock<Arc<Quota>>,
}

#[derive(Default)]
pub(super) struct Subscriptions {
    by_id: HashMap<u64, Arc<Subscription>, RandomState>,
    /// Those that ended, but may still be in the route of a publisher: it may be between their admission and a
    /// mailbox that takes nothing more, with a message that it is about to count out, or come upon them yet.
    leaving: Vec<Arc<Subscription>>,
    /// Length of `leaving` at which it is swept.
    sweep_at: usize,
    /// Sum of those that are no more.
    pub retired: Ledger,
}

struct HeldGroup {
    group: Arc<Group>,
    holders: usize,
}

impl Subscriptions {
    /// Those whose ledgers are no part of the sum yet.
    pub fn with_open_ledger(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.by_id.values().chain(&self.leaving)
    }

    /// Of those, the ones of a group.
    pub fn members_of(&self, group: &Arc<Group>) -> impl Iterator<Item = &Arc<Subscription>> {
        self.with_open_ledger().filter(|subscription| {
            let of = subscription.group.as_ref();
            of.is_some_and(|of| Arc::ptr_eq(of, group))
        })
    }

    /// Adds up and lets go those that nobody else refers to: their ledgers are final.
    fn sweep(&mut self) {
        let Self {
            leaving, retired, ..
        } = self;
        leaving.retain(|subscription| {
            // The timer may have a weak reference, which finds nothing to do.
            if Arc::strong_count(subscription) > 1 {
                return true;
            }
            // SYNC POINT last: Acquire pairs with the Release of the others' drops: what they counted is seen.
            fence(Ordering::Acquire);
            let ledger = subscription.ledger();
            retired.add(&ledger);
            if let Some(group) = &subscription.group {
                group.retire(&ledger);
            }
            false
        });
        self.sweep_at = 2 * self.leaving.len() + FEWEST_TO_SWEEP;
        self.leaving.shrink_to(2 * self.sweep_at);
    }
}

impl Bus {
    pub(super) fn new(name: &str, serial: u64) -> Self {
        Self {
            name: name.into(),
            serial,
            handles: AtomicUsize::new(0),
            routing: Routing::default(),
            watchers: RwLock::default(),
            subscriptions: Mutex::default(),
            groups: Mutex::default(),
            tallies: Tallies::default(),
            dead_letters: DeadLetters::default(),
            latency: SharedHistogram::new(LONGEST_LATENCY_MS as u64 * 1_000_000),
            quota: OnceLock::new(),
        }
    }

    /// The topic of that name, made at first sight. None when the bus has [`MAX_TOPICS`](super::layout::MAX_TOPICS).
    pub fn topic(&self, name: &str) -> Result<Option<Arc<Topic>>, NameError> {
        self.routing.topic(name)
    }

    /// The routing tables.
    #[inline]
    pub fn routing(&self) -> &Routing {
        &self.routing
    }

    /// Adds a subscription: whatever is submitted from now on finds it.
    pub fn subscribe(&self, subscription: &Arc<Subscription>) -> Result<(), NameError> {
        check_pattern(&subscription.pattern)?;
        self.subscriptions
            .lock()
            .by_id
            .insert(subscription.id, Arc::clone(subscription));
        self.routing.subscribe(subscription);
        if let Some(group) = &subscription.group {
            // In the tables before this: who files himself later, and then looks at the route again, finds it there.
            if group.waiters().anybody() {
                group.waiters().wake_all();
            }
        }
        self.tell_watchers();
        Ok(())
    }

    /// Ends a subscription: nothing more is admitted to it. Its ledger stays open until it is retired.
    pub fn unsubscribe(&self, subscription: &Arc<Subscription>) {
        if !subscription.account.close() {
            return;
        }
        if let Some(group) = &subscription.group {
            self.leave_group(group);
        }
        if let Some(quota) = self.quota.get() {
            quota.give_subscription();
        }
        self.routing.unsubscribe(subscription);
        self.tell_watchers();
    }

    /// Moves the ledger of an ended subscription to the bus's sum, once it is spent.
    pub fn retire(&self, subscription: &Subscription) {
        let mut subscriptions = self.subscriptions.lock();
        if let Some(ended) = subscriptions.by_id.remove(&subscription.id) {
            shrink(&mut subscriptions.by_id);
            subscriptions.leaving.push(ended);
            if subscriptions.leaving.len() >= subscriptions.sweep_at {
                subscriptions.sweep();
            }
        }
    }

    fn tell_watchers(&self) {
        for watcher in &*self.watchers.read() {
            watcher.raise(ROUTES as u32);
        }
    }

    /// The group of that name, made at first sight, with one holder more. Given back by [`Bus::leave_group`].
    pub fn join_group(&self, name: &str) -> Arc<Group> {
        let mut groups = self.groups.lock();
        let held = groups.entry(name.into()).or_insert_with(|| HeldGroup {
            group: Arc::new(Group::new(name)),
            holders: 0,
        });
        held.holders += 1;
        Arc::clone(&held.group)
    }

    /// The group has one holder less; without one it is forgotten, and another of its name begins anew.
    pub fn leave_group(&self, group: &Arc<Group>) {
        let mut groups = self.groups.lock();
        if let Some(held) = groups.get_mut(&group.name) {
            held.holders -= 1;
            if held.holders == 0 {
                groups.remove(&group.name);
            }
        }
    }

    /// The group of that name, if there is one.
    pub(super) fn group(&self, name: &str) -> Option<Arc<Group>> {
        Some(Arc::clone(&self.groups.lock().get(name)?.group))
    }

    /// Names of the groups that there are.
    pub fn group_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .groups
            .lock()
            .keys()
            .map(|name| name.to_string())
            .collect();
        names.sort_unstable();
        names
    }

    /// Raises ROUTES for the endpoint whenever subscriptions change from now on: after the change, so who clears it and
    /// then looks misses none.
    pub fn watch(&self, receiver: &Arc<Receiver>) {
        let mut watchers = self.watchers.write();
        if watchers.iter().all(|watcher| watcher.id != receiver.id) {
            watchers.push(Arc::clone(receiver));
        }
    }

    /// Ends [`Bus::watch`].
    pub fn unwatch(&self, receiver: &Receiver) {
        self.watchers
            .write()
            .retain(|watcher| watcher.id != receiver.id);
    }

    /// The route of a topic that has no id.
    pub fn match_route(&self, topic: &str) -> Route {
        self.routing.match_route(topic)
    }

    /// The route of a message that lies apart: of those that match its topic the ones that want its payload.
    pub(super) fn route_for(&self, topic: &str, payload: &[u8]) -> Route {
        let route = self.match_route(topic);
        if !route.has_filters {
            return route;
        }
        route.narrow(payload).unwrap_or(route)
    }

    /// True when the group has an open member other than that one.
    pub(super) fn has_member_besides(&self, group: &Arc<Group>, id: u64) -> bool {
        let subscriptions = self.subscriptions.lock();
        let mut members = subscriptions.members_of(group);
        members.any(|member| member.id != id && !member.account.is_closed())
    }

    /// The members of a group that match a topic and want this payload, if there are any.
    pub(super) fn members_for(
        &self,
        group: &Arc<Group>,
        topic: &str,
        payload: &[u8],
    ) -> Option<GroupLeg> {
        let groups = self.route_for(topic, payload).groups.into_vec();
        let mut legs = groups.into_iter();
        legs.find(|leg| Arc::ptr_eq(&leg.group, group))
    }

    /// How many subscriptions match a topic.
    pub fn count_matches(&self, topic: &str) -> usize {
        self.routing.count_matches(topic)
    }

    /// Ids of the subscriptions that match a topic, in order of subscription.
    pub fn matching_ids(&self, topic: &str) -> Vec<u64> {
        self.routing.matching_ids(topic)
    }

    /// Subscriptions that there are, and those that ended while somebody refers to them still.
    pub fn subscriptions_in_memory(&self) -> usize {
        self.subscriptions().with_open_ledger().count()
    }

    /// The subscriptions, swept.
    pub(super) fn subscriptions(&self) -> MutexGuard<'_, Subscriptions> {
        let mut subscriptions = self.subscriptions.lock();
        subscriptions.sweep();
        subscriptions
    }
}
