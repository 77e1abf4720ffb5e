//! The pool of mailbox segments: one for the process, bounded.

use std::sync::{Arc, OnceLock};

use crate::bus::queue::{Segment, SegmentSource};
use crate::memory::HeapBytes;
use crate::sync::{AtomicUsize, Mutex, Ordering};
use crate::wait::{Waiter, Waiters};

/// Bytes of a segment: about a hundred messages of 150 bytes, so that the pool is asked once per hundred.
pub const SEGMENT_BYTES: usize = 16 * 1024;
/// Bytes that all mailboxes of the process may hold together.
const MAX_BYTES: usize = 1 << 30;
/// Free segments that are kept for the next taker; beyond them memory goes back to the system.
const MAX_FREE: usize = 64;

/// A bounded pool of zeroed segments. Taken and given back once per segment, not per message, so a lock
/// does; the lock is never held while memory is zeroed or allocated.
pub struct SegmentPool {
    #[expect(clippy::vec_box, reason = "queues link segments by their address")]
    free: Mutex<Vec<Box<Segment<HeapBytes>>>>,
    /// Segments held by queues.
    in_use: AtomicUsize,
    /// Most segments that queues may hold.
    most: usize,
    /// Publishers that wait for headroom.
    waiters: Waiters,
}

impl SegmentPool {
    /// The pool of this process.
    pub fn global() -> &'static Self {
        static POOL: OnceLock<SegmentPool> = OnceLock::new();
        POOL.get_or_init(|| Self::new(MAX_BYTES / SEGMENT_BYTES))
    }

    fn new(most: usize) -> Self {
        Self {
            free: Mutex::default(),
            in_use: AtomicUsize::new(0),
            most,
            waiters: Waiters::default(),
        }
    }

    /// True while there is memory to spare. Admission stops at nine tenths of the bound, so that publishers
    /// who were admitted at the same moment find a segment.
    #[inline]
    pub fn has_headroom(&self) -> bool {
        self.in_use.load(Ordering::Relaxed) < self.most / 10 * 9
    }

    /// As [`SegmentPool::has_headroom`]; while there is none, `waiter` is called when there may be again.
    pub fn wait_for_headroom<W: Waiter + 'static>(&self, waiter: &Arc<W>) -> bool {
        if self.has_headroom() {
            return true;
        }
        self.waiters.file(waiter);
        self.has_headroom()
    }

    fn count_out(&self) {
        self.in_use.fetch_sub(1, Ordering::Relaxed);
        if self.waiters.anybody() && self.has_headroom() {
            self.waiters.wake_all();
        }
    }

    /// Bytes held by queues at this moment.
    pub fn bytes_in_use(&self) -> usize {
        self.in_use.load(Ordering::Relaxed) * SEGMENT_BYTES
    }

    /// Bytes kept for the next taker.
    pub fn bytes_free(&self) -> usize {
        self.free.lock().len() * SEGMENT_BYTES
    }
}

impl SegmentSource for &'static SegmentPool {
    type Memory = HeapBytes;

    fn segment_bytes(&self) -> u64 {
        SEGMENT_BYTES as u64
    }

    fn take(&self) -> Option<Box<Segment<HeapBytes>>> {
        // Relaxed: a count; the segments themselves are handed on under the lock.
        if self.in_use.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.count_out();
            return None;
        }
        let free = self.free.lock().pop();
        Some(free.unwrap_or_else(|| Segment::new(HeapBytes::new(SEGMENT_BYTES))))
    }

    fn give(&self, mut segment: Box<Segment<HeapBytes>>) {
        segment.reset();
        let mut free = self.free.lock();
        if free.len() < MAX_FREE {
            free.push(segment);
        } else {
            drop(free);
            drop(segment);
        }
        self.count_out();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(AtomicUsize);

    impl Waiter for Counter {
        fn id(&self) -> u32 {
            1
        }

        fn look_again(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_waits_for_memory_is_called_when_there_is_some() {
        let pool: &'static SegmentPool = Box::leak(Box::new(SegmentPool::new(10)));
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
}
