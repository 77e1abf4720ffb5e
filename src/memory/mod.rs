//! Where bytes live. Algorithms run over [`Memory`], so that one implementation serves the heap, a
//! SharedArrayBuffer and loom (whose atomics are larger than the real ones and cannot overlay bytes).

#[cfg(not(model))]
mod heap;
#[cfg(not(model))]
pub mod maker;
#[cfg(not(model))]
mod mapped;
#[cfg(not(model))]
mod pages;
#[cfg(not(model))]
pub mod registry;
#[cfg(not(model))]
mod shared;
mod span;

#[cfg(not(model))]
pub use heap::HeapBytes;
#[cfg(not(model))]
pub use mapped::MappedBytes;
#[cfg(not(model))]
pub use pages::PageBytes;
#[cfg(not(model))]
pub use shared::{SharedBytes, Window};
pub use span::{Source, Target};

use crate::sync::Ordering;

/// Bytes that several threads may touch, seen as 32-bit words.
///
/// Offsets are in bytes and multiples of four. An offset outside is a bug of the caller and panics;
/// it never reads or writes outside.
pub trait Memory {
    /// Size in bytes.
    fn len(&self) -> usize;

    /// True when there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Loads the word at `offset`.
    fn load(&self, offset: usize, order: Ordering) -> u32;

    /// Stores the word at `offset`.
    fn store(&self, offset: usize, value: u32, order: Ordering);

    /// Sets every byte to zero.
    fn clear(&mut self);
}

/// Memory of structures whose words are sets of bits.
pub trait BitMemory: Memory {
    /// Sets the bits of `mask` in the word at `offset`: the word that was there.
    fn fetch_or(&self, offset: usize, mask: u32, order: Ordering) -> u32;
}

/// Memory of structures that have positions of 64 bits, which never come back, and items of any length.
///
/// The same rules: offsets in bytes, of words multiples of eight, and an offset outside panics.
pub trait WideMemory: Memory {
    /// Loads the word of 64 bits at `offset`.
    fn load_u64(&self, offset: usize, order: Ordering) -> u64;

    /// Stores the word of 64 bits at `offset`.
    fn store_u64(&self, offset: usize, value: u64, order: Ordering);

    /// Stores `new` at `offset` if `current` is there. Else the word that is.
    fn compare_exchange_u64(
        &self,
        offset: usize,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64>;

    /// Copies bytes to `offset`. Plain copying: the algorithm on top sees to it that nobody who minds
    /// reads them meanwhile.
    fn copy_in(&self, offset: usize, source: Source<'_>);

    /// Copies bytes from `offset`, as many as the target has. Plain copying, as above.
    fn copy_out(&self, offset: usize, target: Target<'_>);

    /// As [`WideMemory::copy_out`], where a writer may come in between: the words are read atomically
    /// (relaxed). The caller checks afterwards that nobody did, with an Acquire fence before the check.
    fn copy_out_racing(&self, offset: usize, target: Target<'_>);
}
