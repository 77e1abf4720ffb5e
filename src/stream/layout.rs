//! Offsets of a byte stream, the same in a SharedArrayBuffer and in a file. Words are little-endian.
//!
//! ```text
//!  byte 0        8         12        16         24      28       128            256            4,096
//!      +--------+---------+---------+----------+-------+- zero -+------+- zero -+------+- zero -+---------------
//!      | magic  | version | header  | capacity | crc32 |        | bytes|        | bytes|        | data: capacity
//!      |        |         | bytes   |          |       |        | ever |        | ever |        | bytes
//!      +--------+---------+---------+----------+-------+--------+ writ-+--------+ read +--------+---------------
//!       identity: written once                                    ten
//! ```
//!
//! The two positions count bytes since the stream was made and never come back; the byte at position `p` lies at
//! `p % capacity` of the data. The header is one page, so that the data begins on one.

/// u64: what a stream begins with. Its first byte is in no text, and the line end shows who converts line ends.
pub const MAGIC: u64 = u64::from_le_bytes(*b"\x89AGWSTR\n");
/// Stands in place of the magic while a file is being made. Nobody has written to such a stream yet.
pub const UNFINISHED: u64 = u64::from_le_bytes(*b"\x89AGWNEW\n");
/// The version that this code writes and reads.
pub const VERSION: u32 = 1;

/// u64
pub const MAGIC_OFFSET: usize = 0;
/// u32
pub const VERSION_OFFSET: usize = 8;
/// u32: where the data begins.
pub const HEADER_BYTES_OFFSET: usize = 12;
/// u64: bytes of data.
pub const CAPACITY_OFFSET: usize = 16;
/// u32: CRC-32 of the bytes before it.
pub const CRC_OFFSET: usize = 24;
/// Bytes of the identity.
pub const IDENTITY_BYTES: usize = 28;
/// In shared memory: the number that names the copy of agentwire which made the stream.
pub const MAKER_OFFSET: usize = 32;
/// u64: bytes ever written. The writer stores it, which commits what it has copied in.
pub const WRITTEN: usize = 128;
/// u64: bytes ever read. The reader stores it, which frees what it has copied out.
pub const READ: usize = 256;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 4096;

/// Capacity when none is asked for: 64 MiB.
pub const DEFAULT_CAPACITY: u64 = 64 << 20;
/// Largest capacity: 1 TiB.
pub const MAX_CAPACITY: u64 = 1 << 40;
/// Bytes of the memory through which short reads and writes go between native and its thread's JavaScript. The two
/// positions fit too.
pub const SCRATCH_BYTES: usize = 64;

/// What a raw callback returns, negated, in place of a count.
pub mod answer {
    /// Not enough bytes, or not enough room, at this moment.
    pub const NOT_NOW: u32 = 1;
    /// More than the capacity: there will never be.
    pub const TOO_LONG: u32 = 2;
    /// The caller's bytes are the stream's own.
    pub const OVERLAP: u32 = 3;
    /// The positions cannot be.
    pub const DAMAGED: u32 = 4;
    /// The handle is closed.
    pub const CLOSED: u32 = 5;
    /// The array to read into has no bytes.
    pub const NO_TARGET: u32 = 6;
}

/// The numbers under the names that TypeScript gets.
pub const STREAM: &[(&str, u32)] = &[
    ("HeaderBytes", HEADER_BYTES as u32),
    ("DefaultCapacity", DEFAULT_CAPACITY as u32),
    ("MaxCapacityMiB", (MAX_CAPACITY >> 20) as u32),
    ("ScratchBytes", SCRATCH_BYTES as u32),
    ("FirstByte", (MAGIC & 0xFF) as u32),
    ("NotNow", answer::NOT_NOW),
    ("TooLong", answer::TOO_LONG),
    ("Overlap", answer::OVERLAP),
    ("Damaged", answer::DAMAGED),
    ("Closed", answer::CLOSED),
    ("NoTarget", answer::NO_TARGET),
];

const _: () = {
    assert!(
        cfg!(target_endian = "little"),
        "the words are little-endian"
    );
    assert!(CRC_OFFSET + 4 == IDENTITY_BYTES);
    assert!(MAKER_OFFSET >= IDENTITY_BYTES && MAKER_OFFSET + 8 <= WRITTEN);
    assert!(IDENTITY_BYTES <= WRITTEN && WRITTEN.is_multiple_of(128));
    assert!(READ >= WRITTEN + 128 && READ.is_multiple_of(128));
    assert!(READ + 128 <= HEADER_BYTES && HEADER_BYTES.is_multiple_of(128));
    assert!(SCRATCH_BYTES >= 16 && DEFAULT_CAPACITY <= MAX_CAPACITY);
};

/// Why bytes are no stream that this code can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityError {
    /// Something else begins like this.
    Foreign,
    /// A stream of a version that this code does not know.
    Version(u32),
    /// A stream whose identity was changed after it was written.
    Damaged,
}

/// The identity of a stream of that capacity.
pub fn identity(capacity: u64) -> [u8; IDENTITY_BYTES] {
    let mut bytes = [0; IDENTITY_BYTES];
    bytes[MAGIC_OFFSET..][..8].copy_from_slice(&MAGIC.to_le_bytes());
    bytes[VERSION_OFFSET..][..4].copy_from_slice(&VERSION.to_le_bytes());
    bytes[HEADER_BYTES_OFFSET..][..4].copy_from_slice(&(HEADER_BYTES as u32).to_le_bytes());
    bytes[CAPACITY_OFFSET..][..8].copy_from_slice(&capacity.to_le_bytes());
    let crc = crc32fast::hash(&bytes[..CRC_OFFSET]);
    bytes[CRC_OFFSET..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// The capacity of the stream with that identity.
pub fn check_identity(bytes: &[u8; IDENTITY_BYTES]) -> Result<u64, IdentityError> {
    if word_u64(bytes, MAGIC_OFFSET) != MAGIC {
        return Err(IdentityError::Foreign);
    }
    // Before the checksum, which another version may compute otherwise.
    let version = word_u32(bytes, VERSION_OFFSET);
    if version != VERSION {
        return Err(IdentityError::Version(version));
    }
    let capacity = word_u64(bytes, CAPACITY_OFFSET);
    let is_sound = word_u32(bytes, CRC_OFFSET) == crc32fast::hash(&bytes[..CRC_OFFSET])
        && word_u32(bytes, HEADER_BYTES_OFFSET) == HEADER_BYTES as u32
        && (1..=MAX_CAPACITY).contains(&capacity);
    is_sound.then_some(capacity).ok_or(IdentityError::Damaged)
}

fn word_u32(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..][..4].try_into().expect("four bytes"))
}

fn word_u64(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(bytes[offset..][..8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_tells_its_capacity() {
        for capacity in [1, 7, DEFAULT_CAPACITY, MAX_CAPACITY] {
            assert_eq!(check_identity(&identity(capacity)), Ok(capacity));
        }
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        for bit in 0..8 * IDENTITY_BYTES {
            let mut bytes = identity(1000);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let expected = match bit / 8 {
                0..VERSION_OFFSET => IdentityError::Foreign,
                VERSION_OFFSET..HEADER_BYTES_OFFSET => {
                    IdentityError::Version(VERSION ^ 1 << (bit - 8 * VERSION_OFFSET))
                }
                _ => IdentityError::Damaged,
            };
            assert_eq!(check_identity(&bytes), Err(expected), "bit {bit}");
        }
    }

    #[test]
    fn a_capacity_that_cannot_be_is_damage_whatever_the_checksum_says() {
        for capacity in [0, MAX_CAPACITY + 1, u64::MAX] {
            assert_eq!(
                check_identity(&identity(capacity)),
                Err(IdentityError::Damaged)
            );
        }
    }
}
