//! The checksum of a message.

use std::rc::Rc;

use napi::bindgen_prelude::{Env, Object};
use napi::sys;

use super::guarded;
use crate::node::error::Result;

/// What the functions are bound to: nothing.
struct Frame;

/// An object with the functions.
pub fn functions(env: &Env) -> Result<Object<'_>> {
    super::functions(env, &Rc::new(Frame), &[(c"crc32", crc32)])
}

/// `crc32(bytes: Uint8Array, start: number, end: number): number`: of the bytes from `start` to `end`.
///
/// The facade gives memory of this thread alone: what another thread may write it copies first.
unsafe extern "C" fn crc32(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, info, |_: &Frame, arguments| {
        let (Some(bytes), Some(start), Some(end)) =
            (arguments.bytes(0), arguments.uint(1), arguments.uint(2))
        else {
            return arguments.refuse();
        };
        // SAFETY: the array's memory, which no other thread writes and which stays during this call, that runs no JavaScript.
        let bytes = unsafe { bytes.as_ref() };
        match bytes.get(start as usize..end as usize) {
            Some(covered) => arguments.double(crc32fast::hash(covered).into()),
            None => arguments.refuse(),
        }
    })
}
