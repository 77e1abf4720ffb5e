//! A window on memory that several threads may write: a SharedArrayBuffer, or the heap below `HeapBytes`.

use std::ptr::NonNull;

use super::{BitMemory, Memory, Source, Target, WideMemory};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

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

    #[inline]
    fn wide_word(&self, offset: usize) -> &AtomicU64 {
        assert!(offset.is_multiple_of(8) && offset < self.len && self.len - offset >= 8);
        // SAFETY: as in `word`; `start` is aligned to 8.
        unsafe { AtomicU64::from_ptr(self.start.as_ptr().add(offset).cast()) }
    }

    /// Where the bytes are. Two windows on the same SharedArrayBuffer have the same address in every thread.
    #[inline]
    pub fn address(&self) -> usize {
        self.start.as_ptr() as usize
    }

    /// True when a span of foreign bytes has bytes of this window in it.
    #[inline]
    pub fn overlaps(&self, start: NonNull<u8>, len: usize) -> bool {
        let (start, own) = (start.as_ptr() as usize, self.address());
        len > 0 && start < own + self.len && own < start + len
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

/// Something whose bytes are seen through a window, and with that a memory.
pub trait Window {
    /// The window.
    fn window(&self) -> &SharedBytes;
}

impl Window for SharedBytes {
    #[inline]
    fn window(&self) -> &SharedBytes {
        self
    }
}

impl<T: Window> Memory for T {
    fn len(&self) -> usize {
        self.window().len
    }

    #[inline]
    fn load(&self, offset: usize, order: Ordering) -> u32 {
        self.window().word(offset).load(order)
    }

    #[inline]
    fn store(&self, offset: usize, value: u32, order: Ordering) {
        self.window().word(offset).store(value, order);
    }

    fn clear(&mut self) {
        let SharedBytes { start, len } = *self.window();
        // SAFETY: the whole window is allocated.
        unsafe { start.write_bytes(0, len) }
    }
}

impl<T: Window> BitMemory for T {
    #[inline]
    fn fetch_or(&self, offset: usize, mask: u32, order: Ordering) -> u32 {
        self.window().word(offset).fetch_or(mask, order)
    }
}

impl<T: Window> WideMemory for T {
    #[inline]
    fn load_u64(&self, offset: usize, order: Ordering) -> u64 {
        self.window().wide_word(offset).load(order)
    }

    #[inline]
    fn store_u64(&self, offset: usize, value: u64, order: Ordering) {
        self.window().wide_word(offset).store(value, order);
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
        self.window()
            .wide_word(offset)
            .compare_exchange(current, new, success, failure)
    }

    #[inline]
    fn copy_in(&self, offset: usize, source: Source<'_>) {
        let target = self.window().span(offset, source.len());
        // SAFETY: `span` checked the bounds, the source is allocated; `copy` allows them to overlap.
        unsafe { source.start().copy_to(target, source.len()) }
    }

    #[inline]
    fn copy_out(&self, offset: usize, target: Target<'_>) {
        let source = self.window().span(offset, target.len());
        // SAFETY: as above.
        unsafe { source.copy_to(target.start(), target.len()) }
    }

    fn copy_out_racing(&self, offset: usize, target: Target<'_>) {
        let mut done = 0;
        while done < target.len() {
            // The word that the next byte lies in, and as much of it as is wanted.
            let at = offset + done;
            let word = self
                .window()
                .word(at & !3)
                .load(Ordering::Relaxed)
                .to_ne_bytes();
            let skip = at & 3;
            let count = (4 - skip).min(target.len() - done);
            // SAFETY: `done + count` is within the target.
            unsafe {
                target
                    .start()
                    .add(done)
                    .copy_from_nonoverlapping(std::ptr::NonNull::from(&word[skip]), count)
            };
            done += count;
        }
    }
}
