//! A [`BlockPool`] whose blocks are pieces of native memory. A block is allocated when it is first needed; when
//! enough free ones are kept, the memory of the next one goes back to the system.
//!
//! Each block has a cell, which only the holder of its index touches: there its memory lies while it is free. Blocks
//! without memory serve after those that have some (the pool's cold list).

use std::ptr;

use super::block_pool::{BlockPool, MemberId};
use super::words::Words;
use crate::sync::{AtomicPtr, AtomicU32, Ordering};

/// See the module's documentation. Blocks are taken by threads that have nothing to do with the pool otherwise (whoever
/// publishes), and once per hundred messages, or per large one: all of them are the pool's common member.
pub struct HeapPool<T: Send> {
    blocks: BlockPool,
    cells: Words<AtomicPtr<T>>,
    /// Free blocks with memory.
    kept: AtomicU32,
    most_kept: u32,
}

impl<T: Send> HeapPool<T> {
    /// A pool of that many blocks, of which at most `most_kept` keep their memory while they are free.
    pub fn new(blocks: u32, most_kept: u32) -> Self {
        Self {
            blocks: BlockPool::new(blocks),
            cells: Words::new(blocks as usize).expect("memory for the bookkeeping of a pool"),
            kept: AtomicU32::new(0),
            most_kept,
        }
    }

    /// A free block's index, and its memory if it has some. None when all are held.
    pub fn take(&self) -> Option<(u32, Option<Box<T>>)> {
        let index = self.blocks.acquire(MemberId::COMMON)?;
        // Relaxed: what lies there was put there before the index was given back, which the list hands on.
        let memory = self.cells[index as usize].swap(ptr::null_mut(), Ordering::Relaxed);
        if memory.is_null() {
            return Some((index, None));
        }
        // Relaxed: a count.
        self.kept.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: made by `Box::into_raw` in `give`, and swapped out once.
        Some((index, Some(unsafe { Box::from_raw(memory) })))
    }

    /// Gives back a block that has no memory.
    pub fn give_empty(&self, index: u32) {
        let released = self.blocks.release_cold(MemberId::COMMON, index);
        debug_assert_eq!(released, Ok(()), "a block is given back once");
    }

    /// Gives a block back with its memory, which `prepare` makes fit for the next user, or which is freed.
    pub fn give(&self, index: u32, mut memory: Box<T>, prepare: impl FnOnce(&mut T)) {
        // Relaxed: a count.
        let released = if self.kept.fetch_add(1, Ordering::Relaxed) < self.most_kept {
            prepare(&mut memory);
            self.cells[index as usize].store(Box::into_raw(memory), Ordering::Relaxed);
            self.blocks.release(MemberId::COMMON, index)
        } else {
            self.kept.fetch_sub(1, Ordering::Relaxed);
            drop(memory);
            self.blocks.release_cold(MemberId::COMMON, index)
        };
        debug_assert_eq!(released, Ok(()), "a block is given back once");
    }

    /// Free blocks that keep their memory.
    pub fn kept(&self) -> u32 {
        self.kept.load(Ordering::Relaxed).min(self.most_kept)
    }
}

impl<T: Send> Drop for HeapPool<T> {
    fn drop(&mut self) {
        while self.kept.load(Ordering::Relaxed) > 0 && self.take().is_some() {}
    }
}

#[cfg(all(test, not(model)))]
mod tests {
    use super::*;

    #[test]
    fn memory_is_made_when_needed_and_kept_within_bounds() {
        let pool = HeapPool::<u32>::new(10, 3);
        let mut taken: Vec<_> = (0..10).map(|_| pool.take().expect("ten")).collect();
        assert!(taken.iter().all(|(_, memory)| memory.is_none()));
        assert!(pool.take().is_none());
        for (index, _) in taken.drain(..) {
            pool.give(index, Box::new(1), |value| *value = 0);
        }
        assert_eq!(pool.kept(), 3);
        // Those with memory come first, and it is as `prepare` left it.
        let again: Vec<_> = (0..10).map(|_| pool.take().expect("ten")).collect();
        let with_memory: Vec<_> = again.iter().map(|(_, memory)| memory.clone()).collect();
        assert_eq!(
            &with_memory[..3],
            &[const { 0 }; 3].map(|value| Some(Box::new(value)))
        );
        assert!(with_memory[3..].iter().all(Option::is_none));
        assert_eq!(pool.kept(), 0);
    }
}
