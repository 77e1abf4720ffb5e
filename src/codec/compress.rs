//! Compression of encoded values: zstd, and LZ4 blocks.
//!
//! The two sides bound each other: compressing gives up where it does not pay, and decompressing makes exactly as many
//! bytes as it was told to, after a look at whether so few bytes can become so many at all.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;

use zstd::zstd_safe::{CCtx, CParameter, DCtx};

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Smaller.
    Zstd,
    /// Faster.
    Lz4,
}

/// Compressed bytes that do not become what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecompressError {
    /// No algorithm makes so many bytes of so few. Found before anything is allocated.
    Impossible {
        /// Bytes that should come out.
        expected: usize,
        /// Bytes that there are.
        compressed: usize,
    },
    /// The compressed bytes are damaged, or become more bytes than expected.
    Damaged,
    /// Fewer bytes came out than expected.
    Length {
        /// Bytes that should come out.
        expected: usize,
        /// Bytes that came out.
        found: usize,
    },
    /// The system has no memory for the bytes.
    NoMemory {
        /// How many.
        bytes: usize,
    },
}

impl fmt::Display for DecompressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            DecompressError::Impossible {
                expected,
                compressed,
            } => write!(
                f,
                "expected compressed bytes that become {expected}, found {compressed}, which are too few for that"
            ),
            DecompressError::Damaged => write!(
                f,
                "expected sound compressed bytes, found damaged ones or too many"
            ),
            DecompressError::Length { expected, found } => write!(
                f,
                "expected compressed bytes that become {expected}, found some that become {found}"
            ),
            DecompressError::NoMemory { bytes } => {
                write!(f, "expected memory for {bytes} bytes, found none")
            }
        }
    }
}

impl Error for DecompressError {}

/// The level that zstd itself takes when it is not told one.
const ZSTD_LEVEL: i32 = zstd::DEFAULT_COMPRESSION_LEVEL;
/// A thread keeps a context up to this size for its next message; a large message's is let go.
const KEPT_CONTEXT_BYTES: usize = 1 << 20;
/// Most bytes that a byte of an LZ4 block stands for.
const LZ4_MOST_RATIO: usize = 255;
/// Fewest bytes of a zstd block that stand for any, and most bytes that a block stands for.
const ZSTD_LEAST_BLOCK: usize = 4;
const ZSTD_MOST_BLOCK: usize = 128 << 10;

thread_local! {
    static COMPRESSOR: RefCell<Option<CCtx<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// The compressed bytes; None where they and the length that must stand before them would not be fewer than `raw`.
pub fn compress(algorithm: Algorithm, raw: &[u8]) -> Option<Vec<u8>> {
    let most = raw.len().checked_sub(varint_bytes(raw.len())? + 1)?;
    match algorithm {
        Algorithm::Lz4 => {
            let compressed = lz4_flex::block::compress(raw);
            (compressed.len() <= most).then_some(compressed)
        }
        Algorithm::Zstd => compress_zstd(raw, most),
    }
}

fn compress_zstd(raw: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut compressed = Vec::with_capacity(most);
    COMPRESSOR.with_borrow_mut(|kept| {
        let mut context = match kept.take() {
            Some(context) => context,
            None => {
                let mut context = CCtx::try_create()?;
                context
                    .set_parameter(CParameter::CompressionLevel(ZSTD_LEVEL))
                    .ok()?;
                context
            }
        };
        // An error is a lack of room: what is larger than that does not pay.
        let done = context.compress2(&mut compressed, raw);
        if context.sizeof() <= KEPT_CONTEXT_BYTES {
            *kept = Some(context);
        }
        done.ok().map(|_| compressed)
    })
}

/// The bytes, `raw_length` of them, that were compressed. The caller has compared `raw_length` with its limit.
pub fn decompress(
    algorithm: Algorithm,
    compressed: &[u8],
    raw_length: usize,
) -> Result<Vec<u8>, DecompressError> {
    if raw_length > most_output(algorithm, compressed.len()) {
        return Err(DecompressError::Impossible {
            expected: raw_length,
            compressed: compressed.len(),
        });
    }
    let mut raw = Vec::new();
    raw.try_reserve_exact(raw_length)
        .map_err(|_| DecompressError::NoMemory { bytes: raw_length })?;
    let found = match algorithm {
        Algorithm::Lz4 => {
            raw.resize(raw_length, 0);
            lz4_flex::block::decompress_into(compressed, &mut raw)
                .map_err(|_| DecompressError::Damaged)?
        }
        Algorithm::Zstd => decompress_zstd(compressed, &mut raw, raw_length)?,
    };
    if found == raw_length {
        Ok(raw)
    } else {
        Err(DecompressError::Length {
            expected: raw_length,
            found,
        })
    }
}

fn decompress_zstd(
    compressed: &[u8],
    raw: &mut Vec<u8>,
    raw_length: usize,
) -> Result<usize, DecompressError> {
    // Zeroed, so that what comes out is bounded by the length and not by what the allocator gave.
    raw.resize(raw_length, 0);
    DECOMPRESSOR.with_borrow_mut(|kept| {
        if kept.is_none() {
            *kept = DCtx::try_create();
        }
        let Some(context) = kept else {
            return Err(DecompressError::NoMemory { bytes: raw_length });
        };
        context
            .decompress(raw.as_mut_slice(), compressed)
            .map_err(|_| DecompressError::Damaged)
    })
}

/// Most bytes that so many compressed ones can become.
fn most_output(algorithm: Algorithm, compressed: usize) -> usize {
    match algorithm {
        Algorithm::Lz4 => compressed.saturating_mul(LZ4_MOST_RATIO),
        Algorithm::Zstd => (compressed / ZSTD_LEAST_BLOCK).saturating_mul(ZSTD_MOST_BLOCK),
    }
}

/// Bytes of a varint; None for what is none.
fn varint_bytes(value: usize) -> Option<usize> {
    let value = u32::try_from(value).ok()?;
    let bits = (u32::BITS - value.leading_zeros()).max(1) as usize;
    Some(bits.div_ceil(7))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOTH: [Algorithm; 2] = [Algorithm::Zstd, Algorithm::Lz4];

    /// Bytes without a pattern.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .take(length)
        .collect()
    }

    #[test]
    fn what_pays_is_smaller_and_comes_back() {
        for algorithm in BOTH {
            for length in [100, 1000, 70_000, 3 << 20] {
                let raw: Vec<u8> = b"agents and their tasks "
                    .iter()
                    .copied()
                    .cycle()
                    .take(length)
                    .collect();
                let compressed = compress(algorithm, &raw).unwrap();
                assert!(compressed.len() < raw.len());
                assert_eq!(
                    decompress(algorithm, &compressed, raw.len()),
                    Ok(raw),
                    "{algorithm:?}"
                );
            }
        }
    }

    #[test]
    fn what_does_not_pay_is_left_alone() {
        for algorithm in BOTH {
            for length in [0, 1, 2, 10, 1000, 100_000] {
                assert_eq!(
                    compress(algorithm, &noise(length)),
                    None,
                    "{algorithm:?} {length}"
                );
            }
        }
    }

    #[test]
    fn another_length_than_that_of_the_bytes_is_an_error() {
        let raw = vec![7; 5000];
        for algorithm in BOTH {
            let compressed = compress(algorithm, &raw).unwrap();
            for length in [0, 1, 4998, 4999] {
                assert_eq!(
                    decompress(algorithm, &compressed, length),
                    Err(DecompressError::Damaged),
                    "{algorithm:?} {length}"
                );
            }
            assert_eq!(
                decompress(algorithm, &compressed, 5001),
                Err(DecompressError::Length {
                    expected: 5001,
                    found: 5000
                })
            );
        }
    }

    #[test]
    fn a_claim_that_cannot_hold_allocates_nothing() {
        for algorithm in BOTH {
            for expected in [u32::MAX as usize, usize::MAX, 32 << 20] {
                let error = decompress(algorithm, &[0; 30], expected).unwrap_err();
                assert_eq!(
                    error,
                    DecompressError::Impossible {
                        expected,
                        compressed: 30
                    }
                );
                assert!(error.to_string().contains("30"));
            }
        }
    }

    #[test]
    fn the_largest_ratios_that_there_are_stay_within_the_bound() {
        for algorithm in BOTH {
            let raw = vec![0; 48 << 20];
            let compressed = compress(algorithm, &raw).unwrap();
            assert!(most_output(algorithm, compressed.len()) >= raw.len());
            assert!(
                decompress(algorithm, &compressed, raw.len()) == Ok(raw),
                "{algorithm:?}"
            );
        }
    }

    #[test]
    fn bytes_of_a_varint() {
        for (value, bytes) in [
            (0, 1),
            (127, 1),
            (128, 2),
            (16_383, 2),
            (16_384, 3),
            (u32::MAX as usize, 5),
        ] {
            assert_eq!(varint_bytes(value), Some(bytes));
        }
        #[cfg(target_pointer_width = "64")]
        assert_eq!(varint_bytes(1 << 32), None);
    }

    proptest! {
        #[test]
        fn any_bytes_decompress_to_the_length_or_to_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            length in 0usize..5000,
        ) {
            for algorithm in BOTH {
                if let Ok(raw) = decompress(algorithm, &bytes, length) {
                    prop_assert_eq!(raw.len(), length);
                }
            }
        }

        #[test]
        fn any_bytes_come_back(bytes in proptest::collection::vec(0u8..4, 0..3000)) {
            for algorithm in BOTH {
                if let Some(compressed) = compress(algorithm, &bytes) {
                    prop_assert!(compressed.len() < bytes.len());
                    prop_assert_eq!(decompress(algorithm, &compressed, bytes.len()), Ok(bytes.clone()));
                }
            }
        }
    }
}
