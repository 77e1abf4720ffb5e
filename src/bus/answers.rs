//! Who may still answer a request, and that it is settled once.
//!
//! Each delivery of a request (one subscription, one message) holds a **share**. It answers, or gives its share back without
//! an answer: its handler returned nothing, the message was dropped, its thread died. The first answer settles the request; where
//! there is none, the last share that is given back does.

use crate::sync::{AtomicBool, AtomicU32, Ordering};

/// Why a delivery has no answer, in order of weight: of several the weightiest is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum NoAnswer {
    /// No subscription matched, or wanted it.
    NoSubscriber,
    /// The message was dropped: it expired, the subscription was full or had ended, or its bytes were no value.
    Dropped,
    /// The thread of the subscription died.
    Died,
    /// The handler returned `undefined`: an answer, where nobody has a better one.
    Undefined,
}

impl NoAnswer {
    const ALL: [Self; 4] = [
        Self::NoSubscriber,
        Self::Dropped,
        Self::Died,
        Self::Undefined,
    ];
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Answers {
    shares: AtomicU32,
    settled: AtomicBool,
    weightiest: AtomicU32,
}

impl Answers {
    /// One share, for whoever hands out the others.
    pub fn new() -> Self {
        Self {
            shares: AtomicU32::new(1),
            settled: AtomicBool::new(false),
            weightiest: AtomicU32::new(NoAnswer::NoSubscriber as u32),
        }
    }

    /// Hands out further shares. The caller holds one.
    pub fn share(&self, shares: u32) {
        // Relaxed: the caller's own share keeps the count above zero meanwhile.
        self.shares.fetch_add(shares, Ordering::Relaxed);
    }

    /// True for the first answer, which settles the request. The caller holds a share, and gives it back afterwards.
    pub fn settle(&self) -> bool {
        // One word: the order of all swaps decides who is first.
        !self.settled.swap(true, Ordering::AcqRel)
    }

    /// Gives shares back without an answer. The reason to tell the requester, when these were the last and nobody had answered.
    pub fn give_back(&self, shares: u32, reason: NoAnswer) -> Option<NoAnswer> {
        // Relaxed: ordered by the count below.
        self.weightiest.fetch_max(reason as u32, Ordering::Relaxed);
        // SYNC POINT shares: Release and Acquire pair with each other: the last one sees the reasons of all, and whether
        // one of them settled the request before it gave its share back.
        if self.shares.fetch_sub(shares, Ordering::AcqRel) != shares || !self.settle() {
            return None;
        }
        let weightiest = self.weightiest.load(Ordering::Relaxed) as usize;
        Some(NoAnswer::ALL[weightiest])
    }

    /// True when the requester has, or soon gets, what it waits for.
    pub fn is_settled(&self) -> bool {
        // Relaxed: who misses it does some work for nothing.
        self.settled.load(Ordering::Relaxed)
    }
}

impl Default for Answers {
    fn default() -> Self {
        Self::new()
    }
}
