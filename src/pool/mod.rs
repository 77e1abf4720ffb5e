//! Blocks of memory that threads share and give back.
//!
//! | file | holds |
//! |---|---|
//! | [`free_list`] | a lock-free list of indices |
//! | [`block_pool`] | which blocks are free, and who holds the others: the one pool of the house |
//! | [`heap_pool`] | a pool whose blocks are native memory, made when needed |
//! | [`segments`], [`payloads`] | the memory of messages, within one [`budget`] |
//! | [`buffers`], [`layout`] | the pools that users share as a SharedArrayBuffer |

pub mod block_pool;
pub mod free_list;
pub mod heap_pool;
mod words;

#[cfg(not(model))]
pub mod budget;
#[cfg(not(model))]
pub mod buffers;
#[cfg(not(model))]
pub mod layout;
#[cfg(not(model))]
pub mod payloads;
#[cfg(not(model))]
pub mod segments;

#[cfg(not(model))]
pub use segments::{SEGMENT_BYTES, SegmentBytes, SegmentPool};

/// Bytes that all messages of the process may take together.
#[cfg(not(model))]
pub const MAX_BYTES: usize = 1 << 30;

/// The budget of this process.
#[cfg(not(model))]
pub fn process_budget() -> &'static budget::Budget {
    static BUDGET: std::sync::OnceLock<budget::Budget> = std::sync::OnceLock::new();
    BUDGET.get_or_init(|| budget::Budget::new(MAX_BYTES))
}
