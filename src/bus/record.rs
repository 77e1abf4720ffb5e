//! Reading a record that a thread's JavaScript wrote into its outbox. Nothing of it is believed unchecked.

use super::layout::*;
use crate::memory::{Memory, SharedBytes};

/// Flags that JavaScript may set; the others are native's.
const WRITABLE_FLAGS: u16 =
    (TOPIC_INLINE | HEADERS | EXPIRY | CORRELATION | PUBLISHED | REPLY | MANDATORY) as u16;

/// The checked header of a record in an outbox.
#[derive(Debug, Clone, Copy)]
pub struct OutboxRecord {
    /// Bytes of the whole record.
    pub length: usize,
    /// 0 to 3
    pub priority: usize,
    /// The extensions it has.
    pub flags: u16,
    /// The publisher's index of the topic; meaningless with TOPIC_INLINE.
    pub topic: u32,
    /// Exact bytes of the payload area.
    pub payload_length: u32,
}

impl OutboxRecord {
    /// Reads the record at `offset` of an outbox that is complete up to `end`. None when it is no record.
    pub fn read(outbox: &SharedBytes, offset: usize, end: usize) -> Option<Self> {
        if end > outbox.len() || end - offset < EXTENSIONS {
            return None;
        }
        // One copy: what is checked here is what is used, whatever is written over it meanwhile.
        let fixed: [u8; TOPIC + 8] = outbox.read(offset);
        let word =
            |at: usize| u32::from_le_bytes(fixed[at..at + 4].try_into().expect("four bytes"));
        let record = Self {
            length: word(LENGTH) as usize,
            priority: usize::from(fixed[PRIORITY]),
            flags: u16::from_le_bytes([fixed[FLAGS], fixed[FLAGS + 1]]),
            topic: word(TOPIC),
            payload_length: word(PAYLOAD_LENGTH),
        };
        let fits = record.length <= end - offset
            && record.payload_length as usize <= INLINE_PAYLOAD_BYTES
            && align(record.payload_start() + record.payload_length as usize) == record.length;
        let known =
            record.flags & !WRITABLE_FLAGS == 0 && record.priority < super::mailbox::PRIORITIES;
        (fits && known).then_some(record)
    }

    /// Where the payload area begins: behind the fixed part and the extensions.
    pub fn payload_start(&self) -> usize {
        EXTENSIONS + self.extension_bytes()
    }

    /// Bytes of the extensions.
    pub fn extension_bytes(&self) -> usize {
        (self.flags & WITH_EXTENSION).count_ones() as usize * EXTENSION_BYTES
    }

    /// Offset of an extension in the record, for a flag that is set.
    pub fn extension(&self, flag: usize) -> usize {
        extension_at(usize::from(self.flags), flag)
    }
}
