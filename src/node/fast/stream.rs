//! A byte stream's: writing and reading.
//!
//! Each returns a count, or one of [`answer`]'s numbers, negated. V8 keeps the bytes of arrays of up to 64 on its own heap,
//! and moves them out, which takes 500 ns, when native asks for their address. So short reads and writes go through a
//! scratch memory that native has the address of.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::rc::Rc;

use napi::bindgen_prelude::{Env, Object};
use napi::sys;

use super::{Arguments, guarded};
use crate::memory::{SharedBytes, Source, Target, WideMemory};
use crate::node::error::Result;
use crate::node::memory::PinnedUntilDrop;
use crate::stream::layout::{SCRATCH_BYTES, answer};
use crate::stream::{ByteStream, Fault, OpenFile};
use crate::sync::Ordering;

/// Where the stream is.
pub enum Backing {
    /// In a SharedArrayBuffer.
    Shared {
        /// The stream.
        stream: ByteStream<SharedBytes>,
        /// Keeps the memory allocated; goes last.
        _pin: PinnedUntilDrop,
    },
    /// In a file.
    File(OpenFile),
    /// Nowhere any more.
    Closed,
}

impl Backing {
    /// The stream, whatever memory it is in.
    #[inline]
    pub(in crate::node) fn stream(&self) -> Option<&ByteStream<dyn WideMemory>> {
        match self {
            Self::Shared { stream, .. } => Some(stream),
            Self::File(file) => Some(&**file),
            Self::Closed => None,
        }
    }

    /// True when an array's bytes are the stream's own. JavaScript sees no mapped file.
    #[inline]
    fn overlaps(&self, bytes: NonNull<[u8]>) -> bool {
        match self {
            Self::Shared { stream, .. } => stream.memory().overlaps(bytes.cast(), bytes.len()),
            Self::File(_) | Self::Closed => false,
        }
    }
}

/// A stream as a thread holds it.
pub struct LocalStream {
    pub(in crate::node) backing: RefCell<Backing>,
    scratch: SharedBytes,
    /// Goes last.
    _scratch_pin: PinnedUntilDrop,
}

impl LocalStream {
    /// Over memory that stays pinned as long as it is used.
    pub(in crate::node) fn new(
        backing: Backing,
        scratch: SharedBytes,
        scratch_pin: PinnedUntilDrop,
    ) -> Self {
        Self {
            backing: RefCell::new(backing),
            scratch,
            _scratch_pin: scratch_pin,
        }
    }

    fn scratch_source(&self, len: usize) -> Source<'_> {
        // SAFETY: `span` checks the bounds; pinned for as long as self.
        unsafe { Source::from_raw(self.scratch.span(0, len), len) }
    }

    fn scratch_target(&self, len: usize) -> Target<'_> {
        // SAFETY: as above; no reference to these bytes is ever made.
        unsafe { Target::from_raw(self.scratch.span(0, len), len) }
    }
}

/// An object with the stream's hot functions.
pub fn functions<'env>(env: &'env Env, stream: &Rc<LocalStream>) -> Result<Object<'env>> {
    super::functions(
        env,
        stream,
        &[
            (c"write", write),
            (c"writeShort", write_short),
            (c"read", read),
            (c"readShort", read_short),
            (c"readSome", read_some),
            (c"peek", peek),
            (c"peekShort", peek_short),
            (c"used", used),
            (c"positions", positions),
            (c"clear", clear),
        ],
    )
}

/// What a call answers: a count, or why there is none.
type Answer = std::result::Result<u64, u32>;

impl From<Fault> for u32 {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooLong => answer::TOO_LONG,
            Fault::Damaged => answer::DAMAGED,
        }
    }
}

/// The count, when it was done.
fn done(was_done: std::result::Result<bool, Fault>, count: usize) -> Answer {
    if was_done? {
        Ok(count as u64)
    } else {
        Err(answer::NOT_NOW)
    }
}

/// Runs a callback's body on its stream. Nothing from it means wrong arguments.
fn on_stream(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&ByteStream<dyn WideMemory>, &LocalStream, &Arguments) -> Option<Answer>,
) -> sys::napi_value {
    guarded(env, info, |local: &LocalStream, arguments| {
        let answer = match local.backing.borrow().stream() {
            Some(stream) => body(stream, local, arguments),
            None => Some(Err(answer::CLOSED)),
        };
        match answer {
            Some(Ok(count)) => arguments.double(count as f64),
            Some(Err(answer)) => arguments.integer(-(answer as i32)),
            None => arguments.refuse(),
        }
    })
}

/// As above, with the address and the length of an array's bytes, none of which are the stream's own.
fn on_bytes(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&ByteStream<dyn WideMemory>, NonNull<u8>, usize) -> Answer,
) -> sys::napi_value {
    on_stream(env, info, |stream, local, arguments| {
        let bytes = arguments.bytes(0)?;
        if local.backing.borrow().overlaps(bytes) {
            return Some(Err(answer::OVERLAP));
        }
        Some(body(stream, bytes.cast(), bytes.len()))
    })
}

/// As above, with a length that fits the scratch memory.
fn on_scratch(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&ByteStream<dyn WideMemory>, &LocalStream, usize) -> Answer,
) -> sys::napi_value {
    on_stream(env, info, |stream, local, arguments| {
        let len = arguments.uint(0)? as usize;
        (len <= SCRATCH_BYTES).then(|| body(stream, local, len))
    })
}

/// `write(data: Uint8Array): number`: all of it, and its length; or nothing.
unsafe extern "C" fn write(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_bytes(env, info, |stream, start, len| {
        // SAFETY: the array stays as it is during the call.
        let source = unsafe { Source::from_raw(start, len) };
        done(stream.write(source), len)
    })
}

/// `writeShort(length: number): number`: as `write`, from the scratch memory.
unsafe extern "C" fn write_short(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_scratch(env, info, |stream, local, len| {
        done(stream.write(local.scratch_source(len)), len)
    })
}

/// `read(target: Uint8Array): number`: exactly as many bytes as the target has, and its length; or nothing.
unsafe extern "C" fn read(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_bytes(env, info, |stream, start, len| {
        // SAFETY: the array stays as it is during the call; no reference to its bytes is made.
        let target = unsafe { Target::from_raw(start, len) };
        done(stream.read(target), len)
    })
}

/// `readShort(length: number): number`: as `read`, into the scratch memory.
unsafe extern "C" fn read_short(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_scratch(env, info, |stream, local, len| {
        done(stream.read(local.scratch_target(len)), len)
    })
}

/// `readSome(target: Uint8Array): number`: as many bytes as there are and the target has room for; it has some.
unsafe extern "C" fn read_some(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_bytes(env, info, |stream, start, len| {
        if len == 0 {
            return Err(answer::NO_TARGET);
        }
        // SAFETY: as in `read`.
        let target = unsafe { Target::from_raw(start, len) };
        Ok(stream.read_some(target)? as u64)
    })
}

/// `peek(target: Uint8Array): number`: as `read`, but the bytes stay.
unsafe extern "C" fn peek(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_bytes(env, info, |stream, start, len| {
        // SAFETY: as in `read`.
        let target = unsafe { Target::from_raw(start, len) };
        done(stream.peek(target), len)
    })
}

/// `peekShort(length: number): number`: as `peek`, into the scratch memory.
unsafe extern "C" fn peek_short(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_scratch(env, info, |stream, local, len| {
        done(stream.peek(local.scratch_target(len)), len)
    })
}

/// `used(): number`: how many bytes there are to read.
unsafe extern "C" fn used(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_stream(env, info, |stream, _, _| {
        Some(stream.used().map_err(u32::from))
    })
}

/// `positions(): number`: 0; how many bytes were ever written and read are two f64 in the scratch memory.
unsafe extern "C" fn positions(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_stream(env, info, |stream, local, _| {
        Some(stream.positions().map_err(u32::from).map(|positions| {
            for (offset, position) in [(0, positions.written), (8, positions.read)] {
                // This thread alone uses the scratch memory.
                local
                    .scratch
                    .store_u64(offset, (position as f64).to_bits(), Ordering::Relaxed);
            }
            0
        }))
    })
}

/// `clear(): number`: 0; the stream is empty, and no longer damaged.
unsafe extern "C" fn clear(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_stream(env, info, |stream, _, _| {
        stream.clear();
        Some(Ok(0))
    })
}
