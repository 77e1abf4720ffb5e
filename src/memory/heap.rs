//! Memory of this process that JavaScript cannot see.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::{Memory, SharedBytes, Window};

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

impl Window for HeapBytes {
    #[inline]
    fn window(&self) -> &SharedBytes {
        &self.0
    }
}

impl Drop for HeapBytes {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with the same layout, freed once.
        unsafe { dealloc(self.0.span(0, 0).as_ptr(), Self::layout(self.0.len())) }
    }
}
