//! Arrays of atomic words that begin as zero. The system gives their memory as it is touched, so that the
//! bookkeeping of a large pool costs what is used of it.

use std::ops::Index;

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

/// Bytes from word to word where there are few: threads that use neighbouring blocks stay out of each other's way.
const APART: usize = 64;
/// More words than this lie one behind the other: neighbours are rarely used at the same time, and memory counts.
const MOST_APART: usize = 1 << 16;

/// An array of words, each of which begins as zero.
pub struct Words<W> {
    words: Box<[W]>,
    count: usize,
    /// Words from one that is used to the next, as a power of two.
    shift: u32,
}

impl<W: ZeroWord> Words<W> {
    /// That many words; None when the system has no memory for them.
    pub fn new(count: usize) -> Option<Self> {
        assert!(count > 0, "an array of words has at least one");
        let shift = if count <= MOST_APART && !cfg!(model) {
            (APART / size_of::<W>()).trailing_zeros()
        } else {
            0
        };
        Some(Self {
            words: zeroed(count << shift)?,
            count,
            shift,
        })
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.count
    }

    /// True when there are none, which is never.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The word; None for an index that is none.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&W> {
        // Indices are below 2^32, so the shift loses nothing; what is out of bounds stays so.
        self.words.get(index << self.shift)
    }
}

impl<W: ZeroWord> Index<usize> for Words<W> {
    type Output = W;

    #[inline]
    fn index(&self, index: usize) -> &W {
        &self.words[index << self.shift]
    }
}

#[cfg(not(model))]
fn zeroed<W: ZeroWord>(count: usize) -> Option<Box<[W]>> {
    use std::alloc::{Layout, alloc_zeroed};

    // Of the words' own alignment, not of a line's: for a large alignment the allocator writes the zeros itself, and all of
    // the memory is committed.
    let layout = Layout::array::<W>(count).ok()?;
    // SAFETY: the layout has a size above zero: atomic words have one, and there is at least one of them.
    let start = unsafe { alloc_zeroed(layout) }.cast::<W>();
    if start.is_null() {
        return None;
    }
    // SAFETY: allocated with the layout that the box will free it with, and zero is a valid value (`ZeroWord`).
    Some(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(start, count)) })
}

/// A model's words are no plain memory.
#[cfg(model)]
fn zeroed<W: ZeroWord>(count: usize) -> Option<Box<[W]>> {
    Some((0..count).map(|_| W::default()).collect())
}

#[cfg(all(test, not(model)))]
mod tests {
    use super::*;
    use crate::sync::Ordering;

    #[test]
    fn words_are_told_apart_near_and_far() {
        for count in [1, 3, MOST_APART, MOST_APART + 1] {
            let words = Words::<AtomicU32>::new(count).expect("a little memory");
            for index in [0, count / 2, count - 1] {
                words[index].fetch_add(index as u32 + 1, Ordering::Relaxed);
            }
            assert_eq!(words[count - 1].load(Ordering::Relaxed) as usize % count, 0);
            assert!(words.get(count).is_none() && words.get(u32::MAX as usize).is_none());
            assert_eq!(words.len(), count);
        }
    }

    #[test]
    fn no_memory_is_no_array() {
        assert!(Words::<AtomicU64>::new(1 << 59).is_none());
        assert!(Words::<AtomicU64>::new(usize::MAX >> 8).is_none());
    }
}
