//! Acknowledgement: a subscription that asks for it is handed each message until a handler is done with it, or until it has
//! been tried often enough; then it goes to the [`dead_letters`](super::dead_letters).
//!
//! [`table`] has what the subscription's thread works on. `redelivery.rs` decides what becomes of a message that was not
//! acknowledged: in a group another member gets it, else the subscription itself after a while ([`Policy::back_off`]).

pub mod table;

#[cfg(not(model))]
mod handling;
#[cfg(not(model))]
mod redelivery;

#[cfg(not(model))]
pub use redelivery::Acks;

use crate::sync::{AtomicU64, Ordering};

/// Longest back-off, unless the first one is longer.
const LONGEST_BACK_OFF_MS: u64 = 60_000;

/// How often and how long a subscription's messages are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long a handler may take, milliseconds.
    pub timeout_ms: u32,
    /// How many handlers may fail with a message before it is a dead letter. At least one.
    pub max_attempts: u8,
    /// How long a message rests after its first attempt, milliseconds; twice as long after each further one.
    pub back_off_ms: u32,
}

impl Policy {
    /// How long a message rests that has failed so often, in nanoseconds: exponential, a minute at most, of which a random part
    /// of up to a half is left out, so that what failed together is not tried together ("equal jitter": Brooker, "Exponential
    /// Backoff and Jitter", 2015). `random` is any number.
    pub fn back_off(&self, failures: u8, random: u64) -> u64 {
        let first = u64::from(self.back_off_ms);
        let doublings = u32::from(failures.saturating_sub(1)).min(31);
        let longest = (first << doublings).min(LONGEST_BACK_OFF_MS.max(first));
        let whole = longest * 1_000_000;
        let half = whole / 2;
        whole - random % (half + 1)
    }
}

/// What a subscription counts of its attempts. None of it is part of the ledger's sum: a message is one, however often it is tried.
#[derive(Debug, Default)]
pub struct Attempts {
    /// Handlers that threw or rejected.
    pub rejected: AtomicU64,
    /// Handlers that were not done in time.
    pub timed_out: AtomicU64,
    /// Handlers that were done when their message was another's already.
    pub late: AtomicU64,
    /// Attempts after the first, whoever made the first.
    pub redelivered: AtomicU64,
}

/// [`Attempts`] at a moment, or a sum of several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AttemptCounts {
    /// Handlers that threw or rejected.
    pub rejected: u64,
    /// Handlers that were not done in time.
    pub timed_out: u64,
    /// Handlers that were done too late.
    pub late: u64,
    /// Attempts after the first.
    pub redelivered: u64,
}

impl Attempts {
    /// The figures now.
    pub fn counts(&self) -> AttemptCounts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        AttemptCounts {
            rejected: of(&self.rejected),
            timed_out: of(&self.timed_out),
            late: of(&self.late),
            redelivered: of(&self.redelivered),
        }
    }
}

impl AttemptCounts {
    /// Adds others to these.
    pub fn add(&mut self, other: &Self) {
        self.rejected += other.rejected;
        self.timed_out += other.timed_out;
        self.late += other.late;
        self.redelivered += other.redelivered;
    }
}

/// Counts one more.
pub fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(all(test, not(model)))]
mod tests {
    use super::*;

    #[test]
    fn a_rest_is_twice_as_long_each_time_up_to_a_minute() {
        let policy = Policy {
            timeout_ms: 1,
            max_attempts: 255,
            back_off_ms: 100,
        };
        let ms = |failures: u8, random: u64| policy.back_off(failures, random) / 1_000_000;
        assert_eq!((ms(1, 0), ms(2, 0), ms(5, 0)), (100, 200, 1_600));
        assert_eq!(ms(11, 0), 60_000);
        assert_eq!(ms(255, 0), 60_000);
        for random in [1, 77, u64::MAX / 3, u64::MAX] {
            let rest = policy.back_off(3, random);
            assert!((200_000_000..=400_000_000).contains(&rest), "{rest}");
        }
        let none = Policy {
            back_off_ms: 0,
            ..policy
        };
        assert_eq!(none.back_off(9, u64::MAX), 0);
        let long = Policy {
            back_off_ms: 3_600_000,
            ..policy
        };
        assert_eq!(long.back_off(200, 0) / 1_000_000, 3_600_000);
    }
}
