//! When a cached route is stale.
//!
//! A publisher keeps the route of each of its topics, and looks at two numbers before it uses one: how many changes of
//! subscriptions concerned this topic, and how many concerned more topics than were told one by one. Two loads and two
//! comparisons, no lock.
//!
//! Why no publish misses a subscription that was there before it:
//!
//! - **A change** is made in the tables first. Then the index of topics is walked, and every topic in it that the change
//!   concerns counts it ([`Changes::announce`]).
//! - **A topic** is put into the index first. Then its version is read, and then its route is made from the tables.
//!
//! The index has a lock. Either the walk comes after the topic was put there: then it is counted, and a route that was made
//! without it is stale. Or it comes before: then the change was in the tables before the topic was in the index, and the
//! topic's first route has it. There is no third case. The other way round, the index walked before the tables are changed,
//! a topic could come between the two, and keep a route without the subscription for ever.
//!
//! What the numbers say is never more than a publisher finds in the tables: a route is made after its version was read,
//! so a change that comes in between makes it stale although it may be in it already, which costs one more look.

use std::ops::Deref;
use std::sync::{Arc, Weak};

use crate::sync::{AtomicU64, Mutex, Ordering, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The state of the subscriptions that a route was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteVersion {
    /// Changes that this topic was told of.
    pub narrow: u64,
    /// Changes that concerned too many topics to tell each.
    pub wide: u64,
}

impl RouteVersion {
    /// No topic ever has this version.
    const NEVER: Self = Self {
        narrow: u64::MAX,
        wide: u64::MAX,
    };

    /// True when a route of this version has everything that one of `other` must have.
    fn covers(self, other: Self) -> bool {
        self.narrow >= other.narrow && self.wide >= other.wide
    }
}

/// A topic's part: the changes that it was told of, and its route as last made, for all publishers together. It does not
/// keep the route alive, nor the subscriptions in it: a topic that nobody publishes to any more holds nothing.
#[derive(Debug)]
pub struct RouteSlot<R> {
    changes: AtomicU64,
    made: Mutex<Option<(RouteVersion, Weak<R>)>>,
}

impl<R> Default for RouteSlot<R> {
    fn default() -> Self {
        Self {
            changes: AtomicU64::new(0),
            made: Mutex::new(None),
        }
    }
}

impl<R> RouteSlot<R> {
    /// Makes every route of the topic stale. Called after the tables were changed, from within [`Changes::announce`].
    pub fn outdate(&self) {
        // SYNC POINT version: Release pairs with the Acquire in `Changes::version`: who sees the number finds the tables as
        // they were changed before.
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// A route of `version`, which the caller read before, or of a later one: that of another publisher, or a new one, or
    /// the caller's `old` one, where `remake` says that it would make the same. One publisher makes it, and the others wait
    /// for it.
    fn route(
        &self,
        version: RouteVersion,
        old: &Arc<R>,
        remake: impl FnOnce(&R) -> Option<R>,
    ) -> (RouteVersion, Arc<R>) {
        let mut made = self.made.lock();
        if let Some((from, route)) = &*made
            && from.covers(version)
            && let Some(route) = route.upgrade()
        {
            return (*from, route);
        }
        let route = remake(old).map_or_else(|| Arc::clone(old), Arc::new);
        *made = Some((version, Arc::downgrade(&route)));
        (version, route)
    }
}

/// The changes of a bus's subscriptions, and the index of its topics, which are told of them.
#[derive(Debug, Default)]
pub struct Changes<Index> {
    wide: AtomicU64,
    topics: RwLock<Index>,
}

impl<Index> Changes<Index> {
    /// Makes a change: `edit` in the tables, then known. `outdate` has each topic of the index that it concerns
    /// [count it](RouteSlot::outdate), and says false where these are too many: then all topics of the bus count it.
    pub fn announce(&self, edit: impl FnOnce(), outdate: impl FnOnce(&Index) -> bool) {
        edit();
        // SYNC POINT index: the lock, taken after the change, pairs with `topics_mut`, which a new topic's route is made
        // after: see the module's documentation.
        if !outdate(&self.topics.read()) {
            self.announce_to_all();
        }
    }

    /// Has all topics count a change that was made outside of the tables.
    pub fn announce_to_all(&self) {
        // SYNC POINT version: Release pairs with the Acquire in `version`.
        self.wide.fetch_add(1, Ordering::Release);
    }

    /// The index, to find a topic.
    pub fn topics(&self) -> RwLockReadGuard<'_, Index> {
        self.topics.read()
    }

    /// The index, to put a topic in.
    pub fn topics_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.topics.write()
    }

    /// What a route of the topic must have been made from to be good.
    #[inline]
    fn version<R>(&self, topic: &RouteSlot<R>) -> RouteVersion {
        // SYNC POINT version: both Acquires pair with the Releases in `outdate` and `announce`. The two are not read at
        // one instant, and need not be: a change that was complete before this is in one of them.
        RouteVersion {
            narrow: topic.changes.load(Ordering::Acquire),
            wide: self.wide.load(Ordering::Acquire),
        }
    }
}

/// A publisher's own hold of a topic's route.
#[derive(Debug)]
pub struct LocalRoute<R> {
    version: RouteVersion,
    route: Arc<R>,
}

impl<R> LocalRoute<R> {
    /// No route yet. `nothing` takes its place, for nobody to use: it is stale.
    pub fn none(nothing: &Arc<R>) -> Self {
        Self {
            version: RouteVersion::NEVER,
            route: Arc::clone(nothing),
        }
    }

    /// The state that the route was made from.
    pub fn version(&self) -> RouteVersion {
        self.version
    }

    /// The route of a topic that is in the index. When subscriptions changed `remake` makes it from the tables; none where that
    /// would be the old one again.
    #[inline]
    pub fn current<Index>(
        &mut self,
        changes: &Changes<Index>,
        topic: &RouteSlot<R>,
        remake: impl FnOnce(&R) -> Option<R>,
    ) -> &R {
        let version = changes.version(topic);
        if self.version != version {
            (self.version, self.route) = topic.route(version, &self.route, remake);
        }
        &self.route
    }

    /// Lets go of a stale route, and of the subscriptions that ended since it was made.
    pub fn let_go_if_stale<Index>(
        &mut self,
        changes: &Changes<Index>,
        topic: &RouteSlot<R>,
        nothing: &Arc<R>,
    ) {
        if self.version != changes.version(topic) && self.version != RouteVersion::NEVER {
            *self = Self::none(nothing);
        }
    }
}

/// The route as it was at the last look.
impl<R> Deref for LocalRoute<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.route
    }
}
