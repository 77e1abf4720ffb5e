//! Reading primitives off bytes, every read checked against the end.

use super::error::{DecodeError, DecodeErrorKind};
use super::layout::{MAX_VARINT_BYTES, VARINT_LAST_BYTE_MAX};

/// A place in bytes. A read that fails leaves it anywhere: the first error ends the walk.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    /// In range 0 ..= bytes.len().
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, offset: 0 }
    }

    /// A cursor over the same bytes at a place where this one has been.
    pub(super) fn at(&self, offset: usize) -> Cursor<'a> {
        let offset = offset.min(self.bytes.len());
        Cursor { offset, ..*self }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.offset
    }

    /// Goes past what begins here if the table, by first byte, says how many bytes it has, and they are
    /// there. 0 says that it does not.
    pub(super) fn pass(&mut self, sizes: &[u8; 256]) -> bool {
        let Some(&first) = self.bytes.get(self.offset) else {
            return false;
        };
        let size = usize::from(sizes[usize::from(first)]);
        let passes = size != 0 && size <= self.left();
        if passes {
            self.offset += size;
        }
        passes
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.bytes[self.offset..].split_at_checked(count) {
            Some((taken, _)) => {
                self.offset += count;
                Ok(taken)
            }
            None => Err(self.end(count)),
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.bytes[self.offset..].first_chunk::<N>() {
            Some(taken) => {
                self.offset += N;
                Ok(*taken)
            }
            None => Err(self.end(N)),
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn float64(&mut self) -> Result<f64, DecodeError> {
        self.array().map(f64::from_le_bytes)
    }

    /// Unsigned LEB128, the shortest form only.
    pub(super) fn varint(&mut self) -> Result<u32, DecodeError> {
        let start = self.offset;
        let mut value = 0;
        for index in 0..MAX_VARINT_BYTES {
            let byte = self.byte()?;
            if index == MAX_VARINT_BYTES - 1 && byte > VARINT_LAST_BYTE_MAX {
                return Err(DecodeError::new(start, DecodeErrorKind::VarintTooLarge));
            }
            value |= u32::from(byte & 0x7F) << (7 * index);
            if byte & 0x80 == 0 {
                if byte == 0 && index > 0 {
                    return Err(DecodeError::new(start, DecodeErrorKind::VarintNotShortest));
                }
                break;
            }
        }
        Ok(value)
    }

    /// A varint that counts bytes or elements in memory.
    pub(super) fn length(&mut self) -> Result<usize, DecodeError> {
        // Where usize is narrower than u32, what does not fit is beyond the end in any case.
        self.varint()
            .map(|length| usize::try_from(length).unwrap_or(usize::MAX))
    }

    fn end(&self, needed: usize) -> DecodeError {
        let kind = DecodeErrorKind::UnexpectedEnd {
            needed,
            left: self.left(),
        };
        DecodeError::new(self.offset, kind)
    }
}

/// Writes a varint in its shortest form.
pub(super) fn write_varint(mut value: u32, out: &mut Vec<u8>) {
    while value > 0x7F {
        // The low seven bits, with the bit that says that more follow.
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<u32, DecodeErrorKind> {
        let mut cursor = Cursor::new(bytes);
        let value = cursor.varint().map_err(|error| error.kind)?;
        assert_eq!(cursor.left(), 0);
        Ok(value)
    }

    #[test]
    fn varints_at_the_edges_of_their_lengths() {
        for bits in (0..32).chain([32]) {
            let above = 1u64 << bits;
            for value in [above - 1, above, above + 1] {
                let Ok(value) = u32::try_from(value) else {
                    continue;
                };
                let mut bytes = Vec::new();
                write_varint(value, &mut bytes);
                assert_eq!(
                    bytes.len(),
                    (32 - value.leading_zeros()).div_ceil(7).max(1) as usize
                );
                assert_eq!(read(&bytes), Ok(value));
            }
        }
    }

    #[test]
    fn varints_that_are_errors() {
        for bytes in [
            &[0x80, 0x00][..],
            &[0xFF, 0x00],
            &[0x80, 0x80, 0x80, 0x80, 0x00],
        ] {
            assert_eq!(
                read(bytes),
                Err(DecodeErrorKind::VarintNotShortest),
                "{bytes:02X?}"
            );
        }
        for last in [0x10, 0x7F, 0x80, 0xFF] {
            let bytes = [0xFF, 0xFF, 0xFF, 0xFF, last, 0x00];
            assert_eq!(
                read(&bytes),
                Err(DecodeErrorKind::VarintTooLarge),
                "{bytes:02X?}"
            );
        }
        assert_eq!(
            read(&[0x80]),
            Err(DecodeErrorKind::UnexpectedEnd { needed: 1, left: 0 })
        );
        assert_eq!(read(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F]), Ok(u32::MAX));
    }
}
