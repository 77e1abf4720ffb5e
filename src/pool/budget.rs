//! How many bytes the messages of this process may take in all: segments of mailboxes and large payloads together.

use std::sync::Arc;

use crate::sync::{AtomicUsize, Ordering};
use crate::wait::{Waiter, Waiters};

/// A bound on bytes, and the publishers that wait for some to be given back.
pub struct Budget {
    in_use: AtomicUsize,
    most: usize,
    waiters: Waiters,
}

impl Budget {
    /// A budget of that many bytes.
    pub fn new(most: usize) -> Self {
        Self {
            in_use: AtomicUsize::new(0),
            most,
            waiters: Waiters::default(),
        }
    }

    /// Takes bytes. False when there are not that many.
    pub fn take(&self, bytes: usize) -> bool {
        if bytes > self.most {
            return false;
        }
        // Relaxed: a count; memory itself is handed on by the pools.
        if self.in_use.fetch_add(bytes, Ordering::Relaxed) > self.most - bytes {
            self.give(bytes);
            return false;
        }
        true
    }

    /// Takes bytes whether there are that many or not: for a message that leaves as many elsewhere.
    pub fn take_anyway(&self, bytes: usize) {
        self.in_use.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives bytes back, and tells those who wait, when there is headroom.
    pub fn give(&self, bytes: usize) {
        self.in_use.fetch_sub(bytes, Ordering::Relaxed);
        if self.waiters.anybody() && self.has_headroom() {
            self.waiters.wake_all();
        }
    }

    /// True while there is memory to spare. Admission stops at nine tenths of the bound, so that publishers
    /// who were admitted at the same moment find what they need.
    #[inline]
    pub fn has_headroom(&self) -> bool {
        self.in_use.load(Ordering::Relaxed) < self.most / 10 * 9
    }

    /// As [`Budget::has_headroom`]; while there is none, `waiter` is called when there may be again.
    pub fn wait_for_headroom<W: Waiter + 'static>(&self, waiter: &Arc<W>) -> bool {
        if self.has_headroom() {
            return true;
        }
        self.waiters.file(waiter);
        self.has_headroom()
    }

    /// The bound.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Bytes taken and not given back.
    pub fn in_use(&self) -> usize {
        self.in_use.load(Ordering::Relaxed)
    }
}
