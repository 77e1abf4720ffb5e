//! A batch of the inbox: what is taken out of the mailbox and the backlogs, and noted for its subscriptions.

use std::sync::Arc;

use super::ack::count;
use super::backlog::{Message, NEVER, Next};
use super::block::{BatchBlocks, Block};
use super::kept::{Kept, Waiting};
use super::layout::*;
use super::queue::Committed;
use super::receiver::Receiver;
use super::request::{Owed, OwedAnswers};
use super::shares::Shares;
use super::slots::Slots;
use super::subscription::{Outcome, Subscription};
use crate::memory::{Memory, SharedBytes};
use crate::pool::SegmentBytes;
use crate::sync::Ordering;
use crate::wait::clock::steady_now;

/// A part of the inbox that is being filled.
pub(super) struct Batch<'a> {
    pub inbox: &'a SharedBytes,
    /// Where the next record goes, and the end of the part, bytes.
    pub next: usize,
    pub end: usize,
    /// Records that may still come in, and those that did.
    pub left: u32,
    pub taken: u32,
    pub slots: &'a mut Slots,
    pub blocks: &'a mut BatchBlocks,
    pub owed: &'a mut OwedAnswers,
    /// Counts the messages that were handed to handlers that acknowledge.
    pub generation: &'a mut u32,
    /// What each channel had of it.
    pub shares: &'a mut Shares,
    pub receiver: &'a Receiver,
}

impl Batch<'_> {
    /// Copies a record in. False when it does not fit any more.
    pub fn take(&mut self, record: &Committed<'_, SegmentBytes>) -> bool {
        if self.left == 0 || self.end - self.next < record.len {
            return false;
        }
        let target = target_of(record);
        if target == ANNOUNCEMENT {
            return self.take_announced(record);
        }
        if let Some(subscription) = self.slots.acknowledging(target) {
            let subscription = Arc::clone(subscription);
            return self.take_acknowledged(record, target, &subscription);
        }
        let block = take_block(record);
        let block_bytes = block.as_ref().map_or(0, |block| block.bytes().len());
        let bytes = (record.len + block_bytes) as u64;
        if block_bytes != 0 {
            self.receiver.remove_block_bytes(block_bytes);
        }
        let owed = take_owed(record);
        if owed.as_ref().is_some_and(Owed::is_over) {
            // Nobody waits for the answer.
            each_target(record, |slot| {
                self.slots.end_now(slot, Outcome::Expired, bytes);
            });
            return true;
        }
        each_target(record, |slot| self.slots.hand_over(slot, bytes));
        let from = record.memory.span(record.offset, record.len).as_ptr();
        let files = Files {
            block,
            owed,
            ..Files::default()
        };
        // SAFETY: the record is committed, so no thread writes it, and has `len` bytes.
        unsafe { self.put(from, record.len, None, files) };
        true
    }

    /// Copies a record in that is for a subscription that acknowledges: apart from the inbox there is a copy to try again with.
    fn take_acknowledged(
        &mut self,
        record: &Committed<'_, SegmentBytes>,
        slot: u32,
        subscription: &Arc<Subscription>,
    ) -> bool {
        if self.end - self.next < record.len + EXTENSION_BYTES {
            return false;
        }
        let message = waiting_of(record, self.receiver, subscription);
        if subscription
            .acks
            .as_ref()
            .is_some_and(|acks| acks.has_ended())
        {
            subscription.left_backlog(vec![(message, Outcome::Unsubscribed)]);
            return true;
        }
        self.hand_in(message, slot, subscription);
        true
    }

    /// Copies the oldest message of a backlog in, if there is still one and its handlers may have it. False when it does not fit
    /// any more.
    fn take_announced(&mut self, record: &Committed<'_, SegmentBytes>) -> bool {
        let word = |at: usize| record.memory.load(record.offset + at, Ordering::Relaxed);
        let (priority, slot) = (word(PRIORITY) as usize & 0xff, word(TOPIC));
        let id = u64::from(word(SEQUENCE)) | u64::from(word(SEQUENCE + 4)) << 32;
        let Some((subscription, in_hand)) = self.slots.get_by_id(slot, id) else {
            // Ended, and nothing of it was left: its slot may be another's.
            return true;
        };
        let has_turn = self.shares.has_turn(subscription.account.quota());
        if in_hand >= subscription.max_in_flight || !has_turn {
            // What is behind it is for others too, and goes on.
            if subscription.backlog.defer(priority) {
                self.slots.starve(slot);
            }
            return true;
        }
        let (free, now) = (self.end - self.next, steady_now());
        let subscription = Arc::clone(subscription);
        let next = subscription
            .backlog
            .take(priority, now, &subscription.account, |message| {
                message.kept.bytes().len() <= free
            });
        self.take_kept(next, slot, &subscription)
    }

    /// Copies deferred messages in, of those subscriptions whose handlers may have more, until so many records are left for others:
    /// one round, of a quantum for each channel.
    pub fn take_deferred(&mut self, spare: u32) -> Round {
        let mut starved = self.slots.take_starved();
        if starved.is_empty() {
            return Round::Over;
        }
        let now = steady_now();
        let before = self.taken;
        let mut round = Round::Over;
        let mut at = 0;
        while let Some(&slot) = starved.get(at) {
            match self.serve(slot, now, spare) {
                Served::All => {
                    starved.remove(at);
                    self.slots.feed(slot);
                }
                Served::Stalled => at += 1,
                Served::OutOfTurn => {
                    round = Round::More;
                    at += 1;
                }
                Served::Full => {
                    // Who comes behind him is the first the next time.
                    starved.rotate_left(at + 1);
                    round = Round::Over;
                    break;
                }
            }
        }
        self.slots.keep_starved(starved);
        if self.taken == before {
            Round::Over
        } else {
            round
        }
    }

    /// As `take_deferred`, in as many rounds as it takes.
    pub fn take_all_deferred(&mut self) {
        loop {
            self.shares.begin();
            if self.take_deferred(0) == Round::Over {
                return;
            }
        }
    }

    fn serve(&mut self, slot: u32, now: u64, spare: u32) -> Served {
        loop {
            let Some((subscription, in_hand)) = self.slots.in_slot(slot) else {
                return Served::All;
            };
            if in_hand >= subscription.max_in_flight {
                return Served::Stalled;
            }
            if self.left <= spare {
                return Served::Full;
            }
            if !self.shares.has_turn(subscription.account.quota()) {
                return Served::OutOfTurn;
            }
            let subscription = Arc::clone(subscription);
            let free = self.end - self.next;
            let account = &subscription.account;
            let next = subscription
                .backlog
                .take_deferred(now, account, |message| message.kept.bytes().len() <= free);
            let Some(next) = next else {
                return Served::All;
            };
            if !self.take_kept(next, slot, &subscription) {
                return Served::Full;
            }
        }
    }

    /// Copies what an announcement was traded for in. False when it does not fit any more.
    fn take_kept(
        &mut self,
        next: Next<Waiting>,
        slot: u32,
        subscription: &Arc<Subscription>,
    ) -> bool {
        match next {
            Next::Taken(message) => self.hand_in(message, slot, subscription),
            Next::TooLong => return false,
            Next::Nothing => (),
            Next::Expired(message) => {
                subscription.left_backlog(vec![(message, Outcome::Expired)]);
            }
        }
        true
    }

    /// Copies a message in that fits, and hands it to its subscription.
    fn hand_in(&mut self, mut message: Waiting, slot: u32, subscription: &Subscription) {
        if message.is_of_no_use() {
            subscription.account.end(Outcome::Expired, 1);
            return;
        }
        self.shares.take(subscription.account.quota());
        let kept = Arc::clone(&message.kept);
        let mut files = Files {
            block: kept.block().cloned(),
            attempt: message.failures,
            never_expires: message.replays != 0,
            ..Files::default()
        };
        if let Some(acks) = &subscription.acks {
            if message.failures != 0 {
                count(&acks.attempts.redelivered);
            }
            // They take memory until they are settled.
            subscription.account.add_bytes(message.kept_bytes());
            // Each attempt may answer, and the last share goes back with the message.
            files.owed = message.owed.as_ref().map(|owed| owed.share(1));
            // 0 is no generation: a handle is not 0.
            *self.generation = self.generation.checked_add(1).unwrap_or(1);
            files.delivery = Some(acks.table.hand(message, *self.generation));
        } else {
            files.owed = message.owed.take();
            // Its bytes were counted out when it left the backlog.
            self.slots.hand_over(slot, 0);
        }
        let (from, len) = (kept.bytes().as_ptr(), kept.bytes().len());
        // SAFETY: the record has `len` bytes, and nobody writes them.
        unsafe { self.put(from, len, Some(slot), files) };
    }

    /// Copies a record in that fits, and files what it refers to: in the inbox it has handles that JavaScript may know.
    ///
    /// # Safety
    /// `len` bytes behind `from` are a record that has an extension for each of the block and the answer that are given, and no
    /// thread writes them.
    unsafe fn put(&mut self, from: *const u8, len: usize, target: Option<u32>, files: Files) {
        let to = self.inbox.span(self.next, len).as_ptr();
        // SAFETY: the span was bounds-checked, the source is the contract's; the two do not overlap, one being native memory
        // and the other JavaScript's. The fixed part is within any record, and the extensions are by the contract.
        unsafe {
            to.copy_from_nonoverlapping(from, len);
            if let Some(slot) = target {
                to.add(TARGET).cast::<u32>().write_unaligned(slot.to_le());
            }
            let flags = usize::from(from.add(FLAGS).cast::<u16>().read_unaligned());
            let file = |flag: usize, handle: u64| {
                to.add(extension_at(flags, flag))
                    .cast::<u64>()
                    .write_unaligned(handle.to_le());
            };
            if let Some(block) = files.block {
                file(BLOCK, self.blocks.add(block));
            }
            if let Some(owed) = files.owed {
                file(REPLY, self.owed.add(owed));
            } else if flags & REPLY != 0 {
                file(REPLY, NO_REPLY);
            }
            if flags & DELIVERY != 0 {
                file(DELIVERY, files.delivery.unwrap_or_default());
                to.add(ATTEMPT).write(files.attempt);
            }
            if flags & EXPIRY != 0 && files.never_expires {
                file(EXPIRY, NEVER);
            }
            if flags & PUBLISHED != 0 && (files.attempt > 0 || files.never_expires) {
                // Its way from the publisher is long over.
                file(PUBLISHED, 0);
            }
        }
        self.next += len;
        self.left -= 1;
        self.taken += 1;
    }
}

/// In the place of the handle of an answer: nobody waits for one any more.
const NO_REPLY: u64 = u64::MAX;

/// What goes with a record into the inbox.
#[derive(Default)]
struct Files {
    block: Option<Arc<Block>>,
    owed: Option<Owed>,
    /// Its handle in the acknowledgement table.
    delivery: Option<u64>,
    /// Handlers that have failed with it.
    attempt: u8,
    never_expires: bool,
}

/// Whether there is to be another round of deferred messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Round {
    /// Channels have more that would fit.
    More,
    /// Nothing is left that could be handed over, or nothing fits.
    Over,
}

/// How far the deferred messages of a slot came.
enum Served {
    /// None is left.
    All,
    /// The handlers have as many as they may.
    Stalled,
    /// Its channel has had its share of this round.
    OutOfTurn,
    /// The batch takes no more.
    Full,
}

/// The target of a mailbox record: a slot, or a sign that it is for something else.
pub(super) fn target_of(record: &Committed<'_, SegmentBytes>) -> u32 {
    record
        .memory
        .load(record.offset + TARGET, Ordering::Relaxed)
}

/// How many subscriptions a mailbox record is for.
fn target_count(record: &Committed<'_, SegmentBytes>) -> usize {
    if flags(record) & TARGETS == 0 {
        return 1;
    }
    let at = record.offset + extension_offset(record, TARGETS);
    record.memory.load(at, Ordering::Relaxed) as usize
}

/// Calls `each` with every slot that a mailbox record is for: none for an announcement, whose message is not in it, and for an
/// answer. Mailbox memory is native: what `submit`
/// wrote there is as it wrote it.
pub(super) fn each_target(record: &Committed<'_, SegmentBytes>, mut each: impl FnMut(u32)) {
    let word = |at: usize| record.memory.load(record.offset + at, Ordering::Relaxed);
    let target = word(TARGET);
    match target {
        ANNOUNCEMENT => return,
        _ if target == ANSWER_TARGET as u32 => return,
        TARGET_LIST => (),
        slot => return each(slot),
    }
    let count = target_count(record);
    let list = EXTENSIONS + flags(record).count_ones() as usize * EXTENSION_BYTES;
    (0..count).for_each(|index| each(word(list + 4 * index)));
}

/// The message of a mailbox record that is for this subscription alone, which acknowledges: it waits there no more. At most once
/// for each record.
pub(super) fn waiting_of(
    record: &Committed<'_, SegmentBytes>,
    receiver: &Receiver,
    target: &Subscription,
) -> Waiting {
    let block = take_block(record);
    let block_bytes = block.as_ref().map_or(0, |block| block.bytes().len());
    if block_bytes != 0 {
        receiver.remove_block_bytes(block_bytes);
    }
    target
        .account
        .remove_bytes((record.len + block_bytes) as u64);
    let owed = take_owed(record);
    let bytes = record.memory.span(record.offset, record.len);
    // SAFETY: the span was bounds-checked, and nobody writes a committed record.
    let bytes = unsafe { std::slice::from_raw_parts(bytes.as_ptr(), record.len) };
    Waiting::new(Kept::of_mailbox(bytes, block), owed)
}

/// Takes the block of a mailbox record, which owns a count of it. At most once for each record.
pub(super) fn take_block(record: &Committed<'_, SegmentBytes>) -> Option<Arc<Block>> {
    let handle = handle_in(record, BLOCK)?;
    // SAFETY: `submit` wrote a handle there, in native memory, and the record is consumed once.
    Some(unsafe { Block::from_handle(handle) })
}

/// Takes the shares of a request that a mailbox record owns. At most once for each record.
pub(super) fn take_owed(record: &Committed<'_, SegmentBytes>) -> Option<Owed> {
    let handle = handle_in(record, REPLY)?;
    // SAFETY: as in `take_block`; there is a share for each target.
    Some(unsafe { Owed::from_handle(handle, target_count(record) as u32) })
}

/// The word of an extension of a mailbox record that refers to something.
fn handle_in(record: &Committed<'_, SegmentBytes>, flag: usize) -> Option<u64> {
    if flags(record) & flag == 0 {
        return None;
    }
    let at = record.offset + extension_offset(record, flag);
    let low = u64::from(record.memory.load(at, Ordering::Relaxed));
    let high = u64::from(record.memory.load(at + 4, Ordering::Relaxed));
    Some(low | high << 32)
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
