//! The subscriptions of one endpoint, by slot, and what is known of the messages in its hands.
//!
//! JavaScript counts outcomes up in shared memory, a few words for each slot; [`Slots::fold`] carries what
//! is new into the subscriptions' ledgers. It looks only at slots with messages in hand, and never believes
//! more than these: whatever JavaScript writes there, a ledger adds up.

use std::collections::VecDeque;
use std::sync::Arc;

use super::layout::{EXPIRED, FAILED, HANDLED, OUTCOME_BYTES, UNDECODABLE, UNSUBSCRIBED};
use super::named_bus::Bus;
use super::subscription::{Outcome, REPORTED_OUTCOMES, Subscription};
use crate::memory::{Memory, SharedBytes};
use crate::sync::Ordering;

/// Where JavaScript counts each outcome, in the order of [`Outcome`].
const REPORTED: [(usize, Outcome); REPORTED_OUTCOMES] = [
    (HANDLED, Outcome::Handled),
    (FAILED, Outcome::Failed),
    (UNSUBSCRIBED, Outcome::Unsubscribed),
    (UNDECODABLE, Outcome::Undecodable),
    (EXPIRED, Outcome::Expired),
];

struct Slot {
    handle: u32,
    bus: Arc<Bus>,
    subscription: Arc<Subscription>,
    /// Messages handed to JavaScript whose outcome is not folded yet.
    in_hand: u32,
    /// The counters as last folded.
    seen: [u32; REPORTED_OUTCOMES],
    /// On the list of slots to look at.
    touched: bool,
    /// On the list of slots with deferred messages.
    starved: bool,
    /// The subscription's account wants to know of bytes.
    counts_bytes: bool,
    /// The subscription acknowledges its messages.
    acknowledges: bool,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Option<Slot>>,
    /// First in, first out: a slot rests as long as possible before it serves again.
    free: VecDeque<u32>,
    touched: Vec<u32>,
    /// Slots whose handlers had as many messages as they may when another one came.
    starved: Vec<u32>,
}

impl Slots {
    /// The slot that the next subscription gets.
    pub fn next_free(&self) -> u32 {
        self.free
            .front()
            .copied()
            .unwrap_or(self.slots.len() as u32)
    }

    /// Puts a subscription into the slot that `next_free` named.
    pub fn fill(
        &mut self,
        slot: u32,
        handle: u32,
        bus: Arc<Bus>,
        subscription: Arc<Subscription>,
        outcomes: &SharedBytes,
    ) {
        let filled = Slot {
            handle,
            bus,
            counts_bytes: subscription.account.counts_bytes(),
            starved: false,
            acknowledges: subscription.acks.is_some(),
            subscription,
            in_hand: 0,
            seen: read_counters(outcomes, slot),
            touched: false,
        };
        if self.free.pop_front().is_none() {
            self.slots.push(None);
        }
        self.slots[slot as usize] = Some(filled);
    }

    /// Empties a slot.
    pub fn vacate(&mut self, slot: u32) {
        self.slots[slot as usize] = None;
        self.free.push_back(slot);
    }

    /// The subscription in a slot, and its bus.
    pub fn get(&self, slot: u32) -> Option<(&Arc<Bus>, &Arc<Subscription>)> {
        let slot = self.slots.get(slot as usize)?.as_ref()?;
        Some((&slot.bus, &slot.subscription))
    }

    /// The subscription in a slot, if its id is this one, and how many messages its handlers have in hand.
    pub fn get_by_id(&self, slot: u32, id: u64) -> Option<(&Arc<Subscription>, u32)> {
        self.in_slot(slot)
            .filter(|(subscription, _)| subscription.id == id)
    }

    /// The subscription in a slot, and how many messages its handlers have in hand.
    pub fn in_slot(&self, slot: u32) -> Option<(&Arc<Subscription>, u32)> {
        let slot = self.slots.get(slot as usize)?.as_ref()?;
        Some((&slot.subscription, slot.in_hand()))
    }

    /// The subscription in a slot, if it acknowledges its messages.
    #[inline]
    pub fn acknowledging(&self, slot: u32) -> Option<&Arc<Subscription>> {
        let slot = self.slots.get(slot as usize)?.as_ref()?;
        slot.acknowledges.then_some(&slot.subscription)
    }

    /// Slots of a bus handle's subscriptions.
    pub fn of_bus(&self, handle: u32) -> Vec<u32> {
        let slots = self.slots.iter().enumerate();
        slots
            .filter(|(_, slot)| slot.as_ref().is_some_and(|slot| slot.handle == handle))
            .map(|(index, _)| index as u32)
            .collect()
    }

    /// Every subscription, and its bus.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<Bus>, &Arc<Subscription>)> {
        self.slots
            .iter()
            .flatten()
            .map(|slot| (&slot.bus, &slot.subscription))
    }

    /// Has the next fold look at the slot.
    #[inline]
    pub fn touch(&mut self, slot: u32) {
        if let Some(Some(state)) = self.slots.get_mut(slot as usize)
            && !state.touched
        {
            state.touched = true;
            self.touched.push(slot);
        }
    }

    /// Counts a message that is handed to JavaScript, and that waited with so many bytes.
    #[inline]
    pub fn hand_over(&mut self, slot: u32, bytes: u64) {
        self.touch(slot);
        if let Some(Some(state)) = self.slots.get_mut(slot as usize) {
            state.in_hand += 1;
            if state.counts_bytes {
                state.subscription.account.remove_bytes(bytes);
            }
        }
    }

    /// A message of the slot's subscription was deferred: it is due when one of its handlers has settled.
    pub fn starve(&mut self, slot: u32) {
        if let Some(Some(state)) = self.slots.get_mut(slot as usize)
            && !std::mem::replace(&mut state.starved, true)
        {
            self.starved.push(slot);
        }
    }

    /// True when a deferred message could be handed over now.
    pub fn has_due(&self) -> bool {
        self.starved.iter().any(|&slot| {
            let state = self.slots.get(slot as usize).and_then(Option::as_ref);
            state.is_some_and(|state| state.in_hand() < state.subscription.max_in_flight)
        })
    }

    /// The slots with deferred messages, for who serves them: to be given back by `keep_starved`.
    pub fn take_starved(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.starved)
    }

    /// Nothing of this slot is deferred any more.
    pub fn feed(&mut self, slot: u32) {
        if let Some(Some(state)) = self.slots.get_mut(slot as usize) {
            state.starved = false;
        }
    }

    /// These slots still have deferred messages.
    pub fn keep_starved(&mut self, mut starved: Vec<u32>) {
        starved.append(&mut self.starved);
        self.starved = starved;
    }

    /// Carries new outcomes into the ledgers, and frees the slots of ended subscriptions with nothing in flight.
    pub fn fold(&mut self, outcomes: &SharedBytes) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.retain(|&index| self.fold_one(index, outcomes));
        self.touched = touched;
    }

    /// As [`Slots::fold`], for a slot whose subscription has just ended: who ends very many looks at each only once.
    pub fn fold_ended(&mut self, index: u32, outcomes: &SharedBytes) {
        let slot = self.slots.get(index as usize).and_then(Option::as_ref);
        let is_listed = slot.is_some_and(|slot| slot.touched);
        if self.fold_one(index, outcomes) && !is_listed {
            self.touched.push(index);
        }
    }

    /// True when the slot must be looked at again.
    fn fold_one(&mut self, index: u32, outcomes: &SharedBytes) -> bool {
        let Some(Some(slot)) = self.slots.get_mut(index as usize) else {
            return false;
        };
        slot.fold(read_counters(outcomes, index));
        if slot.subscription.account.is_spent() {
            slot.bus.retire(&slot.subscription);
            self.vacate(index);
            return false;
        }
        // An ended subscription is looked at until its last message came.
        slot.touched = slot.in_hand != 0 || slot.subscription.account.is_closed();
        slot.touched
    }

    /// Ends one message of a slot, of so many bytes, that was not handed to JavaScript.
    pub fn end_now(&self, slot: u32, outcome: Outcome, bytes: u64) {
        if let Some((_, subscription)) = self.get(slot) {
            subscription.account.remove_bytes(bytes);
            subscription.account.end(outcome, 1);
        }
    }

    /// Ends every message that JavaScript has in hand and will not report any more.
    pub fn end_all_in_hand(&mut self, outcome: Outcome) {
        for slot in self.slots.iter_mut().flatten() {
            slot.subscription
                .account
                .end(outcome, u64::from(slot.in_hand));
            slot.in_hand = 0;
        }
    }

    /// Moves all ledgers to the sums of their buses.
    pub fn retire_all(&mut self) {
        for slot in self.slots.drain(..).flatten() {
            slot.bus.retire(&slot.subscription);
        }
        self.touched.clear();
        self.starved.clear();
        self.free.clear();
    }
}

impl Slot {
    fn in_hand(&self) -> u32 {
        let acks = self.subscription.acks.as_ref();
        acks.map_or(self.in_hand, |acks| acks.table.handed())
    }

    fn fold(&mut self, counters: [u32; REPORTED_OUTCOMES]) {
        for ((index, (_, outcome)), counter) in REPORTED.iter().enumerate().zip(counters) {
            let new = counter.wrapping_sub(self.seen[index]).min(self.in_hand);
            if new != 0 {
                self.in_hand -= new;
                self.subscription.account.end(*outcome, u64::from(new));
            }
        }
        self.seen = counters;
    }
}

fn read_counters(outcomes: &SharedBytes, slot: u32) -> [u32; REPORTED_OUTCOMES] {
    let start = slot as usize * OUTCOME_BYTES;
    // Relaxed: written by JavaScript on this same thread.
    REPORTED.map(|(offset, _)| outcomes.load(start + offset, Ordering::Relaxed))
}
