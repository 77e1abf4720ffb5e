//! A subscription's account: what was admitted to it, how each message ended, and who waits for room in it.
//!
//! `admitted = handled + failed + dropped (by reason) + in flight`, always (docs/delivery.md). Publishers
//! count up `admitted`, the subscriber's thread counts up the outcomes; the two are far apart in memory,
//! so that neither waits for the other's cache line.

use crossbeam_utils::CachePadded;

use super::ack::AttemptCounts;
use super::quota::Quota;
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering, order_of_seq_cst};
use crate::wait::Waiters;

/// How a message ended for a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Outcome {
    /// The handler returned or resolved.
    Handled,
    /// The handler threw or rejected.
    Failed,
    /// Dropped: the subscription had ended when the message's turn came.
    Unsubscribed,
    /// Dropped: the payload's bytes were no value.
    Undecodable,
    /// Dropped: its time was over before a handler was called.
    Expired,
    /// Dropped: the subscriber's thread ended.
    SubscriberDied,
    /// Dropped: no memory for another segment, although admission had found some.
    Overflow,
    /// Given up by a full subscription that drops its oldest.
    Oldest,
    /// Not taken, by a full subscription that drops what is too much.
    Newest,
    /// Put to the dead letters of the bus.
    DeadLetter,
    /// Handed on to another member of the group, whose account goes on with it.
    Rerouted,
}

/// Number of outcomes.
pub const OUTCOMES: usize = 11;

/// Number of the outcomes that the subscriber's JavaScript reports, the first ones.
pub const REPORTED_OUTCOMES: usize = 5;

/// A snapshot of an account, or a sum of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Messages admitted.
    pub admitted: u64,
    /// Messages ended, by [`Outcome`].
    pub ended: [u64; OUTCOMES],
    /// Messages that the subscription's filter kept away. They were not admitted, and are no part of the sum.
    pub filtered: u64,
    /// What handlers did that acknowledge.
    pub attempts: AttemptCounts,
}

impl Ledger {
    /// Admitted and not ended.
    pub fn in_flight(&self) -> u64 {
        self.admitted.saturating_sub(self.ended.iter().sum())
    }

    /// Adds another ledger to this one.
    pub fn add(&mut self, other: &Self) {
        self.admitted += other.admitted;
        self.filtered += other.filtered;
        self.attempts.add(&other.attempts);
        self.ended
            .iter_mut()
            .zip(other.ended)
            .for_each(|(sum, ended)| *sum += ended);
    }
}

struct Ended {
    total: AtomicU64,
    by_outcome: [AtomicU64; OUTCOMES],
}

/// See the module's documentation.
pub struct Account {
    queue_limit: u64,
    /// Most bytes of messages that wait; u64::MAX where nobody counts them.
    bytes_limit: u64,
    /// Bytes of messages that wait: admitted, and not yet handed to the subscriber's thread.
    bytes: AtomicU64,
    /// The quota that its messages count against as well, on a channel.
    quota: Option<Arc<Quota>>,
    waiters: Waiters,
    closed: AtomicBool,
    admitted: CachePadded<AtomicU64>,
    ended: CachePadded<Ended>,
}

impl Account {
    /// An open account with nothing in it, for at most `queue_limit` messages in flight (at least one).
    pub fn new(queue_limit: u64) -> Self {
        Self {
            queue_limit: queue_limit.max(1),
            bytes_limit: u64::MAX,
            bytes: AtomicU64::new(0),
            quota: None,
            waiters: Waiters::default(),
            closed: AtomicBool::new(false),
            admitted: CachePadded::new(AtomicU64::new(0)),
            ended: CachePadded::new(Ended {
                total: AtomicU64::new(0),
                by_outcome: std::array::from_fn(|_| AtomicU64::new(0)),
            }),
        }
    }

    /// The same with a limit on the bytes that wait. A message longer than the limit waits alone.
    pub fn with_bytes_limit(mut self, bytes: u64) -> Self {
        self.bytes_limit = bytes.max(1);
        self
    }

    /// The same on a channel with this quota.
    pub fn with_quota(mut self, quota: Option<Arc<Quota>>) -> Self {
        self.quota = quota;
        self
    }

    /// The quota of its channel.
    #[inline]
    pub fn quota(&self) -> Option<&Arc<Quota>> {
        self.quota.as_ref()
    }

    /// Publishers that wait for room.
    pub fn waiters(&self) -> &Waiters {
        &self.waiters
    }

    /// Admitted and not ended. Publishers may be a few messages apart from one another (see `room`).
    #[inline]
    pub fn in_flight(&self) -> u64 {
        // SYNC POINT ended: Acquire pairs with the Release in `end`. `total` first: who ended a message saw
        // it admitted, so `admitted`, read afterwards, counts it too, and the difference is never too small.
        let ended = self.ended.total.load(Ordering::Acquire);
        self.admitted.load(Ordering::Relaxed).saturating_sub(ended)
    }

    /// Messages that still fit. Two publishers that look at the same moment may both take the last
    /// place, so the limit holds to within one message for each further publisher.
    #[inline]
    pub fn room(&self) -> u64 {
        let mut room = if self.is_full_of_bytes() {
            0
        } else {
            self.queue_limit.saturating_sub(self.in_flight())
        };
        if let Some(quota) = &self.quota {
            room = room.min(quota.room());
        }
        // An ended subscription refuses nobody, however long its last messages take: they may wait for a
        // promise that never settles.
        if room == 0 && self.is_closed() {
            self.queue_limit
        } else {
            room
        }
    }

    /// True when a publisher that writes so many messages ahead, of so many bytes in all, might find no room for them.
    #[inline]
    pub fn is_nearly_full(&self, messages: u64, bytes: u64) -> bool {
        let room_in_bytes = || self.bytes_limit.saturating_sub(self.waiting_bytes());
        let quota = self.quota.as_ref();
        self.room() < messages
            || self.counts_bytes() && room_in_bytes() < bytes
            || quota.is_some_and(|quota| quota.is_nearly_full(messages, bytes))
    }

    /// True when enough has drained for those who wait, or nothing more is admitted anyway.
    pub fn has_drained(&self) -> bool {
        let quota = self.quota.as_ref();
        let drained = self.in_flight() <= self.queue_limit / 2
            && self.waiting_bytes() <= self.bytes_limit / 2
            && quota.is_none_or(|quota| quota.has_drained());
        drained || self.is_closed()
    }

    /// True when bytes are counted: only then `add_bytes` and `remove_bytes` must be called.
    #[inline]
    pub fn counts_bytes(&self) -> bool {
        self.bytes_limit != u64::MAX || self.quota.is_some()
    }

    /// Most bytes that may wait, if there is a limit.
    pub fn bytes_limit(&self) -> Option<u64> {
        (self.bytes_limit != u64::MAX).then_some(self.bytes_limit)
    }

    /// Bytes of messages that wait. 0 where nobody counts them.
    #[inline]
    pub fn waiting_bytes(&self) -> u64 {
        // Relaxed: a figure for admission.
        self.bytes.load(Ordering::Relaxed)
    }

    #[inline]
    fn is_full_of_bytes(&self) -> bool {
        self.counts_bytes() && self.waiting_bytes() >= self.bytes_limit
    }

    /// Counts the bytes of a message that will wait: before it can be seen by who takes it out.
    #[inline]
    pub fn add_bytes(&self, bytes: u64) {
        if self.counts_bytes() {
            self.bytes.fetch_add(bytes, Ordering::Relaxed);
            if let Some(quota) = &self.quota {
                quota.add_bytes(bytes);
            }
        }
    }

    /// Counts the bytes of a message that waits no more.
    #[inline]
    pub fn remove_bytes(&self, bytes: u64) {
        if self.counts_bytes() {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            if let Some(quota) = &self.quota {
                quota.remove_bytes(bytes);
            }
            self.offer_room();
        }
    }

    /// Counts a message in. False when the subscription has ended: the message is counted out again.
    #[inline]
    pub fn admit(&self) -> bool {
        let is_in = self.count_in();
        if !is_in {
            self.end(Outcome::Unsubscribed, 1);
        }
        is_in
    }

    /// Counts a message in. False when the subscription has ended: the caller counts it out again.
    #[inline]
    pub fn count_in(&self) -> bool {
        // SYNC POINT slot: SeqCst pairs with `close` and `is_spent`: either this sees `closed`, or the
        // owner sees this message in flight and keeps the slot.
        self.admitted.fetch_add(1, Ordering::SeqCst);
        if let Some(quota) = &self.quota {
            quota.count_in();
        }
        order_of_seq_cst();
        !self.closed.load(Ordering::SeqCst)
    }

    /// Counts a message in and out again: the subscription does without it.
    pub fn turn_away(&self, outcome: Outcome) {
        if self.admit() {
            self.end(outcome, 1);
        }
    }

    /// Most messages that may wait.
    pub fn queue_limit(&self) -> u64 {
        self.queue_limit
    }

    /// Counts `count` messages out.
    pub fn end(&self, outcome: Outcome, count: u64) {
        // SYNC POINT ended: both Releases pair with the Acquires in `in_flight`, `is_spent` and `ledger`: who
        // sees a message ended sees it admitted, and who sees the total sees the outcome counted.
        self.ended.by_outcome[outcome as usize].fetch_add(count, Ordering::Release);
        self.ended.total.fetch_add(count, Ordering::Release);
        if let Some(quota) = &self.quota {
            quota.count_out(count);
        }
        self.offer_room();
    }

    /// Tells those who wait, when there is room for them.
    #[inline]
    fn offer_room(&self) {
        if self.waiters.anybody() && self.has_drained() {
            self.waiters.wake_all();
        }
    }

    /// Ends the subscription: nothing more is admitted. False when it had ended already.
    pub fn close(&self) -> bool {
        // SYNC POINT slot: SeqCst pairs with `admit`.
        let was_open = !self.closed.swap(true, Ordering::SeqCst);
        // Who files itself later sees `closed` when it looks again: it takes the lock of the list after this.
        self.waiters.wake_all();
        was_open
    }

    /// True when the subscription has ended.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// True when it has ended and nothing is in flight: its slot may be given to another. A publisher with
    /// an old route may still count a message in, but only to count it out again.
    pub fn is_spent(&self) -> bool {
        if !self.closed.load(Ordering::SeqCst) {
            return false;
        }
        order_of_seq_cst();
        // SYNC POINT ended, and slot: SeqCst pairs with `end` and `admit`. `total` first: read the other way
        // round, a message counted in and out between the two reads would hide one that is in flight.
        let ended = self.ended.total.load(Ordering::SeqCst);
        self.admitted.load(Ordering::SeqCst) == ended
    }

    /// The figures now: nothing counts as ended that does not count as admitted.
    pub fn ledger(&self) -> Ledger {
        // SYNC POINT ended: Acquire pairs with the Release in `end`.
        let ended =
            std::array::from_fn(|outcome| self.ended.by_outcome[outcome].load(Ordering::Acquire));
        Ledger {
            admitted: self.admitted.load(Ordering::Relaxed),
            ended,
            ..Ledger::default()
        }
    }
}
