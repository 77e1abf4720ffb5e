//! From the outbox to the mailboxes: route, admit, copy, wake.
//!
//! **Admission is all or nothing.** A record goes to every matching subscription or to none. Where one has
//! no room the submit stops: that record and what is behind it stay in the outbox, in order, and the
//! publisher is called when there is room. So nothing that `publish` accepted is ever lost to a full queue,
//! and no queue grows past its limit because a publisher wrote ahead.

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::block::Block;
use super::endpoint::{Endpoint, EndpointMemory, gate, wait_for_room};
use super::layout::*;
use super::queue::PushError;
use super::record::OutboxRecord;
use super::route::{Leg, Route};
use super::subscription::Subscription;
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
            ..
        } = self;
        let (bus, route, topic_id) = if record.flags & TOPIC_INLINE as u16 == 0 {
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
        let has_room = has_room(route, record.priority);
        let mut admitted = has_room || admission == Admission::Forced;
        let mut block = None;
        if let Some(payload) = large
            && admitted
            && !route.legs.is_empty()
        {
            block = Block::copy_of(payload);
            // No memory for it, and less than its publisher's share of headroom: as if the look above had found none.
            admitted = block.is_some();
        }
        let open = if has_room && admitted {
            gate(route)
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
            return false;
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
        if let Some(only) = sole_target(route, record, block.as_ref()) {
            if only.account.admit() && !run.add(offset, record, topic_id, only, *sequence) {
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
    (record.flags == 0 && record.priority != 0 && block.is_none()).then_some(only)
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
    SegmentPool::global().has_headroom()
        && route.legs.iter().all(|leg| {
            !leg.receiver.is_full(priority)
                && leg.targets.iter().all(|target| target.account.room() > 0)
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
                    .filter(|target| target.account.admit())
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
    }

    /// Copies the record into the mailbox. The extensions of JavaScript keep their order between those
    /// that native adds: TARGETS before them, BLOCK behind them.
    fn push(&self, leg: &Leg, slots: &[u32]) -> Result<(), PushError> {
        let Self { record, block, .. } = self;
        let (list, target) = match slots {
            [slot] => (&[][..], *slot),
            _ => (slots, TARGET_LIST),
        };
        let mut flags = record.flags;
        let (mut payload_bytes, mut payload_length) = (
            record.length - record.payload_start(),
            record.payload_length,
        );
        let targets_bytes = if list.is_empty() { 0 } else { EXTENSION_BYTES };
        let list_bytes = align(list.len() * 4);
        let block_bytes = if block.is_some() { EXTENSION_BYTES } else { 0 };
        if targets_bytes != 0 {
            flags |= TARGETS as u16;
        }
        if let Some(block) = block {
            flags |= BLOCK as u16;
            payload_bytes = 0;
            payload_length = block.bytes().len() as u32;
            leg.receiver.add_block_bytes(block.bytes().len());
        }
        let extension_bytes = record.extension_bytes();
        let length =
            EXTENSIONS + targets_bytes + extension_bytes + block_bytes + list_bytes + payload_bytes;
        let handle = block.map(|block| Block::into_handle(Arc::clone(block)));
        let pushed = leg
            .receiver
            .mailbox
            .push(record.priority, length, |memory, start| {
                let span = memory.span(start, length).as_ptr();
                // SAFETY: every write below stays within `length` bytes of the claimed span (the parts add up
                // to it above), which no other thread touches before the commit; the reads stay within the
                // record, whose bounds `OutboxRecord::read` checked. The first word is left to the commit.
                unsafe {
                    let mut head = RecordWriter {
                        to: span,
                        next: EXTENSIONS,
                    };
                    head.set(
                        PRIORITY,
                        (record.priority as u32 | u32::from(flags) << 16).to_le_bytes(),
                    );
                    head.set(TOPIC, self.topic_id.to_le_bytes());
                    head.set(PAYLOAD_LENGTH, payload_length.to_le_bytes());
                    head.set(SEQUENCE, self.sequence.to_le_bytes());
                    head.set(TIMESTAMP, self.timestamp.to_le_bytes());
                    head.set(PUBLISHER, self.publisher.to_le_bytes());
                    head.set(TARGET, target.to_le_bytes());
                    if targets_bytes != 0 {
                        head.append(u64::from(list.len() as u32).to_le_bytes());
                    }
                    head.copy(self.outbox, self.offset + EXTENSIONS, extension_bytes);
                    if let Some(handle) = handle {
                        head.append(handle.to_le_bytes());
                    }
                    for slot in list {
                        head.append(slot.to_le_bytes());
                    }
                    head.next = length - payload_bytes;
                    head.copy(
                        self.outbox,
                        self.offset + record.payload_start(),
                        payload_bytes,
                    );
                }
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
