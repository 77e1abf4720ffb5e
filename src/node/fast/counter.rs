//! The clock's: its time and its ticks.

use std::ptr;
use std::rc::Rc;

use napi::bindgen_prelude::{Env, Object};
use napi::sys;

use super::guarded;
use crate::monitor::counter::Counter;
use crate::node::error::Result;

/// An object with the clock's functions.
pub fn functions(env: &Env) -> Result<Object<'_>> {
    let counter = Rc::new(Counter::global());
    super::functions(
        env,
        &counter,
        &[(c"now", now), (c"nowBig", now_big), (c"ticks", ticks)],
    )
}

/// `now(): number`: nanoseconds. Exact for 104 days, as doubles are.
unsafe extern "C" fn now(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, info, |counter: &&Counter, arguments| {
        arguments.double(counter.now() as f64)
    })
}

/// `nowBig(): bigint`: the same.
unsafe extern "C" fn now_big(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, info, |counter: &&Counter, _| {
        bigint(env, counter.now())
    })
}

/// `ticks(): bigint`: the CPU's counter as it is.
unsafe extern "C" fn ticks(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, info, |counter: &&Counter, _| {
        bigint(env, counter.ticks())
    })
}

fn bigint(env: sys::napi_env, value: u64) -> sys::napi_value {
    let mut result = ptr::null_mut();
    // SAFETY: a live environment and a valid out-pointer.
    unsafe { sys::napi_create_bigint_uint64(env, value, &mut result) };
    result
}
