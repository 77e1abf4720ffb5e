//! The class `NativeHistogram`: a thread's part of a histogram of many threads.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use napi::bindgen_prelude::{Env, Error, Float64Array, Object};
use napi_derive::napi;

use super::endpoint::NativeEndpoint;
use super::error::{Code, Result};
use super::memory::{Pinned, PinnedUntilDrop};
use crate::bus::named_bus::Bus;
use crate::memory::Memory;
use crate::memory::registry::Registry;
use crate::monitor::histogram::{SharedHistogram, SharedPart};
use crate::monitor::layout::part_bytes;

type Histogram = SharedHistogram<SharedPart>;

/// What the part is of.
enum Whole {
    Named(Arc<Histogram>),
    OfBus(Arc<Bus>),
}

impl Whole {
    fn histogram(&self) -> &Histogram {
        match self {
            Self::Named(histogram) => histogram,
            Self::OfBus(bus) => &bus.latency,
        }
    }
}

/// A thread's part. It leaves when it is told to, when it is collected, and when its environment ends.
#[napi]
pub struct NativeHistogram {
    whole: Whole,
    number: u64,
    /// Dropped last.
    _pin: PinnedUntilDrop,
}

impl NativeHistogram {
    fn join(env: Env, memory: &Object<'_>, whole: Whole) -> Result<Self> {
        let (pin, bytes) = Pinned::new(env.raw(), memory)?;
        let pin = pin.until_drop(env.raw());
        let wanted = part_bytes(whole.histogram().limit);
        if bytes.len() != wanted {
            return Err(Error::new(
                Code::Argument,
                format!("the part has {} bytes, expected {wanted}", bytes.len()),
            ));
        }
        // SAFETY: the memory is pinned until after the part has left, in `drop`.
        let number = whole.histogram().join(unsafe { SharedPart::new(bytes) });
        Ok(Self {
            whole,
            number,
            _pin: pin,
        })
    }
}

impl Drop for NativeHistogram {
    fn drop(&mut self) {
        self.whole.histogram().leave(self.number);
    }
}

#[napi]
impl NativeHistogram {
    /// Joins the histogram of that name with zeroed memory; the first one's `limit`, in ns, is that of all.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        name: String,
        limit: f64,
        #[napi(ts_arg_type = "Uint8Array")] memory: Object<'_>,
    ) -> Result<Self> {
        static NAMED: OnceLock<Registry<String, Histogram>> = OnceLock::new();
        let registry = NAMED.get_or_init(Registry::default);
        let made =
            registry.find_or_make(name, || Ok::<_, Infallible>(Histogram::new(limit as u64)));
        let Ok(histogram) = made;
        if histogram.limit != limit as u64 {
            return Err(Error::new(
                Code::Limits,
                format!(
                    "it was opened with maxLatencyMs {}, and {} was given: say the same everywhere",
                    histogram.limit as f64 / 1e6,
                    limit / 1e6
                ),
            ));
        }
        Self::join(env, &memory, Whole::Named(histogram))
    }

    /// Joins the latencies of a bus.
    #[napi(factory, catch_unwind)]
    pub fn of_bus(
        env: Env,
        endpoint: &NativeEndpoint,
        handle: u32,
        #[napi(ts_arg_type = "Uint8Array")] memory: Object<'_>,
    ) -> Result<Self> {
        let bus = Arc::clone(endpoint.endpoint.borrow().bus(handle)?);
        Self::join(env, &memory, Whole::OfBus(bus))
    }

    /// What all threads have recorded, as cells.
    #[napi(catch_unwind)]
    pub fn read(&self) -> Float64Array {
        Float64Array::new(self.whole.histogram().read_cells())
    }

    /// Has all threads forget what they have recorded.
    #[napi(catch_unwind)]
    pub fn reset(&self) {
        self.whole.histogram().reset();
    }

    /// Takes the part out. Nothing may be recorded in it any more.
    #[napi(catch_unwind)]
    pub fn leave(&self) {
        self.whole.histogram().leave(self.number);
    }
}
