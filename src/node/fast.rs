//! The hot path: raw Node-API callbacks, each bound to its endpoint by its data pointer.
//!
//! A `#[napi]` class method costs 400 to 500 ns a call, a raw callback without arguments 11 to 15. So what
//! these need and what they answer stands in the endpoint's control block, which JavaScript reads and
//! writes as plain memory. Only the two for large messages, where copying outweighs the call, take an
//! argument.

use std::cell::RefCell;
use std::ffi::{CStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;

use napi::bindgen_prelude::{Env, Error, Object};
use napi::{JsValue, sys};

use super::error::{Code, Result};
use crate::bus::endpoint::Endpoint;

/// An endpoint as its own thread holds it.
pub type LocalEndpoint = Rc<RefCell<Endpoint>>;

type RawCallback = unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

/// An object with the endpoint's hot functions.
pub fn functions<'env>(env: &'env Env, endpoint: &LocalEndpoint) -> Result<Object<'env>> {
    let functions: [(&CStr, RawCallback); 5] = [
        (c"submit", submit),
        (c"drain", drain),
        (c"drainCritical", drain_critical),
        (c"submitBlock", submit_block),
        (c"takeBlock", take_block),
    ];
    let object =
        Object::new(env).map_err(|error| Error::new(Code::Internal, error.reason.clone()))?;
    for (name, callback) in functions {
        bind(env.raw(), object.raw(), name, callback, Rc::clone(endpoint))?;
    }
    Ok(object)
}

/// Makes a function that owns a count of the endpoint, and sets it on `object`.
fn bind(
    env: sys::napi_env,
    object: sys::napi_value,
    name: &CStr,
    callback: RawCallback,
    endpoint: LocalEndpoint,
) -> Result<()> {
    let data = Rc::into_raw(endpoint).cast_mut().cast::<c_void>();
    let mut function = ptr::null_mut();
    // SAFETY: a live environment; the data is what the callbacks and `release` take it for.
    let bound = unsafe {
        sys::napi_create_function(env, name.as_ptr(), -1, Some(callback), data, &mut function)
            == sys::Status::napi_ok
            && sys::napi_add_finalizer(
                env,
                function,
                data,
                Some(release),
                ptr::null_mut(),
                ptr::null_mut(),
            ) == sys::Status::napi_ok
            && sys::napi_set_named_property(env, object, name.as_ptr(), function)
                == sys::Status::napi_ok
    };
    if bound {
        Ok(())
    } else {
        Err(Error::new(
            Code::Internal,
            "a native function could not be made",
        ))
    }
}

/// Gives back the count that a function owns, when the function is collected or its environment ends.
unsafe extern "C" fn release(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // SAFETY: made by `bind` for this function, released once.
    drop(unsafe { Rc::from_raw(data.cast::<RefCell<Endpoint>>()) });
}

unsafe extern "C" fn submit(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, info, |endpoint, _| {
        endpoint.submit();
        ptr::null_mut()
    })
}

unsafe extern "C" fn drain(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, info, |endpoint, _| {
        endpoint.drain();
        ptr::null_mut()
    })
}

unsafe extern "C" fn drain_critical(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    guarded(env, info, |endpoint, _| {
        endpoint.drain_critical();
        ptr::null_mut()
    })
}

/// `submitBlock(payload: Uint8Array): boolean`: the record at the start of the outbox, with that payload area.
unsafe extern "C" fn submit_block(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    guarded(env, info, |endpoint, arguments| {
        let Some(payload) = arguments.bytes(0) else {
            return arguments.refuse();
        };
        // SAFETY: within the array, which stays as it is during this call; raw, for it may be shared.
        let payload =
            unsafe { std::slice::from_raw_parts(payload.as_ptr().cast::<u8>(), payload.len()) }
                .into();
        arguments.boolean(endpoint.submit_block(payload))
    })
}

/// `takeBlock(handleLow: number, handleHigh: number, target: Uint8Array): boolean`: copies a block of the batch in
/// the inbox to `target`, which has its size, and frees it. False when the block is not there any more.
unsafe extern "C" fn take_block(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    guarded(env, info, |endpoint, arguments| {
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

/// The arguments of a call.
struct Arguments {
    env: sys::napi_env,
    values: [sys::napi_value; 3],
    given: usize,
}

impl Arguments {
    /// The bytes of a Uint8Array.
    fn bytes(&self, index: usize) -> Option<ptr::NonNull<[u8]>> {
        let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
        if index >= self.given {
            return None;
        }
        // SAFETY: a live environment and a value of the current call; every out-pointer is valid.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.values[index],
                &mut kind,
                &mut length,
                &mut data,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        let usable = status == sys::Status::napi_ok && kind == sys::TypedarrayType::uint8_array;
        // An empty array may have no address.
        let data = ptr::NonNull::new(data.cast::<u8>()).unwrap_or(ptr::NonNull::dangling());
        usable.then(|| ptr::NonNull::slice_from_raw_parts(data, length))
    }

    /// An unsigned integer.
    fn uint(&self, index: usize) -> Option<u32> {
        let mut value = 0;
        // SAFETY: as above.
        let status =
            unsafe { sys::napi_get_value_uint32(self.env, self.values[index], &mut value) };
        (index < self.given && status == sys::Status::napi_ok).then_some(value)
    }

    /// A boolean to return.
    fn boolean(&self, value: bool) -> sys::napi_value {
        let mut result = ptr::null_mut();
        // SAFETY: as above.
        unsafe { sys::napi_get_boolean(self.env, value, &mut result) };
        result
    }

    /// Throws for arguments that the facade never gives.
    fn refuse(&self) -> sys::napi_value {
        throw(
            self.env,
            c"ERR_AGENTWIRE_ARGUMENT",
            c"wrong arguments for a native function of agentwire",
        );
        ptr::null_mut()
    }
}

/// Runs a callback's body on its endpoint; a panic becomes a JavaScript error.
fn guarded(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&mut Endpoint, &Arguments) -> sys::napi_value,
) -> sys::napi_value {
    let mut arguments = Arguments {
        env,
        values: [ptr::null_mut(); 3],
        given: 3,
    };
    let mut data = ptr::null_mut();
    // SAFETY: the environment and the info of the current call; every out-pointer is valid. Missing
    // arguments are filled in as undefined.
    unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &mut arguments.given,
            arguments.values.as_mut_ptr(),
            ptr::null_mut(),
            &mut data,
        )
    };
    let result = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: set by `bind`; the function that is being called keeps its count of the endpoint.
        let endpoint = unsafe { &*data.cast::<RefCell<Endpoint>>() };
        body(&mut endpoint.borrow_mut(), &arguments)
    }));
    result.unwrap_or_else(|_| {
        throw(
            env,
            c"ERR_AGENTWIRE_INTERNAL",
            c"agentwire failed inside; this is a bug, please report it",
        );
        ptr::null_mut()
    })
}

fn throw(env: sys::napi_env, code: &CStr, message: &CStr) {
    // SAFETY: a live environment and strings that end in zero.
    unsafe { sys::napi_throw_error(env, code.as_ptr(), message.as_ptr()) };
}
