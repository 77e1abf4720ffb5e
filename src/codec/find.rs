//! Field paths, looked up in encoded bytes without decoding the rest: what filters on messages are made of.

use std::fmt;

use super::binary::BinaryKind;
use super::build::{Atom, WireText};
use super::decode::Decode;
use super::encode::as_i64;
use super::error::DecodeError;
use super::path::Path;
use super::tables::Tables;
use super::text::Units;
use super::value::Value;
use super::walk::Walk;

/// What is at a path.
pub struct Found<'a> {
    view: View<'a>,
    /// Before the value.
    walk: Walk<'a, 'a>,
    /// Of the containers around the value.
    depth: u32,
}

/// A look at a value: all of one that holds no other, borrowed from the bytes, or what kind of container it
/// is and how much is in it.
#[derive(Clone, Debug, PartialEq)]
pub enum View<'a> {
    /// `null`.
    Null,
    /// `undefined`, which is there; what is not there is not found.
    Undefined,
    /// A boolean.
    Bool(bool),
    /// A number, in whichever form it stands.
    Number(f64),
    /// A bigint of 64 bits, in whichever form it stands.
    BigInt64(i64),
    /// A bigint beyond.
    BigInt {
        /// True below zero.
        negative: bool,
        /// The absolute value, little-endian, its last byte not zero.
        magnitude: &'a [u8],
    },
    /// A Date, in milliseconds since the Unix epoch; NaN when invalid.
    Date(f64),
    /// A string.
    Text(FoundText<'a>),
    /// Bytes and the object they stand for.
    Binary {
        /// What the bytes stand for.
        kind: BinaryKind,
        /// The bytes, a multiple of the kind's element.
        bytes: &'a [u8],
    },
    /// An array.
    Array {
        /// Its elements, holes included.
        count: usize,
    },
    /// An object, in whichever form it stands.
    Object {
        /// Its properties.
        count: usize,
    },
    /// A Map.
    Map {
        /// Its entries; those that repeat a key included.
        count: usize,
    },
    /// A Set.
    Set {
        /// Its values; those that repeat one included.
        count: usize,
    },
    /// A message of a definition.
    Message {
        /// Which definition.
        fingerprint: u32,
        /// The version of the definition.
        version: u32,
        /// Its fields.
        count: usize,
    },
}

/// A string where it was found: in the bytes, in the dictionary or in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundText<'a>(WireText<'a>);

impl FoundText<'_> {
    /// Its code units.
    pub fn units(&self) -> Units<'_> {
        self.0.units()
    }
}

impl Path {
    /// What is at this path in the value that the bytes are; none when there is nothing.
    ///
    /// | in | a segment names |
    /// |---|---|
    /// | an object, in any of its forms | the property of this key |
    /// | an array | the element of this index; a hole is nothing |
    /// | a Map | the last value under this key, a string |
    /// | a message of a definition | the field of this tag |
    /// | anything else | nothing |
    ///
    /// For bytes that [`validate`](super::validate) accepts, this is what decoding all of them and
    /// looking there gives. Any other bytes give something or an error: only what must be gone past to
    /// get there is read, by the rules of a reader but for repeated keys, of which the first counts, and
    /// for strings by id, which are looked up on the path alone.
    ///
    /// Time is linear in the bytes, and once more for each Map on the path: it is read to its end. Nothing
    /// is allocated, unless there are more local shapes than a few.
    pub fn find<'a>(
        &self,
        bytes: &'a [u8],
        tables: &'a dyn Tables,
    ) -> Result<Option<Found<'a>>, DecodeError> {
        let mut walk = Walk::new(bytes, tables);
        let mut depth = 0;
        for segment in self.segments() {
            if !walk.enter(segment, depth)? {
                return Ok(None);
            }
            depth += 1;
        }
        let view = walk.view(depth)?;
        Ok(Some(Found { view, walk, depth }))
    }
}

impl fmt::Debug for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Found").field(&self.view).finish()
    }
}

impl<'a> Found<'a> {
    /// A look at it.
    pub fn view(&self) -> &View<'a> {
        &self.view
    }

    /// True as soon as `test` is for an element of this array or Set (holes left out), or for a key of this Map or object. False
    /// for anything else. No more is read than that takes, by the rules of [`Path::find`].
    pub fn any(mut self, mut test: impl FnMut(&View<'_>) -> bool) -> Result<bool, DecodeError> {
        self.walk.any(self.depth, &mut test)
    }

    /// All of it, read by all the rules.
    pub fn decode(mut self) -> Result<Value, DecodeError> {
        self.walk.value::<Decode>(self.depth, false)
    }
}

impl<'a> View<'a> {
    pub(super) fn of_text(text: WireText<'a>) -> View<'a> {
        View::Text(FoundText(text))
    }

    pub(super) fn of_atom(atom: Atom<'a>) -> View<'a> {
        match atom {
            Atom::Null => View::Null,
            // A hole is not found.
            Atom::Undefined | Atom::Hole => View::Undefined,
            Atom::Bool(value) => View::Bool(value),
            Atom::Int(integer) => View::Number(integer.into()),
            Atom::Float(number) => View::Number(number),
            Atom::Date(milliseconds) => View::Date(milliseconds),
            Atom::BigInt64(integer) => View::BigInt64(integer),
            Atom::BigInt {
                negative,
                magnitude,
            } => match as_i64(negative, magnitude) {
                Some(integer) => View::BigInt64(integer),
                None => View::BigInt {
                    negative,
                    magnitude,
                },
            },
            Atom::Text(text) => View::Text(FoundText(text)),
            Atom::Binary { kind, bytes } => View::Binary { kind, bytes },
        }
    }
}
