//! The pool of mailbox segments: one for the process, bounded.

use std::sync::OnceLock;

use parking_lot::Mutex;

use crate::bus::queue::{Segment, SegmentSource};
use crate::memory::HeapBytes;
use crate::sync::{AtomicUsize, Ordering};

/// Bytes of a segment: about a hundred messages of 150 bytes, so that the pool is asked once per hundred.
pub const SEGMENT_BYTES: usize = 16 * 1024;
/// Bytes that all mailboxes of the process may hold together.
const MAX_BYTES: usize = 1 << 30;
/// Free segments that are kept for the next taker; beyond them memory goes back to the system.
const MAX_FREE: usize = 64;

/// A bounded pool of zeroed segments. Taken and given back once per segment, not per message, so a lock
/// does; the lock is never held while memory is zeroed or allocated.
#[derive(Debug)]
pub struct SegmentPool {
    free: Mutex<Vec<Box<Segment<HeapBytes>>>>,
    /// Segments held by queues.
    in_use: AtomicUsize,
}

impl SegmentPool {
    /// The pool of this process.
    pub fn global() -> &'static Self {
        static POOL: OnceLock<SegmentPool> = OnceLock::new();
        POOL.get_or_init(|| Self { free: Mutex::default(), in_use: AtomicUsize::new(0) })
    }

    /// True while there is memory to spare. Admission stops at nine tenths of the bound, so that publishers
    /// who were admitted at the same moment find a segment.
    #[inline]
    pub fn has_headroom(&self) -> bool {
        self.in_use.load(Ordering::Relaxed) < MAX_BYTES / SEGMENT_BYTES / 10 * 9
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
        if self.in_use.fetch_add(1, Ordering::Relaxed) >= MAX_BYTES / SEGMENT_BYTES {
            self.in_use.fetch_sub(1, Ordering::Relaxed);
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
        self.in_use.fetch_sub(1, Ordering::Relaxed);
    }
}
