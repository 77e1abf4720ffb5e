//! std or loom: the only importer of atomics and of their companions.
//!
//! Under `--cfg loom` the same algorithms run on loom's types, so a model explores the orderings that
//! the real ones allow.

#[cfg(not(loom))]
pub use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

#[cfg(loom)]
pub use loom::sync::{
    Arc,
    atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

/// One step of waiting for another thread that is between two instructions of its own.
#[cfg(not(loom))]
#[inline]
pub fn spin_hint() {
    std::hint::spin_loop();
}

/// Under loom a spin must yield, or the model never lets the other thread run.
#[cfg(loom)]
pub fn spin_hint() {
    loom::thread::yield_now();
}

/// Gives the rest of this time slice to another thread.
#[cfg(not(loom))]
#[inline]
pub fn yield_now() {
    std::thread::yield_now();
}

/// Gives the rest of this time slice to another thread.
#[cfg(loom)]
pub fn yield_now() {
    loom::thread::yield_now();
}
