//! A bus: a space of topics and subscriptions that threads open by name.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::group::{Group, GroupMetrics};
use super::hub::Hub;
use super::layout::ROUTES;
use super::receiver::Receiver;
use super::route::Route;
use super::subscription::{Ledger, Subscription};
use super::topic::{NameError, RouteVersion, Topic, check_pattern, check_topic};
use super::trie::Trie;
use crate::sync::{AtomicU64, AtomicUsize, Ordering, fence};

/// Most topics that a bus gives an id. The name of a further one travels with each message.
pub const MAX_TOPICS: usize = 65_536;

/// Ended subscriptions are swept when so many more have gathered than are still referred to.
const FEWEST_TO_SWEEP: usize = 64;

/// Figures of a bus.
#[derive(Debug, Clone, Copy, Default)]
pub struct BusMetrics {
    /// Messages that a submit took.
    pub published: u64,
    /// Of those, the ones that no subscription matched.
    pub unmatched: u64,
    /// Publishes that were refused because a subscription was full.
    pub refused: u64,
    /// Sum over all subscriptions that there are and were.
    pub ledger: Ledger,
    /// Subscriptions at this moment.
    pub subscriptions: usize,
    /// Topics with an id.
    pub topics: usize,
}

/// See the module's documentation.
pub struct Bus {
    /// Its name, unique in the process.
    pub name: Box<str>,
    /// How many openings were not given back yet. Changed under the hub's lock.
    pub(super) handles: AtomicUsize,
    trie: RwLock<Trie<Arc<Subscription>>>,
    /// Changes of subscriptions with wildcards.
    wild_version: AtomicU64,
    topics: RwLock<HashMap<Box<str>, Arc<Topic>>>,
    /// Endpoints that remember routes of their own: told when subscriptions change.
    watchers: RwLock<Vec<Arc<Receiver>>>,
    subscriptions: Mutex<Subscriptions>,
    /// The groups that somebody holds: a member, or who made it.
    groups: Mutex<HashMap<Box<str>, HeldGroup>>,
    published: AtomicU64,
    unmatched: AtomicU64,
    refused: AtomicU64,
}

#[derive(Default)]
struct Subscriptions {
    by_id: HashMap<u64, Arc<Subscription>>,
    /// Those that ended, but may still be in the route of a publisher: it may be between their admission and a
    /// mailbox that takes nothing more, with a message that it is about to count out, or come upon them yet.
    leaving: Vec<Arc<Subscription>>,
    /// Length of `leaving` at which it is swept.
    sweep_at: usize,
    /// Sum of those that are no more.
    retired: Ledger,
}

struct HeldGroup {
    group: Arc<Group>,
    holders: usize,
}

impl Subscriptions {
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
    }
}

impl Bus {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            handles: AtomicUsize::new(0),
            trie: RwLock::default(),
            wild_version: AtomicU64::new(0),
            topics: RwLock::default(),
            watchers: RwLock::default(),
            subscriptions: Mutex::default(),
            groups: Mutex::default(),
            published: AtomicU64::new(0),
            unmatched: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// The topic of that name, made at first sight. None when the bus has [`MAX_TOPICS`].
    pub fn topic(&self, name: &str) -> Result<Option<Arc<Topic>>, NameError> {
        if let Some(topic) = self.topics.read().get(name) {
            return Ok(Some(Arc::clone(topic)));
        }
        check_topic(name)?;
        let mut topics = self.topics.write();
        if topics.len() >= MAX_TOPICS && !topics.contains_key(name) {
            return Ok(None);
        }
        let topic = topics
            .entry(name.into())
            .or_insert_with(|| Hub::global().new_topic(name));
        Ok(Some(Arc::clone(topic)))
    }

    /// Ids of all topics.
    pub(super) fn topic_ids(&self) -> Vec<u32> {
        self.topics.read().values().map(|topic| topic.id).collect()
    }

    /// Adds a subscription: whatever is submitted from now on finds it.
    pub fn subscribe(&self, subscription: &Arc<Subscription>) -> Result<(), NameError> {
        let wild = check_pattern(&subscription.pattern)?;
        self.subscriptions
            .lock()
            .by_id
            .insert(subscription.id, Arc::clone(subscription));
        self.trie
            .write()
            .insert(&subscription.pattern, Arc::clone(subscription));
        self.outdate_routes(&subscription.pattern, wild);
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
        self.trie
            .write()
            .remove(&subscription.pattern, subscription);
        self.outdate_routes(&subscription.pattern, subscription.pattern.contains('*'));
    }

    /// Moves the ledger of an ended subscription to the bus's sum, once it is spent.
    pub fn retire(&self, subscription: &Subscription) {
        let mut subscriptions = self.subscriptions.lock();
        if let Some(ended) = subscriptions.by_id.remove(&subscription.id) {
            subscriptions.leaving.push(ended);
            if subscriptions.leaving.len() >= subscriptions.sweep_at {
                subscriptions.sweep();
            }
        }
    }

    /// Makes the routes stale that the pattern has a part in. The trie was changed before.
    fn outdate_routes(&self, pattern: &str, wild: bool) {
        if wild {
            // SYNC POINT version: Release pairs with the Acquire in `route_version`.
            self.wild_version.fetch_add(1, Ordering::Release);
        } else if let Some(topic) = self.topics.read().get(pattern) {
            topic.outdate();
        }
        for watcher in &*self.watchers.read() {
            watcher.raise(ROUTES as u32);
        }
    }

    /// Makes all routes of the bus stale.
    pub fn outdate_all_routes(&self) {
        // SYNC POINT version: Release pairs with the Acquire in `route_version`.
        self.wild_version.fetch_add(1, Ordering::Release);
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

    /// The figures of a group, if there is one of that name.
    pub fn group_metrics(&self, name: &str) -> Option<GroupMetrics> {
        let group = Arc::clone(&self.groups.lock().get(name)?.group);
        let mut subscriptions = self.subscriptions.lock();
        subscriptions.sweep();
        let all = subscriptions.by_id.values().chain(&subscriptions.leaving);
        let is_member = |subscription: &&Arc<Subscription>| {
            let of = subscription.group.as_ref();
            of.is_some_and(|of| Arc::ptr_eq(of, &group))
        };
        Some(group.metrics(all.filter(is_member)))
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

    /// What a route of this topic must have been made from to be good.
    #[inline]
    pub fn route_version(&self, topic: &Topic) -> RouteVersion {
        // SYNC POINT version: Acquire pairs with the Release in `outdate_routes`.
        RouteVersion {
            exact: topic.version(),
            wild: self.wild_version.load(Ordering::Acquire),
        }
    }

    /// The topic's route as of `version`, which the caller read before; a later change of subscriptions
    /// shows as a later version at the next look.
    pub fn route(&self, topic: &Topic, version: RouteVersion) -> Arc<Route> {
        let mut cached = topic.route.lock();
        match &*cached {
            Some((made_from, route)) if *made_from == version => Arc::clone(route),
            _ => {
                let route = Arc::new(self.match_route(&topic.name));
                *cached = Some((version, Arc::clone(&route)));
                route
            }
        }
    }

    /// The route of a topic that has no id.
    pub fn match_route(&self, topic: &str) -> Route {
        let mut matching = Vec::new();
        self.trie.read().each_match(topic, |subscription| {
            matching.push(Arc::clone(subscription))
        });
        Route::new(matching)
    }

    /// How many subscriptions match a topic.
    pub fn count_matches(&self, topic: &str) -> usize {
        let mut count = 0;
        self.trie.read().each_match(topic, |_| count += 1);
        count
    }

    /// Ids of the subscriptions that match a topic, in order of subscription.
    pub fn matching_ids(&self, topic: &str) -> Vec<u64> {
        let mut ids = Vec::new();
        self.trie
            .read()
            .each_match(topic, |subscription| ids.push(subscription.id));
        ids.sort_unstable();
        ids
    }

    /// Counts messages that a submit took.
    pub fn count_published(&self, published: u64, unmatched: u64) {
        self.published.fetch_add(published, Ordering::Relaxed);
        if unmatched != 0 {
            self.unmatched.fetch_add(unmatched, Ordering::Relaxed);
        }
    }

    /// Counts a publish that was refused.
    pub fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The figures now.
    pub fn metrics(&self) -> BusMetrics {
        let mut subscriptions = self.subscriptions.lock();
        subscriptions.sweep();
        let mut ledger = subscriptions.retired;
        let live = subscriptions.by_id.values().chain(&subscriptions.leaving);
        live.for_each(|subscription| ledger.add(&subscription.ledger()));
        BusMetrics {
            published: self.published.load(Ordering::Relaxed),
            unmatched: self.unmatched.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            ledger,
            subscriptions: subscriptions
                .by_id
                .values()
                .filter(|subscription| !subscription.account.is_closed())
                .count(),
            topics: self.topics.read().len(),
        }
    }
}
