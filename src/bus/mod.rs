//! The bus. The path of a message, file by file:
//!
//! 1. A thread's JavaScript writes a record into its outbox ([`layout`], [`record`]).
//! 2. `submit.rs` finds the topic's [`route`] ([`topic`], [`routing`], [`versions`]), leaves out whose [`filter`] does not
//!    want the record (`narrow.rs`), picks a member of each [`group`], asks all of these for room (`admission.rs`, [`account`],
//!    [`crate::wait`]) and copies the record into the mailbox of each thread (`outgoing.rs`, `run.rs`). What may be given up, may
//!    expire or must wait for a handler goes to the [`backlog`] of its [`subscription`] ([`kept`]).
//! 3. A [`mailbox`] is four lock-free [`queue`]s; who puts something into the mailbox of a sleeping thread
//!    rings its bell ([`receiver`]).
//! 4. `drain.rs` fills the thread's inbox (`batch.rs`); its JavaScript calls the handlers and counts how each message
//!    ended (`slots.rs`), and the ledgers of the subscriptions add up.
//!
//! A subscription may want to acknowledge its messages ([`ack`]); what nobody can handle is kept in [`dead_letters`], and
//! handed out again by `replay.rs`.
//!
//! A record may be a request ([`request`], [`answers`]): its answer goes into the requester's mailbox (`reply.rs`).
//! A bus may be the channel of a tenant, with a [`quota`], and then takes turns with others (`shares.rs`).
//!
//! Publishers count in a [`tally`], and [`metrics`] adds up.
//!
//! An [`endpoint`] is one thread's end of all this; the [`hub`] is what all threads share.

pub mod account;
pub mod ack;
pub mod answers;
pub mod backlog;
pub mod mailbox;
pub mod queue;
pub mod quota;
pub mod versions;

#[cfg(not(model))]
mod admission;
#[cfg(not(model))]
mod batch;
#[cfg(not(model))]
pub mod block;
#[cfg(not(model))]
pub mod dead_letters;
#[cfg(not(model))]
mod drain;
#[cfg(not(model))]
pub mod endpoint;
#[cfg(not(model))]
pub mod filter;
#[cfg(not(model))]
pub mod group;
#[cfg(not(model))]
pub mod hub;
#[cfg(not(model))]
pub mod kept;
#[cfg(not(model))]
pub mod layout;
#[cfg(not(model))]
mod let_go;
#[cfg(not(model))]
pub mod metrics;
#[cfg(not(model))]
pub mod named_bus;
#[cfg(not(model))]
mod narrow;
#[cfg(not(model))]
mod outgoing;
#[cfg(not(model))]
pub mod receiver;
#[cfg(not(model))]
pub mod record;
#[cfg(not(model))]
pub mod replay;
#[cfg(not(model))]
mod reply;
#[cfg(not(model))]
pub mod request;
#[cfg(not(model))]
pub mod route;
#[cfg(not(model))]
pub mod routing;
#[cfg(not(model))]
mod run;
#[cfg(not(model))]
mod shares;
#[cfg(not(model))]
mod slots;
#[cfg(not(model))]
mod submit;
#[cfg(not(model))]
pub mod subscription;
#[cfg(not(model))]
pub mod tally;
#[cfg(not(model))]
pub mod topic;
