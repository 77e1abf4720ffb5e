//! A message apart from any mailbox: a copy of its record, shared by the subscriptions of one thread that keep it, its
//! out-of-line payload, and what each of them knows of it. It waits in backlogs, is with handlers that acknowledge, or is a
//! dead letter; wherever it goes these bytes are the same.

use std::sync::Arc;

use super::backlog::{Message, NEVER};
use super::block::Block;
use super::hub::Hub;
use super::layout::*;
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

    /// A copy of a record of a mailbox, which is for one target, with room for the handle of an acknowledgement. What it takes is
    /// given back where the record lay, so it is never refused.
    pub fn of_mailbox(record: &[u8], block: Option<Arc<Block>>) -> Arc<Self> {
        let flags = usize::from(u16::from_le_bytes([record[FLAGS], record[FLAGS + 1]]));
        let (before, behind) = record.split_at(extension_at(flags, DELIVERY));
        let len = record.len() + EXTENSION_BYTES;
        let mut copy = Vec::with_capacity(len);
        copy.extend_from_slice(before);
        copy.extend_from_slice(&[0; EXTENSION_BYTES]);
        copy.extend_from_slice(behind);
        copy[LENGTH..LENGTH + 4].copy_from_slice(&(len as u32).to_le_bytes());
        copy[FLAGS..FLAGS + 2].copy_from_slice(&((flags | DELIVERY) as u16).to_le_bytes());
        process_budget().take_anyway(len);
        Arc::new(Self {
            record: copy.into_boxed_slice(),
            block,
            expires_at: NEVER,
        })
    }

    /// The record, for one target that is not filled in; nor are the handles of its extensions.
    pub fn bytes(&self) -> &[u8] {
        &self.record
    }

    /// Its out-of-line payload.
    pub fn block(&self) -> Option<&Arc<Block>> {
        self.block.as_ref()
    }

    /// Bytes that it takes, those of its block included.
    pub fn size(&self) -> usize {
        self.record.len() + self.block.as_ref().map_or(0, |block| block.bytes().len())
    }

    /// 0 to 3.
    pub fn priority(&self) -> usize {
        usize::from(self.record[PRIORITY])
    }

    /// When it was submitted: nanoseconds since the Unix epoch.
    pub fn timestamp(&self) -> u64 {
        self.long(TIMESTAMP)
    }

    /// Its publisher's endpoint.
    pub fn publisher(&self) -> u32 {
        self.word(PUBLISHER)
    }

    /// Its publisher's number for it.
    pub fn sequence(&self) -> u64 {
        self.long(SEQUENCE)
    }

    /// Its publisher's correlation id.
    pub fn correlation(&self) -> Option<u64> {
        Some(self.long(self.extension(CORRELATION)?))
    }

    /// The name of its topic. None when its bus has been closed since.
    pub fn topic(&self) -> Option<String> {
        if self.extension(TOPIC_INLINE).is_none() {
            return Some(Hub::global().topic(self.word(TOPIC))?.name.to_string());
        }
        let name = self.area().get(..self.length_in(TOPIC_INLINE))?;
        Some(String::from_utf8_lossy(name).into_owned())
    }

    /// Its encoded headers, empty without any, and its encoded payload. Empty, which is no value, where the record says that
    /// these are longer than all of it.
    pub fn headers_and_payload(&self) -> (&[u8], &[u8]) {
        let rest = self.area().get(self.length_in(TOPIC_INLINE)..);
        rest.and_then(|rest| rest.split_at_checked(self.length_in(HEADERS)))
            .unwrap_or_default()
    }

    /// The payload area: an inline topic, headers and the payload.
    fn area(&self) -> &[u8] {
        if let Some(block) = &self.block {
            return block.bytes();
        }
        let start = EXTENSIONS + self.flags().count_ones() as usize * EXTENSION_BYTES;
        let length = self.word(PAYLOAD_LENGTH) as usize;
        self.record.get(start..start + length).unwrap_or_default()
    }

    fn flags(&self) -> u16 {
        u16::from_le_bytes([self.record[FLAGS], self.record[FLAGS + 1]])
    }

    fn extension(&self, flag: usize) -> Option<usize> {
        let flags = usize::from(self.flags());
        (flags & flag != 0).then(|| extension_at(flags, flag))
    }

    /// The first word of an extension that holds a length; 0 without it.
    fn length_in(&self, flag: usize) -> usize {
        self.extension(flag).map_or(0, |at| self.word(at) as usize)
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.record[at..at + 4].try_into().expect("four bytes"))
    }

    fn long(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.record[at..at + 8].try_into().expect("eight bytes"))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        process_budget().give(self.record.len());
    }
}

/// A message as it waits for one subscription, or is with its handler.
pub struct Waiting {
    /// The message.
    pub kept: Arc<Kept>,
    /// The answer that its handler owes, if it is a request.
    pub owed: Option<Owed>,
    /// Handlers that have failed with it.
    pub failures: u8,
    /// Times that it was taken from the dead letters. Then it expires no more.
    pub replays: u16,
}

impl Waiting {
    /// A message that nobody has tried yet.
    pub fn new(kept: Arc<Kept>, owed: Option<Owed>) -> Self {
        Self {
            kept,
            owed,
            failures: 0,
            replays: 0,
        }
    }

    /// True for a request that nobody waits for any more, and that no handler has seen.
    pub fn is_of_no_use(&self) -> bool {
        self.failures == 0 && self.owed.as_ref().is_some_and(Owed::is_over)
    }
}

impl Message for Waiting {
    fn kept_bytes(&self) -> u64 {
        self.kept.size() as u64
    }

    fn expires_at(&self) -> u64 {
        // A request that nobody waits for any more is not handed over either, but needs no timer: its requester has one. One that a
        // handler has failed with is tried again all the same.
        if self.failures == 0 && self.owed.as_ref().is_some_and(Owed::is_settled) {
            return 0;
        }
        if self.replays != 0 {
            return NEVER;
        }
        self.kept.expires_at
    }
}

const _: () = assert!(NEVER == u64::MAX);
