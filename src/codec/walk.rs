//! The one parser of values. Decoding and validating are the same walk with another [`Build`], so they
//! agree by construction.
//!
//! # Bounds
//!
//! The walk goes forward only and each step takes at least a byte, so time is linear in the input (and
//! in the names that shapes and string ids stand for). Recursion ends at [`MAX_DEPTH`].
//!
//! An object by local shape (`D7`) says in two bytes what its keys were, as one by id does: at most
//! [`MAX_SHAPE_KEYS`] of [`MAX_SHAPE_KEY_LENGTH`] code units. But for each of them a value must follow, so
//! that a byte of input stands for one such name at most. Of a local shape the walk keeps where its
//! keys stand and how many there are, so a definition costs the same however many keys it has.
//!
//! Memory is reserved by counts that the bytes only claim. That each count is at most the number of
//! bytes left is not enough: 128 arrays within one another could each claim the whole rest. So the walk
//! keeps how many values it still has `owed` to open containers, and a count must fit in what is left beyond
//! them: each value takes a byte, so no valid input is refused, and all that is ever reserved is
//! together no more values than the input has bytes.

mod each;
mod enter;
mod local_shapes;
mod objects;
mod sizes;

use local_shapes::LocalShapes;

use super::build::{Atom, Build, WireText};
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
    shapes: LocalShapes,
    /// Maps that a path has led into, each of which was read to its end first.
    maps_entered: u32,
}

impl<'a, 't> Walk<'a, 't> {
    pub(super) fn new(bytes: &'a [u8], tables: &'t dyn Tables) -> Walk<'a, 't> {
        Walk {
            cursor: Cursor::new(bytes),
            tables,
            owed: 0,
            keys: OpenKeys::new(),
            shapes: LocalShapes::new(),
            maps_entered: 0,
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
        let text = self.text(|tag| DecodeErrorKind::WrongType {
            expected: "a string",
            tag,
        })?;
        self.end()?;
        Ok(text)
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
            self.owed -= 1;
            texts.push(self.text(|tag| DecodeErrorKind::KeyNotString { tag })?);
        }
        self.end()?;
        Ok(texts)
    }

    /// A string value, or the error that the tag of anything else is.
    fn text(&mut self, other: fn(u8) -> DecodeErrorKind) -> Result<Text, DecodeError> {
        let offset = self.cursor.offset();
        let tag = self.cursor.byte()?;
        match WireText::read(tag, offset, &mut self.cursor, self.tables, true)? {
            Some(text) => Ok(text.units().to_text()),
            None => Err(DecodeError::new(offset, other(tag))),
        }
    }

    /// One value within `depth` containers.
    pub(super) fn value<B: Build>(
        &mut self,
        depth: u32,
        hole_allowed: bool,
    ) -> Result<B::Value, DecodeError> {
        if !B::CHECKS && self.cursor.pass(&sizes::OF_VALUES) {
            return Ok(B::atom(Atom::Undefined));
        }
        let offset = self.cursor.offset();
        let tag = self.cursor.byte()?;
        if is_container(tag) {
            self.check_depth(offset, depth)?;
            return self.container::<B>(tag, offset, depth + 1);
        }
        self.atom(tag, offset, hole_allowed, B::CHECKS).map(B::atom)
    }

    /// What follows the tag of anything but a container.
    fn atom(
        &mut self,
        tag: u8,
        offset: usize,
        hole_allowed: bool,
        look_up: bool,
    ) -> Result<Atom<'a>, DecodeError> {
        Ok(match tag {
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
            _ => match WireText::read(tag, offset, &mut self.cursor, self.tables, look_up)? {
                Some(text) => Atom::Text(text),
                None => {
                    return Err(DecodeError::new(
                        offset,
                        DecodeErrorKind::ReservedTag { tag },
                    ));
                }
            },
        })
    }

    /// Refuses a container, at `offset`, within as many as there may be.
    fn check_depth(&self, offset: usize, depth: u32) -> Result<(), DecodeError> {
        if depth < MAX_DEPTH {
            return Ok(());
        }
        Err(DecodeError::new(offset, DecodeErrorKind::TooDeep))
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
            OBJECT => {
                let count = self.long_object_count(offset)?;
                self.object::<B>(offset, count, depth)
            }
            SHAPE => self.object_by_shape::<B>(offset, depth),
            DEFINE_SHAPE => self.object_with_shape::<B>(offset, depth),
            LOCAL_SHAPE => self.object_by_local_shape::<B>(offset, depth),
            MESSAGE => self.message::<B>(offset, depth),
            _ => {
                let count = self.cursor.length()?;
                match tag {
                    ARRAY => self.array::<B>(offset, count, depth),
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

/// True for the tags of values that hold others.
fn is_container(tag: u8) -> bool {
    matches!(
        tag,
        FIX_ARRAY..NULL | ARRAY | OBJECT | MAP | SET | SHAPE | DEFINE_SHAPE | LOCAL_SHAPE | MESSAGE
    )
}
