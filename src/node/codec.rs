//! The Rust codec, for the tests that hold the two implementations together and for tools.

use napi::Error;
use napi::bindgen_prelude::{Buffer, Either, Uint8Array};
use napi_derive::napi;

use super::error::{Code, Result};
use super::own_stack::{depth_of_text, with_stack_for};
use crate::codec::find::Found;
use crate::codec::json::{self, FromJsonOptions, JsonError, ToJsonError, ToJsonOptions};
use crate::codec::path::Path;
use crate::codec::{self, DecodeError, NoTables};
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

/// What is wrong with bytes or with a text; the facade makes an error of its own classes of it.
#[napi(object)]
pub struct NativeFault {
    /// What was expected and what was found.
    pub message: String,
    /// Where in the bytes or in the text (as UTF-8).
    pub offset: u32,
    /// The line of a text, from 1.
    pub line: u32,
    /// Where in the line, from 1.
    pub column: u32,
}

impl From<DecodeError> for NativeFault {
    fn from(error: DecodeError) -> Self {
        Self {
            message: error.kind.to_string(),
            offset: small(error.offset),
            line: 0,
            column: 0,
        }
    }
}

impl From<JsonError> for NativeFault {
    fn from(error: JsonError) -> Self {
        Self {
            message: error.kind.to_string(),
            offset: small(error.offset),
            line: small(error.line),
            column: small(error.column),
        }
    }
}

/// Positions in what V8 holds in one piece, which is less than 4 GiB of text, and of bytes all that a message may have.
fn small(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn not_a_batch() -> NativeFault {
    NativeFault {
        message: json::NOT_A_BATCH.into(),
        offset: 0,
        line: 0,
        column: 0,
    }
}

/// What the ids of bytes refer to: nothing where they are self-contained.
fn tables_if(by_tables: bool) -> &'static dyn codec::Tables {
    if by_tables {
        Tables::global()
    } else {
        &NoTables
    }
}

/// What is wrong with encoded bytes, or with them as the value of a batch; null if nothing is.
#[napi(catch_unwind)]
pub fn find_fault(encoded: &[u8], by_tables: bool, is_batch: bool) -> Option<NativeFault> {
    let tables = tables_if(by_tables);
    if !is_batch {
        return codec::validate(encoded, tables)
            .err()
            .map(NativeFault::from);
    }
    match codec::batch::is_batch(encoded, tables) {
        Ok(is_batch) => (!is_batch).then(not_a_batch),
        Err(error) => Some(error.into()),
    }
}

/// The value at a field path of encoded bytes, self-contained; null where there is none.
#[napi(catch_unwind)]
pub fn value_at_path(
    encoded: &[u8],
    by_tables: bool,
    path: String,
) -> Result<Option<Either<Buffer, NativeFault>>> {
    let path = Path::parse(&path).map_err(|error| Error::new(Code::Argument, error.to_string()))?;
    let found = path
        .find(encoded, tables_if(by_tables))
        .and_then(|found| found.map(Found::decode).transpose());
    let value = match found {
        Ok(Some(value)) => value,
        Ok(None) => return Ok(None),
        Err(error) => return Ok(Some(Either::B(error.into()))),
    };
    let mut bytes = Vec::new();
    codec::encode(&value, &mut bytes)?;
    Ok(Some(Either::A(bytes.into())))
}

/// The JSON text of encoded bytes: of the value alone, or, with an encoded header, of the message or batch that it heads.
#[napi(catch_unwind)]
pub fn value_to_json(
    encoded: &[u8],
    by_tables: bool,
    indent: u32,
    header: Option<&[u8]>,
    is_batch: bool,
) -> Result<Either<String, NativeFault>> {
    let value = match codec::decode(encoded, tables_if(by_tables)) {
        Ok(value) => value,
        Err(error) => return Ok(Either::B(error.into())),
    };
    let value = match header {
        None => value,
        Some(header) => {
            let header = codec::decode(header, &NoTables)?;
            match json::envelope(header, value, is_batch) {
                Some(value) => value,
                None => return Ok(Either::B(not_a_batch())),
            }
        }
    };
    let options = ToJsonOptions {
        indent,
        ..Default::default()
    };
    // The envelope of a batch has more levels than the value.
    let depth = value.depth();
    match with_stack_for(depth, || json::value_to_json(&value, options))? {
        Ok(text) => Ok(Either::A(text)),
        Err(ToJsonError::Undecodable(error)) => Ok(Either::B(error.into())),
        Err(error @ ToJsonError::TooLong { .. }) => {
            Err(Error::new(Code::TooLarge, error.to_string()))
        }
    }
}

/// The encoded bytes, self-contained, of a JSON text.
#[napi(catch_unwind)]
pub fn value_from_json(text: String, plain: bool) -> Result<Either<Uint8Array, NativeFault>> {
    let read = || {
        let mut bytes = Vec::new();
        json::from_json(&text, FromJsonOptions { plain }, &mut bytes).map(|()| bytes)
    };
    Ok(match with_stack_for(depth_of_text(&text), read)? {
        Ok(bytes) => Either::A(bytes.into()),
        Err(error) => Either::B(error.into()),
    })
}

/// In place of a length: the bytes are no value.
const REFUSED: u32 = u32::MAX;

/// `transcodeValue` of many values in one call, for tests that try millions. Each is a u32 of its length and its bytes, one behind
/// the other; so is each result, with 0xFFFFFFFF as the length of what is no value.
#[napi(catch_unwind)]
pub fn transcode_values(values: &[u8]) -> Result<Buffer> {
    let mut left = values;
    let mut results = Vec::with_capacity(values.len());
    while !left.is_empty() {
        let Some((encoded, rest)) = split_value(left) else {
            return Err(Error::new(
                Code::Argument,
                "a length is longer than the bytes",
            ));
        };
        left = rest;
        let decoded = codec::decode(encoded, Tables::global());
        if codec::validate(encoded, Tables::global()).err() != decoded.as_ref().err().copied() {
            return Err(Error::new(
                Code::Internal,
                "decoding and validating disagree",
            ));
        }
        let start = results.len();
        results.extend(REFUSED.to_le_bytes());
        if let Ok(value) = decoded {
            codec::encode(&value, &mut results)?;
            let length = (results.len() - start - size_of::<u32>()) as u32;
            results[start..][..size_of::<u32>()].copy_from_slice(&length.to_le_bytes());
        }
    }
    Ok(results.into())
}

/// The bytes behind a length, and what is behind them.
fn split_value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}
