//! Memory of this process that JavaScript cannot see.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::Memory;
use crate::sync::{AtomicU32, Ordering};

/// Alignment of heap memory: two cache lines, as adjacent-line prefetch pairs them.
const ALIGN: usize = 128;

/// Zeroed bytes on the heap, shared between threads by the algorithms that own them.
#[derive(Debug)]
pub struct HeapBytes {
    start: NonNull<u8>,
    len: usize,
}

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
        Self { start, len }
    }

    fn layout(len: usize) -> Layout {
        assert!(
            len > 0 && len.is_multiple_of(8),
            "heap memory comes in positive multiples of 8 bytes"
        );
        Layout::from_size_align(len, ALIGN).expect("a length that fits the address space")
    }

    fn word(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4) && offset < self.len && self.len - offset >= 4);
        // SAFETY: in bounds and aligned (checked above); the allocation lives as long as self.
        unsafe { AtomicU32::from_ptr(self.start.as_ptr().add(offset).cast()) }
    }

    /// The address of `len` bytes at `offset`, for a raw copy.
    #[inline]
    pub fn span(&self, offset: usize, len: usize) -> NonNull<u8> {
        assert!(offset <= self.len && self.len - offset >= len);
        // SAFETY: offset is within the allocation or one past its end.
        unsafe { self.start.add(offset) }
    }
}

impl Memory for HeapBytes {
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn load(&self, offset: usize, order: Ordering) -> u32 {
        self.word(offset).load(order)
    }

    #[inline]
    fn store(&self, offset: usize, value: u32, order: Ordering) {
        self.word(offset).store(value, order);
    }

    fn clear(&mut self) {
        // SAFETY: the whole allocation, by its only user.
        unsafe { self.start.write_bytes(0, self.len) }
    }
}

impl Drop for HeapBytes {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with the same layout, freed once.
        unsafe { dealloc(self.start.as_ptr(), Self::layout(self.len)) }
    }
}
