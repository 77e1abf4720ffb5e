//! A record on its way out of the outbox: the copies that the mailboxes and backlogs of its receivers get.

use std::sync::Arc;

use super::backlog::{Coming, NEVER};
use super::block::Block;
use super::kept::{Kept, Waiting};
use super::layout::*;
use super::queue::PushError;
use super::receiver::Receiver;
use super::record::OutboxRecord;
use super::request::Owed;
use super::route::{Route, order_of};
use super::subscription::{Admitted, Outcome, Overflow, Subscription};
use crate::memory::{SharedBytes, Source};

/// A record on its way, with everything that its copies need.
#[derive(Clone, Copy)]
pub(super) struct Outgoing<'a> {
    pub outbox: &'a SharedBytes,
    /// Where the record starts in the outbox.
    pub offset: usize,
    pub record: &'a OutboxRecord,
    pub topic_id: u32,
    pub publisher: u32,
    pub sequence: u64,
    pub timestamp: u64,
    /// When it expires, by the steady clock; NEVER for most.
    pub expires_at: u64,
    pub block: Option<&'a Arc<Block>>,
    /// The answer that each delivery owes, if it is a request.
    pub request: Option<&'a Owed>,
}

impl Outgoing<'_> {
    /// Hands the record to everybody who gets every message of the route, and to those that were picked of groups, whom it
    /// lets go. `slots` is scratch.
    pub fn deliver_all(
        &self,
        route: &Route,
        picked: &mut Vec<Arc<Subscription>>,
        slots: &mut Vec<u32>,
    ) {
        let members = picked.len();
        for leg in &route.legs {
            let is_here = |member: &Arc<Subscription>| member.receiver.id == leg.receiver.id;
            if picked[..members].iter().any(is_here) {
                // A member is called in its place among the others of its thread.
                picked.extend(leg.targets.iter().cloned());
            } else {
                self.deliver(&leg.receiver, &leg.targets, slots);
            }
        }
        picked.sort_unstable_by_key(|target| order_of(target));
        for targets in picked.chunk_by(|a, b| a.receiver.id == b.receiver.id) {
            self.deliver(&targets[0].receiver, targets, slots);
        }
        picked.clear();
    }

    /// The time of the record is over already: these subscriptions do without it. For those that acknowledge it is a dead letter,
    /// with its payload if that is not in the outbox (`large`), and if there is memory for it.
    pub fn expire_for<'b>(
        &self,
        targets: impl Iterator<Item = &'b Arc<Subscription>>,
        large: Option<Source<'_>>,
    ) {
        let mut copy = SharedCopy::NotYet;
        for target in targets {
            if target.acks.is_some() && matches!(copy, SharedCopy::NotYet) {
                let block = large.and_then(Block::copy_of);
                let whole = Outgoing {
                    block: block.as_ref(),
                    ..*self
                };
                let has_all = block.is_some() == large.is_some();
                let kept = has_all.then(|| whole.copy_to_keep(true, true)).flatten();
                copy = kept.map_or(SharedCopy::NoMemory, SharedCopy::Made);
            }
            match &copy {
                SharedCopy::Made(kept) if target.acks.is_some() => {
                    let is_in = target.account.count_in();
                    let why = [Outcome::Unsubscribed, Outcome::Expired][usize::from(is_in)];
                    let message = Waiting::new(Arc::clone(kept), None);
                    target.left_backlog(vec![(message, why)]);
                }
                _ => target.account.turn_away(Outcome::Expired),
            }
        }
    }

    /// Hands the record to these subscriptions of one thread, as far as they are still open, in their order. `slots` is scratch.
    fn deliver(&self, receiver: &Receiver, targets: &[Arc<Subscription>], slots: &mut Vec<u32>) {
        let mut copy = SharedCopy::NotYet;
        let acknowledged = targets.iter().any(|target| target.acks.is_some());
        // Some go to the mailbox and some to backlogs: which are called first must not depend on that. Who acknowledges gets a
        // record of his own.
        for targets in targets.chunk_by(|a, b| self.way_to(a) == self.way_to(b)) {
            let most = match self.way_to(&targets[0]) {
                Way::Backlog => {
                    self.keep(targets, &mut copy, acknowledged);
                    continue;
                }
                Way::OwnRecord => 1,
                Way::SharedRecord => MAX_TARGETS,
            };
            for targets in targets.chunks(most) {
                self.send(receiver, targets, slots);
            }
        }
        if self.record.priority == 0 {
            receiver.raise(CRITICAL_WAITS as u32);
        }
    }

    /// Puts the record into the mailbox, for those of these subscriptions that are still open and take it.
    fn send(&self, receiver: &Receiver, targets: &[Arc<Subscription>], slots: &mut Vec<u32>) {
        slots.clear();
        slots.extend(
            targets
                .iter()
                .filter(|target| self.admit(target))
                .map(|target| target.slot),
        );
        if slots.is_empty() {
            return;
        }
        let plan = Plan::new(self, slots);
        let bytes = self.bytes_with(&plan);
        let is_in = |target: &&Arc<Subscription>| slots.contains(&target.slot);
        let counting = targets
            .iter()
            .filter(|target| target.account.counts_bytes());
        counting
            .filter(is_in)
            .for_each(|target| target.account.add_bytes(bytes));
        if let Err(error) = self.push(receiver, &plan, slots) {
            for target in targets.iter().filter(is_in) {
                target.account.remove_bytes(bytes);
                self.not_sent(target, error.into());
            }
        }
    }

    /// An admitted record did not find its way into the mailbox.
    pub fn not_sent(&self, target: &Arc<Subscription>, outcome: Outcome) {
        let acknowledges = target.acks.is_some();
        match acknowledges
            .then(|| self.copy_to_keep(false, true))
            .flatten()
        {
            Some(kept) => {
                let owed = self.request.map(|owed| owed.share(1));
                target.left_backlog(vec![(Waiting::new(kept, owed), outcome)]);
            }
            None => target.account.end(outcome, 1),
        }
    }

    fn admit(&self, target: &Arc<Subscription>) -> bool {
        match target.admit(self.record.priority) {
            Admitted::Yes => return true,
            Admitted::No => self.decline_one(),
            Admitted::Ended => self.not_sent(target, Outcome::Unsubscribed),
        }
        false
    }

    /// The share of somebody who does without the message goes back at once: there was somebody.
    fn decline_one(&self) {
        drop(self.request.map(|owed| owed.share(1)));
    }

    /// Which way this subscription's copy goes: into its backlog, where it may have to be given up or to wait.
    fn way_to(&self, target: &Subscription) -> Way {
        if self.expires_at != NEVER || target.is_kept() {
            Way::Backlog
        } else if target.acks.is_some() {
            Way::OwnRecord
        } else {
            Way::SharedRecord
        }
    }

    /// Bytes that wait with a mailbox record of this plan.
    fn bytes_with(&self, plan: &Plan) -> u64 {
        (plan.length + self.block.map_or(0, |block| block.bytes().len())) as u64
    }

    /// Puts the record into the backlogs of these subscriptions of the thread: one `copy` for all of its that keep it, of which
    /// some may acknowledge.
    fn keep(&self, targets: &[Arc<Subscription>], copy: &mut SharedCopy, acknowledged: bool) {
        for target in targets {
            if let SharedCopy::NotYet = copy {
                let drops = |target: &Arc<Subscription>| !target.takes_part_in_admission();
                let kept = self.copy_to_keep(targets.iter().all(drops), acknowledged);
                *copy = kept.map_or(SharedCopy::NoMemory, SharedCopy::Made);
            }
            let SharedCopy::Made(kept) = copy else {
                self.decline_one();
                target.account.turn_away(match target.overflow {
                    Overflow::DropOldest | Overflow::DropNewest => Outcome::Newest,
                    Overflow::Reject | Overflow::Block { .. } => Outcome::Overflow,
                });
                continue;
            };
            let owed = self.request.map(|owed| owed.share(1));
            let message = Waiting::new(Arc::clone(kept), owed);
            let ended = target.put(message, Coming::New);
            target.left_backlog(ended);
        }
    }

    /// The record as it will lie in the inbox but for its target and its handles, for backlogs; with room for the handle of an
    /// acknowledgement if it may be `acknowledged`. None when memory is short; with `spare`, already when only the reserve is left.
    pub fn copy_to_keep(&self, spare: bool, acknowledged: bool) -> Option<Arc<Kept>> {
        let mut plan = Plan::new(self, &[]);
        if acknowledged {
            plan.flags |= DELIVERY as u16;
            plan.length += EXTENSION_BYTES;
        }
        let handles = Handles {
            block: self.block.map(|_| 0),
            delivery: acknowledged.then_some(0),
            request: self.request.map(|_| 0),
        };
        let block = self.block.cloned();
        Kept::new(plan.length, block, self.expires_at, spare, |to| {
            // SAFETY: `to` has the plan's length; the first word is the length.
            unsafe {
                self.write(to, &plan, &[], 0, &handles);
                to.add(LENGTH)
                    .cast::<[u8; 4]>()
                    .write((plan.length as u32).to_le_bytes());
            }
        })
    }

    /// Copies the record into the mailbox.
    fn push(&self, receiver: &Receiver, plan: &Plan, slots: &[u32]) -> Result<(), PushError> {
        let block = self.block;
        let (list, target) = match slots {
            [slot] => (&[][..], *slot),
            _ => (slots, TARGET_LIST),
        };
        if let Some(block) = block {
            receiver.add_block_bytes(block.bytes().len());
        }
        let shares = slots.len() as u32;
        let handles = Handles {
            block: block.map(|block| Block::into_handle(Arc::clone(block))),
            delivery: None,
            request: self.request.map(|owed| owed.share(shares).into_handle()),
        };
        let pushed = receiver
            .mailbox
            .push(self.record.priority, plan.length, |memory, start| {
                let span = memory.span(start, plan.length).as_ptr();
                // SAFETY: the claimed span has the plan's length, and no other thread touches it before the commit.
                unsafe { self.write(span, plan, list, target, &handles) }
            });
        if pushed.is_ok() {
            return pushed;
        }
        if let (Some(block), Some(handle)) = (block, handles.block) {
            receiver.remove_block_bytes(block.bytes().len());
            // Somebody may have taken the mailbox for full with these bytes in it.
            receiver.offer_space();
            // SAFETY: made above, and no record holds it.
            drop(unsafe { Block::from_handle(handle) });
        }
        if let Some(handle) = handles.request {
            // SAFETY: as above, of so many shares.
            drop(unsafe { Owed::from_handle(handle, shares) });
        }
        pushed
    }
}

/// The ways of a copy to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Into its backlog.
    Backlog,
    /// Into the mailbox, by itself.
    OwnRecord,
    /// Into the mailbox, together with others of the thread.
    SharedRecord,
}

/// The copy of a record that the backlogs of a thread share.
enum SharedCopy {
    /// Nobody needed it.
    NotYet,
    /// There is no memory for it.
    NoMemory,
    /// There it is.
    Made(Arc<Kept>),
}

/// What a mailbox record refers to, as numbers.
struct Handles {
    block: Option<u64>,
    delivery: Option<u64>,
    request: Option<u64>,
}

/// How long a record gets, and what is in it.
struct Plan {
    flags: u16,
    targets_bytes: usize,
    /// Extensions that are copied from the outbox: all of JavaScript's but REPLY, which is the last.
    copied_bytes: usize,
    payload_bytes: usize,
    payload_length: u32,
    length: usize,
}

impl Plan {
    fn new(outgoing: &Outgoing<'_>, slots: &[u32]) -> Self {
        let Outgoing { record, block, .. } = outgoing;
        let listed = if slots.len() > 1 { slots.len() } else { 0 };
        let reply_bytes = usize::from(record.flags & REPLY as u16 != 0) * EXTENSION_BYTES;
        let mut plan = Self {
            flags: record.flags & WITH_EXTENSION,
            targets_bytes: 0,
            copied_bytes: record.extension_bytes() - reply_bytes,
            payload_bytes: record.length - record.payload_start(),
            payload_length: record.payload_length,
            length: EXTENSIONS + record.extension_bytes() + align(listed * 4),
        };
        if listed != 0 {
            plan.flags |= TARGETS as u16;
            plan.targets_bytes = EXTENSION_BYTES;
            plan.length += EXTENSION_BYTES;
        }
        if let Some(block) = block {
            plan.flags |= BLOCK as u16;
            plan.payload_bytes = 0;
            plan.payload_length = block.bytes().len() as u32;
            plan.length += EXTENSION_BYTES;
        }
        plan.length += plan.payload_bytes;
        plan
    }
}

impl Outgoing<'_> {
    /// Writes the record, all but its first word. The extensions of JavaScript keep their order between those that native
    /// adds: TARGETS before them, BLOCK, DELIVERY and REPLY behind them.
    ///
    /// # Safety
    /// `plan` was made for this and for `list`, `plan.length` bytes behind `to` may be written, and no other thread
    /// touches them.
    unsafe fn write(&self, to: *mut u8, plan: &Plan, list: &[u32], target: u32, handles: &Handles) {
        let record = self.record;
        // SAFETY: every write below stays within the plan's length (the parts add up to it in `Plan::new`); the reads stay
        // within the record, whose bounds `OutboxRecord::read` checked.
        unsafe {
            let mut head = RecordWriter {
                to,
                next: EXTENSIONS,
            };
            head.set(
                PRIORITY,
                (record.priority as u32 | u32::from(plan.flags) << 16).to_le_bytes(),
            );
            head.set(TOPIC, self.topic_id.to_le_bytes());
            head.set(PAYLOAD_LENGTH, plan.payload_length.to_le_bytes());
            head.set(SEQUENCE, self.sequence.to_le_bytes());
            head.set(TIMESTAMP, self.timestamp.to_le_bytes());
            head.set(PUBLISHER, self.publisher.to_le_bytes());
            head.set(TARGET, target.to_le_bytes());
            if plan.targets_bytes != 0 {
                head.append(u64::from(list.len() as u32).to_le_bytes());
            }
            let copied = head.next;
            head.copy(self.outbox, self.offset + EXTENSIONS, plan.copied_bytes);
            if record.flags & EXPIRY as u16 != 0 {
                let at = copied + record.extension(EXPIRY) - EXTENSIONS;
                head.set(at, self.expires_at.to_le_bytes());
            }
            let added = [handles.block, handles.delivery, handles.request];
            for handle in added.into_iter().flatten() {
                head.append(handle.to_le_bytes());
            }
            for slot in list {
                head.append(slot.to_le_bytes());
            }
            head.next = plan.length - plan.payload_bytes;
            head.copy(
                self.outbox,
                self.offset + record.payload_start(),
                plan.payload_bytes,
            );
        }
    }
}

/// Writes the parts of a record one behind the other.
pub(super) struct RecordWriter {
    pub to: *mut u8,
    pub next: usize,
}

impl RecordWriter {
    /// # Safety
    /// `at + N` bytes behind `to` may be written.
    unsafe fn set<const N: usize>(&self, at: usize, bytes: [u8; N]) {
        // SAFETY: the contract; a byte array has no alignment.
        unsafe { self.to.add(at).cast::<[u8; N]>().write_unaligned(bytes) }
    }

    /// # Safety
    /// As `set`, at `next`.
    unsafe fn append<const N: usize>(&mut self, bytes: [u8; N]) {
        // SAFETY: the contract.
        unsafe { self.set(self.next, bytes) };
        self.next += N;
    }

    /// # Safety
    /// As `set`, at `next`.
    pub unsafe fn copy(&mut self, from: &SharedBytes, offset: usize, len: usize) {
        // SAFETY: `span` checked the source; the contract covers the target; they do not overlap, one
        // being JavaScript's memory and the other native.
        unsafe {
            self.to
                .add(self.next)
                .copy_from_nonoverlapping(from.span(offset, len).as_ptr(), len)
        };
        self.next += len;
    }
}
