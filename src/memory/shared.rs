//! A window on memory that several threads may write: a SharedArrayBuffer, or the heap below `HeapBytes`.

use std::ptr::NonNull;

use super::Memory;
use crate::sync::{AtomicU32, Ordering};

/// A bounds-checked window on shared memory.
///
/// JavaScript may write any byte of a SharedArrayBuffer at any time, so no reference to its bytes is ever made, only
/// raw copies and atomic words; and nothing read from it is believed without a check.
#[derive(Debug)]
pub struct SharedBytes {
    start: NonNull<u8>,
    len: usize,
}

impl SharedBytes {
    /// Wraps `len` bytes at `start`.
    ///
    /// # Safety
    /// The bytes stay allocated for as long as the window is used, and `start` is a multiple of 8.
    pub unsafe fn new(start: NonNull<u8>, len: usize) -> Self {
        assert_eq!(
            start.as_ptr() as usize % 8,
            0,
            "shared memory must be aligned to 8 bytes"
        );
        Self { start, len }
    }

    fn word(&self, offset: usize) -> &AtomicU32 {
        assert!(offset.is_multiple_of(4) && offset < self.len && self.len - offset >= 4);
        // SAFETY: in bounds and aligned (checked above, `start` is aligned to 8); the bytes outlive self.
        unsafe { AtomicU32::from_ptr(self.start.as_ptr().add(offset).cast()) }
    }

    /// The address of `len` bytes at `offset`, for a raw copy.
    #[inline]
    pub fn span(&self, offset: usize, len: usize) -> NonNull<u8> {
        assert!(offset <= self.len && self.len - offset >= len);
        // SAFETY: offset is within the allocation or one past its end.
        unsafe { self.start.add(offset) }
    }

    /// The `N` bytes at `offset`, copied once: what is checked is what is used.
    #[inline]
    pub fn read<const N: usize>(&self, offset: usize) -> [u8; N] {
        let source = self.span(offset, N).cast::<[u8; N]>();
        // SAFETY: `span` checked the bounds; a byte array has no alignment; volatile, because another
        // thread may write at the same time, and then any bytes are an acceptable answer.
        unsafe { source.read_volatile() }
    }

    /// The byte at `offset`.
    #[inline]
    pub fn byte(&self, offset: usize) -> u8 {
        self.read::<1>(offset)[0]
    }

    /// Writes the byte at `offset`.
    #[inline]
    pub fn set_byte(&self, offset: usize, value: u8) {
        // SAFETY: `span` checked the bounds.
        unsafe { self.span(offset, 1).write_volatile(value) }
    }
}

impl Memory for SharedBytes {
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
        // SAFETY: the whole window is allocated.
        unsafe { self.start.write_bytes(0, self.len) }
    }
}
