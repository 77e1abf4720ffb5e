//! What becomes of a message that was not acknowledged, and of one that waited for a subscription that is no more.
//!
//! ```text
//!  handler fails, or is not done in time
//!    |-- it has failed as often as it may ........... dead letter (handler-error, timeout)
//!    v
//!  rests (exponential back-off)
//!    |-- its time is over ........................... dead letter (expired)
//!    |-- another member of its group is there ....... waits for that one
//!    +-- else ....................................... waits for this subscription again
//!
//!  subscription ends, or its thread does; what waits, rests, or is with a handler of a thread that ended
//!    |-- another member of its group is there ....... waits for that one, at once
//!    +-- else ....................................... dead letter (unsubscribed, subscriber-died)
//! ```
//!
//! A message that is handed on is admitted past the limits of who gets it: it was admitted before. In the accounts it is counted in there
//! before it is counted out here, so the sum over a bus never shows it missing.

use std::sync::Arc;

use super::table::{AckTable, Left};
use super::{Attempts, Policy, count};
use crate::bus::account::Outcome;
use crate::bus::answers::NoAnswer;
use crate::bus::backlog::{Coming, Message};
use crate::bus::dead_letters::{Addressee, Letter, Reason};
use crate::bus::group::{GroupLeg, Random};
use crate::bus::kept::Waiting;
use crate::bus::receiver::Receiver;
use crate::bus::route::shares;
use crate::bus::subscription::Subscription;
use crate::sync::{AtomicBool, AtomicU64, Ordering};
use crate::wait::clock::{steady_now, system_now};
use crate::wait::timer::Timer;

/// What a subscription with acknowledgement has besides.
pub struct Acks {
    /// What its thread has, and what rests.
    pub table: AckTable<Waiting>,
    /// How often and how long a message is tried.
    pub policy: Policy,
    /// What it counts.
    pub attempts: Attempts,
    /// When the handler was called that its thread had not come back from when its time was over; 0 without one.
    stuck_since: AtomicU64,
    /// The subscription has ended, or its thread: what still comes for it is for others.
    ended: AtomicBool,
}

impl Acks {
    /// Nothing yet, by this policy.
    pub fn new(policy: Policy) -> Self {
        Self {
            table: AckTable::new(u64::from(policy.timeout_ms) * 1_000_000),
            policy,
            attempts: Attempts::default(),
            stuck_since: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }

    /// True while its thread does not come back from a handler whose time was over: others are better off with its messages.
    pub fn is_stuck(&self, receiver: &Receiver) -> bool {
        // Relaxed: a hint to who picks a member.
        let since = self.stuck_since.load(Ordering::Relaxed);
        since != 0 && receiver.is_in_handler_since(since)
    }

    /// True when what still comes for it is for others.
    pub fn has_ended(&self) -> bool {
        // Relaxed: written and read by the subscriber's thread.
        self.ended.load(Ordering::Relaxed)
    }
}

impl Subscription {
    /// An attempt has failed. True when it was the last: then the message is a dead letter.
    pub fn attempt_failed(
        self: &Arc<Self>,
        mut message: Waiting,
        reason: Reason,
        error: &str,
    ) -> bool {
        let Some(acks) = &self.acks else {
            return true;
        };
        if matches!(reason, Reason::Undecodable | Reason::Expired) {
            // No handler has seen it.
            self.bury(message, reason, error);
            return true;
        }
        message.failures = message.failures.saturating_add(1);
        if message.failures >= acks.policy.max_attempts {
            self.bury(message, reason, error);
            return true;
        }
        let now = steady_now();
        let random = Random::new(now ^ message.kept.sequence()).below(u64::MAX);
        let until = now.saturating_add(acks.policy.back_off(message.failures, random));
        self.account.add_bytes(message.kept_bytes());
        match acks.table.rest(message, until) {
            Ok(Some(at)) => Timer::global().call_at(at, self),
            Ok(None) => (),
            Err(message) => {
                self.left_table(&message);
                return self.pass_on(message, reason, error);
            }
        }
        false
    }

    /// A message is in the acknowledgement table no more: its bytes were counted there.
    pub(super) fn left_table(&self, message: &Waiting) {
        self.account.remove_bytes(message.kept_bytes());
    }

    /// What left the backlog otherwise than to a handler, and why.
    pub fn left_backlog(self: &Arc<Self>, ended: Vec<(Waiting, Outcome)>) {
        for (message, outcome) in ended {
            if self.acks.is_none() {
                if outcome == Outcome::SubscriberDied
                    && let Some(owed) = message.owed
                {
                    owed.give_up(NoAnswer::Died);
                }
                continue;
            }
            match outcome {
                Outcome::SubscriberDied => _ = self.pass_on(message, Reason::SubscriberDied, ""),
                Outcome::Unsubscribed => _ = self.pass_on(message, Reason::Unsubscribed, ""),
                Outcome::Expired if message.is_of_no_use() => {
                    self.account.end(Outcome::Expired, 1);
                }
                Outcome::Expired => self.bury(message, Reason::Expired, ""),
                _ => self.bury(message, Reason::Overflow, ""),
            }
        }
    }

    /// The subscription has ended, or its thread: what its handlers have not done goes to others. Handlers of a thread that lives
    /// go on, and settle what they have.
    pub fn leave_acks(self: &Arc<Self>, thread_died: bool) {
        let Some(acks) = &self.acks else {
            return;
        };
        acks.ended.store(true, Ordering::Relaxed);
        let Left { begun, waiting } = acks.table.clear(thread_died);
        begun
            .iter()
            .chain(&waiting)
            .for_each(|message| self.left_table(message));
        let reason = if thread_died {
            Reason::SubscriberDied
        } else {
            Reason::Unsubscribed
        };
        for mut message in begun {
            message.failures = message.failures.saturating_add(1);
            if message.failures >= acks.policy.max_attempts {
                self.bury(message, reason, "");
            } else {
                self.pass_on(message, reason, "");
            }
        }
        for message in waiting {
            self.pass_on(message, reason, "");
        }
    }

    /// Does what is due of acknowledgement: the time at which the timer is to call again, if any.
    pub(in crate::bus) fn acks_due(self: &Arc<Self>, now: u64) -> Option<u64> {
        let acks = self.acks.as_ref()?;
        let due = acks.table.due(now);
        let timed_out = due.timed_out.iter().map(|(message, _)| message);
        timed_out
            .chain(&due.rested)
            .for_each(|message| self.left_table(message));
        let newest = due.timed_out.last().map(|(_, begun_at)| *begun_at);
        let stuck_since = newest.filter(|&begun_at| self.receiver.is_in_handler_since(begun_at));
        for (message, _) in due.timed_out {
            count(&acks.attempts.timed_out);
            self.attempt_failed(message, Reason::Timeout, "");
        }
        for message in due.rested {
            self.try_again(message);
        }
        if newest.is_some() {
            // A handler has a place less: what was deferred for want of one may go on.
            self.receiver.call(0);
        }
        if let Some(since) = stuck_since {
            acks.stuck_since.store(since, Ordering::Relaxed);
            self.hand_over_what_waits();
        }
        due.next
    }

    /// The rest of a message is over.
    fn try_again(self: &Arc<Self>, message: Waiting) {
        if message.expires_at() <= steady_now() {
            self.left_backlog(vec![(message, Outcome::Expired)]);
        } else if let Some(other) = self.other_member(&message) {
            self.hand_to(&other, message);
        } else {
            self.wait_again(message);
        }
    }

    /// The thread is stuck in a handler: other members get what waits behind it, if there are any.
    fn hand_over_what_waits(self: &Arc<Self>) {
        let Some(acks) = &self.acks else {
            return;
        };
        if !self.shares_with_others() {
            return;
        }
        let in_inbox = acks.table.take_waiting();
        in_inbox.iter().for_each(|message| self.left_table(message));
        let behind = self.backlog.take_all(&self.account);
        for message in in_inbox.into_iter().chain(behind) {
            match self.other_member(&message) {
                Some(other) => self.hand_to(&other, message),
                None => self.wait_again(message),
            }
        }
    }

    /// Puts a message into the backlog once more.
    fn wait_again(self: &Arc<Self>, message: Waiting) {
        let ended = self.put(message, Coming::Again);
        self.receiver.wake();
        self.left_backlog(ended);
    }

    /// Hands a message of a subscription that is no more to another member of its group. True when there is none: then it is a
    /// dead letter.
    fn pass_on(self: &Arc<Self>, message: Waiting, reason: Reason, error: &str) -> bool {
        match self.other_member(&message) {
            Some(other) => {
                self.hand_to(&other, message);
                false
            }
            None => {
                self.bury(message, reason, error);
                true
            }
        }
    }

    fn hand_to(&self, other: &Arc<Self>, message: Waiting) {
        let ended = other.put(message, Coming::Forced);
        self.account.end(Outcome::Rerouted, 1);
        other.receiver.wake();
        other.left_backlog(ended);
    }

    /// True for a member of a group, of which one gets each message, that has others.
    fn shares_with_others(&self) -> bool {
        let group = self.group.as_ref().filter(|_| shares(self));
        let bus = self.bus.upgrade();
        group
            .zip(bus)
            .is_some_and(|(group, bus)| bus.has_member_besides(group, self.id))
    }

    /// Another member of the group that matches and wants the message, and acknowledges.
    fn other_member(&self, message: &Waiting) -> Option<Arc<Self>> {
        let group = self.group.as_ref().filter(|_| shares(self))?;
        let bus = self.bus.upgrade()?;
        let topic = message.kept.topic()?;
        let (_, payload) = message.kept.headers_and_payload();
        let members = bus.members_for(group, &topic, payload)?;
        let picked = members.pick_other(self.id, message.kept.priority(), acknowledges);
        picked.cloned()
    }

    /// Makes a dead letter of a message.
    fn bury(&self, message: Waiting, reason: Reason, error: &str) {
        let Waiting {
            kept,
            owed,
            failures,
            replays,
        } = message;
        if let Some(bus) = self.bus.upgrade() {
            let group = self.group.as_ref().filter(|_| shares(self));
            bus.dead_letters.add(Letter {
                id: 0,
                reason,
                topic: kept.topic().unwrap_or_default().into(),
                addressee: Some(Addressee {
                    subscription: self.id,
                    pattern: self.pattern.clone(),
                    group: group.map(|group| group.name.clone()),
                }),
                attempts: failures,
                replays,
                error: error.into(),
                died_at: system_now(),
                kept,
            });
        }
        // The letter is there before its message is counted out.
        self.account.end(Outcome::DeadLetter, 1);
        if let Some(owed) = owed {
            let died = reason == Reason::SubscriberDied;
            owed.give_up(if died {
                NoAnswer::Died
            } else {
                NoAnswer::Dropped
            });
        }
    }
}

fn acknowledges(member: &Subscription) -> bool {
    member.acks.is_some()
}

impl GroupLeg {
    /// A member other than that one to hand a message on to, of those that are `fit`: one that has room, else any; of those the
    /// least busy.
    pub(in crate::bus) fn pick_other(
        &self,
        except: u64,
        priority: usize,
        fit: impl Fn(&Subscription) -> bool,
    ) -> Option<&Arc<Subscription>> {
        let others = || {
            let members = self.members.iter();
            members
                .filter(|member| member.id != except && !member.account.is_closed() && fit(member))
        };
        let least_busy = |member: &&Arc<Subscription>| member.account.in_flight();
        others()
            .filter(|member| member.has_room(priority) && !member.is_stalled())
            .min_by_key(least_busy)
            .or_else(|| others().min_by_key(least_busy))
    }
}
