//! The digits of bigints. Decimal digits cost time that grows with their square, so long bigints have hexadecimal ones.

use std::fmt::Write;

use crate::codec::value::{Value, trim};

/// Bytes of magnitude up to which a bigint is written in decimal.
const MAX_DECIMAL_BYTES: usize = 128;
/// Decimal digits that are read: some more than are written, for who writes by hand.
const MAX_DECIMAL_DIGITS: usize = 1000;
/// As many decimal digits as a limb takes at a time.
const CHUNK: usize = 9;
const CHUNK_BASE: u64 = 1_000_000_000;

/// Appends the digits of a bigint.
pub(super) fn write(negative: bool, magnitude: &[u8], out: &mut String) {
    let magnitude = trim(magnitude);
    if negative && !magnitude.is_empty() {
        out.push('-');
    }
    if magnitude.len() <= MAX_DECIMAL_BYTES {
        return write_decimal(magnitude, out);
    }
    out.push_str("0x");
    let mut bytes = magnitude.iter().rev();
    if let Some(first) = bytes.next() {
        let _ = write!(out, "{first:x}");
    }
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
}

fn write_decimal(magnitude: &[u8], out: &mut String) {
    let mut limbs: Vec<u32> = magnitude
        .chunks(4)
        .map(|chunk| {
            let mut bytes = [0; 4];
            bytes[..chunk.len()].copy_from_slice(chunk);
            u32::from_le_bytes(bytes)
        })
        .collect();
    let mut chunks = Vec::new();
    while !limbs.is_empty() {
        let mut rest = 0;
        for limb in limbs.iter_mut().rev() {
            let dividend = rest << 32 | u64::from(*limb);
            // The rest is below the base, so the quotient has 32 bits.
            *limb = (dividend / CHUNK_BASE) as u32;
            rest = dividend % CHUNK_BASE;
        }
        chunks.push(rest);
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
    }
    let _ = write!(out, "{}", chunks.pop().unwrap_or(0));
    for chunk in chunks.into_iter().rev() {
        let _ = write!(out, "{chunk:0CHUNK$}");
    }
}

/// What is read, for messages.
pub(super) const EXPECTED: &str =
    "the digits of an integer as a string, decimal (1,000 at most) or hexadecimal after 0x";

/// The bigint of its digits; none if they are not as [`EXPECTED`] says.
pub(super) fn read(digits: &str) -> Option<Value> {
    let (negative, digits) = match digits.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, digits),
    };
    let mut magnitude = match digits.strip_prefix("0x") {
        Some(digits) => read_hexadecimal(digits.as_bytes())?,
        None => read_decimal(digits.as_bytes())?,
    };
    magnitude.truncate(trim(&magnitude).len());
    Some(Value::BigInt {
        negative: negative && !magnitude.is_empty(),
        magnitude: magnitude.into(),
    })
}

fn read_hexadecimal(digits: &[u8]) -> Option<Vec<u8>> {
    if digits.is_empty() {
        return None;
    }
    digits
        .rchunks(2)
        .map(|pair| {
            pair.iter()
                .try_fold(0, |byte, &digit| Some(byte << 4 | hex(digit)?))
        })
        .collect()
}

fn read_decimal(digits: &[u8]) -> Option<Vec<u8>> {
    if digits.is_empty() || digits.len() > MAX_DECIMAL_DIGITS {
        return None;
    }
    let mut limbs: Vec<u32> = Vec::new();
    for &digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        let mut carry = u64::from(digit - b'0');
        for limb in &mut limbs {
            let product = u64::from(*limb) * 10 + carry;
            *limb = product as u32;
            carry = product >> 32;
        }
        if carry > 0 {
            limbs.push(carry as u32);
        }
    }
    Some(limbs.into_iter().flat_map(u32::to_le_bytes).collect())
}

/// The value of a hexadecimal digit.
pub(super) fn hex(digit: u8) -> Option<u8> {
    // A digit is below 16.
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back(negative: bool, magnitude: &[u8]) -> String {
        let mut digits = String::new();
        write(negative, magnitude, &mut digits);
        let value = Value::BigInt {
            negative,
            magnitude: magnitude.into(),
        };
        assert_eq!(read(&digits), Some(value), "{digits}");
        digits
    }

    #[test]
    fn digits_of_all_lengths() {
        assert_eq!(there_and_back(false, &[]), "0");
        assert_eq!(there_and_back(true, &[0, 0]), "0");
        assert_eq!(there_and_back(true, &[1]), "-1");
        assert_eq!(
            there_and_back(false, &1_000_000_000u64.to_le_bytes()),
            "1000000000"
        );
        assert_eq!(
            there_and_back(false, &u128::MAX.to_le_bytes()),
            u128::MAX.to_string()
        );
        for length in 1..300 {
            let magnitude: Vec<u8> = (0..length)
                .map(|index| (index * 37 + 1) as u8 | 1)
                .collect();
            let digits = there_and_back(length % 2 == 0, &magnitude);
            assert_eq!(digits.contains("0x"), length > MAX_DECIMAL_BYTES);
        }
        assert_eq!(
            there_and_back(true, &[&[0; 128][..], &[0xA]].concat()),
            format!("-0xa{}", "0".repeat(256))
        );
    }

    #[test]
    fn what_is_no_bigint() {
        for digits in [
            "", "-", "0x", "-0x", "+1", " 1", "1 ", "1n", "1e3", "1.0", "0xg", "0X1", "--1", "é",
            "١",
        ] {
            assert_eq!(read(digits), None, "{digits}");
        }
        assert!(read(&"1".repeat(MAX_DECIMAL_DIGITS)).is_some());
        assert!(read(&"1".repeat(MAX_DECIMAL_DIGITS + 1)).is_none());
        assert_eq!(read("007"), Some(Value::big_int64(7)));
        assert_eq!(read("-0xFf"), Some(Value::big_int64(-255)));
        assert_eq!(read("0x100"), Some(Value::big_int64(256)));
    }
}
