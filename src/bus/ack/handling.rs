//! What the subscriber's thread does with messages that it acknowledges. JavaScript says which message it means in the control
//! block, so that the calls for each message take no arguments; an acknowledgement waits there for the next call.

use super::super::account::Outcome;
use super::super::dead_letters::Reason;
use super::super::endpoint::Endpoint;
use super::super::layout::*;
use super::count;
use super::table::Begin;
use crate::memory::Memory;
use crate::sync::Ordering;
use crate::wait::clock::steady_now;
use crate::wait::timer::Timer;

impl Endpoint {
    fn control_word(&self, at: usize) -> u32 {
        // Relaxed: the words of this block are written on this same thread.
        self.memory.control.load(at, Ordering::Relaxed)
    }

    fn handle_at(&self, low: usize, high: usize) -> u64 {
        u64::from(self.control_word(low)) | u64::from(self.control_word(high)) << 32
    }

    /// A handler is about to be called with the message that the control block says. Writes there when it must not be.
    pub fn begin(&mut self) {
        self.acknowledge();
        let slot = self.control_word(BEGUN_SLOT);
        let handle = self.handle_at(BEGUN_LOW, BEGUN_HIGH);
        let subscription = self.slots.get(slot).map(|(_, subscription)| subscription);
        let begun = subscription.and_then(|subscription| {
            let acks = subscription.acks.as_ref()?;
            let now = steady_now();
            let Begin::Begun(timer_at) = acks.table.begin(handle, now) else {
                return None;
            };
            self.receiver.enter_handler(now);
            if let Some(at) = timer_at {
                Timer::global().call_at(at, subscription);
            }
            Some(())
        });
        if begun.is_none() {
            let control = &self.memory.control;
            control.store(BEGUN_HIGH, 0, Ordering::Relaxed);
        }
    }

    /// Acknowledges the message that the control block says, if it says one.
    pub fn acknowledge(&mut self) {
        if self.control_word(ACKNOWLEDGED_HIGH) == 0 {
            return;
        }
        let slot = self.control_word(ACKNOWLEDGED_SLOT);
        let handle = self.handle_at(ACKNOWLEDGED_LOW, ACKNOWLEDGED_HIGH);
        let control = &self.memory.control;
        control.store(ACKNOWLEDGED_HIGH, 0, Ordering::Relaxed);
        self.receiver.leave_handler();
        let Some((_, subscription)) = self.slots.get(slot) else {
            return;
        };
        let Some(acks) = &subscription.acks else {
            return;
        };
        match acks.table.settle(handle) {
            Some(message) => {
                subscription.left_table(&message);
                subscription.account.end(Outcome::Handled, 1);
                drop(message);
            }
            None => count(&acks.attempts.late),
        }
        self.slots.touch(slot);
    }

    /// A handler has failed with a message. True when the message is a dead letter now; false when it is tried again, or was
    /// another's already.
    pub fn reject(&mut self, slot: u32, handle: u64, reason: Reason, error: &str) -> bool {
        self.acknowledge();
        self.receiver.leave_handler();
        let Some((_, subscription)) = self.slots.get(slot) else {
            return false;
        };
        let Some(acks) = &subscription.acks else {
            return false;
        };
        let Some(message) = acks.table.settle(handle) else {
            count(&acks.attempts.late);
            return false;
        };
        subscription.left_table(&message);
        if reason == Reason::HandlerError {
            count(&acks.attempts.rejected);
        }
        let mut end = error.len().min(MAX_ERROR_BYTES);
        while !error.is_char_boundary(end) {
            end -= 1;
        }
        let is_dead = subscription.attempt_failed(message, reason, &error[..end]);
        self.slots.touch(slot);
        is_dead
    }
}
