//! An endpoint: one JavaScript environment's place on the buses. It belongs to that environment's thread;
//! other threads see only its [`Receiver`].
//!
//! This file opens, subscribes and closes; `submit.rs` takes messages from the outbox to the mailboxes,
//! `drain.rs` from the mailbox to the inbox.

use std::sync::Arc;
use std::time::Instant;

use super::admission::{gate, may_be_joined, wait_for_room, wait_for_room_by_name};
use super::answers::NoAnswer;
use super::backlog::NEVER;
use super::batch;
use super::block::BatchBlocks;
use super::drain::SpinState;
use super::group::{Group, GroupSettings, Random};
use super::hub::Hub;
use super::layout::*;
use super::mailbox::Turn;
use super::named_bus::Bus;
use super::quota::{Quota, QuotaLimits};
use super::receiver::{Doorbell, Receiver};
use super::request::OwedAnswers;
use super::route::Route;
use super::run::Runs;
use super::shares::Shares;
use super::slots::Slots;
use super::subscription::{Outcome, SubscribeOptions, Subscription};
use super::tally::{Counting, Tally};
use super::topic::{NameError, Topic};
use super::versions::{LocalRoute, RouteVersion};
use crate::memory::{Memory, SharedBytes};
use crate::sync::Ordering;

/// The memory that an endpoint shares with its thread's JavaScript.
pub struct EndpointMemory {
    /// Records on their way out: OUTBOX_BYTES.
    pub outbox: SharedBytes,
    /// Records that came in: INBOX_BYTES, then CRITICAL_INBOX_BYTES.
    pub inbox: SharedBytes,
    /// The control block: CONTROL_BYTES.
    pub control: SharedBytes,
    /// One gate byte for each of the endpoint's topics. Grows.
    pub gates: SharedBytes,
    /// OUTCOME_BYTES for each subscription slot. Grows.
    pub outcomes: SharedBytes,
}

impl EndpointMemory {
    /// Says which part has the wrong size, if any.
    pub fn check(&self) -> Result<(), String> {
        let expected = [
            ("outbox", self.outbox.len(), OUTBOX_BYTES),
            (
                "inbox",
                self.inbox.len(),
                INBOX_BYTES + CRITICAL_INBOX_BYTES,
            ),
            ("control block", self.control.len(), CONTROL_BYTES),
        ];
        match expected
            .into_iter()
            .find(|(_, given, wanted)| given != wanted)
        {
            Some((part, given, wanted)) => {
                Err(format!("the {part} has {given} bytes, expected {wanted}"))
            }
            None => Ok(()),
        }
    }
}

/// A bus that this endpoint has open.
pub(super) struct OpenBus {
    pub bus: Arc<Bus>,
    /// What this endpoint publishes there, through this handle.
    pub tally: Arc<Tally>,
}

/// A topic that this endpoint publishes to, with the route as this endpoint last saw it.
pub(super) struct LocalTopic {
    pub handle: u32,
    pub bus: Arc<Bus>,
    pub bus_tally: Arc<Tally>,
    pub topic: Arc<Topic>,
    pub tally: Arc<Tally>,
    pub route: LocalRoute<Route>,
    /// Where the last record went that was refused, if filters kept it from others: `is_writable` waits for those alone. And the
    /// version of the route that this was a part of.
    pub refused: Option<(RouteVersion, Route)>,
}

impl LocalTopic {
    /// The route, made anew when subscriptions changed. On a hit two loads and two comparisons.
    #[inline]
    pub fn current_route(&mut self) -> &Route {
        let routing = self.bus.routing();
        routing.current_route(&self.topic, &mut self.route)
    }

    /// See [`wait_for_room`].
    fn wait_for_room(&mut self, waiter: &Arc<Receiver>) -> bool {
        self.current_route();
        let Some((version, refused)) = &mut self.refused else {
            return wait_for_room(&self.route, waiter);
        };
        if *version != self.route.version() {
            *version = self.route.version();
            refused.add_members_of(&self.route);
        }
        wait_for_room(refused, waiter)
    }

    /// Where its messages count.
    #[inline]
    pub fn counting(&self) -> Counting<'_> {
        Counting {
            bus: &self.bus_tally,
            topic: Some(&self.tally),
        }
    }
}

/// Where a submit has stopped whose publisher may sleep until there is room.
pub(super) enum Awaited {
    /// The endpoint's index of the topic.
    Topic(u32),
    /// A topic without an id.
    Name(Arc<Bus>, String),
}

/// Why an endpoint cannot do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointError {
    /// The bus handle was closed.
    Closed,
    /// The name of a topic or a pattern is wrong.
    Name(NameError),
    /// The memory shared for it is too small for another topic or subscription: it must grow first.
    Outgrown,
    /// The channel has as many subscriptions as it may have: so many.
    Quota(u32),
}

impl From<NameError> for EndpointError {
    fn from(error: NameError) -> Self {
        Self::Name(error)
    }
}

/// A thread's submission failed for these reasons (counted, never silent).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndpointFaults {
    /// Outbox bytes that were no record, and were skipped up to the end of the outbox.
    pub malformed_outboxes: u64,
    /// Records whose topic index or bus was not open any more, and answers to nothing.
    pub orphaned_records: u64,
    /// Answers that found no memory, or no requester.
    pub lost_answers: u64,
}

/// See the module's documentation.
pub struct Endpoint {
    pub(super) receiver: Arc<Receiver>,
    pub(super) memory: EndpointMemory,
    pub(super) buses: Vec<Option<OpenBus>>,
    /// By the index that JavaScript writes into records; index 0 is never used.
    pub(super) topics: Vec<Option<LocalTopic>>,
    free_topics: Vec<u32>,
    /// Index of the topic whose route was last looked at whether it is stale: see `let_go.rs`.
    pub(super) looked_at: usize,
    pub(super) slots: Slots,
    pub(super) sequence: u64,
    pub(super) turn: Turn,
    pub(super) blocks: BatchBlocks,
    /// Answers that its handlers owe.
    pub(super) owed: OwedAnswers,
    /// Counts the messages that were handed to handlers that acknowledge.
    pub(super) generation: u32,
    /// Scratch of drain: what each channel had of a batch.
    pub(super) shares: Shares,
    /// Where the last submit has stopped, if a publisher may sleep for that.
    pub(super) awaited: Option<Awaited>,
    /// Groups that it has made, and through which bus handle.
    groups: Vec<(u32, Arc<Group>)>,
    /// When the timer has this endpoint look whether what it left in its outbox has expired.
    pub(super) next_look: u64,
    /// Scratch of submit: receivers of this batch, the open targets of one record, and the members picked for it.
    pub(super) to_wake: Vec<Arc<Receiver>>,
    pub(super) open_slots: Vec<u32>,
    pub(super) picked: Vec<Arc<Subscription>>,
    pub(super) random: Random,
    /// Scratch of submit: the payload of one record, for filters.
    pub(super) payload: Vec<u8>,
    pub(super) runs: Runs,
    pub(super) spin: SpinState,
    /// What could not be submitted, and why.
    pub faults: EndpointFaults,
    closed: bool,
}

impl Endpoint {
    /// An endpoint over memory that outlives it.
    pub fn new(memory: EndpointMemory, bell: Box<dyn Doorbell>) -> Result<Self, String> {
        memory.check()?;
        let id = Hub::global().next_endpoint_id();
        let receiver = Arc::new(Receiver::new(id, bell));
        Hub::global().add_receiver(&receiver);
        Ok(Self {
            receiver,
            memory,
            buses: Vec::new(),
            topics: vec![None],
            free_topics: Vec::new(),
            looked_at: 0,
            slots: Slots::default(),
            sequence: 0,
            turn: Turn::default(),
            blocks: BatchBlocks::default(),
            owed: OwedAnswers::default(),
            generation: 0,
            shares: Shares::default(),
            awaited: None,
            next_look: NEVER,
            groups: Vec::new(),
            to_wake: Vec::new(),
            open_slots: Vec::new(),
            picked: Vec::new(),
            random: Random::new(u64::from(id)),
            payload: Vec::new(),
            runs: Runs::default(),
            spin: SpinState::default(),
            faults: EndpointFaults::default(),
            closed: false,
        })
    }

    /// Says which thread of Node.js it is of.
    pub fn set_thread_number(&self, number: u32) {
        let host = &self.receiver.host;
        host.thread_number.store(number, Ordering::Relaxed);
    }

    /// Process-wide id, from 1.
    pub fn id(&self) -> u32 {
        self.receiver.id
    }

    /// Opens a bus: its handle.
    pub fn open_bus(&mut self, name: &str) -> u32 {
        let bus = Hub::global().open_bus(name);
        let tally = bus.tallies.open();
        self.buses.push(Some(OpenBus { bus, tally }));
        self.buses.len() as u32 - 1
    }

    /// Opens a channel: a bus with a quota. Err when it was opened with another quota before: that one.
    pub fn open_channel(&mut self, name: &str, limits: QuotaLimits) -> Result<u32, QuotaLimits> {
        let handle = self.open_bus(name);
        let bus = self.bus(handle).expect("it was just opened");
        let quota = bus.quota.get_or_init(|| Arc::new(Quota::new(limits)));
        let said = quota.limits;
        if said != limits {
            self.abandon_bus(handle);
            return Err(said);
        }
        bus.routing().limit_topics(limits.table_entries);
        Ok(handle)
    }

    /// Gives back a bus that was just opened and not used.
    pub fn abandon_bus(&mut self, handle: u32) {
        if let Some(open) = self.buses.get_mut(handle as usize).and_then(Option::take) {
            Hub::global().close_bus(&open.bus);
        }
    }

    /// The bus behind a handle.
    pub fn bus(&self, handle: u32) -> Result<&Arc<Bus>, EndpointError> {
        Ok(&self.open(handle)?.bus)
    }

    fn open(&self, handle: u32) -> Result<&OpenBus, EndpointError> {
        self.buses
            .get(handle as usize)
            .and_then(Option::as_ref)
            .ok_or(EndpointError::Closed)
    }

    /// Has the ROUTES attention raised whenever subscriptions of the bus change, until its last handle here is closed.
    pub fn watch(&self, handle: u32) -> Result<(), EndpointError> {
        self.bus(handle)?.watch(&self.receiver);
        Ok(())
    }

    /// Has the LETTERS attention raised, and this thread called, when dead letters come to the bus; or not any more.
    pub fn listen_for_letters(&self, handle: u32, yes: bool) -> Result<(), EndpointError> {
        let dead_letters = &self.bus(handle)?.dead_letters;
        if yes {
            dead_letters.listen(&self.receiver);
        } else {
            dead_letters.unlisten(&self.receiver);
        }
        Ok(())
    }

    /// Closes a bus handle: submits what is in the outbox, ends the handle's subscriptions, forgets its topics.
    pub fn close_bus(&mut self, handle: u32) -> Result<(), EndpointError> {
        let bus = Arc::clone(self.bus(handle)?);
        self.submit_all();
        let ended = self.slots.of_bus(handle);
        // All of them first, or what one leaves would go to the next.
        for (_, subscription) in ended.iter().filter_map(|&slot| self.slots.get(slot)) {
            bus.unsubscribe(subscription);
        }
        ended.into_iter().for_each(|slot| self.unsubscribe(slot));
        for index in 1..self.topics.len() {
            if self.topics[index]
                .as_ref()
                .is_some_and(|topic| topic.handle == handle)
            {
                self.topics[index] = None;
                self.free_topics.push(index as u32);
            }
        }
        for (_, group) in self.groups.extract_if(.., |(of, _)| *of == handle) {
            bus.leave_group(&group);
        }
        self.buses[handle as usize] = None;
        if !self
            .buses
            .iter()
            .flatten()
            .any(|open| Arc::ptr_eq(&open.bus, &bus))
        {
            bus.unwatch(&self.receiver);
            bus.dead_letters.unlisten(&self.receiver);
        }
        Hub::global().close_bus(&bus);
        Ok(())
    }

    /// This endpoint's index of a topic, for records; Ok(None) when the bus gives no more topics an id.
    pub fn resolve_topic(&mut self, handle: u32, name: &str) -> Result<Option<u32>, EndpointError> {
        let open = self.open(handle)?;
        let Some(topic) = open.bus.topic(name)? else {
            return Ok(None);
        };
        let local = LocalTopic {
            handle,
            bus: Arc::clone(&open.bus),
            bus_tally: Arc::clone(&open.tally),
            tally: topic.tallies.open(),
            route: open.bus.routing().local_route(&topic),
            topic,
            refused: None,
        };
        let index = match self.free_topics.last() {
            Some(&index) => index,
            None => self.topics.len() as u32,
        };
        if index as usize >= self.memory.gates.len() {
            return Err(EndpointError::Outgrown);
        }
        if self.free_topics.pop().is_none() {
            self.topics.push(None);
        }
        self.memory
            .gates
            .set_byte(index as usize, gate(&local.route));
        self.topics[index as usize] = Some(local);
        Ok(Some(index))
    }

    /// Subscribes: the slot and the process-wide id.
    pub fn subscribe(
        &mut self,
        handle: u32,
        pattern: &str,
        options: SubscribeOptions,
    ) -> Result<(u32, u64), EndpointError> {
        let bus = Arc::clone(self.bus(handle)?);
        let slot = self.slots.next_free();
        if (slot as usize + 1) * OUTCOME_BYTES > self.memory.outcomes.len() {
            return Err(EndpointError::Outgrown);
        }
        if let Some(quota) = bus.quota.get()
            && !quota.take_subscription()
        {
            return Err(EndpointError::Quota(quota.limits.subscriptions));
        }
        let id = Hub::global().next_subscription_id();
        let receiver = Arc::clone(&self.receiver);
        let group = options.group.as_deref().map(|name| bus.join_group(name));
        let subscription = Subscription::new(id, pattern, slot, receiver, options, group, &bus);
        let subscription = Arc::new(subscription);
        // Before the first message can come.
        self.slots.fill(
            slot,
            handle,
            Arc::clone(&bus),
            Arc::clone(&subscription),
            &self.memory.outcomes,
        );
        if let Err(error) = bus.subscribe(&subscription) {
            if let Some(group) = &subscription.group {
                bus.leave_group(group);
            }
            self.slots.vacate(slot);
            if let Some(quota) = bus.quota.get() {
                quota.give_subscription();
            }
            return Err(error.into());
        }
        Ok((slot, id))
    }

    /// Ends the subscription in a slot. Its messages that are under way still come, and JavaScript counts
    /// them as unsubscribed. The slot is given to another when nothing of it is in flight.
    pub fn unsubscribe(&mut self, slot: u32) {
        if let Some((bus, subscription)) = self.slots.get(slot) {
            bus.unsubscribe(subscription);
            subscription.leave(Outcome::Unsubscribed);
            self.slots.fold_ended(slot, &self.memory.outcomes);
        }
    }

    /// Has nothing more admitted to the subscription in a slot. What is under way still goes to its handler.
    pub fn stop_admitting(&mut self, slot: u32) {
        if let Some((bus, subscription)) = self.slots.get(slot) {
            bus.unsubscribe(subscription);
            self.slots.touch(slot);
        }
    }

    /// Makes a group of a bus, or finds it. Err(settings) when it is there with others.
    pub fn create_group(
        &mut self,
        handle: u32,
        name: &str,
        settings: GroupSettings,
    ) -> Result<Result<(), GroupSettings>, EndpointError> {
        let bus = self.bus(handle)?;
        let group = bus.join_group(name);
        match group.set(settings) {
            Err(said) => {
                bus.leave_group(&group);
                return Ok(Err(said));
            }
            Ok(true) => bus.routing().outdate_all(),
            Ok(false) => (),
        }
        let is_same = |held: &(u32, Arc<Group>)| held.0 == handle && Arc::ptr_eq(&held.1, &group);
        if self.groups.iter().any(is_same) {
            bus.leave_group(&group);
        } else {
            self.groups.push((handle, group));
        }
        Ok(Ok(()))
    }

    /// True while the slot holds the subscription of this id: one that has ended, and whose last message has, gave it back.
    pub fn has_subscription(&self, slot: u32, id: u64) -> bool {
        self.slots.get_by_id(slot, id).is_some()
    }

    /// The subscription in a slot.
    pub fn subscription(&self, slot: u32) -> Option<&Arc<Subscription>> {
        self.slots.get(slot).map(|(_, subscription)| subscription)
    }

    /// True when a publish to the topic would be admitted now; else this endpoint is called, with the
    /// WRITABLE attention, when that may have changed.
    pub fn is_writable(&mut self, index: u32) -> Result<bool, EndpointError> {
        let Some(local) = self.topics.get_mut(index as usize).and_then(Option::as_mut) else {
            return Err(EndpointError::Closed);
        };
        let mut writable = local.wait_for_room(&self.receiver);
        if !writable && may_be_joined(&local.route) {
            writable = local.wait_for_room(&self.receiver);
        }
        if writable {
            local.refused = None;
        }
        self.memory
            .gates
            .set_byte(index as usize, gate(&local.route));
        Ok(writable)
    }

    /// Sleeps until the record that a submit refused last may be admitted, at most until the deadline: false when that came.
    pub fn await_room(&mut self, deadline: Instant) -> bool {
        let Some(awaited) = self.awaited.take() else {
            return true;
        };
        let receiver = Arc::clone(&self.receiver);
        let found = receiver.nap_until(deadline, || match &awaited {
            // A topic that is gone is not waited for.
            Awaited::Topic(index) => self.is_writable(*index).unwrap_or(true),
            Awaited::Name(bus, name) => wait_for_room_by_name(bus, name, &receiver),
        });
        self.awaited = Some(awaited);
        found
    }

    /// As [`Endpoint::is_writable`], for a topic without an id.
    pub fn is_writable_by_name(&mut self, handle: u32, topic: &str) -> Result<bool, EndpointError> {
        let bus = self.bus(handle)?;
        Ok(wait_for_room_by_name(bus, topic, &self.receiver))
    }

    /// Messages that are admitted to the subscriptions of a bus handle and have not ended.
    pub fn in_flight(&mut self, handle: u32) -> u64 {
        self.fold_outcomes();
        let slots = self.slots.of_bus(handle).into_iter();
        let subscriptions = slots.filter_map(|slot| self.subscription(slot));
        subscriptions
            .map(|subscription| subscription.account.in_flight())
            .sum()
    }

    /// Where something waits in this thread's own mailbox, which was put there outside of a submit, the thread is to drain soon: its
    /// bell does not keep its event loop alive.
    pub fn note_own_mail(&mut self) {
        // SAFETY: this is the receiver's thread.
        if unsafe { self.receiver.mailbox.has_waiting() } {
            self.memory.control.store(OWN_MAIL, 1, Ordering::Relaxed);
        }
    }

    /// Folds what JavaScript reported of its messages into the subscriptions' ledgers. Where that lets deferred messages go on,
    /// the thread is to drain soon.
    pub fn fold_outcomes(&mut self) {
        self.acknowledge();
        self.slots.fold(&self.memory.outcomes);
        if self.slots.has_due() {
            self.memory.control.store(OWN_MAIL, 1, Ordering::Relaxed);
        }
    }

    /// Puts larger memory in the place of the gates. JavaScript copied the old content before.
    pub fn grow_gates(&mut self, gates: SharedBytes) {
        assert!(gates.len() >= self.memory.gates.len());
        self.memory.gates = gates;
    }

    /// Puts larger memory in the place of the outcomes. JavaScript copied the old content before.
    pub fn grow_outcomes(&mut self, outcomes: SharedBytes) {
        assert!(outcomes.len() >= self.memory.outcomes.len());
        self.memory.outcomes = outcomes;
    }

    /// Ends the endpoint, because its thread ends: submits what is complete in the outbox, ends its
    /// subscriptions, accounts for every message that it still had, and gives all memory back.
    pub fn close(&mut self) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        self.submit_all();
        self.fold_outcomes();
        for (bus, subscription) in self.slots.all() {
            bus.unsubscribe(subscription);
        }
        let Self {
            receiver, slots, ..
        } = self;
        // SAFETY: this is the receiver's thread, and it drains no more.
        unsafe {
            receiver.mailbox.close(|record| {
                if let Some(subscription) = slots.acknowledging(batch::target_of(&record)) {
                    let message = batch::waiting_of(&record, receiver, subscription);
                    subscription.left_backlog(vec![(message, Outcome::SubscriberDied)]);
                    return;
                }
                let block = batch::take_block(&record);
                let block_bytes = block.as_ref().map_or(0, |block| block.bytes().len());
                if block_bytes != 0 {
                    receiver.remove_block_bytes(block_bytes);
                }
                let bytes = (record.len + block_bytes) as u64;
                batch::each_target(&record, |slot| {
                    slots.end_now(slot, Outcome::SubscriberDied, bytes)
                });
                if let Some(owed) = batch::take_owed(&record) {
                    owed.give_up(NoAnswer::Died);
                }
            });
        }
        for (_, subscription) in self.slots.all() {
            subscription.leave(Outcome::SubscriberDied);
        }
        self.owed.give_up_all(NoAnswer::Died);
        self.slots.end_all_in_hand(Outcome::SubscriberDied);
        self.slots.retire_all();
        self.receiver.space.wake_all();
        self.blocks.clear();
        self.topics.clear();
        self.awaited = None;
        for (handle, group) in std::mem::take(&mut self.groups) {
            if let Ok(bus) = self.bus(handle) {
                bus.leave_group(&group);
            }
        }
        for open in std::mem::take(&mut self.buses).into_iter().flatten() {
            open.bus.unwatch(&self.receiver);
            open.bus.dead_letters.unlisten(&self.receiver);
            Hub::global().close_bus(&open.bus);
        }
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.close();
    }
}
