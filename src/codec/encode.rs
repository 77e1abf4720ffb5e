//! Values to bytes: self-contained (no ids of this process's tables) and canonical, so that equal values
//! have equal bytes whatever Rust form they were held in.

mod atoms;

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use foldhash::fast::RandomState;

pub(super) use self::atoms::as_i64;
use self::atoms::*;
use super::error::EncodeError;
use super::keys::are_distinct;
use super::layout::*;
use super::text::Text;
use super::value::{Value, as_i32, trim};

/// Appends the encoding of a value. On an error the vector is as it was.
pub fn encode(value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    all_or_nothing(out, |out| {
        let shapes = HashMap::default();
        Writer { out, shapes }.value(value, 0, false)
    })
}

/// Appends the encoding of a string, as [`encode`] of a text value.
pub fn encode_text(text: &Text, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    all_or_nothing(out, |out| write_text(text, out))
}

/// Appends the encoding of an array of strings, as [`encode`] of an array of text values.
pub fn encode_texts(texts: &[Text], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    all_or_nothing(out, |out| {
        write_short_count(FIX_ARRAY, FIX_ARRAY_MAX, ARRAY, texts.len(), out)?;
        texts.iter().try_for_each(|text| write_text(text, out))
    })
}

fn all_or_nothing(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let result = write(out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

type Properties = [(Text, Value)];

/// What one value is written with.
struct Writer<'v, 'o> {
    out: &'o mut Vec<u8>,
    /// The numbers of the local shapes, each under the object that defined it.
    shapes: HashMap<ShapeOf<'v>, u32, RandomState>,
}

impl<'v> Writer<'v, '_> {
    /// One value within `depth` containers.
    fn value(
        &mut self,
        value: &'v Value,
        depth: u32,
        hole_allowed: bool,
    ) -> Result<(), EncodeError> {
        match value {
            Value::Null => self.out.push(NULL),
            Value::Undefined => self.out.push(UNDEFINED),
            Value::Hole if hole_allowed => self.out.push(HOLE),
            Value::Hole => return Err(EncodeError::MisplacedHole),
            Value::Bool(value) => self.out.push(if *value { TRUE } else { FALSE }),
            Value::Int(integer) => write_integer(*integer, self.out),
            Value::Float(number) => match as_i32(*number) {
                Some(integer) => write_integer(integer, self.out),
                None => write_float(FLOAT64, *number, self.out),
            },
            Value::BigInt {
                negative,
                magnitude,
            } => write_big_int(*negative, trim(magnitude), self.out)?,
            Value::Date(milliseconds) => write_float(DATE, *milliseconds, self.out),
            Value::Text(text) => write_text(text, self.out)?,
            Value::Binary { kind, bytes } => write_binary(*kind, bytes, self.out)?,
            Value::Array(_)
            | Value::Object(_)
            | Value::Map(_)
            | Value::Set(_)
            | Value::Message { .. } => {
                if depth == MAX_DEPTH {
                    return Err(EncodeError::TooDeep);
                }
                self.container(value, depth + 1)?;
            }
        }
        Ok(())
    }

    /// A container and what is in it; `depth` counts it. Any other value is nothing.
    fn container(&mut self, value: &'v Value, depth: u32) -> Result<(), EncodeError> {
        match value {
            Value::Array(elements) => {
                write_short_count(FIX_ARRAY, FIX_ARRAY_MAX, ARRAY, elements.len(), self.out)?;
                for element in elements {
                    self.value(element, depth, true)?;
                }
            }
            Value::Object(properties) => self.object(properties, depth)?,
            Value::Map(entries) => {
                self.out.push(MAP);
                write_length(entries.len(), self.out)?;
                for (key, value) in entries {
                    self.value(key, depth, false)?;
                    self.value(value, depth, false)?;
                }
            }
            Value::Set(values) => {
                self.out.push(SET);
                write_length(values.len(), self.out)?;
                for value in values {
                    self.value(value, depth, false)?;
                }
            }
            Value::Message {
                fingerprint,
                version,
                fields,
            } => {
                if *version == 0 {
                    return Err(EncodeError::MessageVersion);
                }
                self.out.push(MESSAGE);
                write_varint(*fingerprint, self.out);
                write_varint(*version, self.out);
                write_length(fields.len(), self.out)?;
                self.fields(fields, depth)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn fields(&mut self, fields: &'v [(u32, Value)], depth: u32) -> Result<(), EncodeError> {
        let mut previous = 0;
        for &(tag, ref value) in fields {
            if tag <= previous {
                return Err(EncodeError::FieldTag { tag, previous });
            }
            previous = tag;
            write_varint(tag, self.out);
            self.value(value, depth, false)?;
        }
        Ok(())
    }

    fn object(&mut self, properties: &'v Properties, depth: u32) -> Result<(), EncodeError> {
        let has_shape = has_shape(properties);
        if has_shape && let Some(&number) = self.shapes.get(&ShapeOf(properties)) {
            // Its keys are those of an object that was looked at.
            self.out.push(LOCAL_SHAPE);
            write_varint(number, self.out);
            return self.values(properties, depth);
        }
        if !are_distinct(properties.iter().map(|(key, _)| key)) {
            return Err(EncodeError::DuplicateKey);
        }
        if has_shape {
            return self.define_shape(properties, depth);
        }
        let count = properties.len();
        write_short_count(FIX_OBJECT, FIX_OBJECT_MAX, OBJECT, count, self.out)?;
        for (key, value) in properties {
            write_key(key, self.out)?;
            self.value(value, depth, false)?;
        }
        Ok(())
    }

    fn define_shape(&mut self, properties: &'v Properties, depth: u32) -> Result<(), EncodeError> {
        self.out.push(DEFINE_SHAPE);
        write_length(properties.len(), self.out)?;
        for (key, _) in properties {
            write_key(key, self.out)?;
        }
        // Known from here on: a value may be an object of the same keys.
        let length = self.shapes.len();
        let number = u32::try_from(length).map_err(|_| EncodeError::TooLong { length })?;
        self.shapes.insert(ShapeOf(properties), number);
        self.values(properties, depth)
    }

    fn values(&mut self, properties: &'v Properties, depth: u32) -> Result<(), EncodeError> {
        properties
            .iter()
            .try_for_each(|(_, value)| self.value(value, depth, false))
    }
}

/// True for an object whose keys fit a local shape.
fn has_shape(properties: &Properties) -> bool {
    (1..=MAX_SHAPE_KEYS).contains(&properties.len())
        && properties
            .iter()
            .all(|(key, _)| key.len() <= MAX_SHAPE_KEY_LENGTH)
}

/// An object that stands for its keys, in their order.
struct ShapeOf<'v>(&'v Properties);

impl<'v> ShapeOf<'v> {
    fn keys(&self) -> impl Iterator<Item = &'v Text> {
        self.0.iter().map(|(key, _)| key)
    }
}

impl PartialEq for ShapeOf<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.keys().eq(other.keys())
    }
}

impl Eq for ShapeOf<'_> {}

impl Hash for ShapeOf<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.0.len());
        self.keys().for_each(|key| key.hash(state));
    }
}
