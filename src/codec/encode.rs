//! Values to bytes: self-contained (no ids of this process's tables) and canonical, so that equal values
//! have equal bytes whatever Rust form they were held in.

use super::cursor::write_varint;
use super::error::EncodeError;
use super::keys::are_distinct;
use super::layout::*;
use super::text::{Text, Units};
use super::value::{Value, as_i32, trim};

/// Appends the encoding of a value. On an error the vector is as it was.
pub fn encode(value: &Value, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    all_or_nothing(out, |out| write_value(value, 0, false, out))
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

/// One value within `depth` containers.
fn write_value(
    value: &Value,
    depth: u32,
    hole_allowed: bool,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    match value {
        Value::Null => out.push(NULL),
        Value::Undefined => out.push(UNDEFINED),
        Value::Hole if hole_allowed => out.push(HOLE),
        Value::Hole => return Err(EncodeError::MisplacedHole),
        Value::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
        Value::Int(integer) => write_integer(*integer, out),
        Value::Float(number) => match as_i32(*number) {
            Some(integer) => write_integer(integer, out),
            None => write_float(FLOAT64, *number, out),
        },
        Value::BigInt {
            negative,
            magnitude,
        } => write_big_int(*negative, trim(magnitude), out)?,
        Value::Date(milliseconds) => write_float(DATE, *milliseconds, out),
        Value::Text(text) => write_text(text, out)?,
        Value::Binary { kind, bytes } => {
            let length = bytes.len();
            if !length.is_multiple_of(kind.element_bytes()) {
                return Err(EncodeError::BinaryLength {
                    kind: *kind,
                    length,
                });
            }
            out.extend([BINARY, kind.byte()]);
            write_length(length, out)?;
            out.extend_from_slice(bytes);
        }
        Value::Array(_) | Value::Object(_) | Value::Map(_) | Value::Set(_) => {
            if depth == MAX_DEPTH {
                return Err(EncodeError::TooDeep);
            }
            write_container(value, depth + 1, out)?;
        }
    }
    Ok(())
}

/// A container and what is in it; `depth` counts it. Any other value is nothing.
fn write_container(value: &Value, depth: u32, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match value {
        Value::Array(elements) => {
            write_short_count(FIX_ARRAY, FIX_ARRAY_MAX, ARRAY, elements.len(), out)?;
            for element in elements {
                write_value(element, depth, true, out)?;
            }
        }
        Value::Object(properties) => {
            if !are_distinct(properties.iter().map(|(key, _)| key)) {
                return Err(EncodeError::DuplicateKey);
            }
            write_short_count(FIX_OBJECT, FIX_OBJECT_MAX, OBJECT, properties.len(), out)?;
            for (key, value) in properties {
                write_text(key, out)?;
                write_value(value, depth, false, out)?;
            }
        }
        Value::Map(entries) => {
            out.push(MAP);
            write_length(entries.len(), out)?;
            for (key, value) in entries {
                write_value(key, depth, false, out)?;
                write_value(value, depth, false, out)?;
            }
        }
        Value::Set(values) => {
            out.push(SET);
            write_length(values.len(), out)?;
            for value in values {
                write_value(value, depth, false, out)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn write_integer(integer: i32, out: &mut Vec<u8>) {
    if (NEGATIVE_FIX_INT_MIN..=i32::from(FIX_INT_MAX)).contains(&integer) {
        // The tag is the low byte: 0x00 to 0x7F, or 0xE0 to 0xFF.
        out.push(integer as u8);
    } else if let Ok(integer) = i8::try_from(integer) {
        out.push(INT8);
        out.extend(integer.to_le_bytes());
    } else if let Ok(integer) = i16::try_from(integer) {
        out.push(INT16);
        out.extend(integer.to_le_bytes());
    } else {
        out.push(INT32);
        out.extend(integer.to_le_bytes());
    }
}

fn write_float(tag: u8, number: f64, out: &mut Vec<u8>) {
    out.push(tag);
    out.extend(number.to_le_bytes());
}

/// A bigint whose magnitude has no zero at its end.
fn write_big_int(negative: bool, magnitude: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if let Some(integer) = as_i64(negative, magnitude) {
        out.push(BIG_INT64);
        out.extend(integer.to_le_bytes());
        return Ok(());
    }
    out.extend([BIG_INT, u8::from(negative)]);
    write_length(magnitude.len(), out)?;
    out.extend_from_slice(magnitude);
    Ok(())
}

fn as_i64(negative: bool, magnitude: &[u8]) -> Option<i64> {
    let mut bytes = [0; 8];
    bytes.get_mut(..magnitude.len())?.copy_from_slice(magnitude);
    let absolute = u64::from_le_bytes(bytes);
    if negative {
        0i64.checked_sub_unsigned(absolute)
    } else {
        i64::try_from(absolute).ok()
    }
}

fn write_text(text: &Text, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let units = text.units();
    if !units.is_narrow() {
        out.push(TWO_BYTE_STRING);
        write_length(units.len(), out)?;
        out.extend(units.iter().flat_map(u16::to_le_bytes));
        return Ok(());
    }
    write_short_count(
        FIX_STRING,
        FIX_STRING_MAX,
        ONE_BYTE_STRING,
        units.len(),
        out,
    )?;
    match units {
        Units::One(bytes) => out.extend_from_slice(bytes),
        // No unit is above 255 here, so the cast keeps every one.
        _ => out.extend(units.iter().map(|unit| unit as u8)),
    }
    Ok(())
}

/// A count in the tag where it fits, else after a tag of its own.
fn write_short_count(
    fix_tag: u8,
    fix_max: u8,
    tag: u8,
    count: usize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if count <= usize::from(fix_max) {
        out.push(fix_tag + count as u8);
        return Ok(());
    }
    out.push(tag);
    write_length(count, out)
}

fn write_length(length: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let varint = u32::try_from(length).map_err(|_| EncodeError::TooLong { length })?;
    write_varint(varint, out);
    Ok(())
}
