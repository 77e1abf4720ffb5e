//! The numbers of the value encoding (docs/wire-format.md, section 2), and nothing else.
//!
//! TypeScript takes them from [`TAGS`], [`BINARY_KINDS`] and [`LIMITS`] when the package is built, so
//! there is one place to change. The table of tags, by first byte:
//!
//! ```text
//!  00        80         A0        B0         C0               D9       E0            FF
//!  +---------+----------+---------+----------+----------------+--------+-------------+
//!  | integer | one-byte | array   | object   | single tags    |reserved| integer     |
//!  | 0..127  | 0..31    | 0..15   | 0..15    | null .. D8     |        | -32 .. -1   |
//!  +---------+----------+---------+----------+----------------+--------+-------------+
//! ```

/// Largest integer that is its own tag; the smallest is 0.
pub const FIX_INT_MAX: u8 = 0x7F;
/// First tag of a one-byte string whose length is in the tag.
pub const FIX_STRING: u8 = 0x80;
/// First tag of an array whose count is in the tag.
pub const FIX_ARRAY: u8 = 0xA0;
/// First tag of an object whose count is in the tag.
pub const FIX_OBJECT: u8 = 0xB0;
/// `null`.
pub const NULL: u8 = 0xC0;
/// `undefined`.
pub const UNDEFINED: u8 = 0xC1;
/// `false`.
pub const FALSE: u8 = 0xC2;
/// `true`.
pub const TRUE: u8 = 0xC3;
/// A hole in an array: an index that was never assigned.
pub const HOLE: u8 = 0xC4;
/// Integer, i8 follows.
pub const INT8: u8 = 0xC5;
/// Integer, i16 follows.
pub const INT16: u8 = 0xC6;
/// Integer, i32 follows.
pub const INT32: u8 = 0xC7;
/// Number, f64 follows.
pub const FLOAT64: u8 = 0xC8;
/// Date, f64 milliseconds since the Unix epoch follow.
pub const DATE: u8 = 0xC9;
/// bigint, i64 follows.
pub const BIG_INT64: u8 = 0xCA;
/// bigint, sign byte, varint length and magnitude follow.
pub const BIG_INT: u8 = 0xCB;
/// One-byte string, varint length and Latin-1 bytes follow.
pub const ONE_BYTE_STRING: u8 = 0xCC;
/// Two-byte string, varint length in code units and UTF-16LE code units follow.
pub const TWO_BYTE_STRING: u8 = 0xCD;
/// Array, varint count and elements follow.
pub const ARRAY: u8 = 0xCE;
/// Object, varint count and (key, value) pairs follow.
pub const OBJECT: u8 = 0xCF;
/// Map, varint count and (key, value) pairs follow.
pub const MAP: u8 = 0xD0;
/// Set, varint count and values follow.
pub const SET: u8 = 0xD1;
/// Binary, kind byte, varint length in bytes and the bytes follow.
pub const BINARY: u8 = 0xD2;
/// Object by shape, varint shape id and one value for each key follow.
pub const SHAPE: u8 = 0xD3;
/// String by id, varint string id follows.
pub const STRING_ID: u8 = 0xD4;
/// String of the dictionary, u8 number follows.
pub const STATIC_STRING: u8 = 0xD5;
/// Object that defines a local shape: varint count, the keys and one value for each follow.
pub const DEFINE_SHAPE: u8 = 0xD6;
/// Object by local shape: varint number and one value for each key follow.
pub const LOCAL_SHAPE: u8 = 0xD7;
/// Message of a definition: varint fingerprint, varint version, varint count and (varint tag, value) pairs follow.
pub const MESSAGE: u8 = 0xD8;
/// First tag without a meaning.
pub const RESERVED_FIRST: u8 = 0xD9;
/// Last tag without a meaning.
pub const RESERVED_LAST: u8 = 0xDF;
/// First tag of a negative integer that is its own tag: -32. The tag, read as i8, is the integer.
pub const NEGATIVE_FIX_INT: u8 = 0xE0;

/// Smallest integer that is its own tag.
pub const NEGATIVE_FIX_INT_MIN: i32 = -32;
/// Longest one-byte string whose length is in the tag, in characters.
pub const FIX_STRING_MAX: u8 = 31;
/// Largest array whose count is in the tag.
pub const FIX_ARRAY_MAX: u8 = 15;
/// Largest object whose count is in the tag, in properties.
pub const FIX_OBJECT_MAX: u8 = 15;
/// Containers within one another, at most; the outermost counts as 1.
pub const MAX_DEPTH: u32 = 128;
/// Bytes of the longest varint.
pub const MAX_VARINT_BYTES: usize = 5;
/// Largest value of a varint, and so of a count, a length and an id.
pub const MAX_VARINT: u32 = u32::MAX;
/// Largest value of a varint's fifth byte: the four bits that 32 leave after 4 * 7.
pub const VARINT_LAST_BYTE_MAX: u8 = 0x0F;
/// Smallest id of a string or a shape; 0 names nothing.
pub const FIRST_ID: u32 = 1;
/// Most keys of a local shape, and of a shape that gets an id.
pub const MAX_SHAPE_KEYS: usize = 128;
/// Longest key of a local shape and of a shape that gets an id, and longest string that gets one, in code units.
pub const MAX_SHAPE_KEY_LENGTH: usize = 64;
/// Fewest properties of an object whose count is behind its tag.
pub const LONG_OBJECT_MIN: u8 = FIX_OBJECT_MAX + 1;

/// Kind byte of an ArrayBuffer.
pub const KIND_ARRAY_BUFFER: u8 = 0;
/// Kind byte of an Int8Array.
pub const KIND_INT8_ARRAY: u8 = 1;
/// Kind byte of a Uint8Array.
pub const KIND_UINT8_ARRAY: u8 = 2;
/// Kind byte of a Uint8ClampedArray.
pub const KIND_UINT8_CLAMPED_ARRAY: u8 = 3;
/// Kind byte of an Int16Array.
pub const KIND_INT16_ARRAY: u8 = 4;
/// Kind byte of a Uint16Array.
pub const KIND_UINT16_ARRAY: u8 = 5;
/// Kind byte of an Int32Array.
pub const KIND_INT32_ARRAY: u8 = 6;
/// Kind byte of a Uint32Array.
pub const KIND_UINT32_ARRAY: u8 = 7;
/// Kind byte of a Float32Array.
pub const KIND_FLOAT32_ARRAY: u8 = 8;
/// Kind byte of a Float64Array.
pub const KIND_FLOAT64_ARRAY: u8 = 9;
/// Kind byte of a BigInt64Array.
pub const KIND_BIG_INT64_ARRAY: u8 = 10;
/// Kind byte of a BigUint64Array.
pub const KIND_BIG_UINT64_ARRAY: u8 = 11;
/// Kind byte of a DataView.
pub const KIND_DATA_VIEW: u8 = 12;
/// Kind byte of a Float16Array.
pub const KIND_FLOAT16_ARRAY: u8 = 13;
/// How many kinds of binary there are; the kinds are dense from 0.
pub const BINARY_KIND_COUNT: usize = 14;

/// Bytes of one element, indexed by kind of binary.
pub const BINARY_ELEMENT_BYTES: [u8; BINARY_KIND_COUNT] =
    [1, 1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8, 1, 2];

/// The tags under the names that TypeScript gets. A `Fix` name is the first tag of a range.
pub const TAGS: &[(&str, u32)] = &[
    ("FixString", FIX_STRING as u32),
    ("FixArray", FIX_ARRAY as u32),
    ("FixObject", FIX_OBJECT as u32),
    ("Null", NULL as u32),
    ("Undefined", UNDEFINED as u32),
    ("False", FALSE as u32),
    ("True", TRUE as u32),
    ("Hole", HOLE as u32),
    ("Int8", INT8 as u32),
    ("Int16", INT16 as u32),
    ("Int32", INT32 as u32),
    ("Float64", FLOAT64 as u32),
    ("Date", DATE as u32),
    ("BigInt64", BIG_INT64 as u32),
    ("BigInt", BIG_INT as u32),
    ("OneByteString", ONE_BYTE_STRING as u32),
    ("TwoByteString", TWO_BYTE_STRING as u32),
    ("Array", ARRAY as u32),
    ("Object", OBJECT as u32),
    ("Map", MAP as u32),
    ("Set", SET as u32),
    ("Binary", BINARY as u32),
    ("Shape", SHAPE as u32),
    ("StringId", STRING_ID as u32),
    ("StaticString", STATIC_STRING as u32),
    ("DefineShape", DEFINE_SHAPE as u32),
    ("LocalShape", LOCAL_SHAPE as u32),
    ("Message", MESSAGE as u32),
    ("NegativeFixInt", NEGATIVE_FIX_INT as u32),
];

/// The kinds of binary under the names of their JavaScript constructors, in the order of their numbers.
pub const BINARY_KINDS: &[(&str, u32)] = &[
    ("ArrayBuffer", KIND_ARRAY_BUFFER as u32),
    ("Int8Array", KIND_INT8_ARRAY as u32),
    ("Uint8Array", KIND_UINT8_ARRAY as u32),
    ("Uint8ClampedArray", KIND_UINT8_CLAMPED_ARRAY as u32),
    ("Int16Array", KIND_INT16_ARRAY as u32),
    ("Uint16Array", KIND_UINT16_ARRAY as u32),
    ("Int32Array", KIND_INT32_ARRAY as u32),
    ("Uint32Array", KIND_UINT32_ARRAY as u32),
    ("Float32Array", KIND_FLOAT32_ARRAY as u32),
    ("Float64Array", KIND_FLOAT64_ARRAY as u32),
    ("BigInt64Array", KIND_BIG_INT64_ARRAY as u32),
    ("BigUint64Array", KIND_BIG_UINT64_ARRAY as u32),
    ("DataView", KIND_DATA_VIEW as u32),
    ("Float16Array", KIND_FLOAT16_ARRAY as u32),
];

/// The limits under the names that TypeScript gets. Lengths are in characters, properties or elements,
/// `MaxVarintBytes` in bytes; `NegativeFixIntCount` is how many negative integers are their own tag.
pub const LIMITS: &[(&str, u32)] = &[
    ("FixIntMax", FIX_INT_MAX as u32),
    ("NegativeFixIntCount", NEGATIVE_FIX_INT_MIN.unsigned_abs()),
    ("FixStringMax", FIX_STRING_MAX as u32),
    ("FixArrayMax", FIX_ARRAY_MAX as u32),
    ("FixObjectMax", FIX_OBJECT_MAX as u32),
    ("MaxDepth", MAX_DEPTH),
    ("MaxVarintBytes", MAX_VARINT_BYTES as u32),
    ("MaxVarint", MAX_VARINT),
    ("VarintLastByteMax", VARINT_LAST_BYTE_MAX as u32),
    ("FirstId", FIRST_ID),
    ("MaxShapeKeys", MAX_SHAPE_KEYS as u32),
    ("MaxShapeKeyLength", MAX_SHAPE_KEY_LENGTH as u32),
    ("LongObjectMin", LONG_OBJECT_MIN as u32),
    ("StaticShortKeys", super::dictionary::SHORT_KEYS as u32),
];

// The ranges touch, so every byte has exactly one meaning.
const _: () = {
    assert!(FIX_INT_MAX as u32 + 1 == FIX_STRING as u32);
    assert!(FIX_STRING + FIX_STRING_MAX + 1 == FIX_ARRAY);
    assert!(FIX_ARRAY + FIX_ARRAY_MAX + 1 == FIX_OBJECT);
    assert!(FIX_OBJECT + FIX_OBJECT_MAX + 1 == NULL);
    assert!(MESSAGE + 1 == RESERVED_FIRST);
    assert!(RESERVED_LAST + 1 == NEGATIVE_FIX_INT);
    assert!(NEGATIVE_FIX_INT as i8 as i32 == NEGATIVE_FIX_INT_MIN);
    // A mask finds the range, a mask finds what is in it.
    assert!(FIX_STRING & FIX_STRING_MAX == 0);
    assert!(FIX_ARRAY & FIX_ARRAY_MAX == 0);
    assert!(FIX_OBJECT & FIX_OBJECT_MAX == 0);
    // After the ranges of strings, arrays and objects the single tags are dense, in the order of `TAGS`.
    let mut index = 3;
    while index < TAGS.len() - 1 {
        assert!(TAGS[index].1 == NULL as u32 + index as u32 - 3);
        index += 1;
    }
    assert!(TAGS[TAGS.len() - 2].1 == MESSAGE as u32);
};

// Five bytes of seven bits hold 32 bits, and the last of them only so many.
const _: () = {
    assert!((MAX_VARINT_BYTES - 1) * 7 < 32 && MAX_VARINT_BYTES * 7 >= 32);
    assert!(MAX_VARINT >> ((MAX_VARINT_BYTES - 1) * 7) == VARINT_LAST_BYTE_MAX as u32);
};

// The kinds of binary are dense from 0, and an element is a power of two of at most 8 bytes.
const _: () = {
    assert!(BINARY_KINDS.len() == BINARY_KIND_COUNT);
    let mut kind = 0;
    while kind < BINARY_KIND_COUNT {
        assert!(BINARY_KINDS[kind].1 == kind as u32);
        assert!(BINARY_ELEMENT_BYTES[kind].is_power_of_two() && BINARY_ELEMENT_BYTES[kind] <= 8);
        kind += 1;
    }
};

/// The name of a tag, for messages.
pub fn tag_name(tag: u8) -> &'static str {
    match tag {
        0..=FIX_INT_MAX => "FixInt",
        FIX_STRING..FIX_ARRAY => "FixString",
        FIX_ARRAY..FIX_OBJECT => "FixArray",
        FIX_OBJECT..NULL => "FixObject",
        RESERVED_FIRST..=RESERVED_LAST => "Reserved",
        NEGATIVE_FIX_INT.. => "NegativeFixInt",
        // The single tags are dense, asserted above.
        NULL..=MESSAGE => TAGS[(tag - NULL) as usize + 3].0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exported_tag_has_its_own_name() {
        for (name, tag) in TAGS {
            assert_eq!(tag_name(*tag as u8), *name);
        }
        for tag in 0..=u8::MAX {
            assert!(!tag_name(tag).is_empty());
        }
        assert_eq!(tag_name(0xD9), "Reserved");
        assert_eq!(tag_name(0x7F), "FixInt");
    }
}
