//! From the outbox to the mailboxes: route, admit, copy, wake.
//!
//! **Admission is all or nothing.** A record goes to every matching subscription or to none. Where one has
//! no room the submit stops: that record and what is behind it stay in the outbox, in order, and the
//! publisher is called when there is room. So nothing that `publish` accepted is ever lost to a full queue,
//! and no queue grows past its limit because a publisher wrote ahead.
//!
//! Subscriptions that drop what is too much take no part in that: they are never asked, and what they cannot take ends at
//! them, counted. A subscription that drops its oldest has its messages in a [`super::backlog`] of its own.

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::block::Block;
use super::endpoint::{Endpoint, EndpointMemory, gate, wait_for_room};
use super::kept::Kept;
use super::layout::*;
use super::narrow::copy_payload;
use super::queue::PushError;
use super::record::OutboxRecord;
use super::route::{Leg, Route};
use super::subscription::{Outcome, Overflow, Subscription};
use crate::memory::{Memory, SharedBytes, Source};
use crate::pool::SegmentPool;
use crate::sync::Ordering;
use crate::wait::Waiter;

/// Whether a record may be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    /// Stops at the first record that a subscription has no room for.
    Checked,
    /// Takes every record: the publisher ends, and its word was given.
    Forced,
}

/// A record on its way, with everything that its copies need.
struct Outgoing<'a> {
    outbox: &'a SharedBytes,
    /// Where the record starts in the outbox.
    offset: usize,
    record: &'a OutboxRecord,
    topic_id: u32,
    publisher: u32,
    sequence: u64,
    timestamp: u64,
    block: Option<&'a Arc<Block>>,
}

impl Endpoint {
    /// Submits the outbox. Writes how many bytes and records were taken to the control block, and moves the
    /// others to the start of the outbox, all in this one call: a thread that is terminated behind it finds
    /// nothing to submit twice.
    pub fn submit(&mut self) {
        self.submit_outbox(Admission::Checked);
    }

    /// Submits the outbox, past the limits of subscriptions if need be.
    pub fn submit_all(&mut self) {
        self.submit_outbox(Admission::Forced);
    }

    /// Submits the one record at the start of the outbox, whose payload area is `payload`. False when it
    /// was refused, or is longer than MAX_PAYLOAD_BYTES. Its bytes are copied once it was admitted. The outbox is empty but for that record, which does not
    /// count as committed: without its payload it is no message, should the thread be terminated before this.
    pub fn submit_block(&mut self, payload: Source<'_>) -> bool {
        let taken = match OutboxRecord::read(&self.memory.outbox, 0, OUTBOX_BYTES) {
            Some(record) if payload.len() <= MAX_PAYLOAD_BYTES => {
                self.submit_record(0, &record, now(), Some(payload), Admission::Checked)
            }
            _ => {
                self.faults.malformed_outboxes += 1;
                false
            }
        };
        self.memory
            .control
            .store(OUTBOX_COMMITTED, 0, Ordering::Relaxed);
        self.wake_receivers();
        taken
    }

    fn submit_outbox(&mut self, admission: Admission) {
        // Relaxed: the words of this block are written on this same thread.
        let end = self
            .memory
            .control
            .load(OUTBOX_COMMITTED, Ordering::Relaxed) as usize;
        let timestamp = now();
        let (mut offset, mut records) = (0, 0);
        while offset < end {
            let Some(record) = OutboxRecord::read(&self.memory.outbox, offset, end) else {
                self.faults.malformed_outboxes += 1;
                offset = end;
                break;
            };
            if !self.submit_record(offset, &record, timestamp, None, admission) {
                break;
            }
            offset += record.length;
            records += 1;
        }
        self.run
            .send(&self.memory.outbox, self.receiver.id, timestamp);
        self.wake_receivers();
        self.let_go_of_stale_routes();
        let left = end.min(OUTBOX_BYTES).saturating_sub(offset);
        if left != 0 && offset != 0 {
            let (from, to) = (
                self.memory.outbox.span(offset, left).as_ptr(),
                self.memory.outbox.span(0, left).as_ptr(),
            );
            // SAFETY: both spans were bounds-checked; they may overlap, which `copy_from` allows.
            unsafe { to.copy_from(from, left) };
        }
        self.memory
            .control
            .store(OUTBOX_COMMITTED, left as u32, Ordering::Relaxed);
        self.memory
            .control
            .store(OUTBOX_TAKEN, offset as u32, Ordering::Relaxed);
        self.memory
            .control
            .store(RECORDS_TAKEN, records, Ordering::Relaxed);
    }

    /// Routes one record and delivers it. `large` is its payload area where that is not in the outbox. False when it is
    /// refused, and nobody got it.
    fn submit_record(
        &mut self,
        offset: usize,
        record: &OutboxRecord,
        timestamp: u64,
        large: Option<Source<'_>>,
        admission: Admission,
    ) -> bool {
        let inline;
        let Self {
            topics,
            memory,
            receiver,
            to_wake,
            sequence,
            buses,
            faults,
            open_slots,
            run,
            payload,
            ..
        } = self;
        let (bus, whole, topic_id) = if record.flags & TOPIC_INLINE as u16 == 0 {
            let Some(local) = topics
                .get_mut(record.topic as usize)
                .and_then(Option::as_mut)
            else {
                faults.orphaned_records += 1;
                return true;
            };
            local.current_route();
            (&local.bus, &*local.route, local.topic.id)
        } else {
            let Some((bus, name)) = inline_topic(&memory.outbox, offset, record, large, buses)
            else {
                faults.orphaned_records += 1;
                return true;
            };
            inline = bus.match_route(&name);
            (bus, &inline, 0)
        };
        let mut block = None;
        let mut narrowed = None;
        let mut unread = false;
        if whole.has_filters {
            // A large payload is copied before it is known whether anybody wants it: filters read what nobody writes.
            block = large.and_then(Block::copy_of);
            unread = block.is_some() != large.is_some();
            if !unread {
                let block = block.as_deref();
                let payload = copy_payload(&memory.outbox, offset, record, block, payload);
                narrowed = whole.narrow(payload);
            }
        }
        let route = narrowed.as_ref().unwrap_or(whole);
        let has_room = !unread && has_room(route, record.priority);
        let mut admitted = has_room || admission == Admission::Forced;
        if let Some(payload) = large
            && block.is_none()
            && admitted
            && is_wanted(route, record.priority)
        {
            block = Block::copy_of(payload);
            // No memory for it, and less than its publisher's share of headroom: as if the look above had found none.
            admitted = block.is_some() || !route.takes_part;
        }
        let open = if has_room && admitted {
            gate(whole)
        } else {
            ASK as u8
        };
        set_gate(memory, gate_index(record), open);
        if !admitted {
            bus.count_refused();
            if wait_for_room(route, receiver) {
                // Drained since the look above, so nobody will tell that there is room: look again soon.
                receiver.look_again();
            }
            if record.flags & TOPIC_INLINE as u16 == 0
                && let Some(Some(local)) = topics.get_mut(record.topic as usize)
            {
                local.refused = narrowed;
            }
            return false;
        }
        if let Some(narrowed) = &narrowed {
            whole.count_filtered(narrowed);
        }
        *sequence += 1;
        bus.count_published(1, u64::from(route.legs.is_empty()));
        for leg in &route.legs {
            if to_wake.last().is_none_or(|last| last.id != leg.receiver.id)
                && !to_wake.iter().any(|noted| noted.id == leg.receiver.id)
            {
                to_wake.push(Arc::clone(&leg.receiver));
            }
        }
        if large.is_some() && block.is_none() {
            // Nobody wants it, or nobody who does takes part in admission, and there is no memory.
            route
                .targets()
                .for_each(|target| target.account.turn_away());
            return true;
        }
        if let Some(only) = sole_target(route, record, block.as_ref()) {
            if only.admit(record.priority) && !run.add(offset, record, topic_id, only, *sequence) {
                run.send(&memory.outbox, receiver.id, timestamp);
                run.add(offset, record, topic_id, only, *sequence);
            }
            return true;
        }
        // What came before goes before.
        run.send(&memory.outbox, receiver.id, timestamp);
        let outgoing = Outgoing {
            outbox: &memory.outbox,
            offset,
            record,
            topic_id,
            publisher: receiver.id,
            sequence: *sequence,
            timestamp,
            block: block.as_ref(),
        };
        for leg in &route.legs {
            outgoing.deliver(leg, open_slots);
            if record.priority == 0 {
                leg.receiver.raise(CRITICAL_WAITS as u32);
            }
        }
        true
    }

    /// Rings for the receivers of this submit that sleep. This endpoint itself is told without its bell, which
    /// does not keep the event loop alive: what a thread sends itself must arrive before the thread ends.
    fn wake_receivers(&mut self) {
        for receiver in self.to_wake.drain(..) {
            if receiver.id != self.receiver.id {
                receiver.wake();
            } else if receiver.mailbox.wake() {
                self.memory.control.store(OWN_MAIL, 1, Ordering::Relaxed);
            }
        }
    }
}

/// The subscription of a record that can be part of a run: it goes to one only, and has nothing that is not
/// copied as it is. CRITICAL records go by themselves.
fn sole_target<'a>(
    route: &'a Route,
    record: &OutboxRecord,
    block: Option<&Arc<Block>>,
) -> Option<&'a Arc<Subscription>> {
    let [leg] = &*route.legs else { return None };
    let [only] = &*leg.targets else { return None };
    let plain = record.flags == 0 && record.priority != 0 && block.is_none();
    (plain && only.overflow != Overflow::DropOldest).then_some(only)
}

/// The gate byte of a record's topic. None when the topic has no id: such topics share gate 0, which stays ASK.
fn gate_index(record: &OutboxRecord) -> Option<usize> {
    (record.flags & TOPIC_INLINE as u16 == 0).then_some(record.topic as usize)
}

fn set_gate(memory: &EndpointMemory, index: Option<usize>, gate: u8) {
    if let Some(index) = index {
        memory.gates.set_byte(index, gate);
    }
}

fn has_room(route: &Route, priority: usize) -> bool {
    if !route.takes_part {
        return true;
    }
    SegmentPool::global().has_headroom()
        && route.legs.iter().filter(|leg| leg.takes_part).all(|leg| {
            !leg.receiver.is_full(priority)
                && leg
                    .targets
                    .iter()
                    .all(|target| !target.takes_part_in_admission() || target.account.room() > 0)
        })
}

/// True when a subscription would take the message: only then a large payload is copied.
fn is_wanted(route: &Route, priority: usize) -> bool {
    route.targets().any(|target| match target.overflow {
        Overflow::Reject => true,
        Overflow::DropOldest => SegmentPool::global().has_headroom(),
        Overflow::DropNewest => target.has_room(priority),
    })
}

/// The bus and the topic that an inline record spells out. None when it does not.
fn inline_topic<'a>(
    outbox: &SharedBytes,
    offset: usize,
    record: &OutboxRecord,
    large: Option<Source<'_>>,
    buses: &'a [Option<Arc<super::named_bus::Bus>>],
) -> Option<(&'a Arc<super::named_bus::Bus>, String)> {
    let extension = offset + record.extension(TOPIC_INLINE);
    let length = u32::from_le_bytes(outbox.read(extension)) as usize;
    let handle = u32::from_le_bytes(outbox.read(extension + 4)) as usize;
    if length > MAX_TOPIC_BYTES {
        return None;
    }
    let name = match large {
        Some(payload) if length > payload.len() => return None,
        Some(payload) => {
            let mut name = vec![0; length];
            let target = NonNull::from(&mut name[..]).cast();
            // SAFETY: both have at least `length` bytes (checked), and the vector is new.
            unsafe { payload.start().copy_to_nonoverlapping(target, length) };
            name
        }
        None if length > record.payload_length as usize => return None,
        None => {
            let start = offset + record.payload_start();
            (start..start + length).map(|at| outbox.byte(at)).collect()
        }
    };
    let bus = buses.get(handle)?.as_ref()?;
    Some((bus, String::from_utf8(name).ok()?))
}

impl Outgoing<'_> {
    /// Puts the record into the mailbox of one thread, for the subscriptions on it that are still open.
    /// `slots` is scratch.
    fn deliver(&self, leg: &Leg, slots: &mut Vec<u32>) {
        for targets in leg.targets.chunks(MAX_TARGETS) {
            slots.clear();
            slots.extend(
                targets
                    .iter()
                    .filter(|target| target.overflow != Overflow::DropOldest)
                    .filter(|target| target.admit(self.record.priority))
                    .map(|target| target.slot),
            );
            if slots.is_empty() {
                continue;
            }
            if let Err(error) = self.push(leg, slots) {
                for target in targets.iter().filter(|target| slots.contains(&target.slot)) {
                    target.account.end(error.into(), 1);
                }
            }
        }
        self.keep(leg);
    }

    /// Puts the record into the backlogs of those subscriptions of the thread that drop their oldest: one copy for all.
    fn keep(&self, leg: &Leg) {
        let mut copy = None;
        let dropping = leg.targets.iter();
        for target in dropping.filter(|target| target.overflow == Overflow::DropOldest) {
            let copy = copy.get_or_insert_with(|| self.copy_to_keep());
            let Some(kept) = copy else {
                target.account.turn_away();
                continue;
            };
            let announce = || {
                let push =
                    leg.receiver
                        .mailbox
                        .push(self.record.priority, EXTENSIONS, |memory, start| {
                            let set = |at: usize, word: u32| {
                                memory.store(start + at, word, Ordering::Relaxed);
                            };
                            set(PRIORITY, self.record.priority as u32);
                            set(TOPIC, target.slot);
                            set(PAYLOAD_LENGTH, 0);
                            set(SEQUENCE, target.id as u32);
                            set(SEQUENCE + 4, (target.id >> 32) as u32);
                            set(TARGET, ANNOUNCEMENT);
                        });
                push.map_err(Outcome::from)
            };
            target.backlog.keep(
                self.record.priority,
                Arc::clone(kept),
                &target.account,
                announce,
            );
        }
    }

    /// The record as it will lie in the inbox but for its target, for backlogs. None when memory is short.
    fn copy_to_keep(&self) -> Option<Arc<Kept>> {
        let plan = Plan::new(self, &[]);
        Kept::new(plan.length, self.block.cloned(), |to| {
            // SAFETY: `to` has the plan's length; the first word is the length.
            unsafe {
                self.write(to, &plan, &[], 0, self.block.map(|_| 0));
                to.add(LENGTH)
                    .cast::<[u8; 4]>()
                    .write((plan.length as u32).to_le_bytes());
            }
        })
    }

    /// Copies the record into the mailbox. The extensions of JavaScript keep their order between those
    /// that native adds: TARGETS before them, BLOCK behind them.
    fn push(&self, leg: &Leg, slots: &[u32]) -> Result<(), PushError> {
        let block = self.block;
        let (list, target) = match slots {
            [slot] => (&[][..], *slot),
            _ => (slots, TARGET_LIST),
        };
        let plan = Plan::new(self, list);
        if let Some(block) = block {
            leg.receiver.add_block_bytes(block.bytes().len());
        }
        let handle = block.map(|block| Block::into_handle(Arc::clone(block)));
        let pushed =
            leg.receiver
                .mailbox
                .push(self.record.priority, plan.length, |memory, start| {
                    let span = memory.span(start, plan.length).as_ptr();
                    // SAFETY: the claimed span has the plan's length, and no other thread touches it before the commit.
                    unsafe { self.write(span, &plan, list, target, handle) }
                });
        if pushed.is_err()
            && let (Some(block), Some(handle)) = (block, handle)
        {
            leg.receiver.remove_block_bytes(block.bytes().len());
            // Somebody may have taken the mailbox for full with these bytes in it.
            leg.receiver.offer_space();
            // SAFETY: made above, and no record holds it.
            drop(unsafe { Block::from_handle(handle) });
        }
        pushed
    }
}

/// How long a record gets, and what is in it.
struct Plan {
    flags: u16,
    targets_bytes: usize,
    payload_bytes: usize,
    payload_length: u32,
    length: usize,
}

impl Plan {
    fn new(outgoing: &Outgoing<'_>, list: &[u32]) -> Self {
        let Outgoing { record, block, .. } = outgoing;
        let mut plan = Self {
            flags: record.flags,
            targets_bytes: 0,
            payload_bytes: record.length - record.payload_start(),
            payload_length: record.payload_length,
            length: EXTENSIONS + record.extension_bytes() + align(list.len() * 4),
        };
        if !list.is_empty() {
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
    /// Writes the record, all but its first word.
    ///
    /// # Safety
    /// `plan` was made for this and for `list`, `plan.length` bytes behind `to` may be written, and no other thread
    /// touches them.
    unsafe fn write(
        &self,
        to: *mut u8,
        plan: &Plan,
        list: &[u32],
        target: u32,
        handle: Option<u64>,
    ) {
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
            head.copy(
                self.outbox,
                self.offset + EXTENSIONS,
                record.extension_bytes(),
            );
            if let Some(handle) = handle {
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
struct RecordWriter {
    to: *mut u8,
    next: usize,
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
    unsafe fn copy(&mut self, from: &SharedBytes, offset: usize, len: usize) {
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

/// Nanoseconds since the Unix epoch.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_nanos() as u64)
}
