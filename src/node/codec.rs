//! The Rust codec, for the tests that hold the two implementations together and for tools.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

use super::error::Result;
use crate::codec;
use crate::intern::Tables;

/// Checks encoded bytes; throws ERR_AGENTWIRE_UNDECODABLE with what is wrong and where.
#[napi(catch_unwind)]
pub fn validate_value(encoded: &[u8]) -> Result<()> {
    Ok(codec::validate(encoded, Tables::global())?)
}

/// Decodes and encodes again, self-contained: the same value without shapes and strings by id.
#[napi(catch_unwind)]
pub fn transcode_value(encoded: &[u8]) -> Result<Buffer> {
    let value = codec::decode(encoded, Tables::global())?;
    let mut bytes = Vec::new();
    codec::encode(&value, &mut bytes)?;
    Ok(bytes.into())
}
