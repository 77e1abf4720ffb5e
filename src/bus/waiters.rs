//! Threads that wait until a queue has room again.
//!
//! The waiter files itself, then looks once more; who makes room does so, then looks whether somebody is
//! filed. Both with a sequentially consistent fence between (Dekker's pattern, as in the mailbox's
//! parking): at least one sees the other, so nobody waits for room that is there.

use std::sync::Arc;

use crate::sync::{AtomicBool, Mutex, Ordering, fence};

/// Somebody who waits for room.
pub trait Waiter: Send + Sync {
    /// Tells waiters apart.
    fn id(&self) -> u32;

    /// Tells it that there may be room. Called on any thread; it must not publish or drain inside.
    fn call_for_room(&self);
}

/// Who waits for room. Empty at nearly all times, so looking is one load.
#[derive(Default)]
pub struct Waiters {
    any: AtomicBool,
    list: Mutex<Vec<Arc<dyn Waiter>>>,
}

impl Waiters {
    /// Files `waiter` (once). The caller then looks again whether there is room.
    pub fn file<W: Waiter + 'static>(&self, waiter: &Arc<W>) {
        let mut list = self.list.lock();
        if !list.iter().any(|filed| filed.id() == waiter.id()) {
            list.push(Arc::clone(waiter) as Arc<dyn Waiter>);
        }
        self.any.store(true, Ordering::Relaxed);
        drop(list);
        // SYNC POINT waiters: pairs with the fence in `anybody`.
        fence(Ordering::SeqCst);
    }

    /// True when somebody waits. Called after room was made.
    #[inline]
    pub fn anybody(&self) -> bool {
        // SYNC POINT waiters: pairs with the fence in `file`.
        fence(Ordering::SeqCst);
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
            waiter.call_for_room();
        }
    }
}
