//! The values that hold no other, and the counts of those that do.

use crate::codec::binary::BinaryKind;
pub(super) use crate::codec::cursor::write_varint;
use crate::codec::dictionary::{SHORT_KEYS, number_of};
use crate::codec::error::EncodeError;
use crate::codec::layout::*;
use crate::codec::text::{Text, Units};

pub(super) fn write_integer(integer: i32, out: &mut Vec<u8>) {
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

pub(super) fn write_float(tag: u8, number: f64, out: &mut Vec<u8>) {
    // JavaScript has one NaN, whatever its bits are; the format has one way to write it.
    let number = if number.is_nan() { f64::NAN } else { number };
    out.push(tag);
    out.extend(number.to_le_bytes());
}

/// A bigint whose magnitude has no zero at its end.
pub(super) fn write_big_int(
    negative: bool,
    magnitude: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
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

/// A bigint that fits in 64 bits.
pub(in crate::codec) fn as_i64(negative: bool, magnitude: &[u8]) -> Option<i64> {
    let mut bytes = [0; 8];
    bytes.get_mut(..magnitude.len())?.copy_from_slice(magnitude);
    let absolute = u64::from_le_bytes(bytes);
    if negative {
        0i64.checked_sub_unsigned(absolute)
    } else {
        i64::try_from(absolute).ok()
    }
}

pub(super) fn write_binary(
    kind: BinaryKind,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let length = bytes.len();
    if !length.is_multiple_of(kind.element_bytes()) {
        return Err(EncodeError::BinaryLength { kind, length });
    }
    out.extend([BINARY, kind.byte()]);
    write_length(length, out)?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// A string in the place of a value.
pub(super) fn write_text(text: &Text, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match number_of(text.units()) {
        Some(number) => {
            out.extend([STATIC_STRING, number]);
            Ok(())
        }
        None => write_characters(text.units(), out),
    }
}

/// A string in the place of an object's key.
pub(super) fn write_key(key: &Text, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match number_of(key.units()) {
        Some(number) if number < SHORT_KEYS => out.push(number),
        Some(number) => out.extend([STATIC_STRING, number]),
        None => write_characters(key.units(), out)?,
    }
    Ok(())
}

fn write_characters(units: Units<'_>, out: &mut Vec<u8>) -> Result<(), EncodeError> {
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
pub(super) fn write_short_count(
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

pub(super) fn write_length(length: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let varint = u32::try_from(length).map_err(|_| EncodeError::TooLong { length })?;
    write_varint(varint, out);
    Ok(())
}
