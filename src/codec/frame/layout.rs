//! The numbers of a message as bytes (docs/wire-format.md, sections 3 and 4), and nothing else.
//!
//! ```text
//!  byte  0       1       2       3       4                               8
//!       +-------+-------+-------+-------+-------------------------------+
//!    0  | magic |version| type  | flags | payloadLength u32             |
//!       +-------+-------+-------+-------+-------------------------------+
//!    8  | timestamp u64, nanoseconds since the Unix epoch               |
//!       +---------------------------------------------------------------+
//!   16  | correlationId u64                                             |
//!       +---------------------------------------------------------------+
//!   24  | epoch u64, if TABLES | rawLength varint, if compressed        |
//!       | body | checksum u32, if CHECKSUM                              |
//!       +---------------------------------------------------------------+
//! ```

/// The first byte of every header. No value begins with it: an object that has its tag has at least 16 properties, and
/// the version stands in the place of their count.
pub const MAGIC: u8 = 0xCF;
/// The version of the layout, and the only one that is read.
pub const VERSION: u8 = 1;

/// Where the version is, a u8.
pub const VERSION_AT: usize = 1;
/// Where the type is, a u8.
pub const TYPE_AT: usize = 2;
/// Where the flags are, a u8.
pub const FLAGS_AT: usize = 3;
/// Where the length of the payload is, a u32.
pub const PAYLOAD_LENGTH_AT: usize = 4;
/// Where the timestamp is, a u64.
pub const TIMESTAMP_AT: usize = 8;
/// Where the correlation id is, a u64.
pub const CORRELATION_ID_AT: usize = 16;
/// Bytes of a header.
pub const HEADER_BYTES: usize = 24;

/// The bits of the flags that are a compression.
pub const COMPRESSION_MASK: u8 = 0b0000_0011;
/// The last four bytes are a checksum.
pub const CHECKSUM: u8 = 1 << 2;
/// The value refers to the tables of a process.
pub const TABLES: u8 = 1 << 3;
/// The value is a batch.
pub const BATCH: u8 = 1 << 4;
/// The bits of the flags without a meaning.
pub const RESERVED_FLAGS: u8 = 0b1110_0000;

/// Not compressed.
pub const COMPRESSION_NONE: u8 = 0;
/// One zstd frame.
pub const COMPRESSION_ZSTD: u8 = 1;
/// One LZ4 block.
pub const COMPRESSION_LZ4: u8 = 2;
/// Has a number and is refused.
pub const COMPRESSION_SNAPPY: u8 = 3;

/// Bytes of the epoch.
pub const EPOCH_BYTES: usize = 8;
/// Bytes of the checksum.
pub const CHECKSUM_BYTES: usize = 4;
/// Largest value that is read and written unless the caller says otherwise, in bytes before compression.
pub const DEFAULT_MAX_BYTES: usize = 64 << 20;
/// The type of a batch's header.
pub const BATCH_TYPE: u8 = 6;

/// The header under the names that TypeScript gets.
pub const HEADER: &[(&str, u32)] = &[
    ("Magic", MAGIC as u32),
    ("Version", VERSION as u32),
    ("VersionAt", VERSION_AT as u32),
    ("TypeAt", TYPE_AT as u32),
    ("FlagsAt", FLAGS_AT as u32),
    ("PayloadLengthAt", PAYLOAD_LENGTH_AT as u32),
    ("TimestampAt", TIMESTAMP_AT as u32),
    ("CorrelationIdAt", CORRELATION_ID_AT as u32),
    ("Bytes", HEADER_BYTES as u32),
];

/// The flags and what they announce, under the names that TypeScript gets.
pub const FRAME: &[(&str, u32)] = &[
    ("CompressionMask", COMPRESSION_MASK as u32),
    ("Checksum", CHECKSUM as u32),
    ("Tables", TABLES as u32),
    ("Batch", BATCH as u32),
    ("Reserved", RESERVED_FLAGS as u32),
    ("None", COMPRESSION_NONE as u32),
    ("Zstd", COMPRESSION_ZSTD as u32),
    ("Lz4", COMPRESSION_LZ4 as u32),
    ("Snappy", COMPRESSION_SNAPPY as u32),
    ("EpochBytes", EPOCH_BYTES as u32),
    ("ChecksumBytes", CHECKSUM_BYTES as u32),
    ("DefaultMaxBytes", DEFAULT_MAX_BYTES as u32),
    ("BatchType", BATCH_TYPE as u32),
];

// The fields touch, and the flags share no bit and leave none out.
const _: () = {
    assert!(VERSION_AT == 1 && TYPE_AT == 2 && FLAGS_AT == 3 && PAYLOAD_LENGTH_AT == 4);
    assert!(TIMESTAMP_AT == PAYLOAD_LENGTH_AT + 4);
    assert!(CORRELATION_ID_AT == TIMESTAMP_AT + 8);
    assert!(HEADER_BYTES == CORRELATION_ID_AT + 8);
    assert!(COMPRESSION_MASK + CHECKSUM + TABLES + BATCH + RESERVED_FLAGS == u8::MAX);
    assert!(COMPRESSION_SNAPPY == COMPRESSION_MASK);
    assert!(
        MAGIC == super::super::layout::OBJECT && VERSION < super::super::layout::LONG_OBJECT_MIN
    );
};
