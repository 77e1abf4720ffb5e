//! The endpoint's: `submit` and `drain`, and the two for large messages.
//!
//! What the first need and what they answer stands in the endpoint's control block, which JavaScript reads and
//! writes as plain memory. Only those for large messages, where copying outweighs the call, take an
//! argument.

use std::cell::RefCell;
use std::ptr;
use std::rc::Rc;

use napi::bindgen_prelude::{Env, Object};
use napi::sys;

use super::{Arguments, guarded};
use crate::bus::endpoint::Endpoint;
use crate::memory::Source;
use crate::node::error::Result;

/// An endpoint as its own thread holds it.
pub type LocalEndpoint = Rc<RefCell<Endpoint>>;

/// An object with the endpoint's hot functions.
pub fn functions<'env>(env: &'env Env, endpoint: &LocalEndpoint) -> Result<Object<'env>> {
    super::functions(
        env,
        endpoint,
        &[
            (c"submit", submit),
            (c"drain", drain),
            (c"drainCritical", drain_critical),
            (c"begin", begin),
            (c"acknowledge", acknowledge),
            (c"submitBlock", submit_block),
            (c"takeBlock", take_block),
            (c"answer", answer),
        ],
    )
}

/// Runs a callback's body on its endpoint.
fn on_endpoint(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&mut Endpoint, &Arguments) -> sys::napi_value,
) -> sys::napi_value {
    guarded(env, info, |endpoint: &RefCell<Endpoint>, arguments| {
        body(&mut endpoint.borrow_mut(), arguments)
    })
}

unsafe extern "C" fn submit(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_endpoint(env, info, |endpoint, _| {
        endpoint.submit();
        ptr::null_mut()
    })
}

unsafe extern "C" fn drain(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_endpoint(env, info, |endpoint, _| {
        endpoint.drain();
        ptr::null_mut()
    })
}

unsafe extern "C" fn drain_critical(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_endpoint(env, info, |endpoint, _| {
        endpoint.drain_critical();
        ptr::null_mut()
    })
}

/// `begin(): void`: a handler is about to be called that acknowledges.
unsafe extern "C" fn begin(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_endpoint(env, info, |endpoint, _| {
        endpoint.begin();
        ptr::null_mut()
    })
}

/// `acknowledge(): void`: carries out the acknowledgement that stands in the control block.
unsafe extern "C" fn acknowledge(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_endpoint(env, info, |endpoint, _| {
        endpoint.acknowledge();
        ptr::null_mut()
    })
}

/// `submitBlock(payload: Uint8Array): boolean`: the record at the start of the outbox, with that payload area.
unsafe extern "C" fn submit_block(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_endpoint(env, info, |endpoint, arguments| {
        let Some(payload) = arguments.bytes(0) else {
            return arguments.refuse();
        };
        // SAFETY: the array stays as it is during this call.
        let payload = unsafe { Source::from_raw(payload.cast(), payload.len()) };
        arguments.boolean(endpoint.submit_block(payload))
    })
}

/// `takeBlock(handleLow: number, handleHigh: number, target: Uint8Array): boolean`: copies a block of the batch in
/// the inbox to `target`, which has its size, and frees it. False when the block is not there any more.
unsafe extern "C" fn take_block(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_endpoint(env, info, |endpoint, arguments| {
        let (Some(low), Some(high), Some(target)) =
            (arguments.uint(0), arguments.uint(1), arguments.bytes(2))
        else {
            return arguments.refuse();
        };
        let Some(block) = endpoint.take_block(u64::from(low) | u64::from(high) << 32) else {
            return arguments.boolean(false);
        };
        if block.bytes().len() != target.len() {
            return arguments.refuse();
        }
        // SAFETY: the target has exactly the block's size; the block is native memory, so they do not overlap.
        unsafe {
            target
                .cast::<u8>()
                .copy_from_nonoverlapping(ptr::NonNull::from(block.bytes()).cast(), target.len())
        };
        arguments.boolean(true)
    })
}

/// `answer(handleLow: number, handleHigh: number, kind: number, payload: Uint8Array): boolean`: one answer to the request of that
/// handle. False when it comes late.
unsafe extern "C" fn answer(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_endpoint(env, info, |endpoint, arguments| {
        let (Some(low), Some(high), Some(kind), Some(payload)) = (
            arguments.uint(0),
            arguments.uint(1),
            arguments.uint(2),
            arguments.bytes(3),
        ) else {
            return arguments.refuse();
        };
        // SAFETY: the array stays as it is during this call.
        let payload = unsafe { Source::from_raw(payload.cast(), payload.len()) };
        let handle = u64::from(low) | u64::from(high) << 32;
        arguments.boolean(endpoint.answer(handle, kind as usize, payload))
    })
}
