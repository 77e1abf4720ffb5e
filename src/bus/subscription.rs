//! A subscription: what it matches, where its messages go, what it does when it is full, and its account.

use std::sync::Arc;

use super::account::Account;
pub use super::account::{Ledger, OUTCOMES, Outcome, REPORTED_OUTCOMES};
pub use super::backlog::Backlog;
use super::filter::Filter;
use super::kept::Kept;
use super::layout::{DROP_NEWEST, DROP_OLDEST, DROPPING_MAILBOX_BYTES, REJECT};
use super::receiver::Receiver;
use crate::pool::SegmentPool;
use crate::sync::{AtomicU64, Ordering};

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
}

impl Overflow {
    /// The policy of this number, which is one of those that TypeScript knows.
    pub fn from_number(number: u32) -> Option<Self> {
        match number as usize {
            REJECT => Some(Self::Reject),
            DROP_NEWEST => Some(Self::DropNewest),
            DROP_OLDEST => Some(Self::DropOldest),
            _ => None,
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
    /// The messages that wait for a subscription that drops its oldest; empty for others.
    pub backlog: Backlog<Kept>,
    filtering: Option<Filtering>,
}

/// A filter, and how many messages it kept away.
struct Filtering {
    filter: Filter,
    /// Publishers of all threads count here, but only for messages that go no further.
    filtered: AtomicU64,
}

impl Subscription {
    /// An open subscription with an empty ledger.
    pub fn new(
        id: u64,
        pattern: &str,
        slot: u32,
        queue_limit: u64,
        overflow: Overflow,
        receiver: Arc<Receiver>,
    ) -> Self {
        Self {
            id,
            pattern: pattern.into(),
            slot,
            receiver,
            account: Account::new(queue_limit),
            overflow,
            backlog: Backlog::default(),
            filtering: None,
        }
    }

    /// The same with a filter, if one is given.
    pub fn with_filter(mut self, filter: Option<Filter>) -> Self {
        self.filtering = filter.map(|filter| Filtering {
            filter,
            filtered: AtomicU64::new(0),
        });
        self
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
        self.overflow == Overflow::Reject
    }

    /// True when a message would find room. One that drops what is too much leaves three quarters of its thread's mailbox
    /// to its neighbours, so that it never makes a publisher to one of these wait.
    #[inline]
    pub fn has_room(&self, priority: usize) -> bool {
        self.account.room() > 0
            && (self.takes_part_in_admission()
                || self.receiver.backlog_bytes(priority) < DROPPING_MAILBOX_BYTES
                    && SegmentPool::global().has_headroom())
    }

    /// Counts in a message that goes to the mailbox. False when it does not go there: then it is counted out again.
    #[inline]
    pub fn admit(&self, priority: usize) -> bool {
        if self.takes_part_in_admission() || self.has_room(priority) {
            return self.account.admit();
        }
        self.account.turn_away();
        false
    }

    /// Its figures now.
    pub fn ledger(&self) -> Ledger {
        let filtering = self.filtering.as_ref();
        Ledger {
            filtered: filtering.map_or(0, |filtering| filtering.filtered.load(Ordering::Relaxed)),
            ..self.account.ledger()
        }
    }
}

impl PartialEq for Subscription {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
