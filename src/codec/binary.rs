//! The kinds of binary value: which JavaScript object its bytes stand for.

use super::layout;

/// The JavaScript constructor of a binary value; its number is the kind byte on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BinaryKind {
    /// ArrayBuffer.
    ArrayBuffer = layout::KIND_ARRAY_BUFFER,
    /// Int8Array.
    Int8Array = layout::KIND_INT8_ARRAY,
    /// Uint8Array; a Node `Buffer` too.
    Uint8Array = layout::KIND_UINT8_ARRAY,
    /// Uint8ClampedArray.
    Uint8ClampedArray = layout::KIND_UINT8_CLAMPED_ARRAY,
    /// Int16Array.
    Int16Array = layout::KIND_INT16_ARRAY,
    /// Uint16Array.
    Uint16Array = layout::KIND_UINT16_ARRAY,
    /// Int32Array.
    Int32Array = layout::KIND_INT32_ARRAY,
    /// Uint32Array.
    Uint32Array = layout::KIND_UINT32_ARRAY,
    /// Float32Array.
    Float32Array = layout::KIND_FLOAT32_ARRAY,
    /// Float64Array.
    Float64Array = layout::KIND_FLOAT64_ARRAY,
    /// BigInt64Array.
    BigInt64Array = layout::KIND_BIG_INT64_ARRAY,
    /// BigUint64Array.
    BigUint64Array = layout::KIND_BIG_UINT64_ARRAY,
    /// DataView.
    DataView = layout::KIND_DATA_VIEW,
    /// Float16Array.
    Float16Array = layout::KIND_FLOAT16_ARRAY,
}

impl BinaryKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [BinaryKind; layout::BINARY_KIND_COUNT] = [
        BinaryKind::ArrayBuffer,
        BinaryKind::Int8Array,
        BinaryKind::Uint8Array,
        BinaryKind::Uint8ClampedArray,
        BinaryKind::Int16Array,
        BinaryKind::Uint16Array,
        BinaryKind::Int32Array,
        BinaryKind::Uint32Array,
        BinaryKind::Float32Array,
        BinaryKind::Float64Array,
        BinaryKind::BigInt64Array,
        BinaryKind::BigUint64Array,
        BinaryKind::DataView,
        BinaryKind::Float16Array,
    ];

    /// The kind of a kind byte.
    pub fn from_byte(byte: u8) -> Option<BinaryKind> {
        BinaryKind::ALL.get(usize::from(byte)).copied()
    }

    /// Its kind byte.
    pub fn byte(self) -> u8 {
        self as u8
    }

    /// The name of its JavaScript constructor.
    pub fn name(self) -> &'static str {
        layout::BINARY_KINDS[usize::from(self.byte())].0
    }

    /// Bytes of one element: 1, 2, 4 or 8. A binary value is a multiple of it long.
    pub fn element_bytes(self) -> usize {
        usize::from(layout::BINARY_ELEMENT_BYTES[usize::from(self.byte())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_names_and_sizes_agree() {
        for (index, kind) in BinaryKind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.byte()), index);
            assert_eq!(BinaryKind::from_byte(kind.byte()), Some(kind));
            assert_eq!(format!("{kind:?}"), kind.name());
            let bits: usize = match kind
                .name()
                .trim_start_matches(|c: char| !c.is_ascii_digit())
            {
                "" => 8,
                digits => digits
                    .trim_end_matches(|c: char| !c.is_ascii_digit())
                    .parse()
                    .unwrap(),
            };
            assert_eq!(kind.element_bytes() * 8, bits, "{}", kind.name());
        }
        assert_eq!(BinaryKind::from_byte(14), None);
        assert_eq!(BinaryKind::from_byte(255), None);
    }
}
