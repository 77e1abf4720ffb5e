//! The one parser of values. Decoding and validating are the same walk with another [`Build`], so they
//! agree by construction.
//!
//! # Bounds
//!
//! The walk goes forward only and each step takes at least a byte, so time is linear in the input (and
//! in the names that shape and string ids stand for). Recursion ends at [`MAX_DEPTH`].
//!
//! Memory is reserved by counts that the bytes only claim. That each count is at most the number of
//! bytes left is not enough: 128 arrays within one another could each claim the whole rest. So the walk
//! keeps how many values it still `owes` to open containers, and a count must fit in what is left beyond
//! them: each value takes a byte, so no valid input is refused, and all that is ever reserved is
//! together no more values than the input has bytes.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::binary::BinaryKind;
use super::cursor::Cursor;
use super::error::{DecodeError, DecodeErrorKind};
use super::keys::OpenKeys;
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

/// A walk over the bytes of one value.
pub(super) struct Walk<'a, 't> {
    cursor: Cursor<'a>,
    tables: &'t dyn Tables,
    /// Values and keys that the open containers still have to get, each of a byte at least.
    owed: usize,
    keys: OpenKeys<WireText<'a>>,
}

impl<'a, 't> Walk<'a, 't> {
    pub(super) fn new(bytes: &'a [u8], tables: &'t dyn Tables) -> Walk<'a, 't> {
        Walk {
            cursor: Cursor::new(bytes),
            tables,
            owed: 0,
            keys: OpenKeys::new(),
        }
    }

    /// The whole input as one value.
    pub(super) fn run<B: Build>(mut self) -> Result<B::Value, DecodeError> {
        let value = self.value::<B>(0, false)?;
        self.end()?;
        Ok(value)
    }

    /// The whole input as one string.
    pub(super) fn run_text(mut self) -> Result<Text, DecodeError> {
        let offset = self.cursor.offset();
        let tag = self.cursor.byte()?;
        let Some(text) = self.text(tag, offset)? else {
            return Err(error(
                offset,
                DecodeErrorKind::WrongType {
                    expected: "a string",
                    tag,
                },
            ));
        };
        self.end()?;
        Ok(text.units().to_text())
    }

    /// The whole input as an array of strings.
    pub(super) fn run_texts(mut self) -> Result<Vec<Text>, DecodeError> {
        let offset = self.cursor.offset();
        let tag = self.cursor.byte()?;
        let count = match tag {
            FIX_ARRAY..FIX_OBJECT => usize::from(tag - FIX_ARRAY),
            ARRAY => self.cursor.length()?,
            _ => {
                let expected = "an array of strings";
                return Err(error(offset, DecodeErrorKind::WrongType { expected, tag }));
            }
        };
        self.owe(offset, count, 1)?;
        let mut texts = Vec::with_capacity(count);
        for _ in 0..count {
            texts.push(self.key()?.units().to_text());
        }
        self.end()?;
        Ok(texts)
    }

    /// One value within `depth` containers.
    fn value<B: Build>(&mut self, depth: u32, hole_allowed: bool) -> Result<B::Value, DecodeError> {
        let offset = self.cursor.offset();
        let tag = self.cursor.byte()?;
        let atom = match tag {
            0..=FIX_INT_MAX => Atom::Int(i32::from(tag)),
            NEGATIVE_FIX_INT.. => Atom::Int(i32::from(tag as i8)),
            NULL => Atom::Null,
            UNDEFINED => Atom::Undefined,
            FALSE => Atom::Bool(false),
            TRUE => Atom::Bool(true),
            HOLE if hole_allowed => Atom::Hole,
            HOLE => return Err(error(offset, DecodeErrorKind::MisplacedHole)),
            INT8 => Atom::Int(i8::from_le_bytes(self.cursor.array()?).into()),
            INT16 => Atom::Int(i16::from_le_bytes(self.cursor.array()?).into()),
            INT32 => Atom::Int(i32::from_le_bytes(self.cursor.array()?)),
            FLOAT64 => Atom::Float(self.cursor.float64()?),
            DATE => Atom::Date(self.cursor.float64()?),
            BIG_INT64 => Atom::BigInt64(i64::from_le_bytes(self.cursor.array()?)),
            BIG_INT => self.big_int()?,
            BINARY => self.binary()?,
            FIX_ARRAY..NULL | ARRAY | OBJECT | MAP | SET | SHAPE => {
                if depth == MAX_DEPTH {
                    return Err(error(offset, DecodeErrorKind::TooDeep));
                }
                return self.container::<B>(tag, offset, depth + 1);
            }
            FIX_STRING..FIX_ARRAY
            | ONE_BYTE_STRING
            | TWO_BYTE_STRING
            | STRING_ID
            | RESERVED_FIRST..=RESERVED_LAST => match self.text(tag, offset)? {
                Some(text) => Atom::Text(text),
                None => return Err(error(offset, DecodeErrorKind::ReservedTag { tag })),
            },
        };
        Ok(B::atom(atom))
    }

    /// What follows the tag of a container; `depth` counts it.
    fn container<B: Build>(
        &mut self,
        tag: u8,
        offset: usize,
        depth: u32,
    ) -> Result<B::Value, DecodeError> {
        match tag {
            FIX_ARRAY..FIX_OBJECT => self.array::<B>(offset, usize::from(tag - FIX_ARRAY), depth),
            FIX_OBJECT..NULL => self.object::<B>(offset, usize::from(tag - FIX_OBJECT), depth),
            SHAPE => self.object_by_shape::<B>(offset, depth),
            _ => {
                let count = self.cursor.length()?;
                match tag {
                    ARRAY => self.array::<B>(offset, count, depth),
                    OBJECT => self.object::<B>(offset, count, depth),
                    MAP => self.map::<B>(offset, count, depth),
                    _ => self.items::<B>(offset, count, depth, false).map(B::set),
                }
            }
        }
    }

    fn array<B: Build>(
        &mut self,
        offset: usize,
        count: usize,
        depth: u32,
    ) -> Result<B::Value, DecodeError> {
        self.items::<B>(offset, count, depth, true).map(B::array)
    }

    fn items<B: Build>(
        &mut self,
        offset: usize,
        count: usize,
        depth: u32,
        hole_allowed: bool,
    ) -> Result<Vec<B::Value>, DecodeError> {
        self.owe(offset, count, 1)?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            self.owed -= 1;
            items.push(self.value::<B>(depth, hole_allowed)?);
        }
        Ok(items)
    }

    fn map<B: Build>(
        &mut self,
        offset: usize,
        count: usize,
        depth: u32,
    ) -> Result<B::Value, DecodeError> {
        self.owe(offset, count, 2)?;
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            self.owed -= 1;
            let key = self.value::<B>(depth, false)?;
            self.owed -= 1;
            entries.push((key, self.value::<B>(depth, false)?));
        }
        Ok(B::map(entries))
    }

    fn object<B: Build>(
        &mut self,
        offset: usize,
        count: usize,
        depth: u32,
    ) -> Result<B::Value, DecodeError> {
        self.owe(offset, count, 2)?;
        let mut properties = Vec::with_capacity(count);
        let mut seen = self.keys.open(count);
        for _ in 0..count {
            self.owed -= 1;
            let key_offset = self.cursor.offset();
            let wire = self.key()?;
            let key = B::key(&wire);
            if !self.keys.add(&mut seen, wire) {
                return Err(error(key_offset, DecodeErrorKind::DuplicateKey));
            }
            self.owed -= 1;
            properties.push((key, self.value::<B>(depth, false)?));
        }
        self.keys.close(seen);
        Ok(B::object(properties))
    }

    fn object_by_shape<B: Build>(
        &mut self,
        offset: usize,
        depth: u32,
    ) -> Result<B::Value, DecodeError> {
        let id = self.cursor.varint()?;
        let Some(keys) = self.known(id).and_then(|id| self.tables.shape(id)) else {
            return Err(error(offset, DecodeErrorKind::UnknownShapeId { id }));
        };
        self.owe(offset, keys.len(), 1)?;
        let mut properties = Vec::with_capacity(keys.len());
        for key in keys.iter() {
            self.owed -= 1;
            let key = B::key(&WireText::Inline(key.units()));
            properties.push((key, self.value::<B>(depth, false)?));
        }
        Ok(B::object(properties))
    }

    /// The key of an object.
    fn key(&mut self) -> Result<WireText<'a>, DecodeError> {
        let offset = self.cursor.offset();
        let tag = self.cursor.byte()?;
        self.text(tag, offset)?
            .ok_or(error(offset, DecodeErrorKind::KeyNotString { tag }))
    }

    /// What follows the tag of a string; none if the tag is of something else.
    fn text(&mut self, tag: u8, offset: usize) -> Result<Option<WireText<'a>>, DecodeError> {
        let units = match tag {
            FIX_STRING..FIX_ARRAY => Units::One(self.cursor.take(usize::from(tag - FIX_STRING))?),
            ONE_BYTE_STRING => {
                let length = self.cursor.length()?;
                Units::One(self.cursor.take(length)?)
            }
            TWO_BYTE_STRING => {
                let length = self.cursor.length()?;
                Units::TwoWire(self.cursor.take(length.saturating_mul(2))?)
            }
            STRING_ID => {
                let id = self.cursor.varint()?;
                return match self.known(id).and_then(|id| self.tables.string(id)) {
                    Some(text) => Ok(Some(WireText::Shared(text))),
                    None => Err(error(offset, DecodeErrorKind::UnknownStringId { id })),
                };
            }
            _ => return Ok(None),
        };
        Ok(Some(WireText::Inline(units)))
    }

    fn big_int(&mut self) -> Result<Atom<'a>, DecodeError> {
        let offset = self.cursor.offset();
        let sign = self.cursor.byte()?;
        if sign > 1 {
            return Err(error(offset, DecodeErrorKind::BigIntSign { sign }));
        }
        let offset = self.cursor.offset();
        let length = self.cursor.length()?;
        let magnitude = self.cursor.take(length)?;
        if magnitude.last().is_none_or(|&last| last == 0) {
            return Err(error(offset, DecodeErrorKind::BigIntMagnitude));
        }
        Ok(Atom::BigInt {
            negative: sign == 1,
            magnitude,
        })
    }

    fn binary(&mut self) -> Result<Atom<'a>, DecodeError> {
        let offset = self.cursor.offset();
        let byte = self.cursor.byte()?;
        let Some(kind) = BinaryKind::from_byte(byte) else {
            return Err(error(
                offset,
                DecodeErrorKind::UnknownBinaryKind { kind: byte },
            ));
        };
        let offset = self.cursor.offset();
        let length = self.cursor.length()?;
        if length % kind.element_bytes() != 0 {
            return Err(error(
                offset,
                DecodeErrorKind::BinaryLength { kind, length },
            ));
        }
        let bytes = self.cursor.take(length)?;
        Ok(Atom::Binary { kind, bytes })
    }

    /// Takes on a container of so many entries, of `each` values and keys.
    fn owe(&mut self, offset: usize, count: usize, each: usize) -> Result<(), DecodeError> {
        let needed = count.saturating_mul(each);
        let left = self.cursor.left().saturating_sub(self.owed);
        if needed > left {
            return Err(error(
                offset,
                DecodeErrorKind::CountTooLarge {
                    count,
                    needed,
                    left,
                },
            ));
        }
        self.owed += needed;
        Ok(())
    }

    fn known(&self, id: u32) -> Option<u32> {
        (id >= FIRST_ID).then_some(id)
    }

    fn end(&self) -> Result<(), DecodeError> {
        match self.cursor.left() {
            0 => Ok(()),
            left => Err(error(
                self.cursor.offset(),
                DecodeErrorKind::TrailingBytes { left },
            )),
        }
    }
}

fn error(offset: usize, kind: DecodeErrorKind) -> DecodeError {
    DecodeError { offset, kind }
}
