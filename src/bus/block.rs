//! Out-of-line payloads: one counted block of pooled native memory, however many threads it goes to.
//!
//! A mailbox record refers to its block by the raw pointer of an `Arc`, and owns one count of it. Mailbox
//! memory is native, so JavaScript can neither see nor forge the pointer: towards JavaScript a block is an
//! index into its endpoint's own table.

use std::sync::Arc;

use crate::memory::Source;
use crate::pool::payloads::{Payload, PayloadPool};

/// The payload area of a large message. Its memory goes back to the pool with the last count.
pub struct Block(Payload);

impl Block {
    /// A block with a copy of these bytes. None when messages take as much memory as they may.
    pub fn copy_of(bytes: Source<'_>) -> Option<Arc<Self>> {
        Some(Arc::new(Self(PayloadPool::global().store(bytes)?)))
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// Turns one count into a number for a mailbox record.
    pub fn into_handle(block: Arc<Self>) -> u64 {
        Arc::into_raw(block) as u64
    }

    /// Takes the count back that a mailbox record owns.
    ///
    /// # Safety
    /// `handle` comes from [`Block::into_handle`] and is taken back once.
    pub unsafe fn from_handle(handle: u64) -> Arc<Self> {
        // SAFETY: the contract of this function.
        unsafe { Arc::from_raw(handle as *const Self) }
    }
}

/// The blocks of the batch that lies in an endpoint's inbox.
#[derive(Default)]
pub struct BatchBlocks {
    blocks: Vec<Option<Arc<Block>>>,
    /// Handle of the first block, counted on so that a handle of an earlier batch finds nothing.
    first: u64,
}

impl BatchBlocks {
    /// Files a block: the handle for JavaScript.
    pub fn add(&mut self, block: Arc<Block>) -> u64 {
        self.blocks.push(Some(block));
        self.first + self.blocks.len() as u64 - 1
    }

    /// Takes a block out; None for a handle that is not of this batch or was taken before.
    pub fn take(&mut self, handle: u64) -> Option<Arc<Block>> {
        let index = usize::try_from(handle.checked_sub(self.first)?).ok()?;
        self.blocks.get_mut(index)?.take()
    }

    /// Ends the batch and frees what nobody took.
    pub fn clear(&mut self) {
        self.first += self.blocks.len() as u64;
        self.blocks.clear();
    }
}
