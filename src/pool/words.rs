//! Arrays of atomic words that begin as zero. The system gives their memory as it is touched, so that the
//! bookkeeping of a large pool costs what is used of it.

use crate::sync::{AtomicPtr, AtomicU32, AtomicU64};

/// An atomic word whose first value is all zero bits: a number of zero, or no pointer.
///
/// # Safety
/// All bits zero is a valid value, and equal to the default one.
pub unsafe trait ZeroWord: Default {}

// SAFETY: zero.
unsafe impl ZeroWord for AtomicU32 {}
// SAFETY: zero.
unsafe impl ZeroWord for AtomicU64 {}
// SAFETY: the null pointer, which is the default.
unsafe impl<T> ZeroWord for AtomicPtr<T> {}

/// A word that is 64 bytes from the next, so that threads which use neighbouring blocks stay out of each other's way.
/// Not aligned to a line: the system's allocator writes zeros over memory of a large alignment, and with that has all of it
/// committed.
#[derive(Default)]
#[repr(C)]
pub struct Line<W>(pub W, [u64; 7]);

#[cfg(not(model))]
const _: () = assert!(size_of::<Line<AtomicU32>>() == 64 && size_of::<Line<AtomicU64>>() == 64);

// SAFETY: the word is, and the rest are numbers.
unsafe impl<W: ZeroWord> ZeroWord for Line<W> {}

/// That many words of zero.
#[cfg(not(model))]
pub fn zeroed<W: ZeroWord>(count: usize) -> Box<[W]> {
    use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};

    assert!(count > 0, "an array of words has at least one");
    let layout = Layout::array::<W>(count).expect("an array that fits the address space");
    // SAFETY: the layout has a size above zero: atomic words have one, and there is at least one of them.
    let start = unsafe { alloc_zeroed(layout) }.cast::<W>();
    if start.is_null() {
        handle_alloc_error(layout);
    }
    // SAFETY: allocated with the layout that the box will free it with, and zero is a valid value (`ZeroWord`).
    unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(start, count)) }
}

/// That many words of zero. A model's words are no plain memory.
#[cfg(model)]
pub fn zeroed<W: ZeroWord>(count: usize) -> Box<[W]> {
    (0..count).map(|_| W::default()).collect()
}
