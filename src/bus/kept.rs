//! A message in the backlogs of subscriptions: a copy of its record, shared by those of one thread, its out-of-line payload, and
//! the answer that each of them may owe.

use std::sync::Arc;

use super::backlog::{Message, NEVER};
use super::block::Block;
use super::request::Owed;
use crate::pool::process_budget;

/// What the subscriptions of a thread share of a message. Its bytes count against the bound on the memory of all messages.
pub struct Kept {
    record: Box<[u8]>,
    block: Option<Arc<Block>>,
    expires_at: u64,
}

impl Kept {
    /// A copy of `len` bytes that `write` fills. None when messages take as much memory as they may: then those that drop
    /// what is too much go without, before anybody else is refused (`spare` says that the reserve is not for them).
    pub fn new(
        len: usize,
        block: Option<Arc<Block>>,
        expires_at: u64,
        spare: bool,
        write: impl FnOnce(*mut u8),
    ) -> Option<Arc<Self>> {
        let budget = process_budget();
        if spare && !budget.has_headroom() || !budget.take(len) {
            return None;
        }
        let mut record = vec![0; len].into_boxed_slice();
        write(record.as_mut_ptr());
        Some(Arc::new(Self {
            record,
            block,
            expires_at,
        }))
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

impl Drop for Kept {
    fn drop(&mut self) {
        process_budget().give(self.record.len());
    }
}

/// A message as it waits for one subscription.
pub struct Waiting {
    /// The message.
    pub kept: Arc<Kept>,
    /// The answer that its handler owes, if it is a request.
    pub owed: Option<Owed>,
}

impl Message for Waiting {
    fn kept_bytes(&self) -> u64 {
        let block = self.kept.block().map_or(0, |block| block.bytes().len());
        (self.kept.bytes().len() + block) as u64
    }

    fn expires_at(&self) -> u64 {
        // A request that nobody waits for any more is not handed over either, but needs no timer: its requester has one.
        if self.owed.as_ref().is_some_and(Owed::is_settled) {
            return 0;
        }
        self.kept.expires_at
    }
}

const _: () = assert!(NEVER == u64::MAX);
