//! The ring's: everything that is done per item.
//!
//! They answer with one number: what was asked for (0 or more), or one of the negative [`RESULT`]s, from which
//! TypeScript makes the error.

use std::cell::RefCell;
use std::ptr::NonNull;
use std::rc::Rc;
use std::time::{Duration, Instant};

use napi::bindgen_prelude::{Env, Object};
use napi::sys;

use super::{Arguments, guarded};
use crate::memory::{Memory, SharedBytes, Source, Target, WideMemory};
use crate::node::error::Result;
use crate::node::memory::PinnedUntilDrop;
use crate::ring::{RingError, RingHandle};
use crate::sync::Ordering;

/// Longest wait inside of one call, so that `terminate()` reaches a thread that waits.
const MOST_WAIT: Duration = Duration::from_millis(10);

const EMPTY: i32 = -1;
const TOO_LONG: i32 = -2;
const DAMAGED: i32 = -3;
const OVERLAP: i32 = -4;
const NOT_BYTES: i32 = -5;
const NO_BYTES: i32 = -6;
const NO_SUCH: i32 = -7;
const FULL: i32 = -8;

/// What is not a count, for TypeScript.
pub const RESULT: &[(&str, i32)] = &[
    ("Empty", EMPTY),
    ("TooLong", TOO_LONG),
    ("Damaged", DAMAGED),
    ("Overlap", OVERLAP),
    ("NotBytes", NOT_BYTES),
    // An empty array, which may be one that has lost its memory: TypeScript looks.
    ("NoBytes", NO_BYTES),
    ("NoSuch", NO_SUCH),
    ("Full", FULL),
];

/// A ring as its thread's JavaScript has it.
pub struct RingObject {
    /// Dropped before the pin: it gives back what it holds in the ring's memory.
    pub handle: RingHandle,
    /// Where single items are put: the most bytes of an item, then two words.
    pub scratch: RefCell<Option<(SharedBytes, PinnedUntilDrop)>>,
    /// Keeps the memory.
    pub _pin: PinnedUntilDrop,
}

/// A ring as its own thread holds it.
pub type LocalRing = Rc<RingObject>;

/// An object with the ring's hot functions.
pub fn functions<'env>(env: &'env Env, ring: &LocalRing) -> Result<Object<'env>> {
    super::functions(
        env,
        ring,
        &[
            (c"enqueue", enqueue),
            (c"enqueueScratch", enqueue_scratch),
            (c"enqueuePacked", enqueue_packed),
            (c"dequeueInto", dequeue_into),
            (c"dequeueToScratch", dequeue_to_scratch),
            (c"waitToScratch", wait_to_scratch),
            (c"drainInto", drain_into),
            (c"peekToScratch", peek_to_scratch),
            (c"size", size),
            (c"clear", clear),
            (c"claim", claim),
            (c"commit", commit),
            (c"abandon", abandon),
            (c"take", take),
            (c"release", release),
        ],
    )
}

impl RingError {
    fn code(self) -> i32 {
        match self {
            Self::Full => FULL,
            Self::Empty => EMPTY,
            Self::TooLong { .. } => TOO_LONG,
            Self::Damaged => DAMAGED,
        }
    }
}

impl RingObject {
    /// The bytes of an argument that do not lie in the ring itself, or a code.
    fn outside(&self, bytes: Option<NonNull<[u8]>>) -> std::result::Result<NonNull<[u8]>, i32> {
        let bytes = bytes.ok_or(NOT_BYTES)?;
        if self.handle.memory().overlaps(bytes.cast(), bytes.len()) {
            return Err(OVERLAP);
        }
        Ok(bytes)
    }

    /// Runs `action` on the scratch: the number that it gives, or a code.
    fn with_scratch(
        &self,
        action: impl FnOnce(&RingHandle, Target<'_>) -> std::result::Result<usize, RingError>,
    ) -> i32 {
        let scratch = self.scratch.borrow();
        let Some((scratch, _)) = &*scratch else {
            return NO_SUCH;
        };
        let len = scratch.len() - SCRATCH_WORDS;
        // SAFETY: pinned while it is here, and only this thread knows it.
        let target = unsafe { Target::from_raw(scratch.span(0, len), len) };
        length_or_code(action(&self.handle, target))
    }

    /// Leaves two numbers behind the item in the scratch, for a slot that is held open.
    fn note(&self, offset: usize, len: usize) -> bool {
        let scratch = self.scratch.borrow();
        let Some((scratch, _)) = &*scratch else {
            return false;
        };
        let at = scratch.len() - SCRATCH_WORDS;
        // As JavaScript's numbers.
        scratch.store_u64(at, (offset as f64).to_bits(), Ordering::Relaxed);
        scratch.store_u64(at + 8, (len as f64).to_bits(), Ordering::Relaxed);
        true
    }
}

/// Bytes of the two numbers at the end of the scratch.
const SCRATCH_WORDS: usize = 16;

fn length_or_code(result: std::result::Result<usize, RingError>) -> i32 {
    match result {
        // Items are at most 1 GiB.
        Ok(len) => len as i32,
        Err(error) => error.code(),
    }
}

fn on_ring(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&RingObject, &Arguments) -> i32,
) -> sys::napi_value {
    guarded(env, info, |ring: &RingObject, arguments| {
        arguments.integer(body(ring, arguments))
    })
}

/// `enqueue(item?: Uint8Array)`: 1. Without an argument, an empty item.
unsafe extern "C" fn enqueue(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_ring(env, info, |ring, arguments| {
        let item = if arguments.is_empty() {
            Source::from([].as_slice())
        } else {
            match ring.outside(arguments.bytes(0)) {
                Err(code) => return code,
                Ok(bytes) if bytes.is_empty() => return NO_BYTES,
                // SAFETY: within the array, which stays as it is during this call.
                Ok(bytes) => unsafe { Source::from_raw(bytes.cast(), bytes.len()) },
            }
        };
        match ring.handle.enqueue(item) {
            Ok(()) => 1,
            Err(error) => error.code(),
        }
    })
}

/// `enqueueScratch(length: number)`: 1. The item is at the start of the scratch.
unsafe extern "C" fn enqueue_scratch(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_ring(env, info, |ring, arguments| {
        let Some(len) = arguments.uint(0) else {
            return NOT_BYTES;
        };
        ring.with_scratch(|handle, mut scratch| {
            let len = (len as usize).min(scratch.len());
            let item = scratch.range(0, len);
            // SAFETY: the same bytes, which only this thread knows.
            let item = unsafe { Source::from_raw(item.start(), item.len()) };
            handle.enqueue(item).map(|()| 1)
        })
    })
}

/// `enqueuePacked(items: Uint8Array, lengths: Uint32Array, count: number)`: how many went in.
unsafe extern "C" fn enqueue_packed(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_ring(env, info, |ring, arguments| {
        let items = match ring.outside(arguments.bytes(0)) {
            Ok(items) => items,
            Err(code) => return code,
        };
        let (Some(lengths), Some(count)) = (arguments.words(1), arguments.uint(2)) else {
            return NOT_BYTES;
        };
        let count = count as usize;
        if count > lengths.len() {
            return NOT_BYTES;
        }
        let length = |index: usize| {
            // SAFETY: `index` is below `count`, which is within the array. Volatile: it may be shared.
            unsafe { lengths.cast::<u32>().add(index).read_volatile() as usize }
        };
        // SAFETY: within the array, which stays as it is during this call.
        let items = unsafe { Source::from_raw(items.cast(), items.len()) };
        length_or_code(ring.handle.enqueue_batch(items, count, length))
    })
}

/// `dequeueInto(target: Uint8Array)`: the item's length.
unsafe extern "C" fn dequeue_into(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_ring(env, info, |ring, arguments| {
        match ring.outside(arguments.bytes(0)) {
            Err(code) => code,
            Ok(bytes) => {
                // SAFETY: within the array, which stays as it is during this call.
                let target = unsafe { Target::from_raw(bytes.cast(), bytes.len()) };
                length_or_code(ring.handle.dequeue(target))
            }
        }
    })
}

/// `dequeueToScratch()`: the item's length.
unsafe extern "C" fn dequeue_to_scratch(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_ring(env, info, |ring, _| {
        ring.with_scratch(|handle, target| handle.dequeue(target))
    })
}

/// `waitToScratch(ms: number)`: the item's length. Waits for one, at most 10 ms.
unsafe extern "C" fn wait_to_scratch(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_ring(env, info, |ring, arguments| {
        let wait = arguments
            .number(0)
            .and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok())
            .map_or(MOST_WAIT, |wait| wait.min(MOST_WAIT));
        ring.with_scratch(|handle, target| handle.dequeue_until(target, Instant::now() + wait))
    })
}

/// `drainInto(target: Uint8Array, lengths: Uint32Array, most: number)`: how many items.
unsafe extern "C" fn drain_into(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_ring(env, info, |ring, arguments| {
        let target = match ring.outside(arguments.bytes(0)) {
            Ok(target) => target,
            Err(code) => return code,
        };
        let (Some(lengths), Some(most)) = (arguments.words(1), arguments.uint(2)) else {
            return NOT_BYTES;
        };
        if ring
            .handle
            .memory()
            .overlaps(lengths.cast(), lengths.len() * 4)
        {
            return OVERLAP;
        }
        let most = (most as usize).min(lengths.len());
        // SAFETY: within the array, which stays as it is during this call.
        let mut target = unsafe { Target::from_raw(target.cast(), target.len()) };
        let note = |index: usize, len: usize| {
            // SAFETY: `index` is below `most`, which is within the array. Volatile: it may be shared.
            unsafe { lengths.cast::<u32>().add(index).write_volatile(len as u32) }
        };
        length_or_code(
            ring.handle
                .dequeue_batch(&mut target, most, note)
                .map(|drained| drained.items),
        )
    })
}

/// `peekToScratch()`: the item's length.
unsafe extern "C" fn peek_to_scratch(
    env: sys::napi_env,
    info: sys::napi_callback_info,
) -> sys::napi_value {
    on_ring(env, info, |ring, _| {
        ring.with_scratch(|handle, target| handle.peek(target))
    })
}

/// `size()`: items that are there.
unsafe extern "C" fn size(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // At most 2^28.
    on_ring(env, info, |ring, _| ring.handle.len() as i32)
}

/// `clear()`: items that were dropped.
unsafe extern "C" fn clear(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_ring(env, info, |ring, _| length_or_code(ring.handle.clear()))
}

/// `claim()`: the claim's number, 0 or more; the offset of its bytes is in the scratch.
unsafe extern "C" fn claim(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_ring(env, info, |ring, _| match ring.handle.claim() {
        Err(error) => error.code(),
        Ok((id, offset)) => {
            if ring.note(offset, ring.handle.geometry().most_bytes as usize) {
                id as i32
            } else {
                ring.handle.abandon(id);
                NO_SUCH
            }
        }
    })
}

/// `commit(id: number, length: number)`: 1.
unsafe extern "C" fn commit(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_ring(env, info, |ring, arguments| {
        let (Some(id), Some(len)) = (arguments.uint(0), arguments.uint(1)) else {
            return NO_SUCH;
        };
        match ring.handle.commit(id, len as usize) {
            Ok(true) => 1,
            Ok(false) => NO_SUCH,
            Err(error) => error.code(),
        }
    })
}

/// `abandon(id: number): boolean`
unsafe extern "C" fn abandon(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, info, |ring: &RingObject, arguments| {
        arguments.boolean(arguments.uint(0).is_some_and(|id| ring.handle.abandon(id)))
    })
}

/// `take()`: the number of an item that is read in place, 0 or more; its offset and length are in the scratch.
unsafe extern "C" fn take(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    on_ring(env, info, |ring, _| {
        if ring.scratch.borrow().is_none() {
            return NO_SUCH;
        }
        match ring.handle.take() {
            Err(error) => error.code(),
            Ok((id, offset, len)) => {
                ring.note(offset, len);
                id as i32
            }
        }
    })
}

/// `release(id: number): boolean`
unsafe extern "C" fn release(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    guarded(env, info, |ring: &RingObject, arguments| {
        arguments.boolean(arguments.uint(0).is_some_and(|id| ring.handle.release(id)))
    })
}
