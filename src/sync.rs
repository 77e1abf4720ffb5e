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

#[cfg(not(loom))]
pub use parking_lot::Mutex;

/// Loom's lock, with the interface of the real one.
#[cfg(loom)]
#[derive(Debug, Default)]
pub struct Mutex<T>(loom::sync::Mutex<T>);

#[cfg(loom)]
impl<T> Mutex<T> {
    /// A free lock.
    pub fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    /// Waits for the lock.
    pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0
            .lock()
            .expect("a model that panics under the lock has failed already")
    }
}

/// Stands between a sequentially consistent write and a sequentially consistent read of two different
/// variables. The language orders these by themselves, so this is nothing; loom takes such accesses for
/// acquire and release only, and models the order of fences.
#[cfg(not(loom))]
#[inline(always)]
pub fn order_of_seq_cst() {}

/// As above, under loom.
#[cfg(loom)]
pub fn order_of_seq_cst() {
    fence(Ordering::SeqCst);
}

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
