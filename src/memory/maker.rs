//! Which loaded copy of the addon made a structure in shared memory.
//!
//! What the threads share about such a structure (who waits, who writes, which blocks are free) lives in the statics of
//! the copy that they loaded. Threads with two copies would each have half of it, so the second one is refused.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use super::{SharedBytes, WideMemory};
use crate::sync::Ordering;

/// Another loaded copy of the addon made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherCopy;

impl std::fmt::Display for OtherCopy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "it was made by another copy of agentwire in this process, which knows who uses it; have all threads load one copy: `npm ls agentwire` shows where the copies come from, `npm dedupe` may merge them",
        )
    }
}

/// Writes down, at an offset that is a multiple of 8, that this copy made the structure.
pub fn sign(memory: &SharedBytes, offset: usize) {
    memory.store_u64(offset, this_copy(), Ordering::Relaxed);
}

/// Checks that this copy did.
pub fn check(memory: &SharedBytes, offset: usize) -> Result<(), OtherCopy> {
    if memory.load_u64(offset, Ordering::Relaxed) == this_copy() {
        Ok(())
    } else {
        Err(OtherCopy)
    }
}

/// A random number that names this loaded copy.
fn this_copy() -> u64 {
    static COPY: OnceLock<u64> = OnceLock::new();
    *COPY.get_or_init(|| RandomState::new().hash_one(0))
}
