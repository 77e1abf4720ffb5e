//! What can be wrong with a message's bytes before its value is looked at.

use std::error::Error;
use std::fmt;

use super::layout::*;
use crate::codec::compress::DecompressError;
use crate::codec::error::DecodeError;

/// Bytes that are no message, or one that this reader does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// Where, from the first byte of the header.
    pub offset: usize,
    /// What.
    pub kind: FrameErrorKind,
}

impl FrameError {
    pub(super) fn new(offset: usize, kind: FrameErrorKind) -> FrameError {
        FrameError { offset, kind }
    }
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameErrorKind {
    /// The bytes end before the message does.
    UnexpectedEnd {
        /// Bytes that the part at the offset takes.
        needed: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// Another first byte than a message has.
    Magic {
        /// The byte.
        found: u8,
    },
    /// A version that is not read.
    Version {
        /// The version.
        found: u8,
    },
    /// Flags without a meaning.
    ReservedFlags {
        /// All flags.
        flags: u8,
    },
    /// A compression that is not supported.
    UnsupportedCompression,
    /// Bytes that are not those that were written.
    Checksum {
        /// The checksum that the message carries.
        carried: u32,
        /// The checksum of its bytes.
        computed: u32,
    },
    /// Ids of the tables of another process, or of an earlier run.
    ForeignTables {
        /// The epoch of the message.
        found: u64,
    },
    /// The length before compression is no varint.
    RawLength(DecodeError),
    /// A value of more bytes than the reader takes.
    TooLarge {
        /// Bytes of the value, as the message has it.
        bytes: usize,
        /// The reader's limit.
        limit: usize,
    },
    /// Compressed bytes that are not what they should be.
    Compressed(DecompressError),
}

impl FrameErrorKind {
    /// A name that stays the same across versions.
    pub fn name(&self) -> &'static str {
        match self {
            FrameErrorKind::UnexpectedEnd { .. } => "UnexpectedEnd",
            FrameErrorKind::Magic { .. } => "Magic",
            FrameErrorKind::Version { .. } => "Version",
            FrameErrorKind::ReservedFlags { .. } => "ReservedFlags",
            FrameErrorKind::UnsupportedCompression => "UnsupportedCompression",
            FrameErrorKind::Checksum { .. } => "Checksum",
            FrameErrorKind::ForeignTables { .. } => "ForeignTables",
            FrameErrorKind::RawLength(_) => "RawLength",
            FrameErrorKind::TooLarge { .. } => "TooLarge",
            FrameErrorKind::Compressed(_) => "Compressed",
        }
    }
}

impl fmt::Display for FrameErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            FrameErrorKind::UnexpectedEnd { needed, left } => {
                write!(
                    f,
                    "expected {needed} more bytes, found {left} before the end"
                )
            }
            FrameErrorKind::Magic { found } => {
                write!(
                    f,
                    "expected a message's first byte 0x{MAGIC:02X}, found 0x{found:02X}"
                )
            }
            FrameErrorKind::Version { found } => {
                write!(f, "expected version {VERSION}, found {found}")
            }
            FrameErrorKind::ReservedFlags { flags } => {
                write!(
                    f,
                    "expected the flags 0x{RESERVED_FLAGS:02X} to be zero, found 0x{flags:02X}"
                )
            }
            FrameErrorKind::UnsupportedCompression => {
                write!(
                    f,
                    "expected no compression, zstd or LZ4, found Snappy, which is not supported"
                )
            }
            FrameErrorKind::Checksum { carried, computed } => {
                write!(
                    f,
                    "expected bytes with the checksum 0x{carried:08X}, found some with 0x{computed:08X}"
                )
            }
            FrameErrorKind::ForeignTables { found } => {
                write!(
                    f,
                    "expected ids of this process's tables, found those of the epoch 0x{found:016X}"
                )
            }
            FrameErrorKind::RawLength(error) => error.kind.fmt(f),
            FrameErrorKind::TooLarge { bytes, limit } => {
                write!(
                    f,
                    "expected a value of at most {limit} bytes, found one of {bytes}"
                )
            }
            FrameErrorKind::Compressed(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {} of the message: {}", self.offset, self.kind)
    }
}

impl Error for FrameError {}
