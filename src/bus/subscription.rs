//! A subscription: what it matches, where its messages go, and its account.

use std::sync::Arc;

use super::account::Account;
pub use super::account::{Ledger, OUTCOMES, Outcome, REPORTED_OUTCOMES};
use super::receiver::Receiver;

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
}

impl Subscription {
    /// An open subscription with an empty ledger.
    pub fn new(
        id: u64,
        pattern: &str,
        slot: u32,
        queue_limit: u64,
        receiver: Arc<Receiver>,
    ) -> Self {
        Self {
            id,
            pattern: pattern.into(),
            slot,
            receiver,
            account: Account::new(queue_limit),
        }
    }

    /// Its figures now.
    pub fn ledger(&self) -> Ledger {
        self.account.ledger()
    }
}

impl PartialEq for Subscription {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
