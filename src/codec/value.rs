//! A JavaScript value as plain Rust data: what the encoding can carry, no more.
//!
//! Two values are equal when the JavaScript values are the same: a number by its bits as a double (so -0 is not 0),
//! but every NaN equals every other, whether held as `Int` or `Float`, a string by its code units, a
//! bigint by its number, a container by its contents in order.

use super::binary::BinaryKind;

pub use super::text::Text;

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`.
    Null,
    /// `undefined`.
    Undefined,
    /// A hole in an array; encodable only as an array's element.
    Hole,
    /// A boolean.
    Bool(bool),
    /// A number that is an integer of 32 bits other than -0.
    Int(i32),
    /// Any other number. [`Value::number`] picks between the two.
    Float(f64),
    /// A bigint.
    BigInt {
        /// True below zero.
        negative: bool,
        /// The absolute value, little-endian. Decoded ones have no zero at the end; zero is empty.
        magnitude: Box<[u8]>,
    },
    /// A Date, in milliseconds since the Unix epoch; NaN when invalid.
    Date(f64),
    /// A string.
    Text(Text),
    /// An array.
    Array(Vec<Value>),
    /// A plain object, its properties in order. Encodable only when no key repeats.
    Object(Vec<(Text, Value)>),
    /// A Map, its entries in order.
    Map(Vec<(Value, Value)>),
    /// A Set, its values in order.
    Set(Vec<Value>),
    /// A message of a definition, its fields by tag. Encodable only when the version is 1 or more and
    /// the tags, from 1 on, ascend.
    Message {
        /// Which definition: the CRC-32 of its name, or 0 within a field that says it itself.
        fingerprint: u32,
        /// The version of the definition.
        version: u32,
        /// The fields: tag and value.
        fields: Vec<(u32, Value)>,
    },
    /// Bytes and the object they stand for.
    Binary {
        /// What the bytes stand for.
        kind: BinaryKind,
        /// The bytes, a multiple of the kind's element.
        bytes: Box<[u8]>,
    },
}

impl Value {
    /// A number, as `Int` where it is one.
    pub fn number(number: f64) -> Value {
        match as_i32(number) {
            Some(integer) => Value::Int(integer),
            None => Value::Float(number),
        }
    }

    /// A bigint of 64 bits.
    pub fn big_int64(number: i64) -> Value {
        let magnitude = number.unsigned_abs().to_le_bytes();
        Value::BigInt {
            negative: number < 0,
            magnitude: trim(&magnitude).into(),
        }
    }

    /// A string.
    pub fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    /// How deep containers are nested in it; 0 for a value that holds no other.
    pub fn depth(&self) -> usize {
        let deepest = match self {
            Value::Array(values) | Value::Set(values) => values.iter().map(Value::depth).max(),
            Value::Object(properties) => properties.iter().map(|(_, value)| value.depth()).max(),
            Value::Map(entries) => entries
                .iter()
                .map(|(key, value)| key.depth().max(value.depth()))
                .max(),
            Value::Message { fields, .. } => fields.iter().map(|(_, value)| value.depth()).max(),
            _ => return 0,
        };
        1 + deepest.unwrap_or(0)
    }

    /// What it is, for messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Undefined => "undefined",
            Value::Hole => "hole",
            Value::Bool(_) => "boolean",
            Value::Int(_) | Value::Float(_) => "number",
            Value::BigInt { .. } => "bigint",
            Value::Date(_) => "Date",
            Value::Text(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
            Value::Map(_) => "Map",
            Value::Set(_) => "Set",
            Value::Message { .. } => "message",
            Value::Binary { kind, .. } => kind.name(),
        }
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null)
            | (Value::Undefined, Value::Undefined)
            | (Value::Hole, Value::Hole) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => {
                as_i32(*b) == Some(*a)
            }
            (Value::Float(a), Value::Float(b)) | (Value::Date(a), Value::Date(b)) => {
                a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
            }
            (
                Value::BigInt {
                    negative: a_negative,
                    magnitude: a,
                },
                Value::BigInt {
                    negative: b_negative,
                    magnitude: b,
                },
            ) => {
                let (a, b) = (trim(a), trim(b));
                a == b && (a_negative == b_negative || a.is_empty())
            }
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Array(a), Value::Array(b)) | (Value::Set(a), Value::Set(b)) => a == b,
            (Value::Object(a), Value::Object(b)) => a == b,
            (Value::Map(a), Value::Map(b)) => a == b,
            (
                Value::Message {
                    fingerprint: a_fingerprint,
                    version: a_version,
                    fields: a,
                },
                Value::Message {
                    fingerprint: b_fingerprint,
                    version: b_version,
                    fields: b,
                },
            ) => a_fingerprint == b_fingerprint && a_version == b_version && a == b,
            (
                Value::Binary {
                    kind: a_kind,
                    bytes: a,
                },
                Value::Binary {
                    kind: b_kind,
                    bytes: b,
                },
            ) => a_kind == b_kind && a == b,
            _ => false,
        }
    }
}

impl Eq for Value {}

/// The integer of 32 bits that a number is; none for -0, which no integer is.
pub(super) fn as_i32(number: f64) -> Option<i32> {
    let integer = number as i32;
    (f64::from(integer).to_bits() == number.to_bits()).then_some(integer)
}

/// A little-endian magnitude without the zeros at its end.
pub(super) fn trim(magnitude: &[u8]) -> &[u8] {
    let length = magnitude
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |last| last + 1);
    &magnitude[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_integers_only_when_nothing_is_lost() {
        assert!(matches!(Value::number(5.0), Value::Int(5)));
        assert!(matches!(
            Value::number(-2_147_483_648.0),
            Value::Int(i32::MIN)
        ));
        for number in [
            -0.0,
            0.5,
            2_147_483_648.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ] {
            assert!(matches!(Value::number(number), Value::Float(_)), "{number}");
        }
    }

    #[test]
    fn equality_is_that_of_the_javascript_value() {
        assert_eq!(Value::Float(5.0), Value::Int(5));
        assert_eq!(Value::Float(f64::NAN), Value::Float(f64::NAN));
        assert_eq!(Value::Date(-f64::NAN), Value::Date(f64::NAN));
        assert_ne!(Value::Float(-0.0), Value::Int(0));
        assert_ne!(Value::Float(-0.0), Value::Float(0.0));
        let padded = Value::BigInt {
            negative: true,
            magnitude: [7, 0, 0].into(),
        };
        assert_eq!(padded, Value::big_int64(-7));
        let zero = Value::BigInt {
            negative: true,
            magnitude: [0].into(),
        };
        assert_eq!(zero, Value::big_int64(0));
        assert_ne!(Value::big_int64(7), Value::big_int64(-7));
        assert_ne!(Value::Array(vec![]), Value::Set(vec![]));
        assert_ne!(Value::Null, Value::Undefined);
    }
}
