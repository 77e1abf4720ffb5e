//! A subscription: what it matches, where its messages go, what it does when it is full, and its account.

use std::sync::{Arc, Weak};

use super::account::Account;
pub use super::account::{Ledger, OUTCOMES, Outcome, REPORTED_OUTCOMES};
use super::ack::{Acks, Policy};
use super::backlog::{Backlog, Coming};
use super::filter::Filter;
use super::group::Group;
use super::kept::Waiting;
use super::layout::*;
use super::named_bus::Bus;
use super::receiver::Receiver;
use crate::memory::Memory;
use crate::pool::SegmentPool;
use crate::sync::{AtomicU64, Ordering};
use crate::wait::timer::{Due, Timer};

/// What a full subscription does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// It takes part in admission: nobody gets the message.
    #[default]
    Reject,
    /// It does without the message; others get it.
    DropNewest,
    /// It gives up its oldest message that its thread was not handed yet, and takes the new one.
    DropOldest,
    /// As `Reject`; but a publisher on another worker thread waits for room, at most for so long.
    Block {
        /// Milliseconds.
        at_most: u32,
    },
}

impl Overflow {
    /// The policy of this number, which is one of those that TypeScript knows.
    pub fn from_number(number: u32, block_ms: u32) -> Option<Self> {
        match number as usize {
            REJECT => Some(Self::Reject),
            DROP_NEWEST => Some(Self::DropNewest),
            DROP_OLDEST => Some(Self::DropOldest),
            BLOCK_PUBLISHER => Some(Self::Block { at_most: block_ms }),
            _ => None,
        }
    }
}

/// What became of a message that was to go to the mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// It goes there.
    Yes,
    /// It does not, and is counted out again.
    No,
    /// It does not, for the subscription has just ended, which would have acknowledged it: the caller counts it out.
    Ended,
}

/// What a subscription asks for.
#[derive(Default)]
pub struct SubscribeOptions {
    /// Most messages that wait for it or are with its handlers; with `DropOldest`, that wait. At least one.
    pub queue_limit: u64,
    /// Most bytes that wait for it.
    pub queue_limit_bytes: Option<u64>,
    /// Most messages that are with its handlers.
    pub max_in_flight: Option<u32>,
    /// What it does at a limit.
    pub overflow: Overflow,
    /// Place among the subscriptions of its thread that get the same message: 0 is called first.
    pub priority: u8,
    /// Which messages it wants.
    pub filter: Option<Filter>,
    /// The name of the group that it is a member of.
    pub group: Option<Box<str>>,
    /// It acknowledges its messages: how often and how long they are tried.
    pub ack: Option<Policy>,
}

impl SubscribeOptions {
    /// As most subscriptions: a queue of so many messages that refuses what is too much.
    pub fn limited_to(queue_limit: u64) -> Self {
        Self {
            queue_limit,
            ..Self::default()
        }
    }
}

/// A subscription, shared by its thread and by the routes that lead to it.
pub struct Subscription {
    /// Process-wide id, from 1, in order of subscription.
    pub id: u64,
    /// What it matches.
    pub pattern: Box<str>,
    /// Its place among the subscriptions of its endpoint.
    pub slot: u32,
    /// Where its messages go.
    pub receiver: Arc<Receiver>,
    /// What was admitted to it, and what became of it.
    pub account: Account,
    /// What it does when it is full.
    pub overflow: Overflow,
    /// Most messages that are with its handlers; u32::MAX for no limit.
    pub max_in_flight: u32,
    is_kept: bool,
    /// Place among the subscriptions of its thread that get the same message.
    pub priority: u8,
    /// The group that it is a member of.
    pub group: Option<Arc<Group>>,
    /// Its messages that do not wait in the mailbox.
    pub backlog: Backlog<Waiting>,
    /// Its messages that were not acknowledged, where it does that.
    pub acks: Option<Box<Acks>>,
    /// Its bus.
    pub(super) bus: Weak<Bus>,
    filtering: Option<Filtering>,
}

/// A filter, and how many messages it kept away.
struct Filtering {
    filter: Filter,
    /// Publishers of all threads count here, but only for messages that go no further.
    filtered: AtomicU64,
}

impl Subscription {
    /// An open subscription with an empty ledger, of the group of its options.
    pub fn new(
        id: u64,
        pattern: &str,
        slot: u32,
        receiver: Arc<Receiver>,
        options: SubscribeOptions,
        group: Option<Arc<Group>>,
        bus: &Arc<Bus>,
    ) -> Self {
        let SubscribeOptions {
            queue_limit,
            queue_limit_bytes,
            max_in_flight,
            overflow,
            priority,
            filter,
            group: _,
            ack,
        } = options;
        // What one that drops its oldest has in hand is bounded as well: by as many as may wait.
        let most_in_hand = match overflow {
            Overflow::DropOldest => u32::try_from(queue_limit).unwrap_or(u32::MAX),
            _ => u32::MAX,
        };
        let max_in_flight = max_in_flight.unwrap_or(u32::MAX).min(most_in_hand).max(1);
        let mut account = Account::new(queue_limit).with_quota(bus.quota.get().cloned());
        if let Some(bytes) = queue_limit_bytes {
            account = account.with_bytes_limit(bytes);
        }
        let acks = ack.map(|policy| Box::new(Acks::new(policy)));
        // What is given up becomes a dead letter where it would be acknowledged.
        let keeps_what_it_drops = acks.is_some() && overflow == Overflow::DropNewest;
        let is_kept = max_in_flight != u32::MAX || keeps_what_it_drops || account.quota().is_some();
        let backlog = Backlog::new(is_kept);
        let backlog = if acks.is_some() {
            backlog.leaving_ends()
        } else {
            backlog
        };
        Self {
            id,
            pattern: pattern.into(),
            slot,
            receiver,
            account,
            overflow,
            max_in_flight,
            is_kept,
            priority,
            group,
            backlog,
            acks,
            bus: Arc::downgrade(bus),
            filtering: filter.map(|filter| Filtering {
                filter,
                filtered: AtomicU64::new(0),
            }),
        }
    }

    /// Which messages it wants; none when it wants all.
    pub fn filter(&self) -> Option<&Filter> {
        Some(&self.filtering.as_ref()?.filter)
    }

    /// Counts a message that its filter kept away.
    pub fn count_filtered(&self) {
        if let Some(filtering) = &self.filtering {
            filtering.filtered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// True when a publisher must ask it before anybody gets a message.
    #[inline]
    pub fn takes_part_in_admission(&self) -> bool {
        matches!(self.overflow, Overflow::Reject | Overflow::Block { .. })
    }

    /// True when all its messages wait in its backlog, and none in the mailbox: it may give them up, or hand them over later.
    #[inline]
    pub fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// True when a message would find room. One that drops what is too much leaves three quarters of its thread's mailbox
    /// to its neighbours, so that it never makes a publisher to one of these wait.
    #[inline]
    pub fn has_room(&self, priority: usize) -> bool {
        self.account.room() > 0
            && if self.takes_part_in_admission() {
                !self.receiver.is_full(priority)
            } else {
                self.receiver.backlog_bytes(priority) < DROPPING_MAILBOX_BYTES
                    && SegmentPool::global().has_headroom()
            }
    }

    /// True when its handlers have, or will have, as many messages as they may, or its thread does not come back from one.
    #[inline]
    pub fn is_stalled(&self) -> bool {
        self.is_kept() && self.account.in_flight() >= u64::from(self.max_in_flight)
            || self
                .acks
                .as_ref()
                .is_some_and(|acks| acks.is_stuck(&self.receiver))
    }

    /// Counts in a message that goes to the mailbox.
    #[inline]
    pub fn admit(&self, priority: usize) -> Admitted {
        if !self.takes_part_in_admission() && !self.has_room(priority) {
            self.account.turn_away(Outcome::Newest);
            return Admitted::No;
        }
        if self.account.count_in() {
            return Admitted::Yes;
        }
        if self.acks.is_some() {
            return Admitted::Ended;
        }
        self.account.end(Outcome::Unsubscribed, 1);
        Admitted::No
    }

    /// Puts a message into the backlog, and where it needs one an announcement into the mailbox, without waking the thread.
    /// What is not kept, or not any more, is given back: see [`Subscription::left_backlog`].
    pub(super) fn put(
        self: &Arc<Self>,
        message: Waiting,
        coming: Coming,
    ) -> Vec<(Waiting, Outcome)> {
        let account = &self.account;
        let priority = message.kept.priority();
        let announce = || self.announce(priority);
        let put = match self.overflow {
            Overflow::DropNewest if coming == Coming::New && !self.has_room(priority) => {
                return self.turn_away(message);
            }
            Overflow::DropOldest if coming != Coming::Forced => {
                let most_bytes = account.bytes_limit().unwrap_or(BACKLOG_BYTES);
                let mut most = account.queue_limit();
                if account.quota().is_some_and(|quota| quota.room() == 0) {
                    // Its neighbours on the channel have used the quota up: it gives up one of its own, if it has any.
                    most = most.min(self.backlog.len());
                    if most == 0 && coming == Coming::New {
                        return self.turn_away(message);
                    }
                }
                let most = (most.max(1), most_bytes);
                self.backlog
                    .keep_newest(priority, message, coming, account, most, announce)
            }
            _ => self
                .backlog
                .keep(priority, message, coming, account, announce),
        };
        if let Some(at) = put.timer_at {
            Timer::global().call_at(at, self);
        }
        put.ended
    }

    /// Counts a message in that it does without, and out again unless that is for whoever is given it back.
    fn turn_away(&self, message: Waiting) -> Vec<(Waiting, Outcome)> {
        if self.acks.is_none() {
            self.account.turn_away(Outcome::Newest);
            return Vec::new();
        }
        let is_in = self.account.count_in();
        let why = [Outcome::Unsubscribed, Outcome::Newest][usize::from(is_in)];
        vec![(message, why)]
    }

    /// It has ended, or its thread has, and was closed before: what waits goes where it has to go. It may wait for a promise that
    /// never settles.
    pub(super) fn leave(self: &Arc<Self>, outcome: Outcome) {
        self.leave_acks(outcome == Outcome::SubscriberDied);
        let left = self.backlog.clear(&self.account, outcome).into_iter();
        self.left_backlog(left.map(|message| (message, outcome)).collect());
    }

    /// Puts an announcement of a message in the backlog into the mailbox.
    fn announce(&self, priority: usize) -> Result<(), Outcome> {
        let pushed = self
            .receiver
            .mailbox
            .push(priority, EXTENSIONS, |memory, start| {
                let set = |at: usize, word: u32| memory.store(start + at, word, Ordering::Relaxed);
                set(PRIORITY, priority as u32);
                set(TOPIC, self.slot);
                set(PAYLOAD_LENGTH, 0);
                set(SEQUENCE, self.id as u32);
                set(SEQUENCE + 4, (self.id >> 32) as u32);
                set(TARGET, ANNOUNCEMENT);
            });
        if pushed.is_ok() && priority == 0 {
            self.receiver.raise(CRITICAL_WAITS as u32);
        }
        pushed.map_err(Outcome::from)
    }

    /// Its figures now.
    pub fn ledger(&self) -> Ledger {
        let filtering = self.filtering.as_ref();
        let acks = self.acks.as_ref();
        Ledger {
            attempts: acks.map(|acks| acks.attempts.counts()).unwrap_or_default(),
            filtered: filtering.map_or(0, |filtering| filtering.filtered.load(Ordering::Relaxed)),
            ..self.account.ledger()
        }
    }
}

impl Due for Subscription {
    fn due(self: Arc<Self>, now: u64) -> Option<u64> {
        let (expired, next) = self.backlog.expire(now, &self.account);
        let expired = expired.into_iter();
        self.left_backlog(expired.map(|message| (message, Outcome::Expired)).collect());
        match (next, self.acks_due(now)) {
            (Some(one), Some(other)) => {
                Timer::global().call_at(one.max(other), &self);
                Some(one.min(other))
            }
            (one, other) => one.or(other),
        }
    }
}

impl PartialEq for Subscription {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
