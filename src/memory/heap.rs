//! Memory of this process that JavaScript cannot see.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::{Memory, SharedBytes, Source, Target, WideMemory};
use crate::sync::Ordering;

/// Alignment of heap memory: two cache lines, as adjacent-line prefetch pairs them.
const ALIGN: usize = 128;

/// Zeroed bytes on the heap, shared between threads by the algorithms that own them.
#[derive(Debug)]
pub struct HeapBytes(SharedBytes);

// SAFETY: plain memory; who may touch which bytes when is the business of the algorithm on top, which
// goes through atomics or raw copies.
unsafe impl Send for HeapBytes {}
// SAFETY: as above.
unsafe impl Sync for HeapBytes {}

impl HeapBytes {
    /// Allocates `len` zeroed bytes; `len` is a positive multiple of 8.
    pub fn new(len: usize) -> Self {
        let layout = Self::layout(len);
        // SAFETY: the layout has a size above zero (checked in `layout`).
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else {
            handle_alloc_error(layout)
        };
        // SAFETY: allocated until the drop, and aligned.
        Self(unsafe { SharedBytes::new(start, len) })
    }

    fn layout(len: usize) -> Layout {
        assert!(
            len > 0 && len.is_multiple_of(8),
            "heap memory comes in positive multiples of 8 bytes"
        );
        Layout::from_size_align(len, ALIGN).expect("a length that fits the address space")
    }

    /// The address of `len` bytes at `offset`, for a raw copy.
    #[inline]
    pub fn span(&self, offset: usize, len: usize) -> NonNull<u8> {
        self.0.span(offset, len)
    }
}

impl Memory for HeapBytes {
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    fn load(&self, offset: usize, order: Ordering) -> u32 {
        self.0.load(offset, order)
    }

    #[inline]
    fn store(&self, offset: usize, value: u32, order: Ordering) {
        self.0.store(offset, value, order);
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

impl WideMemory for HeapBytes {
    #[inline]
    fn load_u64(&self, offset: usize, order: Ordering) -> u64 {
        self.0.load_u64(offset, order)
    }

    #[inline]
    fn store_u64(&self, offset: usize, value: u64, order: Ordering) {
        self.0.store_u64(offset, value, order);
    }

    #[inline]
    fn compare_exchange_u64(
        &self,
        offset: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        self.0
            .compare_exchange_u64(offset, current, new, success, failure)
    }

    #[inline]
    fn copy_in(&self, offset: usize, source: Source<'_>) {
        self.0.copy_in(offset, source);
    }

    #[inline]
    fn copy_out(&self, offset: usize, target: Target<'_>) {
        self.0.copy_out(offset, target);
    }

    fn copy_out_racing(&self, offset: usize, target: Target<'_>) {
        self.0.copy_out_racing(offset, target);
    }
}

impl Drop for HeapBytes {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with the same layout, freed once.
        unsafe { dealloc(self.0.span(0, 0).as_ptr(), Self::layout(self.0.len())) }
    }
}
