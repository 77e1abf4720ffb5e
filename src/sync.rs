//! std, loom or shuttle: the only importer of atomics and of their companions.
//!
//! Under `--cfg loom` the same algorithms run on loom's types, so a model explores the orderings that
//! the real ones allow; under `--cfg shuttle` on those of shuttle, which tries random schedules of models that are too
//! large for loom. The build script sets `cfg(model)` for both.

#[cfg(not(model))]
pub use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

#[cfg(loom)]
pub use loom::sync::{
    Arc, MutexGuard, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

#[cfg(shuttle)]
pub use shuttle::sync::{
    Arc, MutexGuard, RwLockReadGuard, RwLockWriteGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

#[cfg(not(model))]
pub use parking_lot::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

#[cfg(loom)]
use loom::{sync as model, thread};
#[cfg(shuttle)]
use shuttle::{sync as model, thread};

/// The model's lock, with the interface of the real one.
#[cfg(model)]
#[derive(Debug, Default)]
pub struct Mutex<T>(model::Mutex<T>);

#[cfg(model)]
impl<T> Mutex<T> {
    /// A free lock.
    pub fn new(value: T) -> Self {
        Self(model::Mutex::new(value))
    }

    /// Waits for the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0
            .lock()
            .expect("a model that panics under the lock has failed already")
    }
}

/// The model's lock for many readers or one writer, with the interface of the real one.
#[cfg(model)]
#[derive(Debug, Default)]
pub struct RwLock<T>(model::RwLock<T>);

#[cfg(model)]
impl<T> RwLock<T> {
    /// A free lock.
    pub fn new(value: T) -> Self {
        Self(model::RwLock::new(value))
    }

    /// Waits until nobody writes.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        self.0
            .read()
            .expect("a model that panics under the lock has failed already")
    }

    /// Waits until nobody else reads or writes.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.0
            .write()
            .expect("a model that panics under the lock has failed already")
    }
}

/// Lets a thread sleep until another one notifies it.
#[derive(Debug, Default)]
pub struct Condvar(
    #[cfg(not(model))] parking_lot::Condvar,
    #[cfg(model)] model::Condvar,
);

impl Condvar {
    /// Gives the lock back, sleeps, and takes the lock again. False when the time is over.
    #[cfg(not(model))]
    pub fn wait_until<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        deadline: std::time::Instant,
    ) -> (MutexGuard<'a, T>, bool) {
        let in_time = !self.0.wait_until(&mut guard, deadline).timed_out();
        (guard, in_time)
    }

    /// As above, but in a model the time is never over: who is not notified fails the model as a deadlock.
    #[cfg(model)]
    pub fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        _deadline: std::time::Instant,
    ) -> (MutexGuard<'a, T>, bool) {
        let guard = self
            .0
            .wait(guard)
            .expect("a model that panics under the lock has failed already");
        (guard, true)
    }

    /// Wakes one sleeper, if there is one.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all sleepers.
    pub fn notify_all(&self) {
        self.0.notify_all();
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
#[cfg(not(model))]
#[inline]
pub fn spin_hint() {
    std::hint::spin_loop();
}

/// In a model a spin must yield, or the other thread never runs.
#[cfg(model)]
pub fn spin_hint() {
    thread::yield_now();
}

/// Gives the rest of this time slice to another thread.
#[cfg(not(model))]
#[inline]
pub fn yield_now() {
    std::thread::yield_now();
}

/// Gives the rest of this time slice to another thread.
#[cfg(model)]
pub fn yield_now() {
    thread::yield_now();
}
