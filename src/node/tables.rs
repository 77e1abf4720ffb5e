//! The process-wide strings and shapes, for a miss of a thread's own cache. Keys cross encoded.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

use super::error::Result;
use crate::intern::Tables;

/// The id of an encoded string, or 0 when the table does not take it.
#[napi(catch_unwind)]
pub fn intern_string(encoded: &[u8]) -> Result<u32> {
    Ok(Tables::global()
        .intern_string_encoded(encoded)?
        .unwrap_or(0))
}

/// The string of an id, encoded; null for an id that was never given.
#[napi(catch_unwind)]
pub fn interned_string(id: u32) -> Option<Buffer> {
    Tables::global().string_encoded(id).map(Buffer::from)
}

/// The id of a shape, given as an encoded array of its keys, or 0 when the table does not take it.
#[napi(catch_unwind)]
pub fn intern_shape(encoded: &[u8]) -> Result<u32> {
    Ok(Tables::global().intern_shape_encoded(encoded)?.unwrap_or(0))
}

/// The keys of a shape as an encoded array; null for an id that was never given.
#[napi(catch_unwind)]
pub fn interned_shape(id: u32) -> Option<Buffer> {
    Tables::global().shape_encoded(id).map(Buffer::from)
}
