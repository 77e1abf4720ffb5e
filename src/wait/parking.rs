//! Where consumers sleep until a producer provides something.
//!
//! The consumer counts itself in, then looks once more; the producer provides, then looks whether anybody is
//! counted. A sequentially consistent fence stands between on both sides (Dekker's pattern): at least one
//! sees the other. The look and the sleep are one step for producers, because they notify under the lock
//! that the consumer holds from its look to its sleep.

use std::time::Instant;

use super::Waiters;
use crate::sync::{AtomicU32, Condvar, Mutex, Ordering, fence};

/// The consumers of one structure that wait: asleep in a native call, or to be called.
#[derive(Default)]
pub struct Parking {
    /// Threads that are asleep or about to be.
    sleepers: AtomicU32,
    lock: Mutex<()>,
    provided: Condvar,
    /// Threads that are to be called.
    waiters: Waiters,
}

impl Parking {
    /// Sleeps until `attempt` gives something, at most until the deadline.
    ///
    /// `attempt` runs under the lock: it is short, and never waits.
    pub fn wait_until<T>(
        &self,
        deadline: Instant,
        mut attempt: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let mut guard = self.lock.lock();
        self.sleepers.fetch_add(1, Ordering::Relaxed);
        // SYNC POINT parking: pairs with the fence in `notify`.
        fence(Ordering::SeqCst);
        let mut in_time = true;
        let found = loop {
            let found = attempt();
            if found.is_some() || !in_time {
                break found;
            }
            (guard, in_time) = self.provided.wait_until(guard, deadline);
        };
        self.sleepers.fetch_sub(1, Ordering::Relaxed);
        drop(guard);
        found
    }

    /// Wakes those for whom there is something now. Called after `count` things were provided.
    #[inline]
    pub fn notify(&self, count: usize) {
        // SYNC POINT parking: pairs with the fences in `wait_until` and `Waiters::file`.
        fence(Ordering::SeqCst);
        if self.sleepers.load(Ordering::Relaxed) != 0 {
            self.wake_sleepers(count);
        }
        if self.waiters.anybody_after_fence() {
            self.waiters.wake_all();
        }
    }

    #[cold]
    fn wake_sleepers(&self, count: usize) {
        let _guard = self.lock.lock();
        if count == 1 {
            // The sleeper may find that somebody else was faster. Then the thing was taken, and it sleeps on.
            self.provided.notify_one();
        } else {
            self.provided.notify_all();
        }
    }

    /// Threads that are asleep at this moment.
    pub fn sleepers(&self) -> u32 {
        self.sleepers.load(Ordering::Relaxed)
    }

    /// The threads that are to be called. Who files itself there looks once more afterwards.
    pub fn waiters(&self) -> &Waiters {
        &self.waiters
    }
}
