//! The bus. The path of a message, file by file:
//!
//! 1. A thread's JavaScript writes a record into its outbox ([`layout`], [`record`]).
//! 2. `submit.rs` finds the topic's [`route`] ([`topic`], [`named_bus`], [`trie`]), asks every matching
//!    [`subscription`] for room ([`account`], [`waiters`]) and copies the record into the mailbox of each thread.
//! 3. A [`mailbox`] is four lock-free [`queue`]s; who puts something into the mailbox of a sleeping thread
//!    rings its bell ([`receiver`]).
//! 4. `drain.rs` fills the thread's inbox; its JavaScript calls the handlers and counts how each message
//!    ended (`slots.rs`), and the ledgers of the subscriptions add up.
//!
//! An [`endpoint`] is one thread's end of all this; the [`hub`] is what all threads share.

pub mod account;
pub mod mailbox;
pub mod queue;
pub mod waiters;

#[cfg(not(loom))]
pub mod block;
#[cfg(not(loom))]
mod drain;
#[cfg(not(loom))]
pub mod endpoint;
#[cfg(not(loom))]
pub mod hub;
#[cfg(not(loom))]
pub mod layout;
#[cfg(not(loom))]
pub mod named_bus;
#[cfg(not(loom))]
pub mod receiver;
#[cfg(not(loom))]
pub mod record;
#[cfg(not(loom))]
pub mod route;
#[cfg(not(loom))]
mod run;
#[cfg(not(loom))]
mod slots;
#[cfg(not(loom))]
mod submit;
#[cfg(not(loom))]
pub mod subscription;
#[cfg(not(loom))]
pub mod topic;
#[cfg(not(loom))]
pub mod trie;
