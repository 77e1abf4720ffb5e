//! Frames by example, and that any bytes at all are opened or refused.

use proptest::prelude::*;

use super::*;
use crate::codec::compress::DecompressError;

const EPOCH: u64 = 0x0123_4567_89AB_CDEF;

const LIMITS: Limits = Limits {
    max_bytes: 4096,
    epoch: Some(EPOCH),
};

/// A message of this payload, which is all that stands behind its header.
fn frame(flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![MAGIC, VERSION, 3, flags];
    bytes.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
    bytes.extend(77u64.to_le_bytes());
    bytes.extend(88u64.to_le_bytes());
    bytes.extend(payload);
    bytes
}

fn with_checksum(flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame(flags | CHECKSUM, &[payload, &[0; 4]].concat());
    let covered = bytes.len() - CHECKSUM_BYTES;
    let checksum = crc32fast::hash(&bytes[..covered]);
    bytes[covered..].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

#[track_caller]
fn fails(bytes: &[u8], kind: FrameErrorKind, offset: usize) {
    let error = open(bytes, &LIMITS).unwrap_err();
    assert_eq!(error, FrameError { offset, kind });
    let message = error.to_string();
    assert!(
        message.contains("expected") && message.contains("found"),
        "{message}"
    );
}

#[test]
fn a_plain_message() {
    let mut bytes = frame(0, &[0x05]);
    bytes.extend([1, 2, 3]);
    let opened = open(&bytes, &LIMITS).unwrap();
    assert_eq!(
        opened.header,
        Header {
            kind: 3,
            flags: 0,
            payload_length: 1,
            timestamp: 77,
            correlation_id: 88
        }
    );
    // Bytes behind the payload are not looked at, and nothing is copied.
    assert!(matches!(opened.body, Cow::Borrowed(&[0x05])));
    assert!(!opened.is_batch() && !opened.uses_tables());
    assert!(open(&frame(BATCH, &[0xA0]), &LIMITS).unwrap().is_batch());
}

#[test]
fn a_header_that_is_none() {
    for length in 0..HEADER_BYTES {
        let bytes = &frame(0, &[])[..length];
        let kind = FrameErrorKind::UnexpectedEnd {
            needed: HEADER_BYTES,
            left: length,
        };
        fails(bytes, kind, 0);
    }
    let mut bytes = frame(0, &[0x05]);
    bytes[0] = 0x10;
    fails(&bytes, FrameErrorKind::Magic { found: 0x10 }, 0);
    let mut bytes = frame(0, &[0x05]);
    bytes[VERSION_AT] = 2;
    fails(&bytes, FrameErrorKind::Version { found: 2 }, VERSION_AT);
}

#[test]
fn flags_without_a_meaning() {
    for bit in [5, 6, 7] {
        let flags = 1 << bit;
        let kind = FrameErrorKind::ReservedFlags { flags };
        fails(&frame(flags, &[0x05]), kind, FLAGS_AT);
    }
    let kind = FrameErrorKind::UnsupportedCompression;
    fails(&frame(COMPRESSION_SNAPPY, &[0x05]), kind, FLAGS_AT);
}

#[test]
fn a_payload_that_is_cut_short() {
    let bytes = frame(0, &[0x93; 20]);
    for length in HEADER_BYTES..bytes.len() {
        let left = length - HEADER_BYTES;
        let kind = FrameErrorKind::UnexpectedEnd { needed: 20, left };
        fails(&bytes[..length], kind, HEADER_BYTES);
    }
    let kind = |needed, left| FrameErrorKind::UnexpectedEnd { needed, left };
    fails(&frame(CHECKSUM, &[1, 2, 3]), kind(4, 3), HEADER_BYTES);
    fails(&frame(TABLES, &[1; 7]), kind(8, 7), HEADER_BYTES);
}

#[test]
fn a_checksum_sees_every_bit() {
    let bytes = with_checksum(0, b"\x85hello");
    assert_eq!(open(&bytes, &LIMITS).unwrap().body, &b"\x85hello"[..]);
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        match open(&flipped, &LIMITS) {
            // Without the flag the checksum is four bytes too many, which the value's decoder tells.
            Ok(opened) => {
                assert_eq!(bit, 8 * FLAGS_AT + 2);
                assert_eq!(opened.body.len(), 10);
            }
            Err(error) => assert!(error.offset < bytes.len()),
        }
    }
}

#[test]
fn tables_of_another_epoch() {
    let mut payload = EPOCH.to_le_bytes().to_vec();
    payload.push(0x05);
    let bytes = frame(TABLES, &payload);
    let opened = open(&bytes, &LIMITS).unwrap();
    assert!(opened.uses_tables());
    assert_eq!(opened.body, &[0x05][..]);
    let kind = FrameErrorKind::ForeignTables { found: EPOCH };
    for epoch in [None, Some(EPOCH ^ 1)] {
        let limits = Limits { epoch, ..LIMITS };
        let error = open(&bytes, &limits).unwrap_err();
        assert_eq!((error.kind, error.offset), (kind, HEADER_BYTES));
    }
    assert_eq!(tables_epoch(), tables_epoch());
}

#[test]
fn a_value_above_the_limit() {
    let kind = |bytes| FrameErrorKind::TooLarge { bytes, limit: 4096 };
    assert!(open(&frame(0, &[0xC0; 4096]), &LIMITS).is_ok());
    fails(&frame(0, &[0xC0; 4097]), kind(4097), HEADER_BYTES);
    for flags in [COMPRESSION_ZSTD, COMPRESSION_LZ4] {
        fails(&frame(flags, &[0x81, 0x20]), kind(4097), HEADER_BYTES);
        // 4 GiB of 30 bytes.
        let mut bomb = vec![0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
        bomb.resize(30, 0);
        fails(&frame(flags, &bomb), kind(u32::MAX as usize), HEADER_BYTES);
    }
}

#[test]
fn compressed_bytes() {
    let raw = [0xC0; 4096];
    for (flags, algorithm) in [
        (COMPRESSION_ZSTD, Algorithm::Zstd),
        (COMPRESSION_LZ4, Algorithm::Lz4),
    ] {
        let compressed = compress::compress(algorithm, &raw).unwrap();
        let payload = |length: u16| {
            let length = [length as u8 | 0x80, (length >> 7) as u8];
            [&length[..], &compressed].concat()
        };
        for bytes in [
            frame(flags, &payload(4096)),
            with_checksum(flags, &payload(4096)),
        ] {
            assert_eq!(open(&bytes, &LIMITS).unwrap().body, &raw[..]);
        }
        // It expands beyond what it claims.
        let kind = FrameErrorKind::Compressed(DecompressError::Damaged);
        fails(&frame(flags, &payload(200)), kind, HEADER_BYTES + 2);
        // Its length is no varint.
        let error = open(&frame(flags, &[0x80, 0x00]), &LIMITS).unwrap_err();
        assert_eq!(error.kind.name(), "RawLength");
        let error = open(&frame(flags, &[]), &LIMITS).unwrap_err();
        assert_eq!((error.kind.name(), error.offset), ("RawLength", 24));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_opened_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..100),
        is_near in any::<bool>(),
        flags in 0u8..32,
    ) {
        let bytes = if is_near { frame(flags, &bytes) } else { bytes };
        if let Ok(opened) = open(&bytes, &LIMITS) {
            prop_assert!(opened.body.len() <= LIMITS.max_bytes);
        }
    }

    #[test]
    fn mutated_messages_are_opened_or_refused(
        raw in proptest::collection::vec(0u8..3, 100..400),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        is_zstd in any::<bool>(),
    ) {
        let (flags, algorithm) = if is_zstd {
            (COMPRESSION_ZSTD, Algorithm::Zstd)
        } else {
            (COMPRESSION_LZ4, Algorithm::Lz4)
        };
        let Some(compressed) = compress::compress(algorithm, &raw) else {
            return Ok(());
        };
        let mut payload = Vec::new();
        crate::codec::cursor::write_varint(raw.len() as u32, &mut payload);
        payload.extend(compressed);
        let mut bytes = frame(flags, &payload);
        prop_assert_eq!(&open(&bytes, &LIMITS).unwrap().body[..], &raw[..]);
        let index = at.index(bytes.len());
        bytes[index] = byte;
        if let Ok(opened) = open(&bytes, &LIMITS) {
            prop_assert!(opened.body.len() <= LIMITS.max_bytes);
        }
    }
}
