//! A message in the backlogs of subscriptions that drop their oldest: a copy of its record, shared by those of one
//! thread, and its out-of-line payload.

use std::sync::Arc;

use super::backlog::Message;
use super::block::Block;
use super::layout::BACKLOG_BYTES;
use crate::pool::process_budget;

/// See the module's documentation. Its bytes count against the bound on the memory of all messages.
pub struct Kept {
    record: Box<[u8]>,
    block: Option<Arc<Block>>,
}

impl Kept {
    /// A copy of `len` bytes that `write` fills. None when messages take as much memory as they may: then those that drop
    /// what is too much go without, before anybody else is refused.
    pub fn new(
        len: usize,
        block: Option<Arc<Block>>,
        write: impl FnOnce(*mut u8),
    ) -> Option<Arc<Self>> {
        if !process_budget().has_headroom() || !process_budget().take(len) {
            return None;
        }
        let mut record = vec![0; len].into_boxed_slice();
        write(record.as_mut_ptr());
        Some(Arc::new(Self { record, block }))
    }

    /// The record, for one target that is not filled in; nor is the handle of its block.
    pub fn bytes(&self) -> &[u8] {
        &self.record
    }

    /// Its out-of-line payload.
    pub fn block(&self) -> Option<&Arc<Block>> {
        self.block.as_ref()
    }
}

impl Message for Kept {
    const MOST_BYTES: u64 = BACKLOG_BYTES;

    fn kept_bytes(&self) -> u64 {
        let block = self.block.as_ref().map_or(0, |block| block.bytes().len());
        (self.record.len() + block) as u64
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        process_budget().give(self.record.len());
    }
}
