//! What the subscriber's thread does with messages that it acknowledges. JavaScript says which message it means in the control
//! block, so that the calls for each message take no arguments; an acknowledgement waits there for the next call.

use std::sync::Arc;

use super::count;
use super::table::Begin;
use crate::bus::account::Outcome;
use crate::bus::dead_letters::Reason;
use crate::bus::endpoint::Endpoint;
use crate::bus::kept::Waiting;
use crate::bus::layout::*;
use crate::bus::subscription::Subscription;
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
        let begun = self.slots.acknowledging(slot).and_then(|subscription| {
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
        if let Some((subscription, message)) = self.settle(slot, handle) {
            subscription.account.end(Outcome::Handled, 1);
            drop(message);
        }
    }

    /// A handler has failed with a message. True when the message is a dead letter now; false when it is tried again, or was
    /// another's already.
    pub fn reject(&mut self, slot: u32, handle: u64, reason: Reason, error: &str) -> bool {
        self.acknowledge();
        let Some((subscription, message)) = self.settle(slot, handle) else {
            return false;
        };
        if let (Reason::HandlerError, Some(acks)) = (reason, &subscription.acks) {
            count(&acks.attempts.rejected);
        }
        let mut end = error.len().min(MAX_ERROR_BYTES);
        while !error.is_char_boundary(end) {
            end -= 1;
        }
        subscription.attempt_failed(message, reason, &error[..end])
    }

    /// The thread has come back from a handler: the message, and whose it is, unless it is another's by now.
    fn settle(&self, slot: u32, handle: u64) -> Option<(&Arc<Subscription>, Waiting)> {
        self.receiver.leave_handler();
        let subscription = self.slots.acknowledging(slot)?;
        let acks = subscription.acks.as_ref()?;
        let Some(message) = acks.table.settle(handle) else {
            count(&acks.attempts.late);
            return None;
        };
        subscription.left_table(&message);
        Some((subscription, message))
    }
}
