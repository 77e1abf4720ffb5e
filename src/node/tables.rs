//! The process-wide strings and shapes, for a miss of a thread's own cache. Keys cross encoded.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

use super::error::Result;
use crate::intern::{Channel, Tables, Used};

/// The channel of a bus by its name, for `internString` and `internShape`.
#[napi(catch_unwind)]
pub fn intern_channel(bus: String) -> u32 {
    Tables::global().channels.of_bus(&bus).0
}

/// What a channel brought into the tables.
#[napi(object)]
pub struct NativeInternUsage {
    /// Strings.
    pub strings: f64,
    /// Bytes of them.
    pub string_bytes: f64,
    /// Shapes.
    pub shapes: f64,
    /// Bytes of them.
    pub shape_bytes: f64,
}

/// What a channel brought into the tables; without a channel, what all brought in together.
#[napi(catch_unwind)]
pub fn intern_usage(channel: Option<u32>) -> NativeInternUsage {
    let tables = Tables::global();
    let (strings, shapes) = match channel.map(Channel) {
        Some(channel) => (tables.strings.used(channel), tables.shapes.used(channel)),
        None => (tables.strings.total(), tables.shapes.total()),
    };
    let figures = |used: Used| (f64::from(used.entries), used.bytes as f64);
    let ((strings, string_bytes), (shapes, shape_bytes)) = (figures(strings), figures(shapes));
    NativeInternUsage {
        strings,
        string_bytes,
        shapes,
        shape_bytes,
    }
}

/// The id of an encoded string, or 0 when the table does not take it, or not from this channel.
#[napi(catch_unwind)]
pub fn intern_string(channel: u32, encoded: &[u8]) -> Result<u32> {
    Ok(Tables::global()
        .intern_string_encoded(Channel(channel), encoded)?
        .unwrap_or(0))
}

/// The string of an id, encoded; null for an id that was never given.
#[napi(catch_unwind)]
pub fn interned_string(id: u32) -> Option<Buffer> {
    Tables::global().string_encoded(id).map(Buffer::from)
}

/// The id of a shape, given as an encoded array of its keys, or 0 when the table does not take it, or not from this channel.
#[napi(catch_unwind)]
pub fn intern_shape(channel: u32, encoded: &[u8]) -> Result<u32> {
    Ok(Tables::global()
        .intern_shape_encoded(Channel(channel), encoded)?
        .unwrap_or(0))
}

/// The keys of a shape as an encoded array; null for an id that was never given.
#[napi(catch_unwind)]
pub fn interned_shape(id: u32) -> Option<Buffer> {
    Tables::global().shape_encoded(id).map(Buffer::from)
}
