//! From the mailbox to the inbox: take a batch, note who it is for, or spin a little, or park.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::backlog::Next;
use super::block::{BatchBlocks, Block};
use super::endpoint::Endpoint;
use super::layout::*;
use super::mailbox::Mailbox;
use super::queue::Committed;
use super::slots::Slots;
use super::subscription::Outcome;
use crate::memory::{Memory, SharedBytes};
use crate::pool::{SegmentBytes, SegmentPool};
use crate::sync::{AtomicUsize, Ordering, spin_hint, yield_now};

/// How long a drain that finds nothing looks again before it parks, while traffic is hot.
const SPIN: Duration = Duration::from_micros(50);
/// Traffic is hot when a message came this soon after the thread had parked.
const HOT_GAP: Duration = Duration::from_micros(200);
/// A yield that takes longer than this let another thread run: the core is wanted.
const CONTENDED_YIELD: Duration = Duration::from_micros(5);
/// Looks between two yields.
const LOOKS_PER_YIELD: u32 = 256;

/// Threads of the process that spin now.
static SPINNING: AtomicUsize = AtomicUsize::new(0);

/// What decides whether a spin is worth its time.
#[derive(Debug)]
pub(super) struct SpinState {
    hot: bool,
    parked_at: Option<Instant>,
    cores: usize,
}

impl Default for SpinState {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            hot: true,
            parked_at: None,
            cores,
        }
    }
}

impl Endpoint {
    /// Fills the inbox with the next batch: at most the records that the control block asks for. Finding
    /// nothing, it spins for a bounded time where that pays, then parks. What JavaScript reported of
    /// earlier batches is folded into the ledgers; blocks of the earlier batch that nobody took are freed.
    pub fn drain(&mut self) {
        self.fold_outcomes();
        self.blocks.clear();
        let control = &self.memory.control;
        // Relaxed: the words of this block are written on this same thread.
        let most = control
            .load(DRAIN_RECORDS, Ordering::Relaxed)
            .clamp(1, MAX_DRAIN_RECORDS as u32);
        let may_spin = control.load(MAY_SPIN, Ordering::Relaxed) != 0;
        self.receiver.mailbox.unpark();
        if let Some(parked_at) = self.spin.parked_at.take() {
            self.spin.hot = parked_at.elapsed() < HOT_GAP;
        }
        let mut records = self.fill_inbox(most);
        if records == 0 && may_spin && self.spin() {
            records = self.fill_inbox(most);
        }
        let mut parked = false;
        if records == 0 {
            // SAFETY: this is the receiver's thread.
            parked = unsafe { self.receiver.mailbox.park() };
            if parked {
                self.spin.parked_at = Some(Instant::now());
            } else {
                records = self.fill_inbox(most);
            }
        }
        self.receiver.offer_space();
        let control = &self.memory.control;
        control.store(INBOX_RECORDS, records, Ordering::Relaxed);
        control.store(PARKED, u32::from(parked), Ordering::Relaxed);
    }

    /// Fills the part behind the inbox with waiting CRITICAL records, between two handlers of a batch.
    /// Writes their number to the control block.
    pub fn drain_critical(&mut self) {
        let mut batch = Batch::new(
            &self.memory.inbox,
            INBOX_BYTES,
            CRITICAL_INBOX_BYTES,
            MAX_DRAIN_RECORDS as u32,
        );
        let (slots, blocks) = (&mut self.slots, &mut self.blocks);
        // SAFETY: this is the receiver's thread.
        unsafe {
            self.receiver
                .mailbox
                .drain_critical(|record| batch.take(record, slots, blocks, &self.receiver))
        };
        self.memory
            .control
            .store(INBOX_RECORDS, batch.taken, Ordering::Relaxed);
    }

    /// Takes a block of the batch in the inbox, by the handle in its record. None when it was taken before.
    pub fn take_block(&mut self, handle: u64) -> Option<Arc<Block>> {
        self.blocks.take(handle)
    }

    fn fill_inbox(&mut self, most: u32) -> u32 {
        let mut batch = Batch::new(&self.memory.inbox, 0, INBOX_BYTES, most);
        let (slots, blocks) = (&mut self.slots, &mut self.blocks);
        // SAFETY: this is the receiver's thread.
        unsafe {
            self.receiver.mailbox.drain(&mut self.turn, |record| {
                batch.take(record, slots, blocks, &self.receiver)
            })
        };
        // Not as many as the mailbox gave: an announcement of a message that was given up since brings none.
        batch.taken
    }

    /// Looks for a record for a bounded time. True when one came.
    ///
    /// A spin pays where messages come closer together than a sleep and a wake take, and where the core
    /// would idle otherwise: not for more threads than there are other cores, and no longer than until a
    /// yield shows that somebody else wants this core.
    fn spin(&mut self) -> bool {
        if !self.spin.hot {
            return false;
        }
        if SPINNING.fetch_add(1, Ordering::Relaxed) + 1 >= self.spin.cores {
            SPINNING.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        let found = spin_for_record(&self.receiver.mailbox);
        SPINNING.fetch_sub(1, Ordering::Relaxed);
        self.spin.hot = found;
        found
    }
}

fn spin_for_record(mailbox: &Mailbox<&'static SegmentPool>) -> bool {
    let start = Instant::now();
    loop {
        for _ in 0..LOOKS_PER_YIELD {
            // SAFETY: only called on the receiver's thread.
            if unsafe { mailbox.has_waiting() } {
                return true;
            }
            spin_hint();
        }
        let before = Instant::now();
        if before - start > SPIN {
            return false;
        }
        yield_now();
        if before.elapsed() > CONTENDED_YIELD {
            // SAFETY: as above.
            return unsafe { mailbox.has_waiting() };
        }
    }
}

/// A part of the inbox that is being filled.
struct Batch<'a> {
    inbox: &'a SharedBytes,
    next: usize,
    end: usize,
    left: u32,
    taken: u32,
    /// Every outcome of the batches before is folded.
    is_folded: bool,
}

impl<'a> Batch<'a> {
    fn new(inbox: &'a SharedBytes, start: usize, bytes: usize, records: u32) -> Self {
        Self {
            inbox,
            next: start,
            end: start + bytes,
            left: records,
            taken: 0,
            is_folded: start == 0,
        }
    }

    /// Copies a record in. False when it does not fit any more.
    fn take(
        &mut self,
        record: &Committed<'_, SegmentBytes>,
        slots: &mut Slots,
        blocks: &mut BatchBlocks,
        receiver: &super::receiver::Receiver,
    ) -> bool {
        if self.left == 0 || self.end - self.next < record.len {
            return false;
        }
        if target_of(record) == ANNOUNCEMENT {
            return self.take_announced(record, slots, blocks);
        }
        let from = record.memory.span(record.offset, record.len).as_ptr();
        let to = self.inbox.span(self.next, record.len).as_ptr();
        // SAFETY: both spans were bounds-checked; the record is committed, so no thread writes it; the two
        // do not overlap, one being native memory and the other JavaScript's.
        unsafe { to.copy_from_nonoverlapping(from, record.len) };
        each_target(record, |slot| slots.hand_over(slot));
        if let Some(block) = take_block(record) {
            receiver.remove_block_bytes(block.bytes().len());
            let handle = blocks.add(block);
            let extension = extension_offset(record, BLOCK);
            // SAFETY: the extension is within the record, which is within the inbox.
            unsafe {
                to.add(extension)
                    .cast::<u64>()
                    .write_unaligned(handle.to_le())
            };
        }
        self.next += record.len;
        self.left -= 1;
        self.taken += 1;
        true
    }

    /// Copies the oldest message of a backlog in, if there is still one. False when it does not fit any more.
    fn take_announced(
        &mut self,
        record: &Committed<'_, SegmentBytes>,
        slots: &mut Slots,
        blocks: &mut BatchBlocks,
    ) -> bool {
        let word = |at: usize| record.memory.load(record.offset + at, Ordering::Relaxed);
        let (priority, slot) = (word(PRIORITY) as usize & 0xff, word(TOPIC));
        let id = u64::from(word(SEQUENCE)) | u64::from(word(SEQUENCE + 4)) << 32;
        let Some((subscription, in_hand)) = slots.get_by_id(slot, id) else {
            // Ended, and nothing of it was left: its slot may be another's.
            return true;
        };
        // As many may be in hand as may wait. Of those that this batch took it is not known yet how long they take: the
        // next drain knows, and goes on here. What is in hand at the start of a drain belongs to promises that are pending.
        let is_held = u64::from(in_hand) >= subscription.account.queue_limit();
        if is_held && (self.taken != 0 || !self.is_folded) {
            return false;
        }
        let free = if is_held {
            usize::MAX
        } else {
            self.end - self.next
        };
        let kept = match subscription
            .backlog
            .take(priority, |kept| kept.bytes().len() <= free)
        {
            Next::Taken(kept) => kept,
            Next::TooLong => return false,
            Next::GivenUp => return true,
        };
        if is_held {
            // The announcement cannot wait for a promise: what is behind it is for others too.
            subscription.account.end(Outcome::Oldest, 1);
            return true;
        }
        let len = kept.bytes().len();
        let to = self.inbox.span(self.next, len).as_ptr();
        // SAFETY: the span was bounds-checked; the two do not overlap, one being native memory and the other JavaScript's.
        // The fixed part is within any record, and a record with a block has its extension.
        unsafe {
            to.copy_from_nonoverlapping(kept.bytes().as_ptr(), len);
            to.add(TARGET).cast::<u32>().write_unaligned(slot.to_le());
            if let Some(block) = kept.block() {
                let flags = u16::from_le_bytes([kept.bytes()[FLAGS], kept.bytes()[FLAGS + 1]]);
                let handle = blocks.add(Arc::clone(block));
                to.add(extension_at(usize::from(flags), BLOCK))
                    .cast::<u64>()
                    .write_unaligned(handle.to_le());
            }
        }
        slots.hand_over(slot);
        self.next += len;
        self.left -= 1;
        self.taken += 1;
        true
    }
}

fn target_of(record: &Committed<'_, SegmentBytes>) -> u32 {
    record
        .memory
        .load(record.offset + TARGET, Ordering::Relaxed)
}

/// Calls `each` with every slot that a mailbox record is for: none for an announcement, whose message is not in it. Mailbox memory is native: what `submit`
/// wrote there is as it wrote it.
pub(super) fn each_target(record: &Committed<'_, SegmentBytes>, mut each: impl FnMut(u32)) {
    let word = |at: usize| record.memory.load(record.offset + at, Ordering::Relaxed);
    let target = word(TARGET);
    if target == ANNOUNCEMENT {
        return;
    }
    if target != TARGET_LIST {
        return each(target);
    }
    let count = word(extension_offset(record, TARGETS)) as usize;
    let list = EXTENSIONS + flags(record).count_ones() as usize * EXTENSION_BYTES;
    (0..count).for_each(|index| each(word(list + 4 * index)));
}

/// Takes the block of a mailbox record, which owns a count of it. At most once for each record.
pub(super) fn take_block(record: &Committed<'_, SegmentBytes>) -> Option<Arc<Block>> {
    if flags(record) & BLOCK == 0 {
        return None;
    }
    let at = record.offset + extension_offset(record, BLOCK);
    let low = u64::from(record.memory.load(at, Ordering::Relaxed));
    let high = u64::from(record.memory.load(at + 4, Ordering::Relaxed));
    // SAFETY: `submit` wrote a handle there, in native memory, and the record is consumed once.
    Some(unsafe { Block::from_handle(low | high << 32) })
}

fn flags(record: &Committed<'_, SegmentBytes>) -> usize {
    (record
        .memory
        .load(record.offset + PRIORITY, Ordering::Relaxed)
        >> 16) as usize
}

fn extension_offset(record: &Committed<'_, SegmentBytes>, flag: usize) -> usize {
    extension_at(flags(record), flag)
}

fn extension_at(flags: usize, flag: usize) -> usize {
    EXTENSIONS + (flags & (flag - 1)).count_ones() as usize * EXTENSION_BYTES
}
