//! A message as bytes (docs/wire-format.md, section 4): its header, and the way to its value.
//!
//! [`open`] is total: any bytes give the encoded value or an error, in time linear in what there is and in what the
//! caller's limit allows. It does not look at the value itself, which [`decode`](super::decode()) does.

mod error;
pub mod layout;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;

use super::compress::{self, Algorithm};
use super::cursor::Cursor;
pub use error::{FrameError, FrameErrorKind};
use layout::*;

/// What stands before the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// A `MessageType`, or a number of the user's own.
    pub kind: u8,
    /// How the payload is to be read.
    pub flags: u8,
    /// Bytes of the payload.
    pub payload_length: u32,
    /// Nanoseconds since the Unix epoch.
    pub timestamp: u64,
    /// Joins a message with its answer; 0 for none.
    pub correlation_id: u64,
}

/// What a reader takes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest value, in bytes before compression. No more than that is ever allocated.
    pub max_bytes: usize,
    /// The epoch of the tables that ids are looked up in; None takes no message with ids.
    pub epoch: Option<u64>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_bytes: DEFAULT_MAX_BYTES,
            epoch: None,
        }
    }
}

/// A message that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened<'a> {
    /// Its header.
    pub header: Header,
    /// Its encoded value: the message's own bytes, or new ones where it was compressed.
    pub body: Cow<'a, [u8]>,
}

impl Opened<'_> {
    /// True when the value is a batch.
    pub fn is_batch(&self) -> bool {
        self.header.flags & BATCH != 0
    }

    /// True when the value refers to the tables of the process.
    pub fn uses_tables(&self) -> bool {
        self.header.flags & TABLES != 0
    }
}

/// The random number that names this process's tables, drawn on first need.
pub fn tables_epoch() -> u64 {
    static EPOCH: OnceLock<u64> = OnceLock::new();
    // A hash of nothing, under keys that the standard library takes from the system's randomness.
    *EPOCH.get_or_init(|| RandomState::new().hash_one(()))
}

/// Reads the header that the bytes begin with.
pub fn read_header(bytes: &[u8]) -> Result<Header, FrameError> {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Err(end(0, HEADER_BYTES, bytes.len()));
    };
    if header[0] != MAGIC {
        let kind = FrameErrorKind::Magic { found: header[0] };
        return Err(FrameError::new(0, kind));
    }
    if header[VERSION_AT] != VERSION {
        let found = header[VERSION_AT];
        let kind = FrameErrorKind::Version { found };
        return Err(FrameError::new(VERSION_AT, kind));
    }
    Ok(Header {
        kind: header[TYPE_AT],
        flags: header[FLAGS_AT],
        payload_length: u32::from_le_bytes(field(header, PAYLOAD_LENGTH_AT)),
        timestamp: u64::from_le_bytes(field(header, TIMESTAMP_AT)),
        correlation_id: u64::from_le_bytes(field(header, CORRELATION_ID_AT)),
    })
}

/// `N` bytes of a header; the offsets are constants within it.
fn field<const N: usize>(header: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|index| header[at + index])
}

/// Opens the message that the bytes begin with. Bytes behind it are not looked at.
///
/// What is wrong is looked for in this order, which TypeScript keeps too: the header, flags, the compression, the length,
/// the checksum, the epoch, the length before compression, the compressed bytes.
pub fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Opened<'a>, FrameError> {
    let header = read_header(bytes)?;
    let flags = header.flags;
    if flags & RESERVED_FLAGS != 0 {
        let kind = FrameErrorKind::ReservedFlags { flags };
        return Err(FrameError::new(FLAGS_AT, kind));
    }
    let algorithm = match flags & COMPRESSION_MASK {
        COMPRESSION_NONE => None,
        COMPRESSION_ZSTD => Some(Algorithm::Zstd),
        COMPRESSION_LZ4 => Some(Algorithm::Lz4),
        _ => {
            let kind = FrameErrorKind::UnsupportedCompression;
            return Err(FrameError::new(FLAGS_AT, kind));
        }
    };
    let needed = usize::try_from(header.payload_length).unwrap_or(usize::MAX);
    let left = bytes.len() - HEADER_BYTES;
    if needed > left {
        return Err(end(HEADER_BYTES, needed, left));
    }
    let mut message = &bytes[..HEADER_BYTES + needed];
    if flags & CHECKSUM != 0 {
        message = checked(message)?;
    }
    let mut payload = &message[HEADER_BYTES..];
    if flags & TABLES != 0 {
        let Some((epoch, rest)) = payload.split_first_chunk::<EPOCH_BYTES>() else {
            return Err(end(HEADER_BYTES, EPOCH_BYTES, payload.len()));
        };
        let found = u64::from_le_bytes(*epoch);
        if limits.epoch != Some(found) {
            let kind = FrameErrorKind::ForeignTables { found };
            return Err(FrameError::new(HEADER_BYTES, kind));
        }
        payload = rest;
    }
    let offset = message.len() - payload.len();
    let body = match algorithm {
        None => {
            check_size(payload.len(), limits.max_bytes, offset)?;
            Cow::Borrowed(payload)
        }
        Some(algorithm) => Cow::Owned(decompressed(algorithm, payload, limits.max_bytes, offset)?),
    };
    Ok(Opened { header, body })
}

/// The message without its checksum, which must be that of its bytes.
fn checked(message: &[u8]) -> Result<&[u8], FrameError> {
    let (covered, payload) = (message.len(), &message[HEADER_BYTES..]);
    let Some((_, carried)) = payload.split_last_chunk::<CHECKSUM_BYTES>() else {
        return Err(end(HEADER_BYTES, CHECKSUM_BYTES, payload.len()));
    };
    let covered = &message[..covered - CHECKSUM_BYTES];
    let (carried, computed) = (u32::from_le_bytes(*carried), crc32fast::hash(covered));
    if carried == computed {
        Ok(covered)
    } else {
        let kind = FrameErrorKind::Checksum { carried, computed };
        Err(FrameError::new(covered.len(), kind))
    }
}

fn decompressed(
    algorithm: Algorithm,
    payload: &[u8],
    limit: usize,
    offset: usize,
) -> Result<Vec<u8>, FrameError> {
    let mut cursor = Cursor::new(payload);
    let raw_length = cursor
        .length()
        .map_err(|error| FrameError::new(offset, FrameErrorKind::RawLength(error)))?;
    check_size(raw_length, limit, offset)?;
    let start = cursor.offset();
    compress::decompress(algorithm, &payload[start..], raw_length)
        .map_err(|error| FrameError::new(offset + start, FrameErrorKind::Compressed(error)))
}

fn check_size(bytes: usize, limit: usize, offset: usize) -> Result<(), FrameError> {
    if bytes <= limit {
        Ok(())
    } else {
        let kind = FrameErrorKind::TooLarge { bytes, limit };
        Err(FrameError::new(offset, kind))
    }
}

fn end(offset: usize, needed: usize, left: usize) -> FrameError {
    FrameError::new(offset, FrameErrorKind::UnexpectedEnd { needed, left })
}
