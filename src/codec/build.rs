//! What a walk meets, and what it makes of it: the parts of the parser that hold no other values.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::binary::BinaryKind;
use super::cursor::Cursor;
use super::error::{DecodeError, DecodeErrorKind};
use super::layout::*;
use super::tables::Tables;
use super::text::{Text, Units};

/// What a walk makes of what it meets. A type of size zero costs nothing: a `Vec<()>` is a counter.
pub(super) trait Build {
    /// Made of a value.
    type Value;
    /// Made of a key.
    type Key;

    fn atom(atom: Atom<'_>) -> Self::Value;
    fn key(key: &WireText<'_>) -> Self::Key;
    fn array(elements: Vec<Self::Value>) -> Self::Value;
    fn object(properties: Vec<(Self::Key, Self::Value)>) -> Self::Value;
    fn map(entries: Vec<(Self::Value, Self::Value)>) -> Self::Value;
    fn set(values: Vec<Self::Value>) -> Self::Value;
}

/// A value that holds no other.
pub(super) enum Atom<'a> {
    Null,
    Undefined,
    Hole,
    Bool(bool),
    Int(i32),
    Float(f64),
    Date(f64),
    BigInt64(i64),
    /// The magnitude is little-endian, its last byte not zero.
    BigInt {
        negative: bool,
        magnitude: &'a [u8],
    },
    Text(WireText<'a>),
    /// A whole number of elements.
    Binary {
        kind: BinaryKind,
        bytes: &'a [u8],
    },
}

/// A string as it was met: still in the input, or in a table.
pub(super) enum WireText<'a> {
    Inline(Units<'a>),
    Shared(Arc<Text>),
}

impl WireText<'_> {
    pub(super) fn units(&self) -> Units<'_> {
        match self {
            WireText::Inline(units) => *units,
            WireText::Shared(text) => text.units(),
        }
    }
}

impl PartialEq for WireText<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.units() == other.units()
    }
}

impl Eq for WireText<'_> {}

impl Hash for WireText<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.units().hash(state);
    }
}

impl<'a> Atom<'a> {
    /// What follows the tag of a bigint beyond i64.
    pub(super) fn big_int(cursor: &mut Cursor<'a>) -> Result<Atom<'a>, DecodeError> {
        let offset = cursor.offset();
        let sign = cursor.byte()?;
        if sign > 1 {
            return Err(DecodeError::new(
                offset,
                DecodeErrorKind::BigIntSign { sign },
            ));
        }
        let offset = cursor.offset();
        let length = cursor.length()?;
        let magnitude = cursor.take(length)?;
        if magnitude.last().is_none_or(|&last| last == 0) {
            return Err(DecodeError::new(offset, DecodeErrorKind::BigIntMagnitude));
        }
        Ok(Atom::BigInt {
            negative: sign == 1,
            magnitude,
        })
    }

    /// What follows the tag of a binary value.
    pub(super) fn binary(cursor: &mut Cursor<'a>) -> Result<Atom<'a>, DecodeError> {
        let offset = cursor.offset();
        let byte = cursor.byte()?;
        let Some(kind) = BinaryKind::from_byte(byte) else {
            return Err(DecodeError::new(
                offset,
                DecodeErrorKind::UnknownBinaryKind { kind: byte },
            ));
        };
        let offset = cursor.offset();
        let length = cursor.length()?;
        if !length.is_multiple_of(kind.element_bytes()) {
            return Err(DecodeError::new(
                offset,
                DecodeErrorKind::BinaryLength { kind, length },
            ));
        }
        let bytes = cursor.take(length)?;
        Ok(Atom::Binary { kind, bytes })
    }
}

impl<'a> WireText<'a> {
    /// What follows the tag, at `offset`, of a string; none if the tag is of something else.
    pub(super) fn read(
        tag: u8,
        offset: usize,
        cursor: &mut Cursor<'a>,
        tables: &dyn Tables,
    ) -> Result<Option<WireText<'a>>, DecodeError> {
        let units = match tag {
            FIX_STRING..FIX_ARRAY => Units::One(cursor.take(usize::from(tag - FIX_STRING))?),
            ONE_BYTE_STRING => {
                let length = cursor.length()?;
                Units::One(cursor.take(length)?)
            }
            TWO_BYTE_STRING => {
                let length = cursor.length()?;
                Units::TwoWire(cursor.take(length.saturating_mul(2))?)
            }
            STRING_ID => {
                let id = cursor.varint()?;
                return match known(id).and_then(|id| tables.string(id)) {
                    Some(text) => Ok(Some(WireText::Shared(text))),
                    None => Err(DecodeError::new(
                        offset,
                        DecodeErrorKind::UnknownStringId { id },
                    )),
                };
            }
            _ => return Ok(None),
        };
        Ok(Some(WireText::Inline(units)))
    }
}

/// An id, unless it is the one that names nothing: tables are never asked for that.
pub(super) fn known(id: u32) -> Option<u32> {
    (id >= FIRST_ID).then_some(id)
}
