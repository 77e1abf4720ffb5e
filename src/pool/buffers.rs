//! Buffer pools that users share: blocks in a SharedArrayBuffer, and their state in native memory, which JavaScript
//! cannot write. The threads of the process find the state by the memory's address.

use std::fmt;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

use super::block_pool::{BlockPool, MAX_MEMBERS, MemberId, PoolStats, ReleaseError};
use super::layout::{BufferLayout, MAKER_AT};
use crate::memory::maker::{self, OtherCopy};
use crate::memory::registry::Registry;
use crate::memory::{Memory, SharedBytes};

/// Why there is no handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttachError {
    /// The memory holds no pool, for this reason.
    Foreign(String),
    /// Another loaded copy of the addon has made it.
    OtherCopy(OtherCopy),
    /// The system has no memory for the pool's bookkeeping.
    NoMemory,
    /// So many handles are in use that no other fits.
    TooManyHandles,
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign(why) => f.write_str(why),
            Self::OtherCopy(copy) => copy.fmt(f),
            Self::NoMemory => f.write_str(
                "the system has no memory for the bookkeeping of so many blocks; ask for fewer",
            ),
            Self::TooManyHandles => write!(
                f,
                "{} handles on this pool are in use, the most that there may be; attach once for each thread and keep the handle",
                MAX_MEMBERS - 1
            ),
        }
    }
}

/// What all threads share about one pool.
struct SharedPool {
    layout: BufferLayout,
    blocks: BlockPool,
}

/// One thread's handle. What it holds goes back with it.
pub struct BufferPool {
    shared: Arc<SharedPool>,
    member: MemberId,
    memory: SharedBytes,
}

/// Makes zeroed memory of the layout's size a pool.
pub fn format(layout: BufferLayout, memory: &SharedBytes) {
    maker::sign(memory, MAKER_AT);
    layout.write(memory);
}

impl BufferPool {
    /// Finds the state of a pool by its memory, or makes it, with all blocks free.
    ///
    /// The memory stays allocated for as long as the handle lives: until then no other memory has its address.
    pub fn attach(memory: SharedBytes) -> Result<Self, AttachError> {
        static POOLS: OnceLock<Registry<usize, SharedPool>> = OnceLock::new();
        let shared = POOLS
            .get_or_init(Registry::default)
            .find_or_make(memory.address(), || {
                let layout = BufferLayout::read(&memory).map_err(AttachError::Foreign)?;
                maker::check(&memory, MAKER_AT).map_err(AttachError::OtherCopy)?;
                let blocks = BlockPool::try_new(layout.blocks).ok_or(AttachError::NoMemory)?;
                Ok(SharedPool { layout, blocks })
            })?;
        if memory.len() as u64 != shared.layout.bytes() {
            return Err(AttachError::Foreign(format!(
                "expected all {} bytes of the pool, and {} were given",
                shared.layout.bytes(),
                memory.len()
            )));
        }
        let Some(member) = shared.blocks.join() else {
            return Err(AttachError::TooManyHandles);
        };
        Ok(Self {
            shared,
            member,
            memory,
        })
    }

    /// The pool's shape.
    pub fn layout(&self) -> BufferLayout {
        self.shared.layout
    }

    /// A free block: its index.
    #[inline]
    pub fn acquire(&self) -> Option<u32> {
        self.shared.blocks.acquire(self.member)
    }

    /// Gives a block back, whoever acquired it.
    #[inline]
    pub fn release(&self, index: u32) -> Result<(), ReleaseError> {
        self.shared.blocks.release(self.member, index)
    }

    /// See [`BlockPool::ticket`].
    pub fn ticket(&self, index: u32) -> Option<u64> {
        self.shared.blocks.ticket(index)
    }

    /// Makes the block that a ticket names this handle's: see [`BlockPool::adopt`].
    pub fn adopt(&self, ticket: u64) -> Option<u32> {
        self.shared.blocks.adopt(self.member, ticket)
    }

    /// The block that lies exactly at these bytes.
    pub fn index_of(&self, start: NonNull<u8>, len: usize) -> Option<u32> {
        let offset = (start.as_ptr() as usize).checked_sub(self.memory.address())?;
        let layout = self.shared.layout;
        layout
            .index_at(offset as u64)
            .filter(|_| len as u64 == u64::from(layout.block_bytes))
    }

    /// The pool's figures, of all threads together.
    pub fn stats(&self) -> PoolStats {
        self.shared.blocks.stats()
    }
}

impl Drop for BufferPool {
    fn drop(&mut self) {
        self.shared.blocks.leave(self.member);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::HeapBytes;

    fn window(bytes: &HeapBytes) -> SharedBytes {
        // SAFETY: the tests keep the memory until all handles are gone.
        unsafe { SharedBytes::new(bytes.span(0, bytes.len()), bytes.len()) }
    }

    #[test]
    fn handles_on_the_same_memory_share_its_blocks() {
        let layout = BufferLayout::new(100, 3).expect("within the bounds");
        let bytes = HeapBytes::new(layout.bytes() as usize);
        assert!(BufferPool::attach(window(&bytes)).is_err(), "no header yet");
        format(layout, &window(&bytes));
        let attach = || BufferPool::attach(window(&bytes)).expect("a pool");
        let (first, second) = (attach(), attach());
        let mut all: Vec<u32> = [&first, &second, &first]
            .map(|pool| pool.acquire().expect("three"))
            .into();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
        assert!(first.acquire().is_none() && second.acquire().is_none());
        // What the header says now is of no interest.
        window(&bytes).set_byte(0, 1);
        let third = attach();
        drop(first);
        assert_eq!(third.stats().in_use, 1);
        assert!(third.acquire().is_some());
        drop((second, third));
        assert!(
            BufferPool::attach(window(&bytes)).is_err(),
            "the state is gone"
        );
        format(layout, &window(&bytes));
        assert_eq!(attach().stats().free, 3);
        window(&bytes).set_byte(MAKER_AT, window(&bytes).byte(MAKER_AT).wrapping_add(1));
        let refused = BufferPool::attach(window(&bytes)).err();
        assert_eq!(refused, Some(AttachError::OtherCopy(OtherCopy)));
    }

    #[test]
    fn only_whole_blocks_are_blocks() {
        let layout = BufferLayout::new(100, 3).expect("within the bounds");
        let bytes = HeapBytes::new(layout.bytes() as usize);
        format(layout, &window(&bytes));
        let pool = BufferPool::attach(window(&bytes)).expect("a pool");
        let at = |offset: usize, len: usize| pool.index_of(bytes.span(offset, 0), len);
        assert_eq!((at(128, 100), at(384, 100)), (Some(0), Some(2)));
        for (offset, len) in [(128, 99), (128, 101), (129, 100), (0, 100), (512, 100)] {
            assert_eq!(at(offset, len), None);
        }
        assert_eq!(pool.index_of(NonNull::dangling(), 100), None);
    }
}
