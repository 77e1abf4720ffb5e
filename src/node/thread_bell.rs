//! A bell for whatever this thread waits for besides its mailbox: an item in a ring.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use napi::bindgen_prelude::{Env, Error, Object};
use napi::sys;
use napi_derive::napi;

use super::doorbell::Bell;
use super::error::{Code, Result};
use crate::bus::receiver::Doorbell;
use crate::sync::{AtomicU32, Ordering};
use crate::wait::Waiter;

/// Numbers for waiters, so that each is filed once.
static LAST_ID: AtomicU32 = AtomicU32::new(0);

/// Rings the thread that hung it up.
pub struct BellWaiter {
    id: u32,
    bell: Bell,
}

impl Waiter for BellWaiter {
    fn id(&self) -> u32 {
        self.id
    }

    fn is_gone(&self) -> bool {
        self.bell.is_down()
    }

    fn look_again(&self) {
        self.bell.ring();
    }
}

/// A thread's bell. Made once per thread that waits.
#[napi]
pub struct ThreadBell {
    waiter: Arc<BellWaiter>,
}

impl ThreadBell {
    /// What is filed where the thread waits.
    pub fn waiter(&self) -> &Arc<BellWaiter> {
        &self.waiter
    }
}

#[napi]
impl ThreadBell {
    /// `onRing` is called in this thread's event loop when something that it waits for may be there.
    #[napi(constructor, catch_unwind)]
    pub fn new(env: Env, #[napi(ts_arg_type = "() => void")] on_ring: Object<'_>) -> Result<Self> {
        let raw = env.raw();
        let bell = Bell::new(raw, &on_ring, ptr::null())?;
        let leaving = Box::into_raw(Box::new(bell.clone()));
        // SAFETY: a live environment; `take_down` takes the box back, once, when the environment ends. Registered
        // after the threadsafe function's own hook, so it runs before.
        let hooked =
            unsafe { sys::napi_add_env_cleanup_hook(raw, Some(take_down), leaving.cast()) };
        if hooked != sys::Status::napi_ok {
            return Err(Error::new(
                Code::Internal,
                "no cleanup hook could be registered",
            ));
        }
        let id = LAST_ID.fetch_add(1, Ordering::Relaxed);
        Ok(Self {
            waiter: Arc::new(BellWaiter { id, bell }),
        })
    }

    /// Has the bell keep this thread's event loop alive, or not.
    #[napi(catch_unwind)]
    pub fn keep_alive(&self, env: Env, yes: bool) {
        self.waiter.bell.keep_alive(env.raw(), yes);
    }
}

unsafe extern "C" fn take_down(bell: *mut c_void) {
    // SAFETY: boxed by `ThreadBell::new` for this hook, which runs once.
    let bell = unsafe { Box::from_raw(bell.cast::<Bell>()) };
    bell.take_down();
}
