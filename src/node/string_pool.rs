//! The class `NativeStringPool`: strings that a thread does not know yet.

use std::sync::Arc;

use napi::bindgen_prelude::Utf16String;
use napi_derive::napi;

use crate::intern::StringPool;

/// Figures of a pool.
#[napi(object)]
pub struct NativeStringPoolStats {
    /// Strings, the common ones included.
    pub strings: u32,
    /// Code units of all strings together.
    pub units: f64,
    /// Memory of all strings together, in bytes.
    pub bytes: f64,
    /// Bits of the filter.
    pub filter_bits: u32,
    /// Probes of the filter for each string.
    pub filter_hash_count: u32,
    /// How many bits of the filter are 1.
    pub filter_bits_set: u32,
}

/// A pool, as one thread has it.
#[napi]
pub struct NativeStringPool {
    pool: Arc<StringPool>,
}

#[napi]
impl NativeStringPool {
    /// The pool of a name, or one of its own.
    #[napi(constructor, catch_unwind)]
    pub fn new(name: Option<String>) -> Self {
        let pool = match name {
            Some(name) => StringPool::shared(&name),
            None => Arc::new(StringPool::new()),
        };
        Self { pool }
    }

    /// The id of a string, or 0 when the pool does not take it.
    #[napi(catch_unwind)]
    pub fn intern(&self, text: Utf16String) -> u32 {
        self.pool.intern(&text).unwrap_or(0)
    }

    /// The string of an id, as a string of its own; null for an id that was never given.
    #[napi(catch_unwind)]
    pub fn text(&self, id: u32) -> Option<Utf16String> {
        self.pool.units(id).map(Utf16String::from)
    }

    /// True when the string has an id.
    #[napi(catch_unwind)]
    pub fn has(&self, text: Utf16String) -> bool {
        self.pool.has(&text)
    }

    /// Figures.
    #[napi(catch_unwind)]
    pub fn stats(&self) -> NativeStringPoolStats {
        let stats = self.pool.stats();
        NativeStringPoolStats {
            strings: stats.strings as u32,
            units: stats.units as f64,
            bytes: stats.bytes as f64,
            filter_bits: stats.filter.bits(),
            filter_hash_count: stats.filter.hash_count(),
            filter_bits_set: stats.bits_set,
        }
    }
}
