//! A buffer pool's: `acquire` and `release`, and what belongs to blocks that go from thread to thread. Blocks are
//! indices here; the facade has the views.

use std::ptr;
use std::rc::Rc;

use napi::bindgen_prelude::{Env, Object};
use napi::sys;

use super::guarded;
use crate::node::error::Result;
use crate::node::memory::PinnedUntilDrop;
use crate::pool::block_pool::ReleaseError;
use crate::pool::buffers::BufferPool;

/// No block.
const NONE: i32 = -1;

/// What `release` returns for a block that was not taken back; for one that was, it returns undefined.
const ALREADY_FREE: i32 = 1;
const NO_SUCH_BLOCK: i32 = 2;

/// A handle on a pool as its own thread holds it. Its blocks go back when it is dropped: collected, or its thread ended.
pub struct LocalPool {
    pub pool: BufferPool,
    /// Declared last: the memory stays until the pool's handle is gone.
    pub _memory: PinnedUntilDrop,
}

/// An object with the pool's hot functions.
pub fn functions<'env>(env: &'env Env, pool: &Rc<LocalPool>) -> Result<Object<'env>> {
    super::functions(
        env,
        pool,
        &[
            (c"acquire", acquire),
            (c"release", release),
            (c"indexOf", index_of),
            (c"ticket", ticket),
            (c"adopt", adopt),
        ],
    )
}

/// Indices are below 2^24.
fn index_or_none(index: Option<u32>) -> i32 {
    index.map_or(NONE, |index| index as i32)
}

/// `acquire(): number`: the index of a block that is this thread's now, or -1.
unsafe extern "C" fn acquire(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, info, |this: &LocalPool, arguments| {
        arguments.integer(index_or_none(this.pool.acquire()))
    })
}

/// `release(index: number): number | undefined`: undefined when the block went back.
unsafe extern "C" fn release(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, info, |this: &LocalPool, arguments| {
        let Some(index) = arguments.uint(0) else {
            return arguments.refuse();
        };
        match this.pool.release(index) {
            Ok(()) => ptr::null_mut(),
            Err(ReleaseError::AlreadyFree) => arguments.integer(ALREADY_FREE),
            Err(ReleaseError::NoSuchBlock) => arguments.integer(NO_SUCH_BLOCK),
        }
    })
}

/// `indexOf(block: Uint8Array): number`: the block that an array is exactly, or -1.
unsafe extern "C" fn index_of(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    guarded(env, info, |this: &LocalPool, arguments| {
        let bytes = arguments.bytes(0);
        let index = bytes.and_then(|bytes| this.pool.index_of(bytes.cast(), bytes.len()));
        arguments.integer(index_or_none(index))
    })
}

/// `ticket(index: number): number`: names this holding of a block; -1 for a free one.
unsafe extern "C" fn ticket(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, info, |this: &LocalPool, arguments| {
        let Some(index) = arguments.uint(0) else {
            return arguments.refuse();
        };
        // Below 2^53, so that the number is exact.
        let ticket = this.pool.ticket(index);
        arguments.double(ticket.map_or(f64::from(NONE), |ticket| ticket as f64))
    })
}

/// `adopt(ticket: number): number`: the index of the block that a ticket names and that is this thread's now, or -1.
unsafe extern "C" fn adopt(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, info, |this: &LocalPool, arguments| {
        let Some(ticket) = arguments.number(0) else {
            return arguments.refuse();
        };
        // The facade gives integers; whatever else comes names some block or none.
        arguments.integer(index_or_none(this.pool.adopt(ticket as u64)))
    })
}
