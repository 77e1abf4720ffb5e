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
//! keeps how many values it still has `owed` to open containers, and a count must fit in what is left beyond
//! them: each value takes a byte, so no valid input is refused, and all that is ever reserved is
//! together no more values than the input has bytes.

use super::build::{Atom, Build, WireText, known};
use super::cursor::Cursor;
use super::error::{DecodeError, DecodeErrorKind};
use super::keys::OpenKeys;
use super::layout::*;
use super::tables::Tables;
use super::text::Text;

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
        let Some(text) = WireText::read(tag, offset, &mut self.cursor, self.tables)? else {
            return Err(DecodeError::new(
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
                return Err(DecodeError::new(
                    offset,
                    DecodeErrorKind::WrongType { expected, tag },
                ));
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
            HOLE => return Err(DecodeError::new(offset, DecodeErrorKind::MisplacedHole)),
            INT8 => Atom::Int(i8::from_le_bytes(self.cursor.array()?).into()),
            INT16 => Atom::Int(i16::from_le_bytes(self.cursor.array()?).into()),
            INT32 => Atom::Int(i32::from_le_bytes(self.cursor.array()?)),
            FLOAT64 => Atom::Float(self.cursor.float64()?),
            DATE => Atom::Date(self.cursor.float64()?),
            BIG_INT64 => Atom::BigInt64(i64::from_le_bytes(self.cursor.array()?)),
            BIG_INT => Atom::big_int(&mut self.cursor)?,
            BINARY => Atom::binary(&mut self.cursor)?,
            FIX_ARRAY..NULL | ARRAY | OBJECT | MAP | SET | SHAPE => {
                if depth == MAX_DEPTH {
                    return Err(DecodeError::new(offset, DecodeErrorKind::TooDeep));
                }
                return self.container::<B>(tag, offset, depth + 1);
            }
            FIX_STRING..FIX_ARRAY
            | ONE_BYTE_STRING
            | TWO_BYTE_STRING
            | STRING_ID
            | STATIC_STRING..=RESERVED_LAST => {
                match WireText::read(tag, offset, &mut self.cursor, self.tables)? {
                    Some(text) => Atom::Text(text),
                    None => {
                        return Err(DecodeError::new(
                            offset,
                            DecodeErrorKind::ReservedTag { tag },
                        ));
                    }
                }
            }
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
                return Err(DecodeError::new(key_offset, DecodeErrorKind::DuplicateKey));
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
        let Some(keys) = known(id).and_then(|id| self.tables.shape(id)) else {
            return Err(DecodeError::new(
                offset,
                DecodeErrorKind::UnknownShapeId { id },
            ));
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
        WireText::read(tag, offset, &mut self.cursor, self.tables)?.ok_or(DecodeError::new(
            offset,
            DecodeErrorKind::KeyNotString { tag },
        ))
    }

    /// Takes on a container of so many entries, of `each` values and keys.
    fn owe(&mut self, offset: usize, count: usize, each: usize) -> Result<(), DecodeError> {
        let needed = count.saturating_mul(each);
        let left = self.cursor.left().saturating_sub(self.owed);
        if needed > left {
            return Err(DecodeError::new(
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

    fn end(&self) -> Result<(), DecodeError> {
        match self.cursor.left() {
            0 => Ok(()),
            left => Err(DecodeError::new(
                self.cursor.offset(),
                DecodeErrorKind::TrailingBytes { left },
            )),
        }
    }
}
