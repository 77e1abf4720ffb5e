//! What can be wrong with a value that is to be encoded.

use std::error::Error;
use std::fmt;

use super::{DecodeErrorKind, write_binary_length};
use crate::codec::binary::BinaryKind;
use crate::codec::layout::MAX_VARINT;

/// A value that the encoding cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// More containers within one another than allowed.
    TooDeep,
    /// A hole that is not directly in an array.
    MisplacedHole,
    /// An object that has a key twice.
    DuplicateKey,
    /// A message of version 0.
    MessageVersion,
    /// A message's field whose tag is not larger than the one before it, or is 0.
    FieldTag {
        /// The tag.
        tag: u32,
        /// The one before it, 0 for the first field.
        previous: u32,
    },
    /// A string, bigint, binary or container longer than a varint can say.
    TooLong {
        /// Its length, in the unit of its count.
        length: usize,
    },
    /// A binary value that is not a multiple of its element long.
    BinaryLength {
        /// Its kind.
        kind: BinaryKind,
        /// Its length in bytes.
        length: usize,
    },
}

impl EncodeError {
    /// A name that stays the same across versions.
    pub fn name(&self) -> &'static str {
        match self {
            EncodeError::TooDeep => "TooDeep",
            EncodeError::MisplacedHole => "MisplacedHole",
            EncodeError::DuplicateKey => "DuplicateKey",
            EncodeError::MessageVersion => "MessageVersion",
            EncodeError::FieldTag { .. } => "FieldTag",
            EncodeError::TooLong { .. } => "TooLong",
            EncodeError::BinaryLength { .. } => "BinaryLength",
        }
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            // These say the same of a value as of bytes.
            EncodeError::TooDeep => DecodeErrorKind::TooDeep.fmt(f),
            EncodeError::MisplacedHole => DecodeErrorKind::MisplacedHole.fmt(f),
            EncodeError::DuplicateKey => DecodeErrorKind::DuplicateKey.fmt(f),
            EncodeError::MessageVersion => DecodeErrorKind::MessageVersion.fmt(f),
            EncodeError::FieldTag { tag, previous } => {
                DecodeErrorKind::FieldTag { tag, previous }.fmt(f)
            }
            EncodeError::TooLong { length } => {
                write!(
                    f,
                    "expected a length of at most {MAX_VARINT}, found {length}"
                )
            }
            EncodeError::BinaryLength { kind, length } => write_binary_length(f, kind, length),
        }
    }
}

impl Error for EncodeError {}
