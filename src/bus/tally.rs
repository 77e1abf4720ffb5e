//! What publishers count: messages, by topic and by bus.
//!
//! Every publisher has a tally of its own for each topic and each bus, so that counting is a load and a store on a cache
//! line that no other thread writes to; who wants the figures adds the tallies up. A tally that its publisher has let go
//! of is added to the sum of those that are no more.

use std::sync::Arc;

use parking_lot::Mutex;

use super::mailbox::PRIORITIES;
use crate::sync::{AtomicU64, Ordering, fence};

/// What was published, in sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that a submit took, by priority.
    pub published: [u64; PRIORITIES],
    /// Of those, the ones that no subscription matched.
    pub unmatched: u64,
    /// Submits that stopped because a subscription was full.
    pub refused: u64,
}

impl Counts {
    /// Messages of all priorities.
    pub fn published(&self) -> u64 {
        self.published.iter().sum()
    }

    fn add(&mut self, tally: &Tally) {
        for (sum, one) in self.published.iter_mut().zip(&tally.published) {
            *sum += one.load(Ordering::Relaxed);
        }
        self.unmatched += tally.unmatched.load(Ordering::Relaxed);
        self.refused += tally.refused.load(Ordering::Relaxed);
    }
}

/// What one publisher has counted. It alone writes; anybody reads.
#[derive(Debug, Default)]
pub struct Tally {
    published: [AtomicU64; PRIORITIES],
    unmatched: AtomicU64,
    refused: AtomicU64,
}

/// Counts up what one thread writes and anybody reads. Only that thread calls this.
#[inline]
pub(super) fn count_up(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
}

/// The tallies of one thing, of all publishers.
#[derive(Debug, Default)]
pub struct Tallies(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    open: Vec<Arc<Tally>>,
    closed: Counts,
}

impl Book {
    /// Moves the tallies that nobody writes to any more to the sum.
    fn sweep(&mut self) {
        let Self { open, closed } = self;
        open.retain(|tally| {
            if Arc::strong_count(tally) > 1 {
                return true;
            }
            // SYNC POINT last: Acquire pairs with the Release of the writer's drop: what it counted is seen.
            fence(Ordering::Acquire);
            closed.add(tally);
            false
        });
    }
}

impl Tallies {
    /// A tally for a publisher, who counts until it drops it.
    pub fn open(&self) -> Arc<Tally> {
        let mut book = self.0.lock();
        book.sweep();
        let tally = Arc::<Tally>::default();
        book.open.push(Arc::clone(&tally));
        tally
    }

    /// The sum of all.
    pub fn sum(&self) -> Counts {
        let mut book = self.0.lock();
        book.sweep();
        let mut sum = book.closed;
        book.open.iter().for_each(|tally| sum.add(tally));
        sum
    }
}

/// Where one message counts: its bus, and its topic if that has an id.
#[derive(Clone, Copy)]
pub struct Counting<'a> {
    /// The publisher's tally of the bus.
    pub bus: &'a Tally,
    /// Its tally of the topic.
    pub topic: Option<&'a Tally>,
}

impl Counting<'_> {
    /// A submit took a message.
    #[inline]
    pub fn published(&self, priority: usize, is_unmatched: bool) {
        self.each(|tally| {
            count_up(&tally.published[priority], 1);
            if is_unmatched {
                count_up(&tally.unmatched, 1);
            }
        });
    }

    /// A submit stopped at a message.
    pub fn refused(&self) {
        self.each(|tally| count_up(&tally.refused, 1));
    }

    #[inline]
    fn each(&self, count: impl Fn(&Tally)) {
        count(self.bus);
        if let Some(topic) = self.topic {
            count(topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_outlives_who_counted() {
        let (bus, topic) = (Tallies::default(), Tallies::default());
        for unmatched in [false, true] {
            let tallies = (bus.open(), topic.open());
            let both = Counting {
                bus: &tallies.0,
                topic: Some(&tallies.1),
            };
            both.published(0, unmatched);
            both.published(3, false);
            Counting {
                topic: None,
                ..both
            }
            .refused();
            let (bus, topic) = (bus.sum(), topic.sum());
            assert_eq!(bus.published, topic.published);
            assert_eq!(topic.refused, 0);
        }
        let sum = Counts {
            published: [2, 0, 0, 2],
            unmatched: 1,
            refused: 2,
        };
        assert_eq!(bus.sum(), sum);
        assert_eq!(sum.published(), 4);
        assert!(bus.0.lock().open.is_empty());
    }
}
