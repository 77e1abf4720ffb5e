//! Answers to requests: from who was asked to the mailbox of who asked. They do not go through the outbox, where a full subscription
//! of another topic could hold them up.

use super::answers::NoAnswer;
use super::block::Block;
use super::endpoint::Endpoint;
use super::layout::*;
use crate::memory::Source;

impl Endpoint {
    /// Sends an answer, by the handle of its request; there is one handle for all the handlers of a delivery, and each answers
    /// once. It is not asked whether the requester has room: it has room for as many answers as it has requests. False for an
    /// answer that comes late, or finds no memory.
    pub fn answer(&mut self, handle: u64, kind: usize, payload: Source<'_>) -> bool {
        let Some(owed) = self.owed.take(handle) else {
            return false;
        };
        match kind {
            VALUE_ANSWER | ERROR_ANSWER => (),
            UNDEFINED_ANSWER => {
                owed.give_up(NoAnswer::Undefined);
                return true;
            }
            _ => return true,
        }
        let bytes = payload.len();
        let sent = if bytes <= INLINE_PAYLOAD_BYTES {
            let length = EXTENSIONS + align(bytes);
            owed.answer(kind, 0, bytes as u32, length, |to| {
                // SAFETY: the record has `length` bytes, of which these are behind the fixed part; the source stays as it is
                // during this call, and is JavaScript's memory.
                unsafe {
                    to.add(EXTENSIONS)
                        .copy_from_nonoverlapping(payload.start().as_ptr(), bytes)
                }
            })
        } else {
            match Block::copy_of(payload).filter(|_| bytes <= MAX_PAYLOAD_BYTES) {
                Some(block) => owed.answer_with_block(kind, block),
                None => {
                    self.faults.lost_answers += 1;
                    return false;
                }
            }
        };
        self.faults.lost_answers += u64::from(sent.is_err());
        sent == Ok(true)
    }
}
