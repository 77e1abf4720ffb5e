//! The routing tables of a bus: which subscriptions match a topic, and which topics a change of subscriptions concerns.
//!
//! | file | holds |
//! |---|---|
//! | `exact.rs` | subscriptions whose pattern has no wildcard, by hash |
//! | `trie.rs` | subscriptions with wildcards; and the names of the topics |
//! | `children.rs` | the named children of a node of the trie, few or very many |
//! | `names.rs` | the topics that a pattern matches |
//! | `entries.rs` | what is filed under one pattern, in order |
//! | `tidy.rs` | the allocator's chores |
//!
//! `versions.rs`, one floor up, says when a route that was made from these tables is stale.
//!
//! Memory follows what is there: the last subscription of a pattern takes the pattern's nodes along, and maps that have
//! become much too large are made smaller.

pub mod entries;
pub mod exact;
pub mod names;
pub mod trie;

mod children;
mod tidy;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::{Arc, OnceLock};

use self::entries::{Entries, Entry};
use self::exact::{Exact, Shard};
use self::trie::Trie;
use super::hub::Hub;
use super::layout::MAX_TOPICS;
use super::route::Route;
use super::subscription::Subscription;
use super::topic::{NameError, Topic, check_topic};
use super::versions::{Changes, LocalRoute};
use crate::sync::{AtomicUsize, Ordering, RwLock, RwLockReadGuard};

/// Most names that are looked at to find the topics that a change concerns: some 50 us at worst. Where there are more, every
/// topic of the bus counts the change, and its next publish looks its route up.
const MOST_NAMES: usize = 1024;

/// A map with room for this many, or fewer, is not made smaller before it is empty.
const SMALL: usize = 8;

/// More subscriptions than this are not compared with those of the old route.
const MOST_COMPARED: usize = 32;

type Wild = Trie<Entries<Arc<Subscription>>>;

/// The topics of a bus, by name.
#[derive(Default)]
struct Topics {
    by_name: Trie<Option<Arc<Topic>>>,
    count: usize,
}

/// See the module's documentation.
pub struct Routing {
    exact: Exact<Arc<Subscription>>,
    wild: RwLock<Wild>,
    topics: Changes<Topics>,
    /// Most topics that get an id.
    most_topics: AtomicUsize,
    most_names: usize,
}

impl Default for Routing {
    fn default() -> Self {
        Self::looking_at(MOST_NAMES)
    }
}

/// What the tables hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoutingSize {
    /// Different patterns without a wildcard.
    pub patterns: usize,
    /// Nodes of the patterns with wildcards.
    pub nodes: usize,
    /// Topics with an id.
    pub topics: usize,
}

impl Entry for Arc<Subscription> {
    fn id(&self) -> u64 {
        self.id
    }
}

fn is_wild(pattern: &str) -> bool {
    pattern.contains('*')
}

impl Routing {
    /// Empty tables, where a change looks at so many names of topics at most. Another number than the default is for tests.
    pub fn looking_at(most_names: usize) -> Self {
        Self {
            exact: Exact::default(),
            wild: RwLock::default(),
            topics: Changes::default(),
            most_topics: AtomicUsize::new(MAX_TOPICS),
            most_names,
        }
    }

    /// Files a subscription, whose pattern was checked: whatever is published from now on finds it.
    pub fn subscribe(&self, subscription: &Arc<Subscription>) {
        let pattern = &*subscription.pattern;
        let entry = Arc::clone(subscription);
        self.change(pattern, || {
            if is_wild(pattern) {
                self.wild.write().get_or_insert(pattern).insert(entry);
            } else {
                self.exact.insert(pattern, entry);
            }
        });
    }

    /// Takes a subscription out. False when it was not there.
    pub fn unsubscribe(&self, subscription: &Arc<Subscription>) -> bool {
        let (pattern, id) = (&*subscription.pattern, subscription.id);
        let mut removed = false;
        self.change(pattern, || {
            removed = if is_wild(pattern) {
                let mut wild = self.wild.write();
                wild.remove(pattern, |entries| entries.remove(id))
            } else {
                self.exact.remove(pattern, id)
            };
        });
        tidy::tidy();
        removed
    }

    /// Makes every route of the bus stale: a group was said to deal with its messages in another way.
    pub fn outdate_all(&self) {
        self.topics.announce_to_all();
    }

    /// Makes a change, and every route stale that it concerns.
    fn change(&self, pattern: &str, edit: impl FnOnce()) {
        self.topics.announce(edit, |topics| {
            let outdate = |topic: &Option<Arc<Topic>>| {
                topic.iter().for_each(|topic| topic.routes.outdate());
            };
            topics.by_name.each_named(pattern, self.most_names, outdate)
        });
    }

    /// Gives no more topics an id than so many, if that is less than [`MAX_TOPICS`].
    pub fn limit_topics(&self, most: u32) {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(MAX_TOPICS);
        self.most_topics.store(most, Ordering::Relaxed);
    }

    /// The topic of that name, made at first sight. None when the bus has as many as it may have.
    pub fn topic(&self, name: &str) -> Result<Option<Arc<Topic>>, NameError> {
        if let Some(Some(topic)) = self.topics.topics().by_name.get(name) {
            return Ok(Some(Arc::clone(topic)));
        }
        check_topic(name)?;
        let mut topics = self.topics.topics_mut();
        let Topics { by_name, count } = &mut *topics;
        if *count >= self.most_topics.load(Ordering::Relaxed) {
            return Ok(by_name.get(name).cloned().flatten());
        }
        let topic = by_name.get_or_insert(name).get_or_insert_with(|| {
            *count += 1;
            Hub::global().new_topic(name)
        });
        Ok(Some(Arc::clone(topic)))
    }

    /// Topics with an id that a pattern matches.
    pub fn topics_named(&self, pattern: &str) -> Vec<Arc<Topic>> {
        let topics = self.topics.topics();
        let by_name = &topics.by_name;
        let mut named = Vec::new();
        by_name.each_named(pattern, by_name.nodes(), |topic| {
            named.extend(topic.iter().cloned());
        });
        named
    }

    /// A publisher's hold of the route of a topic of this bus.
    pub fn local_route(&self, topic: &Topic) -> LocalRoute<Route> {
        let mut local = LocalRoute::none(nowhere());
        self.current_route(topic, &mut local);
        local
    }

    /// The topic's route, made anew when subscriptions changed that concern it.
    #[inline]
    pub fn current_route<'a>(&self, topic: &Topic, local: &'a mut LocalRoute<Route>) -> &'a Route {
        let remake = |old: &Route| self.remake_route(&topic.name, old);
        local.current(&self.topics, &topic.routes, remake)
    }

    /// Has a publisher let go of a topic's route if it is stale.
    pub fn let_go_if_stale(&self, topic: &Topic, local: &mut LocalRoute<Route>) {
        local.let_go_if_stale(&self.topics, &topic.routes, nowhere());
    }

    /// The route of a topic, made from the tables.
    pub fn match_route(&self, topic: &str) -> Route {
        let all = |found: &[&Arc<Subscription>]| found.iter().copied().cloned().collect();
        Route::new(self.with_matching(topic, all))
    }

    /// As [`Routing::match_route`]; none where it would be the old one again. Most changes that all topics count concern few
    /// of them, and making a route takes longer than finding who is on it.
    fn remake_route(&self, topic: &str, old: &Route) -> Option<Route> {
        let changed = self.with_matching(topic, |found| {
            let is_same = found.len() <= MOST_COMPARED && old.leads_to_just(found);
            (!is_same).then(|| found.iter().copied().cloned().collect())
        });
        changed.map(Route::new)
    }

    /// How many subscriptions match a topic.
    pub fn count_matches(&self, topic: &str) -> usize {
        let mut count = 0;
        let count_in = |entries: &Entries<_>| count += entries.count();
        self.read(topic).each_match(topic, count_in);
        count
    }

    /// Ids of the subscriptions that match a topic, in order of subscription.
    pub fn matching_ids(&self, topic: &str) -> Vec<u64> {
        let ids = |found: &[&Arc<Subscription>]| found.iter().map(|one| one.id).collect();
        let mut ids: Vec<u64> = self.with_matching(topic, ids);
        ids.sort_unstable();
        ids
    }

    /// What `make` makes of the subscriptions that match a topic.
    fn with_matching<R>(&self, topic: &str, make: impl FnOnce(&[&Arc<Subscription>]) -> R) -> R {
        let tables = self.read(topic);
        let mut found = Vec::new();
        tables.each_match(topic, |entries| found.extend(entries.iter()));
        make(&found)
    }

    /// Both tables, of which nothing changes that matches the topic while this is held. So what is found was there at one
    /// instant: who first subscribes anew, then ends what he had before, is never without.
    fn read(&self, topic: &str) -> Held<'_> {
        Held {
            exact: self.exact.read(topic),
            wild: self.wild.read(),
        }
    }

    /// What the tables hold now.
    pub fn size(&self) -> RoutingSize {
        RoutingSize {
            patterns: self.exact.patterns(),
            nodes: self.wild.read().nodes(),
            topics: self.topics.topics().count,
        }
    }
}

/// See [`Routing::read`].
struct Held<'a> {
    exact: RwLockReadGuard<'a, Shard<Arc<Subscription>>>,
    wild: RwLockReadGuard<'a, Wild>,
}

impl Held<'_> {
    /// Calls `each` with what is filed under every pattern that matches.
    fn each_match<'a>(&'a self, topic: &str, mut each: impl FnMut(&'a Entries<Arc<Subscription>>)) {
        if let Some(entries) = self.exact.get(topic) {
            each(entries);
        }
        self.wild.each_match(topic, each);
    }
}

/// In the place of a route that nobody uses.
fn nowhere() -> &'static Arc<Route> {
    static NOWHERE: OnceLock<Arc<Route>> = OnceLock::new();
    NOWHERE.get_or_init(|| Arc::new(Route::new(Vec::new())))
}

/// Gives back the memory of a map that has become much too large for what is in it. Rarely enough that it costs nothing by
/// the number of removals.
pub(super) fn shrink<K: Eq + Hash, V, S: BuildHasher>(map: &mut HashMap<K, V, S>) {
    let capacity = map.capacity();
    if map.is_empty() {
        map.shrink_to_fit();
    } else if capacity > SMALL && map.len() < capacity / 4 {
        map.shrink_to(2 * map.len());
    }
}
