//! The class `NativeRing`: making a ring, attaching to one, and what is not done per item.

use std::cell::RefCell;
use std::rc::Rc;

use napi::bindgen_prelude::{Env, Error, Object};
use napi_derive::napi;

use super::error::{Code, Result};
use super::fast::ring::{self as fast, LocalRing, RingObject};
use super::memory::Pinned;
use super::thread_bell::ThreadBell;
use crate::ring::{AttachError, Geometry, GeometryError, RingHandle};

/// A ring's sizes.
#[napi(object)]
pub struct NativeRingGeometry {
    /// The capacity that it was made with: one more than the items it holds.
    pub capacity: u32,
    /// The item size that it was made with: four more than the bytes of an item.
    pub item_size: u32,
}

/// Figures of a ring.
#[napi(object)]
pub struct NativeRingStats {
    /// Items that are there.
    pub items: f64,
    /// Slots claimed by producers since the ring was made.
    pub enqueued: f64,
    /// Slots taken by consumers since the ring was made.
    pub dequeued: f64,
    /// Items with an impossible length that were passed over.
    pub damaged: f64,
    /// Threads that sleep until an item comes.
    pub sleepers: u32,
}

/// Bytes that the ring of a capacity and an item size takes.
#[napi(catch_unwind)]
pub fn ring_bytes(capacity: u32, item_size: u32) -> Result<f64> {
    Ok(Geometry::new(capacity, item_size)?.total_bytes() as f64)
}

/// A ring, as one thread has it.
#[napi]
pub struct NativeRing {
    ring: LocalRing,
}

#[napi]
impl NativeRing {
    /// Makes a ring of zeroed memory when a capacity and an item size are given, else attaches to the one that is there.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        #[napi(ts_arg_type = "Uint8Array")] memory: Object<'_>,
        capacity: Option<u32>,
        item_size: Option<u32>,
    ) -> Result<Self> {
        let (pin, bytes) = Pinned::new(env.raw(), &memory)?;
        let pin = pin.until_drop(env.raw());
        let handle = match (capacity, item_size) {
            (Some(capacity), Some(item_size)) => {
                RingHandle::create(bytes, Geometry::new(capacity, item_size)?)?
            }
            // A header with an impossible geometry is no wrong argument.
            _ => RingHandle::attach(bytes).map_err(|error| match error {
                AttachError::Geometry(error) => Error::new(Code::ForeignMemory, error.to_string()),
                copy => copy.into(),
            })?,
        };
        Ok(Self {
            ring: Rc::new(RingObject {
                handle,
                scratch: RefCell::new(None),
                _pin: pin,
            }),
        })
    }

    /// The hot functions: see `fast/ring.rs`.
    #[napi(
        catch_unwind,
        ts_return_type = "{ enqueue(item?: Uint8Array): number; enqueueScratch(length: number): number; enqueuePacked(items: Uint8Array, lengths: Uint32Array, count: number): number; dequeueInto(target: Uint8Array): number; dequeueToScratch(): number; waitToScratch(ms: number): number; drainInto(target: Uint8Array, lengths: Uint32Array, most: number): number; peekToScratch(): number; size(): number; clear(): number; claim(): number; commit(id: number, length: number): number; abandon(id: number): boolean; take(): number; release(id: number): boolean }"
    )]
    pub fn functions<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        fast::functions(env, &self.ring)
    }

    /// Memory of this thread for one item, where `dequeueToScratch` and its like put it; then two words for `claim` and `take`.
    #[napi(catch_unwind)]
    pub fn set_scratch(
        &self,
        env: Env,
        #[napi(ts_arg_type = "Uint8Array")] scratch: Object<'_>,
    ) -> Result<()> {
        let (pin, bytes) = Pinned::new(env.raw(), &scratch)?;
        self.ring
            .scratch
            .replace(Some((bytes, pin.until_drop(env.raw()))));
        Ok(())
    }

    /// The sizes that the ring was made with.
    #[napi(getter)]
    pub fn geometry(&self) -> NativeRingGeometry {
        let geometry = self.ring.handle.geometry();
        NativeRingGeometry {
            capacity: geometry.capacity(),
            item_size: geometry.item_size(),
        }
    }

    /// Figures.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> NativeRingStats {
        let stats = self.ring.handle.stats();
        NativeRingStats {
            items: stats.items as f64,
            enqueued: stats.enqueued as f64,
            dequeued: stats.dequeued as f64,
            damaged: stats.damaged as f64,
            sleepers: stats.sleepers,
        }
    }

    /// Has the bell rung when the next item comes. True when there may be one already; then it may not ring.
    #[napi(catch_unwind)]
    pub fn call_for_item(&self, bell: &ThreadBell) -> bool {
        self.ring.handle.call_for_item(bell.waiter())
    }
}

impl From<AttachError> for Error<Code> {
    fn from(error: AttachError) -> Self {
        match error {
            AttachError::Geometry(error) => error.into(),
            AttachError::OtherCopy(copy) => Self::new(Code::DuplicateCopy, copy.to_string()),
        }
    }
}

impl From<GeometryError> for Error<Code> {
    fn from(error: GeometryError) -> Self {
        let code = match error {
            GeometryError::Capacity(_) | GeometryError::ItemSize(_) => Code::Argument,
            GeometryError::Foreign | GeometryError::Version(_) | GeometryError::Size { .. } => {
                Code::ForeignMemory
            }
        };
        Self::new(code, error.to_string())
    }
}
