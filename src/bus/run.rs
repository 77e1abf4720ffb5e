//! Runs: records of an outbox that go to one subscription each, put together by the thread and the priority that they are for. That is
//! most traffic, and such records look alike in the outbox and in the mailbox, so a run is claimed at once, copied at once, and seen by
//! the receiver at once: it does not follow the publisher record by record, each time taking the cache line that the
//! publisher is about to write; and publishers that send to the same threads by turns meet at a mailbox once a run.
//!
//! Order is kept where it is promised: what goes to one thread at one priority is in one run, as it came. Whatever is no part of a run
//! is sent after all runs that were begun before it.

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
/// Most runs that are open at a time. They are searched one by one.
const MOST_RUNS: usize = 8;
/// So many of the newest targets of a run are looked through whether a record goes to the same: a count is cheaper than a reference.
const RECENT_TARGETS: usize = 4;

/// The extensions that a record of a run may have: those that are copied as they are.
const IN_RUNS: u16 = PUBLISHED as u16;

/// True for a record that has nothing that would have to be filled in.
pub(super) fn is_plain(flags: u16) -> bool {
    flags & WITH_EXTENSION & !IN_RUNS == 0
}

/// A record of a run: where it is, and what native adds to it.
struct Added {
    offset: usize,
    length: u32,
    payload_length: u32,
    topic_id: u32,
    /// Of the extensions that a record of a run may have: IN_RUNS.
    flags: u16,
    /// Index of its target in the run.
    target: u32,
    sequence: u64,
}

/// Records for one thread at one priority. They were admitted before they were added.
struct Run {
    receiver: Arc<Receiver>,
    priority: usize,
    bytes: usize,
    records: Vec<Added>,
    targets: Vec<Arc<Subscription>>,
}

/// The runs of a submit. See the module's documentation.
#[derive(Default)]
pub(super) struct Runs {
    open: Vec<Run>,
    /// Memory of runs that were sent, for the next ones.
    spare: Vec<(Vec<Added>, Vec<Arc<Subscription>>)>,
}

/// What all records of a submit have in common.
#[derive(Clone, Copy)]
pub(super) struct Sender<'a> {
    pub outbox: &'a SharedBytes,
    pub publisher: u32,
    pub timestamp: u64,
}

impl Runs {
    /// Adds the record at `offset` to the run of its target's thread, or begins one. False when there is no room for it: send them
    /// first.
    pub fn add(
        &mut self,
        offset: usize,
        record: &OutboxRecord,
        topic_id: u32,
        target: &Arc<Subscription>,
        sequence: u64,
    ) -> bool {
        let receiver = target.receiver.id;
        let is_for = |run: &Run| run.receiver.id == receiver && run.priority == record.priority;
        let index = match self.open.iter().position(is_for) {
            Some(index) => index,
            None if self.open.len() == MOST_RUNS => return false,
            None => self.begin(&target.receiver, record.priority),
        };
        let run = &mut self.open[index];
        if run.bytes + record.length > MAX_RUN_BYTES {
            return false;
        }
        target.account.add_bytes(record.length as u64);
        run.bytes += record.length;
        let target = run.index_of(target);
        run.records.push(Added {
            offset,
            length: record.length as u32,
            payload_length: record.payload_length,
            topic_id,
            flags: record.flags & IN_RUNS,
            target,
            sequence,
        });
        true
    }

    fn begin(&mut self, receiver: &Arc<Receiver>, priority: usize) -> usize {
        let (records, targets) = self.spare.pop().unwrap_or_default();
        self.open.push(Run {
            receiver: Arc::clone(receiver),
            priority,
            bytes: 0,
            records,
            targets,
        });
        self.open.len() - 1
    }

    /// Puts the runs into their mailboxes, and lets go of them.
    #[inline]
    pub fn send(&mut self, sender: Sender<'_>) {
        if !self.open.is_empty() {
            self.send_all(sender);
        }
    }

    fn send_all(&mut self, sender: Sender<'_>) {
        for run in self.open.drain(..) {
            if let Err(error) = run.push(sender) {
                run.not_sent(error.into(), sender);
            }
            let Run {
                mut records,
                mut targets,
                ..
            } = run;
            records.clear();
            targets.clear();
            self.spare.push((records, targets));
        }
    }
}

impl Run {
    fn index_of(&mut self, target: &Arc<Subscription>) -> u32 {
        let recent = self.targets.iter().rev().take(RECENT_TARGETS);
        let known = recent.map(|known| known.id).position(|id| id == target.id);
        let back = known.unwrap_or_else(|| {
            self.targets.push(Arc::clone(target));
            0
        });
        (self.targets.len() - 1 - back) as u32
    }

    /// None of it found its way into the mailbox.
    fn not_sent(&self, outcome: Outcome, sender: Sender<'_>) {
        for added in &self.records {
            let target = &self.targets[added.target as usize];
            target.account.remove_bytes(u64::from(added.length));
            let end = added.offset + added.length as usize;
            // The script may have written over it since it was read.
            match OutboxRecord::read(sender.outbox, added.offset, end) {
                Some(record) if target.acks.is_some() && is_plain(record.flags) => {
                    let outgoing = Outgoing {
                        outbox: sender.outbox,
                        offset: added.offset,
                        record: &record,
                        topic_id: added.topic_id,
                        publisher: sender.publisher,
                        sequence: added.sequence,
                        timestamp: sender.timestamp,
                        expires_at: NEVER,
                        block: None,
                        request: None,
                    };
                    outgoing.not_sent(target, outcome);
                }
                _ => target.account.end(outcome, 1),
            }
        }
    }

    fn push(&self, sender: Sender<'_>) -> Result<(), PushError> {
        let bytes = self.bytes;
        let first = self.records[0].length as usize;
        self.receiver
            .mailbox
            .push_run(self.priority, bytes, first, |memory, start| {
                let to = memory.span(start, bytes).as_ptr();
                // SAFETY: the span is that of all records together.
                unsafe { self.copy(to, sender.outbox) };
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
                    set(
                        PRIORITY,
                        self.priority as u32 | u32::from(added.flags) << 16,
                    );
                    set(TOPIC, added.topic_id);
                    set(PAYLOAD_LENGTH, added.payload_length);
                    set_long(SEQUENCE, added.sequence);
                    set_long(TIMESTAMP, sender.timestamp);
                    set(PUBLISHER, sender.publisher);
                    set(TARGET, self.targets[added.target as usize].slot);
                    at += added.length as usize;
                }
            })
    }

    /// Copies the records, but for the first word of all, which is left to the commit: those that lie one behind the other in
    /// one go. Headers are written over what came from JavaScript, so that nothing of it is believed that was not checked.
    ///
    /// # Safety
    /// `self.bytes` behind `to` may be written, and no other thread touches them.
    unsafe fn copy(&self, to: *mut u8, outbox: &SharedBytes) {
        let mut records = self.records.iter().peekable();
        let mut written = 0;
        while let Some(first) = records.next() {
            let mut length = first.length as usize;
            while let Some(next) = records.next_if(|next| next.offset == first.offset + length) {
                length += next.length as usize;
            }
            let skip = if written == 0 { LENGTH + 4 } else { 0 };
            let from = outbox.span(first.offset, length).as_ptr();
            // SAFETY: the source was bounds-checked; the target has room for all records (the contract); the two do not overlap,
            // one being JavaScript's memory and the other native.
            unsafe {
                to.add(written + skip)
                    .copy_from_nonoverlapping(from.add(skip), length - skip)
            };
            written += length;
        }
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
