//! From the outbox to the mailboxes: route, admit, copy, wake.
//!
//! **Admission is all or nothing** ([`super::admission`]). A record goes to every matching subscription, and to one member of each
//! group, or to none. Where one has
//! no room the submit stops: that record and what is behind it stay in the outbox, in order, and the
//! publisher is called when there is room. So nothing that `publish` accepted is ever lost to a full queue,
//! and no queue grows past its limit because a publisher wrote ahead.
//!
//! Subscriptions that drop what is too much take no part in that: they are never asked, and what they cannot take ends at
//! them, counted. The copies are made in [`super::outgoing`], or as a [`super::run`] where records look alike.

use std::ptr::NonNull;
use std::sync::Arc;

use super::admission::{
    Admission, block_ms, count_assigned, gate, has_room, is_wanted, may_be_joined, pick_members,
    wait_for_room, wait_for_room_by_name,
};
use super::answers::NoAnswer;
use super::backlog::NEVER;
use super::block::Block;
use super::endpoint::{Awaited, Endpoint, EndpointMemory, OpenBus};
use super::layout::*;
use super::narrow::copy_payload;
use super::outgoing::Outgoing;
use super::receiver::Receiver;
use super::record::OutboxRecord;
use super::request::{Owed, Request};
use super::route::Route;
use super::run::{Sender, is_plain};
use super::subscription::{Admitted, Outcome, Subscription};
use super::tally::{Counting, count_up};
use crate::memory::{Memory, SharedBytes, Source};
use crate::sync::Ordering;
use crate::wait::Waiter;
use crate::wait::clock::{steady_now, system_now};
use crate::wait::timer::Timer;

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
                self.submit_record(0, &record, system_now(), Some(payload), Admission::Checked)
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
        self.count_traffic(u64::from(taken), payload.len() as u64);
        taken
    }

    fn count_traffic(&self, records: u64, bytes: u64) {
        if records != 0 {
            let traffic = &self.receiver.traffic;
            count_up(&traffic.submits, 1);
            count_up(&traffic.submitted, records);
            count_up(&traffic.submitted_bytes, bytes);
        }
    }

    fn submit_outbox(&mut self, admission: Admission) {
        // Relaxed: the words of this block are written on this same thread.
        let end = self
            .memory
            .control
            .load(OUTBOX_COMMITTED, Ordering::Relaxed) as usize;
        let timestamp = system_now();
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
        self.runs.send(Sender {
            outbox: &self.memory.outbox,
            publisher: self.receiver.id,
            timestamp,
        });
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
        self.count_traffic(u64::from(records), offset as u64);
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
        let mut inline_name = String::new();
        let Self {
            topics,
            memory,
            receiver,
            awaited,
            to_wake,
            sequence,
            buses,
            faults,
            open_slots,
            picked,
            random,
            runs,
            payload,
            next_look,
            ..
        } = self;
        let (bus, counting, whole, topic_id) = if record.flags & TOPIC_INLINE as u16 == 0 {
            let Some(local) = topics
                .get_mut(record.topic as usize)
                .and_then(Option::as_mut)
            else {
                faults.orphaned_records += 1;
                return true;
            };
            local.current_route();
            (&local.bus, local.counting(), &*local.route, local.topic.id)
        } else {
            let Some((open, name)) = inline_topic(&memory.outbox, offset, record, large, buses)
            else {
                faults.orphaned_records += 1;
                return true;
            };
            inline = open.bus.match_route(&name);
            inline_name = name;
            let counting = Counting {
                bus: &open.tally,
                topic: None,
            };
            (&open.bus, counting, &inline, 0)
        };
        let expires_at = expiry_of(&memory.outbox, offset, record);
        let sender = Sender {
            outbox: &memory.outbox,
            publisher: receiver.id,
            timestamp,
        };
        // As it is, without what is found out below.
        let bare = Outgoing {
            outbox: &memory.outbox,
            offset,
            record,
            topic_id,
            publisher: receiver.id,
            sequence: *sequence + 1,
            timestamp,
            expires_at,
            block: None,
            request: None,
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
        if expires_at != NEVER && expires_at <= steady_now() {
            // It waited here for longer than it was to live.
            *sequence += 1;
            counting.published(record.priority, route.is_empty());
            let picks = route
                .groups
                .iter()
                .filter_map(|group| group.pick_anyway(random));
            picked.clear();
            picked.extend(picks.cloned());
            count_assigned(picked.iter());
            if let Some(narrowed) = &narrowed {
                whole.count_filtered(narrowed);
            }
            bare.expire_for(route.targets().chain(&*picked), large);
            if let Some(request) = request_of(&memory.outbox, offset, record, receiver) {
                request.give_up(NoAnswer::Dropped);
            }
            return true;
        }
        let has_room = !unread && has_room(route, record.priority);
        let mut admitted = has_room || admission == Admission::Forced;
        picked.clear();
        if !route.groups.is_empty() && admitted {
            admitted = pick_members(route, record.priority, random, admission, picked);
        }
        if let Some(payload) = large
            && block.is_none()
            && admitted
            && is_wanted(route.targets().chain(&*picked), record.priority)
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
            counting.refused();
            let block_ms = block_ms(route, record.priority, receiver);
            memory.control.store(BLOCK_MS, block_ms, Ordering::Relaxed);
            *awaited = (block_ms != 0).then(|| match gate_index(record) {
                Some(index) => Awaited::Topic(index as u32),
                None => Awaited::Name(Arc::clone(bus), inline_name.clone()),
            });
            if expires_at != NEVER {
                keep_expiry(&memory.outbox, offset, record, expires_at);
                // It may hold up others until then.
                if expires_at < *next_look || *next_look <= steady_now() {
                    *next_look = expires_at;
                    Timer::global().call_at(expires_at, receiver);
                }
            }
            keep_deadline(&memory.outbox, offset, record);
            let mut has_changed = wait_for_room(route, receiver);
            let may_be_joined = may_be_joined(route);
            if record.flags & TOPIC_INLINE as u16 != 0 {
                has_changed |= may_be_joined && wait_for_room_by_name(bus, &inline_name, receiver);
            } else if let Some(Some(local)) = topics.get_mut(record.topic as usize) {
                let version = local.route.version();
                local.refused = narrowed.map(|narrowed| (version, narrowed));
                local.current_route();
                has_changed |= may_be_joined && local.route.version() != version;
            }
            if has_changed {
                // Since the look above, so nobody will tell that there is room: look again soon.
                receiver.look_again();
            }
            return false;
        }
        if let Some(narrowed) = &narrowed {
            whole.count_filtered(narrowed);
        }
        count_assigned(picked.iter());
        *sequence += 1;
        let is_unmatched = route.legs.is_empty() && picked.is_empty();
        counting.published(record.priority, is_unmatched);
        if is_unmatched && record.flags & MANDATORY as u16 != 0 {
            let copy = block.clone().or_else(|| large.and_then(Block::copy_of));
            let outgoing = Outgoing {
                expires_at: NEVER,
                block: copy.as_ref(),
                ..bare
            };
            bus.keep_unmatched(&outgoing, large.is_some());
        }
        for leg in &route.legs {
            note(to_wake, &leg.receiver);
        }
        for member in &*picked {
            note(to_wake, &member.receiver);
        }
        // Given back at the end of this: with nobody to answer it, the requester hears at once.
        let request = request_of(&memory.outbox, offset, record, receiver);
        if large.is_some() && block.is_none() {
            // Nobody wants it, or nobody who does takes part in admission, and there is no memory.
            route
                .targets()
                .chain(&*picked)
                .for_each(|target| target.account.turn_away(Outcome::Newest));
            if let Some(request) = request
                && !is_unmatched
            {
                request.give_up(NoAnswer::Dropped);
            }
            return true;
        }
        let mut admitted = Admitted::No;
        let only = sole_target(route, picked, record, block.as_ref());
        if let Some(only) = only {
            admitted = only.admit(record.priority);
            if admitted == Admitted::Yes && !runs.add(offset, record, topic_id, only, *sequence) {
                runs.send(sender);
                runs.add(offset, record, topic_id, only, *sequence);
            }
            if admitted != Admitted::Ended {
                return true;
            }
        }
        // What came before goes before.
        runs.send(sender);
        let outgoing = Outgoing {
            block: block.as_ref(),
            request: request.as_ref(),
            ..bare
        };
        match only {
            Some(only) if admitted == Admitted::Ended => {
                outgoing.not_sent(only, Outcome::Unsubscribed);
            }
            _ => outgoing.deliver_all(route, picked, open_slots),
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

/// Has a receiver woken at the end of the submit.
fn note(to_wake: &mut Vec<Arc<Receiver>>, receiver: &Arc<Receiver>) {
    if to_wake.last().is_none_or(|last| last.id != receiver.id)
        && !to_wake.iter().any(|noted| noted.id == receiver.id)
    {
        to_wake.push(Arc::clone(receiver));
    }
}

/// When a record expires, by the steady clock; NEVER for most.
fn expiry_of(outbox: &SharedBytes, offset: usize, record: &OutboxRecord) -> u64 {
    if record.flags & EXPIRY as u16 == 0 {
        return NEVER;
    }
    let given = u64::from_le_bytes(outbox.read(offset + record.extension(EXPIRY)));
    if given & EXPIRES_AT != 0 {
        given & !EXPIRES_AT
    } else {
        steady_now().saturating_add(given)
    }
}

/// The record stays in the outbox: its time goes on from the first submit.
fn keep_expiry(outbox: &SharedBytes, offset: usize, record: &OutboxRecord, expires_at: u64) {
    let (at, word) = (offset + record.extension(EXPIRY), expires_at | EXPIRES_AT);
    outbox.store(at, word as u32, Ordering::Relaxed);
    outbox.store(at + 4, (word >> 32) as u32, Ordering::Relaxed);
}

/// The request that a record is, with a share for who delivers it.
fn request_of(
    outbox: &SharedBytes,
    offset: usize,
    record: &OutboxRecord,
    requester: &Arc<Receiver>,
) -> Option<Owed> {
    if record.flags & REPLY as u16 == 0 {
        return None;
    }
    let at = offset + record.extension(REPLY);
    let word = |at: usize| u32::from_le_bytes(outbox.read(at));
    let left = left_to_answer(word(at + 4), steady_ms());
    let deadline = steady_now() + u64::from(left) * 1_000_000;
    let requester = Arc::clone(requester);
    Some(Request::share_of(
        requester,
        word(at),
        record.priority,
        deadline,
    ))
}

/// The steady clock in milliseconds, modulo 2^32.
fn steady_ms() -> u32 {
    (steady_now() / 1_000_000) as u32
}

/// The request stays in the outbox: its time goes on from the first submit.
fn keep_deadline(outbox: &SharedBytes, offset: usize, record: &OutboxRecord) {
    if record.flags & REPLY as u16 == 0 {
        return;
    }
    let at = offset + record.extension(REPLY) + 4;
    let given = u32::from_le_bytes(outbox.read(at));
    if given <= LONGEST_KEPT_MS {
        let deadline = steady_ms().wrapping_add(given) | DEADLINE_MS as u32;
        // All ones would be no deadline.
        outbox.store(at, deadline.min(u32::MAX - 1), Ordering::Relaxed);
    }
}

/// Milliseconds that a requester still waits, by the word of its record: so many from the first submit on, or with DEADLINE_MS, once a
/// submit has left it in the outbox, until the other 31 bits of the steady clock are these.
fn left_to_answer(word: u32, now_ms: u32) -> u32 {
    if word & DEADLINE_MS as u32 == 0 || word == u32::MAX {
        return word;
    }
    let left = word.wrapping_sub(now_ms) & !(DEADLINE_MS as u32);
    // What would be further away has passed.
    if left <= LONGEST_KEPT_MS { left } else { 0 }
}

/// The subscription of a record that can be part of a run: it goes to one only, and has nothing that is not
/// copied as it is. CRITICAL records go by themselves.
fn sole_target<'a>(
    route: &'a Route,
    picked: &'a [Arc<Subscription>],
    record: &OutboxRecord,
    block: Option<&Arc<Block>>,
) -> Option<&'a Arc<Subscription>> {
    let only = match (&*route.legs, picked) {
        ([leg], []) => match &*leg.targets {
            [only] => only,
            _ => return None,
        },
        ([], [only]) => only,
        _ => return None,
    };
    let plain = is_plain(record.flags) && record.priority != 0 && block.is_none();
    (plain && !only.is_kept()).then_some(only)
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

/// The bus and the topic that an inline record spells out. None when it does not.
fn inline_topic<'a>(
    outbox: &SharedBytes,
    offset: usize,
    record: &OutboxRecord,
    large: Option<Source<'_>>,
    buses: &'a [Option<OpenBus>],
) -> Option<(&'a OpenBus, String)> {
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
    let open = buses.get(handle)?.as_ref()?;
    Some((open, String::from_utf8(name).ok()?))
}
