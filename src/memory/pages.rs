//! Pages of this process that go back to the system when they are dropped.
//!
//! What an allocator is given back it mostly keeps: after a backlog of 64 MB had been drained, 64 MB stayed resident.
//! Pages of their own do not stay. They cost a system call each way, so they are for pieces that are large, or pooled.

use std::ptr::NonNull;

use memmap2::{MmapMut, MmapRaw};

use super::{SharedBytes, Window};

/// Zeroed memory, aligned to a page, committed as it is touched.
#[derive(Debug)]
pub struct PageBytes {
    bytes: SharedBytes,
    /// Keeps the pages.
    _map: MmapRaw,
}

// SAFETY: plain memory, as `HeapBytes`; pages may be given back by any thread.
unsafe impl Send for PageBytes {}
// SAFETY: as above.
unsafe impl Sync for PageBytes {}

impl PageBytes {
    /// `len` zeroed bytes, at least one; None when the system has no memory.
    pub fn new(len: usize) -> Option<Self> {
        assert!(len > 0, "there is no mapping of nothing");
        let map = MmapRaw::from(MmapMut::map_anon(len).ok()?);
        let start = NonNull::new(map.as_mut_ptr())?;
        // SAFETY: mapped until the drop, at the beginning of a page.
        let bytes = unsafe { SharedBytes::new(start, len) };
        Some(Self { bytes, _map: map })
    }
}

impl Window for PageBytes {
    #[inline]
    fn window(&self) -> &SharedBytes {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Memory, WideMemory};
    use crate::sync::Ordering;

    #[test]
    fn pages_are_zeroed_and_one_s_own() {
        let (first, second) = (
            PageBytes::new(16_384).expect("memory"),
            PageBytes::new(5000).expect("memory"),
        );
        assert_eq!((first.len(), second.len()), (16_384, 5000));
        first.store_u64(16_376, u64::MAX, Ordering::Relaxed);
        assert_eq!(first.load_u64(16_376, Ordering::Relaxed), u64::MAX);
        for offset in (0..5000).step_by(4) {
            assert_eq!(second.load(offset, Ordering::Relaxed), 0);
        }
        assert!(PageBytes::new(1 << 60).is_none());
    }
}
