//! The quota of a channel: what the subscriptions of a tenant may have under way together, and how many there may be.
//!
//! A channel is a bus of its own, so nothing of its topics, groups and figures is seen from another; what tenants share is the
//! memory and the threads. The quota bounds the first, and the drain serves channels in turn (`shares.rs`).

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicU64, Ordering};
use crate::wait::Waiters;

/// The bounds of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaLimits {
    /// Most messages in flight, of all its subscriptions: one that goes to three of them counts three times.
    pub messages: u64,
    /// Most bytes of messages that wait.
    pub bytes: u64,
    /// Most subscriptions.
    pub subscriptions: u32,
    /// Most topics with an id, and most strings and most shapes in the tables of the process.
    pub table_entries: u32,
}

/// What of a quota is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaUsed {
    /// Messages in flight.
    pub messages: u64,
    /// Bytes that wait.
    pub bytes: u64,
    /// Open subscriptions.
    pub subscriptions: u64,
    /// Subscriptions that were refused.
    pub refused_subscriptions: u64,
}

/// See the module's documentation.
pub struct Quota {
    /// The bounds.
    pub limits: QuotaLimits,
    messages: CachePadded<AtomicU64>,
    bytes: CachePadded<AtomicU64>,
    subscriptions: AtomicU64,
    refused_subscriptions: AtomicU64,
    waiters: Waiters,
}

impl Quota {
    /// Nothing of these is used.
    pub fn new(limits: QuotaLimits) -> Self {
        Self {
            limits,
            messages: CachePadded::new(AtomicU64::new(0)),
            bytes: CachePadded::new(AtomicU64::new(0)),
            subscriptions: AtomicU64::new(0),
            refused_subscriptions: AtomicU64::new(0),
            waiters: Waiters::default(),
        }
    }

    /// Publishers that wait for room.
    pub fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    /// Messages that still fit: 0 while the bytes are used up. As with an account, publishers that look at the same moment may
    /// pass the limit by one message each.
    #[inline]
    pub fn room(&self) -> u64 {
        // Relaxed: figures for admission.
        if self.bytes.load(Ordering::Relaxed) >= self.limits.bytes {
            return 0;
        }
        let messages = self.messages.load(Ordering::Relaxed);
        self.limits.messages.saturating_sub(messages)
    }

    /// True when a publisher that writes so many messages ahead, of so many bytes, might find no room.
    pub fn is_nearly_full(&self, messages: u64, bytes: u64) -> bool {
        let left = self
            .limits
            .bytes
            .saturating_sub(self.bytes.load(Ordering::Relaxed));
        self.room() < messages || left < bytes
    }

    /// True when enough has drained for those who wait.
    pub fn has_drained(&self) -> bool {
        self.messages.load(Ordering::Relaxed) <= self.limits.messages / 2
            && self.bytes.load(Ordering::Relaxed) <= self.limits.bytes / 2
    }

    /// Counts a message in.
    pub fn count_in(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts messages out.
    pub fn count_out(&self, count: u64) {
        self.messages.fetch_sub(count, Ordering::Relaxed);
        self.offer_room();
    }

    /// Counts bytes that wait.
    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that wait no more.
    pub fn remove_bytes(&self, bytes: u64) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.offer_room();
    }

    fn offer_room(&self) {
        if self.waiters.anybody() && self.has_drained() {
            self.waiters.wake_all();
        }
    }

    /// Takes a subscription. False when there are as many as there may be.
    pub fn take_subscription(&self) -> bool {
        let most = u64::from(self.limits.subscriptions);
        // Relaxed: a count.
        let had = self.subscriptions.fetch_add(1, Ordering::Relaxed);
        if had < most {
            return true;
        }
        self.subscriptions.fetch_sub(1, Ordering::Relaxed);
        self.refused_subscriptions.fetch_add(1, Ordering::Relaxed);
        false
    }

    /// Gives a subscription back.
    pub fn give_subscription(&self) {
        self.subscriptions.fetch_sub(1, Ordering::Relaxed);
    }

    /// What is used now.
    pub fn used(&self) -> QuotaUsed {
        QuotaUsed {
            messages: self.messages.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            subscriptions: self.subscriptions.load(Ordering::Relaxed),
            refused_subscriptions: self.refused_subscriptions.load(Ordering::Relaxed),
        }
    }
}
