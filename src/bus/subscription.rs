//! A subscription and its ledger: what was admitted to it and how each message ended.
//!
//! `admitted = handled + failed + dropped (by reason) + in flight`, always (docs/delivery.md). Publishers
//! count up `admitted`, the subscriber's thread counts up the outcomes; the two are far apart in memory,
//! so that neither waits for the other's cache line.

use std::sync::Arc;

use crossbeam_utils::CachePadded;

use super::receiver::Receiver;
use super::waiters::Waiters;
use crate::sync::{AtomicBool, AtomicU64, Ordering};

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
    /// Dropped: the subscriber's thread ended.
    SubscriberDied,
    /// Dropped: no memory for another segment, although admission had found some.
    Overflow,
}

/// Number of outcomes.
pub const OUTCOMES: usize = 6;

/// Number of the outcomes that the subscriber's JavaScript reports, the first ones.
pub const REPORTED_OUTCOMES: usize = 4;

/// A snapshot of a ledger, or a sum of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Messages admitted.
    pub admitted: u64,
    /// Messages ended, by [`Outcome`].
    pub ended: [u64; OUTCOMES],
}

impl Ledger {
    /// Admitted and not ended.
    pub fn in_flight(&self) -> u64 {
        self.admitted.saturating_sub(self.ended.iter().sum())
    }

    /// Adds another ledger to this one.
    pub fn add(&mut self, other: &Self) {
        self.admitted += other.admitted;
        self.ended.iter_mut().zip(other.ended).for_each(|(sum, ended)| *sum += ended);
    }
}

struct Ended {
    total: AtomicU64,
    by_outcome: [AtomicU64; OUTCOMES],
}

/// A subscription, shared by its thread and by the routes that lead to it.
pub struct Subscription {
    /// Process-wide id, from 1, in order of subscription.
    pub id: u64,
    /// What it matches.
    pub pattern: Box<str>,
    /// Its place among the subscriptions of its endpoint.
    pub slot: u32,
    /// Most messages in flight.
    pub queue_limit: u64,
    /// Where its messages go.
    pub receiver: Arc<Receiver>,
    /// Publishers that wait for room in it.
    pub room_waiters: Waiters,
    closed: AtomicBool,
    admitted: CachePadded<AtomicU64>,
    ended: CachePadded<Ended>,
}

impl Subscription {
    /// An open subscription with an empty ledger.
    pub fn new(id: u64, pattern: &str, slot: u32, queue_limit: u64, receiver: Arc<Receiver>) -> Self {
        Self {
            id,
            pattern: pattern.into(),
            slot,
            queue_limit,
            receiver,
            room_waiters: Waiters::default(),
            closed: AtomicBool::new(false),
            admitted: CachePadded::new(AtomicU64::new(0)),
            ended: CachePadded::new(Ended {
                total: AtomicU64::new(0),
                by_outcome: std::array::from_fn(|_| AtomicU64::new(0)),
            }),
        }
    }

    /// Admitted and not ended.
    #[inline]
    pub fn in_flight(&self) -> u64 {
        // Relaxed: publishers may be a few messages apart from one another (see `room`). `total` first:
        // it only grows, so the difference is never too small.
        let ended = self.ended.total.load(Ordering::Relaxed);
        self.admitted.load(Ordering::Relaxed).saturating_sub(ended)
    }

    /// Messages that still fit. Two publishers that look at the same moment may both take the last
    /// place, so the limit holds to within one message for each further publisher.
    #[inline]
    pub fn room(&self) -> u64 {
        self.queue_limit.saturating_sub(self.in_flight())
    }

    /// True when enough has drained for those who wait.
    pub fn has_drained(&self) -> bool {
        self.in_flight() <= self.queue_limit / 2
    }

    /// Counts a message in. False when the subscription has ended: the message is counted out again.
    #[inline]
    pub fn admit(&self) -> bool {
        // SYNC POINT slot: SeqCst pairs with `close` and `is_spent`: either this sees `closed`, or the
        // owner sees this message in flight and keeps the slot.
        self.admitted.fetch_add(1, Ordering::SeqCst);
        if self.closed.load(Ordering::SeqCst) {
            self.end(Outcome::Unsubscribed, 1);
            return false;
        }
        true
    }

    /// Counts `count` messages out.
    pub fn end(&self, outcome: Outcome, count: u64) {
        self.ended.by_outcome[outcome as usize].fetch_add(count, Ordering::Relaxed);
        // Release: who sees the total sees the outcome counted.
        self.ended.total.fetch_add(count, Ordering::Release);
        if self.room_waiters.anybody() && self.has_drained() {
            self.room_waiters.wake_all();
        }
    }

    /// Ends the subscription: nothing more is admitted.
    pub fn close(&self) {
        // SYNC POINT slot: SeqCst pairs with `admit`.
        self.closed.store(true, Ordering::SeqCst);
        self.room_waiters.wake_all();
    }

    /// True when the subscription has ended.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// True when it has ended and nothing is in flight: its slot may be given to another.
    pub fn is_spent(&self) -> bool {
        // SYNC POINT slot: SeqCst pairs with `admit`.
        self.closed.load(Ordering::SeqCst)
            && self.admitted.load(Ordering::SeqCst) == self.ended.total.load(Ordering::SeqCst)
    }

    /// Its figures now. Taken while messages move, they may be a few apart; at rest they add up.
    pub fn ledger(&self) -> Ledger {
        let ended = std::array::from_fn(|outcome| self.ended.by_outcome[outcome].load(Ordering::Acquire));
        Ledger { admitted: self.admitted.load(Ordering::Acquire), ended }
    }
}

impl PartialEq for Subscription {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
