//! What a walk meets, and what it makes of it: the parts of the parser that hold no other values.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::binary::BinaryKind;
use super::cursor::Cursor;
use super::dictionary;
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
    /// Made of a message's field.
    type Field;
    /// Whether keys are compared with one another and strings by id looked up; both cost what a walk
    /// that only gets past values has no use for.
    const CHECKS: bool;
    /// Whether anything is made of keys: where not, those of a shape are not read again for each object.
    const KEYS: bool;

    fn atom(atom: Atom<'_>) -> Self::Value;
    fn key(key: &WireText<'_>) -> Self::Key;
    fn array(elements: Vec<Self::Value>) -> Self::Value;
    fn object(properties: Vec<(Self::Key, Self::Value)>) -> Self::Value;
    fn map(entries: Vec<(Self::Value, Self::Value)>) -> Self::Value;
    fn set(values: Vec<Self::Value>) -> Self::Value;
    fn field(tag: u32, value: Self::Value) -> Self::Field;
    fn message(fingerprint: u32, version: u32, fields: Vec<Self::Field>) -> Self::Value;
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

/// A string as it was met: still in the input, in the dictionary, or in a table.
#[derive(Clone, Debug)]
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
    /// In place of a string that nobody looks at.
    pub(super) const UNREAD: WireText<'static> = WireText::Inline(Units::One(&[]));

    /// What follows the tag, at `offset`, of a string; none if the tag is of something else. Unless ids
    /// are to be looked up, a string by id is [`UNREAD`](Self::UNREAD).
    pub(super) fn read(
        tag: u8,
        offset: usize,
        cursor: &mut Cursor<'a>,
        tables: &dyn Tables,
        look_up: bool,
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
            STATIC_STRING => of_dictionary(cursor.byte()?),
            STRING_ID => {
                let id = cursor.varint()?;
                if !look_up {
                    return Ok(Some(WireText::UNREAD));
                }
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

    /// A string in the place of an object's key, where one byte may stand for it.
    pub(super) fn read_key(
        cursor: &mut Cursor<'a>,
        tables: &dyn Tables,
        look_up: bool,
    ) -> Result<WireText<'a>, DecodeError> {
        let offset = cursor.offset();
        let tag = cursor.byte()?;
        if tag < dictionary::SHORT_KEYS {
            return Ok(WireText::Inline(of_dictionary(tag)));
        }
        WireText::read(tag, offset, cursor, tables, look_up)?.ok_or(DecodeError::new(
            offset,
            DecodeErrorKind::KeyNotString { tag },
        ))
    }
}

/// A string of the dictionary; its strings are ASCII.
fn of_dictionary(number: u8) -> Units<'static> {
    Units::One(dictionary::STRINGS[usize::from(number)].as_bytes())
}

/// An id, unless it is the one that names nothing: tables are never asked for that.
pub(super) fn known(id: u32) -> Option<u32> {
    (id >= FIRST_ID).then_some(id)
}
