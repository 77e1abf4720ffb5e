//! A run: consecutive records of an outbox that go to one subscription each, in the same thread, at the same
//! priority. That is most traffic, and such records look alike in the outbox and in the mailbox, so a run is
//! claimed at once, copied at once, and seen by the receiver at once: it does not follow the publisher record
//! by record, each time taking the cache line that the publisher is about to write.

use std::sync::Arc;

use super::account::Outcome;
use super::backlog::NEVER;
use super::layout::*;
use super::outgoing::Outgoing;
use super::queue::PushError;
use super::receiver::Receiver;
use super::record::OutboxRecord;
use super::subscription::Subscription;
use crate::memory::SharedBytes;
use crate::pool::SEGMENT_BYTES;

/// Longest run, bytes: half a segment, so that little is left unused at a segment's end.
const MAX_RUN_BYTES: usize = SEGMENT_BYTES / 2;

/// What native adds to a record.
struct Added {
    length: u32,
    payload_length: u32,
    topic_id: u32,
    slot: u32,
}

/// See the module's documentation. Records are admitted before they are added.
#[derive(Default)]
pub(super) struct Run {
    receiver: Option<Arc<Receiver>>,
    priority: usize,
    /// Where the run starts in the outbox, and how long it is.
    start: usize,
    bytes: usize,
    records: Vec<Added>,
    /// The subscriptions that the records go to, and how many in a row go to each.
    targets: Vec<(Arc<Subscription>, u64)>,
    first_sequence: u64,
}

impl Run {
    /// Adds the record at `offset`, or returns false when it does not continue the run: send that first.
    pub fn add(
        &mut self,
        offset: usize,
        record: &OutboxRecord,
        topic_id: u32,
        target: &Arc<Subscription>,
        sequence: u64,
    ) -> bool {
        match &self.receiver {
            None => {
                self.receiver = Some(Arc::clone(&target.receiver));
                self.priority = record.priority;
                self.start = offset;
                self.first_sequence = sequence;
            }
            Some(receiver) => {
                let continues = receiver.id == target.receiver.id
                    && self.priority == record.priority
                    && self.start + self.bytes == offset
                    && self.first_sequence + self.records.len() as u64 == sequence
                    && self.bytes + record.length <= MAX_RUN_BYTES;
                if !continues {
                    return false;
                }
            }
        }
        target.account.add_bytes(record.length as u64);
        self.bytes += record.length;
        self.records.push(Added {
            length: record.length as u32,
            payload_length: record.payload_length,
            topic_id,
            slot: target.slot,
        });
        match self.targets.last_mut() {
            Some((last, count)) if last.id == target.id => *count += 1,
            _ => self.targets.push((Arc::clone(target), 1)),
        }
        true
    }

    /// Puts the run into its mailbox, if there is one, and empties it.
    pub fn send(&mut self, outbox: &SharedBytes, publisher: u32, timestamp: u64) {
        let Some(receiver) = self.receiver.take() else {
            return;
        };
        if let Err(error) = self.push(&receiver, outbox, publisher, timestamp) {
            self.not_sent(error.into(), outbox, publisher, timestamp);
        }
        self.bytes = 0;
        self.records.clear();
        self.targets.clear();
    }

    /// None of it found its way into the mailbox.
    fn not_sent(&self, outcome: Outcome, outbox: &SharedBytes, publisher: u32, timestamp: u64) {
        let (mut records, mut offset) = (self.records.iter(), self.start);
        let mut sequence = self.first_sequence;
        for (target, count) in &self.targets {
            for added in records.by_ref().take(*count as usize) {
                target.account.remove_bytes(u64::from(added.length));
                let length = added.length as usize;
                // The script may have written over it since it was read.
                match OutboxRecord::read(outbox, offset, offset + length) {
                    Some(record) if target.acks.is_some() && record.flags & WITH_EXTENSION == 0 => {
                        let outgoing = Outgoing {
                            outbox,
                            offset,
                            record: &record,
                            topic_id: added.topic_id,
                            publisher,
                            sequence,
                            timestamp,
                            expires_at: NEVER,
                            block: None,
                            request: None,
                        };
                        outgoing.not_sent(target, outcome);
                    }
                    _ => target.account.end(outcome, 1),
                }
                offset += length;
                sequence += 1;
            }
        }
    }

    fn push(
        &self,
        receiver: &Receiver,
        outbox: &SharedBytes,
        publisher: u32,
        timestamp: u64,
    ) -> Result<(), PushError> {
        let bytes = self.bytes;
        let first = self.records[0].length as usize;
        receiver
            .mailbox
            .push_run(self.priority, bytes, first, |memory, start| {
                let to = memory.span(start, bytes).as_ptr();
                let from = outbox.span(self.start, bytes).as_ptr();
                // SAFETY: both spans were bounds-checked; no other thread touches the claimed one before the
                // commit, and the two do not overlap, one being JavaScript's memory and the other native. The
                // first word is left to the commit. Headers are written over what came from JavaScript, so that
                // nothing of it is believed that was not checked.
                unsafe {
                    to.add(LENGTH + 4)
                        .copy_from_nonoverlapping(from.add(LENGTH + 4), bytes - LENGTH - 4)
                };
                let mut at = 0;
                for (index, added) in self.records.iter().enumerate() {
                    let set = |field: usize, value: u32| {
                        // SAFETY: records lie one behind the other in the span, each at least a header long.
                        unsafe {
                            to.add(at + field)
                                .cast::<[u8; 4]>()
                                .write(value.to_le_bytes())
                        };
                    };
                    let set_long = |field: usize, value: u64| {
                        // SAFETY: as above.
                        unsafe {
                            to.add(at + field)
                                .cast::<[u8; 8]>()
                                .write(value.to_le_bytes())
                        };
                    };
                    if index != 0 {
                        set(LENGTH, added.length);
                    }
                    set(PRIORITY, self.priority as u32);
                    set(TOPIC, added.topic_id);
                    set(PAYLOAD_LENGTH, added.payload_length);
                    set_long(SEQUENCE, self.first_sequence + index as u64);
                    set_long(TIMESTAMP, timestamp);
                    set(PUBLISHER, publisher);
                    set(TARGET, added.slot);
                    at += added.length as usize;
                }
            })
    }
}

impl From<PushError> for Outcome {
    /// How a message ends that was admitted and could not be put into the mailbox.
    fn from(error: PushError) -> Self {
        match error {
            PushError::Closed => Self::SubscriberDied,
            PushError::Full => Self::Overflow,
        }
    }
}
