//! What can be wrong with bytes, and with a value.
//!
//! An error carries a kind, whose [`name`](DecodeErrorKind::name) is stable and fit for programs, and the
//! offset of the first byte of what is wrong. The message says what was found and what was expected.

mod encode;

use std::error::Error;
use std::fmt;

use super::binary::BinaryKind;
use super::layout::{self, MAX_DEPTH, MAX_VARINT, MAX_VARINT_BYTES};
pub use encode::EncodeError;

/// Bytes that are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Where: the first byte of the tag, number or string that is wrong.
    pub offset: usize,
    /// What.
    pub kind: DecodeErrorKind,
}

impl DecodeError {
    pub(super) fn new(offset: usize, kind: DecodeErrorKind) -> DecodeError {
        DecodeError { offset, kind }
    }
}

/// What is wrong with bytes that are no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeErrorKind {
    /// The bytes end within a value.
    UnexpectedEnd {
        /// Bytes that the part at the offset takes.
        needed: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// The value ends before the bytes do.
    TrailingBytes {
        /// Bytes that are left.
        left: usize,
    },
    /// A tag without a meaning.
    ReservedTag {
        /// The tag.
        tag: u8,
    },
    /// A varint of more than five bytes or 32 bits.
    VarintTooLarge,
    /// A varint that ends in a zero byte: a shorter one says the same.
    VarintNotShortest,
    /// More containers within one another than allowed.
    TooDeep,
    /// A field path that leads through more Maps within one another than allowed.
    TooManyMaps,
    /// A count of things that the bytes left cannot hold, not even with one byte for each.
    CountTooLarge {
        /// The count, or a shape's number of keys.
        count: usize,
        /// Bytes that so many things take at least.
        needed: usize,
        /// Bytes that are left and not owed to containers that are still open.
        left: usize,
    },
    /// A hole that is not directly in an array.
    MisplacedHole,
    /// An object's key that is no string.
    KeyNotString {
        /// The tag in its place.
        tag: u8,
    },
    /// A key that the object has had before.
    DuplicateKey,
    /// An object with its count behind its tag that would fit into the tag.
    ShortObjectCount {
        /// The count.
        count: usize,
    },
    /// A local shape of no keys or of too many.
    ShapeKeys {
        /// How many it claims.
        count: usize,
    },
    /// A key of a local shape that is too long for one.
    ShapeKeyTooLong {
        /// Its length in code units.
        length: usize,
    },
    /// A local shape that the bytes have not defined by then.
    UnknownLocalShape {
        /// Its number.
        number: u32,
        /// How many there are by then; the numbers are dense from 0.
        known: usize,
    },
    /// A message of version 0.
    MessageVersion,
    /// A message's field whose tag is not larger than the one before it, or is 0.
    FieldTag {
        /// The tag.
        tag: u32,
        /// The one before it, 0 for the first field.
        previous: u32,
    },
    /// A string id that the tables do not have.
    UnknownStringId {
        /// The id.
        id: u32,
    },
    /// A shape id that the tables do not have.
    UnknownShapeId {
        /// The id.
        id: u32,
    },
    /// A kind of binary without a meaning.
    UnknownBinaryKind {
        /// The kind byte.
        kind: u8,
    },
    /// A binary value that is not a multiple of its element long.
    BinaryLength {
        /// Its kind.
        kind: BinaryKind,
        /// Its length in bytes.
        length: usize,
    },
    /// A bigint's sign byte other than 0 and 1.
    BigIntSign {
        /// The byte.
        sign: u8,
    },
    /// A bigint's magnitude that is empty or whose last byte is zero.
    BigIntMagnitude,
    /// A value of another type than the reader asked for.
    WrongType {
        /// What the reader asked for.
        expected: &'static str,
        /// The tag in its place.
        tag: u8,
    },
}

impl DecodeErrorKind {
    /// A name that stays the same across versions.
    pub fn name(&self) -> &'static str {
        match self {
            DecodeErrorKind::UnexpectedEnd { .. } => "UnexpectedEnd",
            DecodeErrorKind::TrailingBytes { .. } => "TrailingBytes",
            DecodeErrorKind::ReservedTag { .. } => "ReservedTag",
            DecodeErrorKind::VarintTooLarge => "VarintTooLarge",
            DecodeErrorKind::VarintNotShortest => "VarintNotShortest",
            DecodeErrorKind::TooDeep => "TooDeep",
            DecodeErrorKind::TooManyMaps => "TooManyMaps",
            DecodeErrorKind::CountTooLarge { .. } => "CountTooLarge",
            DecodeErrorKind::MisplacedHole => "MisplacedHole",
            DecodeErrorKind::KeyNotString { .. } => "KeyNotString",
            DecodeErrorKind::DuplicateKey => "DuplicateKey",
            DecodeErrorKind::ShortObjectCount { .. } => "ShortObjectCount",
            DecodeErrorKind::ShapeKeys { .. } => "ShapeKeys",
            DecodeErrorKind::ShapeKeyTooLong { .. } => "ShapeKeyTooLong",
            DecodeErrorKind::UnknownLocalShape { .. } => "UnknownLocalShape",
            DecodeErrorKind::MessageVersion => "MessageVersion",
            DecodeErrorKind::FieldTag { .. } => "FieldTag",
            DecodeErrorKind::UnknownStringId { .. } => "UnknownStringId",
            DecodeErrorKind::UnknownShapeId { .. } => "UnknownShapeId",
            DecodeErrorKind::UnknownBinaryKind { .. } => "UnknownBinaryKind",
            DecodeErrorKind::BinaryLength { .. } => "BinaryLength",
            DecodeErrorKind::BigIntSign { .. } => "BigIntSign",
            DecodeErrorKind::BigIntMagnitude => "BigIntMagnitude",
            DecodeErrorKind::WrongType { .. } => "WrongType",
        }
    }
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            DecodeErrorKind::UnexpectedEnd { needed, left } => {
                write!(
                    f,
                    "expected {needed} more bytes, found {left} before the end"
                )
            }
            DecodeErrorKind::TrailingBytes { left } => {
                write!(
                    f,
                    "expected the end after the value, found {left} more bytes"
                )
            }
            DecodeErrorKind::ReservedTag { tag } => {
                write!(
                    f,
                    "expected a value's tag, found 0x{tag:02X}, which is reserved"
                )
            }
            DecodeErrorKind::VarintTooLarge => {
                write!(
                    f,
                    "expected a varint of at most {MAX_VARINT_BYTES} bytes and {MAX_VARINT}, found a larger one"
                )
            }
            DecodeErrorKind::VarintNotShortest => {
                write!(
                    f,
                    "expected the shortest form of a varint, found one that ends in a zero byte"
                )
            }
            DecodeErrorKind::TooManyMaps => {
                write!(
                    f,
                    "expected a path through at most 8 Maps within one another, found one more"
                )
            }
            DecodeErrorKind::TooDeep => {
                write!(
                    f,
                    "expected at most {MAX_DEPTH} containers within one another, found one more"
                )
            }
            DecodeErrorKind::CountTooLarge {
                count,
                needed,
                left,
            } => {
                write!(
                    f,
                    "found a count of {count}, which takes at least {needed} bytes; expected at most the {left} left for it"
                )
            }
            DecodeErrorKind::MisplacedHole => {
                write!(
                    f,
                    "expected a value, found a hole, which stands only directly in an array"
                )
            }
            DecodeErrorKind::KeyNotString { tag } => {
                write!(f, "expected a string as the key of an object, found ")?;
                write_tag(f, tag)
            }
            DecodeErrorKind::DuplicateKey => {
                write!(
                    f,
                    "expected distinct keys in an object, found one that it already has"
                )
            }
            DecodeErrorKind::ShortObjectCount { count } => {
                let least = layout::LONG_OBJECT_MIN;
                write!(
                    f,
                    "expected at least {least} properties in an object with its count behind its tag, found {count}"
                )
            }
            DecodeErrorKind::ShapeKeys { count } => {
                let most = layout::MAX_SHAPE_KEYS;
                write!(
                    f,
                    "expected a local shape of 1 to {most} keys, found {count}"
                )
            }
            DecodeErrorKind::ShapeKeyTooLong { length } => {
                let most = layout::MAX_SHAPE_KEY_LENGTH;
                write!(
                    f,
                    "expected the key of a local shape to have at most {most} code units, found {length}"
                )
            }
            DecodeErrorKind::UnknownLocalShape { number, known } => {
                write!(
                    f,
                    "expected one of the {known} local shapes defined by then, counted from 0, found number {number}"
                )
            }
            DecodeErrorKind::MessageVersion => {
                write!(f, "expected a message's version to be 1 or more, found 0")
            }
            DecodeErrorKind::FieldTag { tag, previous } => {
                write!(
                    f,
                    "expected a message's field tag above {previous}, found {tag}"
                )
            }
            DecodeErrorKind::UnknownStringId { id } => {
                write!(
                    f,
                    "expected the id of a string in the table, found {id}, which is in none"
                )
            }
            DecodeErrorKind::UnknownShapeId { id } => {
                write!(
                    f,
                    "expected the id of a shape in the table, found {id}, which is in none"
                )
            }
            DecodeErrorKind::UnknownBinaryKind { kind } => {
                let last = layout::BINARY_KIND_COUNT - 1;
                write!(
                    f,
                    "expected a kind of binary from 0 to {last}, found {kind}"
                )
            }
            DecodeErrorKind::BinaryLength { kind, length } => write_binary_length(f, kind, length),
            DecodeErrorKind::BigIntSign { sign } => {
                write!(f, "expected a bigint's sign, 0 or 1, found {sign}")
            }
            DecodeErrorKind::BigIntMagnitude => {
                write!(
                    f,
                    "expected a bigint's magnitude to end in a byte other than zero, found it empty or zero there"
                )
            }
            DecodeErrorKind::WrongType { expected, tag } => {
                write!(f, "expected {expected}, found ")?;
                write_tag(f, tag)
            }
        }
    }
}

fn write_tag(f: &mut fmt::Formatter<'_>, tag: u8) -> fmt::Result {
    write!(f, "tag 0x{tag:02X} ({})", layout::tag_name(tag))
}

fn write_binary_length(f: &mut fmt::Formatter<'_>, kind: BinaryKind, length: usize) -> fmt::Result {
    let (name, element) = (kind.name(), kind.element_bytes());
    write!(
        f,
        "expected the length of {name} to be a multiple of {element} bytes, found {length}"
    )
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.offset, self.kind)
    }
}

impl Error for DecodeError {}
