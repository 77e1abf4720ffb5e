//! Where bytes live. Algorithms run over [`Memory`], so that one implementation serves the heap, a
//! SharedArrayBuffer and loom (whose atomics are larger than the real ones and cannot overlay bytes).

#[cfg(not(loom))]
mod heap;
#[cfg(not(loom))]
mod shared;

#[cfg(not(loom))]
pub use heap::HeapBytes;
#[cfg(not(loom))]
pub use shared::SharedBytes;

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
