//! The class `NativeBloom`: sizes, checks and figures of a Bloom filter. Strings are hashed in JavaScript.

use napi::bindgen_prelude::{Env, Error, Object, Utf16String};
use napi_derive::napi;

use super::error::{Code, Result};
use super::memory::{Pinned, PinnedUntilDrop};
use crate::bloom::{Bloom, Geometry, GeometryError};
use crate::memory::SharedBytes;

/// Bytes of a filter for so many items at a rate.
#[napi(catch_unwind)]
pub fn bloom_bytes(expected_items: u32, rate: f64) -> Result<f64> {
    Ok(Geometry::new(expected_items, rate)?.total_bytes() as f64)
}

/// The most items that a filter of this rate may expect.
#[napi(catch_unwind)]
pub fn bloom_most_items(rate: f64) -> Result<u32> {
    Ok(Geometry::most_items(rate)?)
}

/// The sizes of a filter, and what they were chosen for.
#[napi(object)]
pub struct NativeBloomGeometry {
    /// Number of bits.
    pub bits: u32,
    /// Probes for each string.
    pub hash_count: u32,
    /// How many items it was made for.
    pub expected_items: u32,
    /// The rate that was asked for.
    pub rate: f64,
}

/// A filter, as one thread has it.
#[napi]
pub struct NativeBloom {
    bloom: Bloom<SharedBytes>,
    /// Dropped last.
    _pin: PinnedUntilDrop,
}

#[napi]
impl NativeBloom {
    /// Makes a filter of zeroed memory when a number of items and a rate are given, else attaches to the one that is there.
    #[napi(constructor, catch_unwind)]
    pub fn new(
        env: Env,
        #[napi(ts_arg_type = "Uint8Array")] memory: Object<'_>,
        expected_items: Option<u32>,
        rate: Option<f64>,
    ) -> Result<Self> {
        let (pin, bytes) = Pinned::new(env.raw(), &memory)?;
        let pin = pin.until_drop(env.raw());
        let bloom = match (expected_items, rate) {
            (Some(items), Some(rate)) => Bloom::create(bytes, Geometry::new(items, rate)?)?,
            _ => Bloom::attach(bytes)?,
        };
        Ok(Self { bloom, _pin: pin })
    }

    /// The sizes, as they were when this handle was made.
    #[napi(getter)]
    pub fn geometry(&self) -> NativeBloomGeometry {
        let geometry = self.bloom.geometry();
        NativeBloomGeometry {
            bits: geometry.bits(),
            hash_count: geometry.hash_count(),
            expected_items: geometry.expected_items(),
            rate: geometry.rate(),
        }
    }

    /// How many bits are 1.
    #[napi(catch_unwind)]
    pub fn bits_set(&self) -> u32 {
        self.bloom.bits_set()
    }

    /// Forgets all strings.
    #[napi(catch_unwind)]
    pub fn clear(&self) {
        self.bloom.clear();
    }

    /// Adds a string, for tests: JavaScript does it by itself.
    #[napi(catch_unwind)]
    pub fn add(&self, text: Utf16String) {
        self.bloom.add(&text);
    }

    /// Asks for a string, for tests: JavaScript does it by itself.
    #[napi(catch_unwind)]
    pub fn might_contain(&self, text: Utf16String) -> bool {
        self.bloom.might_contain(&text)
    }
}

impl From<GeometryError> for Error<Code> {
    fn from(error: GeometryError) -> Self {
        let code = match error {
            GeometryError::Rate(_) | GeometryError::ExpectedItems { .. } => Code::Argument,
            GeometryError::Foreign
            | GeometryError::Version(_)
            | GeometryError::Damaged
            | GeometryError::Size { .. } => Code::ForeignMemory,
        };
        Self::new(code, error.to_string())
    }
}
