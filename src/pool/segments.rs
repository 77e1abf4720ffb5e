//! The pool of mailbox segments: one for the process.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use super::budget::Budget;
use super::heap_pool::HeapPool;
use super::{MAX_BYTES, process_budget};
use crate::bus::queue::{Segment, SegmentSource};
use crate::memory::{PageBytes, SharedBytes, Window};
use crate::wait::Waiter;

/// Bytes of a segment: about a hundred messages of 150 bytes, so that the pool is asked once per hundred.
pub const SEGMENT_BYTES: usize = 16 * 1024;
/// Free segments that are kept for the next taker; beyond them memory goes back to the system.
const MAX_FREE: u32 = 64;

/// A segment's memory, which knows its block.
#[derive(Debug)]
pub struct SegmentBytes {
    index: u32,
    bytes: PageBytes,
}

impl Deref for SegmentBytes {
    type Target = SharedBytes;

    fn deref(&self) -> &SharedBytes {
        self.bytes.window()
    }
}

impl Window for SegmentBytes {
    #[inline]
    fn window(&self) -> &SharedBytes {
        self.bytes.window()
    }
}

/// The segments of all mailboxes, and the budget that they share with the large payloads.
pub struct SegmentPool {
    blocks: HeapPool<Segment<SegmentBytes>>,
    budget: &'static Budget,
}

impl SegmentPool {
    /// The pool of this process.
    pub fn global() -> &'static Self {
        static POOL: OnceLock<SegmentPool> = OnceLock::new();
        POOL.get_or_init(|| Self::new((MAX_BYTES / SEGMENT_BYTES) as u32, process_budget()))
    }

    fn new(most: u32, budget: &'static Budget) -> Self {
        Self {
            blocks: HeapPool::new(most, MAX_FREE),
            budget,
        }
    }

    /// True while there is memory to spare, for segments and payloads: see [`Budget::has_headroom`].
    #[inline]
    pub fn has_headroom(&self) -> bool {
        self.budget.has_headroom()
    }

    /// As [`SegmentPool::has_headroom`]; while there is none, `waiter` is called when there may be again.
    pub fn wait_for_headroom<W: Waiter + 'static>(&self, waiter: &Arc<W>) -> bool {
        self.budget.wait_for_headroom(waiter)
    }

    /// Bytes held by queues and by large payloads at this moment.
    pub fn bytes_in_use(&self) -> usize {
        self.budget.in_use()
    }

    /// Bytes that messages take, blocks and kept ones included, and the most that they may.
    pub fn bounds(&self) -> (usize, usize) {
        (self.budget.in_use(), self.budget.most())
    }

    /// How much of the bound on these bytes is taken, from 0 to 1.
    pub fn utilization(&self) -> f64 {
        self.budget.in_use() as f64 / self.budget.most() as f64
    }

    /// Bytes of segments that are kept for the next taker.
    pub fn bytes_free(&self) -> usize {
        self.blocks.kept() as usize * SEGMENT_BYTES
    }
}

impl SegmentSource for &'static SegmentPool {
    type Memory = SegmentBytes;

    fn segment_bytes(&self) -> u64 {
        SEGMENT_BYTES as u64
    }

    fn take(&self) -> Option<Box<Segment<SegmentBytes>>> {
        if !self.budget.take(SEGMENT_BYTES) {
            return None;
        }
        let Some((index, segment)) = self.blocks.take() else {
            self.budget.give(SEGMENT_BYTES);
            return None;
        };
        let made = || {
            let bytes = PageBytes::new(SEGMENT_BYTES)?;
            Some(Segment::new(SegmentBytes { index, bytes }))
        };
        let segment = segment.or_else(made);
        if segment.is_none() {
            // The system has no memory.
            self.blocks.give_empty(index);
            self.budget.give(SEGMENT_BYTES);
        }
        segment
    }

    fn give(&self, segment: Box<Segment<SegmentBytes>>) {
        let index = segment.memory().index;
        self.blocks.give(index, segment, Segment::reset);
        self.budget.give(SEGMENT_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Memory;
    use crate::sync::AtomicUsize;
    use crate::sync::Ordering;

    struct Counter(AtomicUsize);

    impl Waiter for Counter {
        fn id(&self) -> u32 {
            1
        }

        fn look_again(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn pool_of(most: usize) -> &'static SegmentPool {
        let budget = Box::leak(Box::new(Budget::new(most * SEGMENT_BYTES)));
        Box::leak(Box::new(SegmentPool::new(most as u32, budget)))
    }

    #[test]
    fn who_waits_for_memory_is_called_when_there_is_some() {
        let pool = pool_of(10);
        let waiter = Arc::new(Counter(AtomicUsize::new(0)));
        let calls = || waiter.0.load(Ordering::Relaxed);
        let mut taken: Vec<_> = (0..10)
            .map(|_| (&pool).take().expect("within the bound"))
            .collect();
        assert!((&pool).take().is_none());
        assert!(!pool.wait_for_headroom(&waiter) && !pool.wait_for_headroom(&waiter));
        // Nine tenths are still held.
        (&pool).give(taken.pop().expect("ten"));
        assert_eq!(calls(), 0);
        (&pool).give(taken.pop().expect("nine"));
        assert_eq!(calls(), 1, "called once, however often it was filed");
        assert!(pool.wait_for_headroom(&waiter));
        taken.into_iter().for_each(|segment| (&pool).give(segment));
        assert_eq!((calls(), pool.bytes_in_use()), (1, 0));
    }

    #[test]
    fn segments_come_zeroed_and_at_most_a_mebibyte_of_them_is_kept() {
        let pool = pool_of(100);
        for _ in 0..3 {
            let taken: Vec<_> = (0..100)
                .map(|_| (&pool).take().expect("a hundred"))
                .collect();
            assert_eq!(
                (pool.bytes_in_use(), pool.bytes_free()),
                (100 * SEGMENT_BYTES, 0)
            );
            for segment in taken {
                let memory = segment.memory();
                for offset in (0..SEGMENT_BYTES).step_by(4) {
                    assert_eq!(memory.load(offset, Ordering::Relaxed), 0);
                    memory.store(offset, u32::MAX, Ordering::Relaxed);
                }
                (&pool).give(segment);
            }
            assert_eq!((pool.bytes_in_use(), pool.bytes_free()), (0, 1 << 20));
        }
    }
}
