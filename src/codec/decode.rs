//! Bytes to values, and the check that bytes are a value.
//!
//! Both are total: any bytes give a value or an error, in time and memory linear in the input and in
//! what its ids stand for. A decoded value takes a few dozen bytes of memory for each byte of input at
//! worst, plus the names that ids, local shapes and the dictionary stand for: at most one name of 64 code
//! units for each byte, as the limits of shapes and the tables see to.
//!
//! Forms that are longer than they need be are accepted, as docs/wire-format.md says (only its starred
//! rules and the shortness of varints are a reader's to enforce); they decode to the same value.

use super::build::{Atom, Build, WireText};
use super::error::DecodeError;
use super::tables::Tables;
use super::text::Text;
use super::value::Value;
use super::walk::Walk;

/// The value that the bytes, all of them, are.
pub fn decode(bytes: &[u8], tables: &dyn Tables) -> Result<Value, DecodeError> {
    Walk::new(bytes, tables).run::<Decode>()
}

/// Checks that [`decode`] would succeed, without making the value.
///
/// Values cost no memory. Keys do, while their object is open and only as references: a set of them for
/// an object with more than a few, because a key must not repeat. So does a local shape: where it stands.
pub fn validate(bytes: &[u8], tables: &dyn Tables) -> Result<(), DecodeError> {
    Walk::new(bytes, tables).run::<Pass<true>>()
}

/// The string that the bytes, all of them, are.
pub fn decode_text(bytes: &[u8], tables: &dyn Tables) -> Result<Text, DecodeError> {
    Walk::new(bytes, tables).run_text()
}

/// The strings of the array that the bytes, all of them, are: how the keys of a shape cross the
/// boundary. They need not be distinct here, and they are values, so none is the one byte of a key.
pub fn decode_texts(bytes: &[u8], tables: &dyn Tables) -> Result<Vec<Text>, DecodeError> {
    Walk::new(bytes, tables).run_texts()
}

pub(super) struct Decode;

impl Build for Decode {
    type Value = Value;
    type Key = Text;
    type Field = (u32, Value);
    const CHECKS: bool = true;
    const KEYS: bool = true;

    fn atom(atom: Atom<'_>) -> Value {
        match atom {
            Atom::Null => Value::Null,
            Atom::Undefined => Value::Undefined,
            Atom::Hole => Value::Hole,
            Atom::Bool(value) => Value::Bool(value),
            Atom::Int(integer) => Value::Int(integer),
            Atom::Float(number) => Value::number(number),
            Atom::Date(milliseconds) => Value::Date(milliseconds),
            Atom::BigInt64(integer) => Value::big_int64(integer),
            Atom::BigInt {
                negative,
                magnitude,
            } => Value::BigInt {
                negative,
                magnitude: magnitude.into(),
            },
            Atom::Text(text) => Value::Text(text.units().to_text()),
            Atom::Binary { kind, bytes } => Value::Binary {
                kind,
                bytes: bytes.into(),
            },
        }
    }

    fn key(key: &WireText<'_>) -> Text {
        key.units().to_text()
    }

    fn array(elements: Vec<Value>) -> Value {
        Value::Array(elements)
    }

    fn object(properties: Vec<(Text, Value)>) -> Value {
        Value::Object(properties)
    }

    fn map(entries: Vec<(Value, Value)>) -> Value {
        Value::Map(entries)
    }

    fn set(values: Vec<Value>) -> Value {
        Value::Set(values)
    }

    fn field(tag: u32, value: Value) -> (u32, Value) {
        (tag, value)
    }

    fn message(fingerprint: u32, version: u32, fields: Vec<(u32, Value)>) -> Value {
        Value::Message {
            fingerprint,
            version,
            fields,
        }
    }
}

/// A walk that makes nothing, and either checks every rule or only gets past values.
pub(super) struct Pass<const CHECKS: bool>;

impl<const CHECKS: bool> Build for Pass<CHECKS> {
    type Value = ();
    type Key = ();
    type Field = ();
    const CHECKS: bool = CHECKS;
    const KEYS: bool = false;

    fn atom(_: Atom<'_>) {}
    fn key(_: &WireText<'_>) {}
    fn array(_: Vec<()>) {}
    fn object(_: Vec<((), ())>) {}
    fn map(_: Vec<((), ())>) {}
    fn set(_: Vec<()>) {}
    fn field(_: u32, _: ()) {}
    fn message(_: u32, _: u32, _: Vec<()>) {}
}
