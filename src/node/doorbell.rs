//! How another thread wakes this one: a threadsafe function, and for an endpoint the attention word beside it.
//!
//! Calling the threadsafe function of a terminated worker aborts the process, and the attention word is
//! memory of that worker. So both stand behind a lock that the worker's environment empties on its way
//! out: cleanup hooks run in reverse order of registration, and the endpoint's hook is registered after the
//! threadsafe function's own, so it runs before. The lock is taken only for a thread that sleeps, for
//! CRITICAL records and for publishers that wait: never per message.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use napi::bindgen_prelude::{Error, Object};
use napi::{JsValue, sys};
use parking_lot::Mutex;

use super::error::{Code, Result};
use crate::bus::receiver::Doorbell;
use crate::sync::{AtomicU32, Ordering};

/// What a live thread can be reached by.
struct Line {
    function: sys::napi_threadsafe_function,
    /// Null for a bell without one.
    attention: *const AtomicU32,
}

// SAFETY: a threadsafe function may be called from any thread, and the attention word is atomic; both are
// used only under the lock, which the environment's cleanup empties while they are still alive.
unsafe impl Send for Line {}

/// A thread's bell. Clones ring the same one.
#[derive(Clone)]
pub struct Bell(Arc<Mutex<Option<Line>>>);

impl Bell {
    /// Hangs a bell that calls `on_ring` on this thread. It does not keep the event loop alive.
    pub fn new(
        env: sys::napi_env,
        on_ring: &Object<'_>,
        attention: *const AtomicU32,
    ) -> Result<Self> {
        let mut name = ptr::null_mut();
        let mut function = ptr::null_mut();
        let label = "agentwire doorbell";
        // SAFETY: a live environment and values of the current call; every out-pointer is valid. Queue
        // without bound (0): at most one call is under way for each sleep, and one for each waiter.
        let made = unsafe {
            sys::napi_create_string_utf8(
                env,
                label.as_ptr().cast(),
                label.len() as isize,
                &mut name,
            );
            sys::napi_create_threadsafe_function(
                env,
                on_ring.raw(),
                ptr::null_mut(),
                name,
                0,
                1,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
                Some(call),
                &mut function,
            )
        };
        if made != sys::Status::napi_ok {
            return Err(Error::new(Code::Internal, "no doorbell could be made"));
        }
        // SAFETY: just made; on its own thread.
        unsafe { sys::napi_unref_threadsafe_function(env, function) };
        Ok(Self(Arc::new(Mutex::new(Some(Line {
            function,
            attention,
        })))))
    }

    /// Has the bell keep this thread's event loop alive, or not. On its own thread.
    pub fn keep_alive(&self, env: sys::napi_env, yes: bool) {
        if let Some(line) = &*self.0.lock() {
            // SAFETY: a live threadsafe function, on its own thread.
            unsafe {
                if yes {
                    sys::napi_ref_threadsafe_function(env, line.function);
                } else {
                    sys::napi_unref_threadsafe_function(env, line.function);
                }
            }
        }
    }

    /// Takes the bell down: from now on nobody reaches the thread. On its own thread, while the
    /// threadsafe function is still alive.
    pub fn take_down(&self) {
        if let Some(line) = self.0.lock().take() {
            // SAFETY: alive: its own cleanup hook comes after ours; released once.
            unsafe {
                sys::napi_release_threadsafe_function(
                    line.function,
                    sys::ThreadsafeFunctionReleaseMode::abort,
                )
            };
        }
    }
}

impl Doorbell for Bell {
    fn is_down(&self) -> bool {
        self.0.lock().is_none()
    }

    fn ring(&self) {
        if let Some(line) = &*self.0.lock() {
            // SAFETY: alive, for it is still here under the lock. The call does not block.
            unsafe {
                sys::napi_call_threadsafe_function(
                    line.function,
                    ptr::null_mut(),
                    sys::ThreadsafeFunctionCallMode::nonblocking,
                )
            };
        }
    }

    fn raise(&self, attention: u32) {
        if let Some(line) = &*self.0.lock() {
            // SAFETY: the word is alive, for the line is still here under the lock.
            if let Some(word) = unsafe { line.attention.as_ref() } {
                // Relaxed: a hint; what it hints at has orderings of its own.
                word.fetch_or(attention, Ordering::Relaxed);
            }
        }
    }
}

/// Runs on the bell's own thread, in its event loop.
unsafe extern "C" fn call(
    env: sys::napi_env,
    on_ring: sys::napi_value,
    _context: *mut c_void,
    _data: *mut c_void,
) {
    // Both are null while the environment is torn down.
    if env.is_null() || on_ring.is_null() {
        return;
    }
    let mut this = ptr::null_mut();
    let mut exception = ptr::null_mut();
    // SAFETY: a live environment and function. An exception that `on_ring` lets out is a bug of ours, and is
    // handed to Node as uncaught: left pending, it would only be warned of.
    unsafe {
        sys::napi_get_undefined(env, &mut this);
        let called = sys::napi_call_function(env, this, on_ring, 0, ptr::null(), ptr::null_mut());
        if called == sys::Status::napi_pending_exception
            && sys::napi_get_and_clear_last_exception(env, &mut exception) == sys::Status::napi_ok
        {
            sys::napi_fatal_exception(env, exception);
        }
    }
}
