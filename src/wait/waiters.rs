//! Threads that are called when what they wait for may be there: room in a queue, an item in a ring.
//!
//! The waiter files itself, then looks once more; who provides does so, then looks whether somebody is
//! filed. Both with a sequentially consistent fence between (Dekker's pattern, as in the mailbox's
//! parking): at least one sees the other, so nobody waits for something that is there.

use std::sync::Arc;

use crate::sync::{AtomicBool, Mutex, Ordering, fence};

/// Somebody who waits.
pub trait Waiter: Send + Sync {
    /// Tells waiters apart.
    fn id(&self) -> u32;

    /// True when its thread is gone, and nobody needs to tell it anything.
    fn is_gone(&self) -> bool {
        false
    }

    /// Tells it to look again. Called on any thread; it must not use what it waits for inside.
    fn look_again(&self);
}

/// Who waits. Empty at nearly all times, so looking is one load.
#[derive(Default)]
pub struct Waiters {
    any: AtomicBool,
    list: Mutex<Vec<Arc<dyn Waiter>>>,
}

impl Waiters {
    /// Files `waiter` (once). The caller then looks again.
    pub fn file<W: Waiter + 'static>(&self, waiter: &Arc<W>) {
        let mut list = self.list.lock();
        // Threads may come, wait and end where nothing is ever provided.
        list.retain(|filed| !filed.is_gone());
        if !list.iter().any(|filed| filed.id() == waiter.id()) {
            list.push(Arc::clone(waiter) as Arc<dyn Waiter>);
        }
        self.any.store(true, Ordering::Relaxed);
        drop(list);
        // SYNC POINT waiters: pairs with the fences in `anybody` and `Parking::notify`.
        fence(Ordering::SeqCst);
    }

    /// True when somebody waits. Called after something was provided.
    #[inline]
    pub fn anybody(&self) -> bool {
        // SYNC POINT waiters: pairs with the fence in `file`.
        fence(Ordering::SeqCst);
        self.anybody_after_fence()
    }

    /// As [`Waiters::anybody`], for a caller that has just made the fence.
    #[inline]
    pub fn anybody_after_fence(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Tells everybody who waits, and forgets them.
    pub fn wake_all(&self) {
        let waiting = {
            let mut list = self.list.lock();
            self.any.store(false, Ordering::Relaxed);
            std::mem::take(&mut *list)
        };
        for waiter in waiting {
            waiter.look_again();
        }
    }
}
