//! Messages as bytes: compression and the checksum for the facade, the Rust reader for tests and tools.

use napi::bindgen_prelude::{Buffer, Either, Env, Null, Object};
use napi_derive::napi;

use super::error::{Code, Result};
use super::fast;
use crate::codec::compress::{self, Algorithm, DecompressError};
use crate::codec::frame::layout::{COMPRESSION_LZ4, COMPRESSION_ZSTD};
use crate::codec::frame::{self, Limits, Opened};
use crate::codec::{self, NoTables};
use crate::intern::Tables;

/// The compressed bytes, or null where compression does not pay. `algorithm` is a CompressionType.
#[napi(catch_unwind)]
pub fn compress(algorithm: u32, raw: &[u8]) -> Result<Either<Buffer, Null>> {
    let compressed = compress::compress(algorithm_of(algorithm)?, raw);
    Ok(compressed.map_or(Either::B(Null), |bytes| Either::A(bytes.into())))
}

/// The `raw_length` bytes that were compressed. The caller has compared the length with its limit.
#[napi(catch_unwind)]
pub fn decompress(algorithm: u32, compressed: &[u8], raw_length: u32) -> Result<Buffer> {
    let length = usize::try_from(raw_length).unwrap_or(usize::MAX);
    match compress::decompress(algorithm_of(algorithm)?, compressed, length) {
        Ok(raw) => Ok(raw.into()),
        Err(error) => {
            let code = match error {
                DecompressError::NoMemory { .. } => Code::NoMemory,
                _ => Code::Undecodable,
            };
            Err(napi::Error::new(code, error.to_string()))
        }
    }
}

/// The functions that are called per message: `crc32(bytes, start, end)`.
#[napi(
    catch_unwind,
    ts_return_type = "{ crc32(bytes: Uint8Array, start: number, end: number): number }"
)]
pub fn frame_functions(env: &Env) -> Result<Object<'_>> {
    fast::frame::functions(env)
}

/// The random number that names the tables of this process: its low and its high 32 bits.
#[napi(catch_unwind)]
pub fn tables_epoch() -> Vec<u32> {
    let epoch = frame::tables_epoch();
    vec![epoch as u32, (epoch >> 32) as u32]
}

/// What the Rust reader makes of a message.
#[napi(object)]
pub struct OpenedFrame {
    /// The type.
    pub kind: u32,
    /// The flags.
    pub flags: u32,
    /// Bytes of the payload.
    pub payload_length: u32,
    /// The encoded value.
    pub body: Buffer,
    /// True when the value is a batch.
    pub is_batch: bool,
    /// True when the value refers to the tables of this process.
    pub uses_tables: bool,
}

/// Opens a message; throws what is wrong with it and where.
#[napi(catch_unwind)]
pub fn open_frame(bytes: &[u8], max_bytes: u32) -> Result<OpenedFrame> {
    let opened = open(bytes, max_bytes)?;
    Ok(OpenedFrame {
        kind: opened.header.kind.into(),
        flags: opened.header.flags.into(),
        payload_length: opened.header.payload_length,
        is_batch: opened.is_batch(),
        uses_tables: opened.uses_tables(),
        body: opened.body.into_owned().into(),
    })
}

/// Checks a message and its value.
#[napi(catch_unwind)]
pub fn validate_frame(bytes: &[u8], max_bytes: u32) -> Result<()> {
    let opened = open(bytes, max_bytes)?;
    if opened.uses_tables() {
        codec::validate(&opened.body, Tables::global())?;
    } else {
        codec::validate(&opened.body, &NoTables)?;
    }
    Ok(())
}

fn open(bytes: &[u8], max_bytes: u32) -> Result<Opened<'_>> {
    let limits = Limits {
        max_bytes: usize::try_from(max_bytes).unwrap_or(usize::MAX),
        epoch: Some(frame::tables_epoch()),
    };
    Ok(frame::open(bytes, &limits)?)
}

fn algorithm_of(compression: u32) -> Result<Algorithm> {
    match u8::try_from(compression) {
        Ok(COMPRESSION_ZSTD) => Ok(Algorithm::Zstd),
        Ok(COMPRESSION_LZ4) => Ok(Algorithm::Lz4),
        _ => Err(napi::Error::new(
            Code::Argument,
            "expected zstd (1) or LZ4 (2)",
        )),
    }
}
