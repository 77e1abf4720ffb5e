//! Where the parts of a filter are. All words are little-endian; offsets are in bytes.
//!
//! ```text
//! byte 0        4         8        12       16         20       24        32           64
//!      +--------+---------+--------+--------+----------+--------+---------+-- unused --+----------------+
//!      | "AWBL" | version | bits   | hash   | expected |   0    | rate    |            | bits / 32      |
//!      |        |         |        | count  | items    |        | (f64)   |            | words of bits  |
//!      +--------+---------+--------+--------+----------+--------+---------+------------+----------------+
//!       identity: written once
//! ```
//!
//! Bit `p` is bit `p % 32` of word `p / 32`. A filter of zeroed memory is an empty filter but for its identity.
//!
//! Nothing of this memory steers anything: the geometry is checked once, when a thread attaches, and kept outside; words of
//! bits that somebody writes over make wrong answers and nothing worse.

use crate::memory::Memory;
use crate::sync::Ordering;

/// "AWBL" in the order of the bytes.
pub const MAGIC: u32 = u32::from_le_bytes(*b"AWBL");
/// Version of this layout and of the hash.
pub const VERSION: u32 = 1;

/// Offset of the magic number, which is written last.
const MAGIC_AT: usize = 0;
/// Offset of the version.
const VERSION_AT: usize = 4;
/// Offset of the number of bits.
const BITS_AT: usize = 8;
/// Offset of the number of probes for each string.
const HASH_COUNT_AT: usize = 12;
/// Offset of the number of items that were expected.
const EXPECTED_ITEMS_AT: usize = 16;
/// Offset of the rate that was asked for: the bits of an f64.
const RATE_AT: usize = 24;

/// Offset of the words of bits.
pub const WORDS: usize = 64;

/// Fewest bits: one cache line.
pub const LEAST_BITS: u32 = 512;
/// Most bits: 128 MiB. A position then has four values of the hash or more, so that no position is much likelier than
/// another.
pub const MOST_BITS: u32 = 1 << 30;
/// Bits come in multiples of this, so that the memory's size is a multiple of 8 bytes.
const BITS_STEP: u32 = 64;
/// Most probes for a string.
pub const MOST_HASHES: u32 = 32;
/// Lowest rate that can be asked for: one in so many.
pub const LOWEST_RATE_ONE_IN: u32 = 1_000_000_000;

/// What the sizes are chosen for, as a part of the rate that was asked for. The rate of a full filter spreads around its mean, and a
/// measurement spreads around that: of 100,000 strings at 0.1 % some 100 are taken for known, give or take 10. So a measurement comes
/// out at or under the rate that was asked for. It costs 0.6 bits for each item, 6 % at a rate of 1 %.
const AIM: f64 = 0.75;

const _: () = {
    assert!(
        cfg!(target_endian = "little"),
        "the words are little-endian"
    );
    assert!(RATE_AT.is_multiple_of(8) && RATE_AT >= EXPECTED_ITEMS_AT + 4);
    assert!(RATE_AT + 8 <= WORDS && WORDS.is_multiple_of(64));
    assert!(LEAST_BITS.is_multiple_of(BITS_STEP) && MOST_BITS.is_multiple_of(BITS_STEP));
    // A position is a signed integer of 32 bits in JavaScript.
    assert!(MOST_BITS <= 1 << 31);
};

/// Exported to TypeScript.
pub const LIMITS: &[(&str, u32)] = &[
    ("Words", WORDS as u32),
    ("LowestRateOneIn", LOWEST_RATE_ONE_IN),
];

/// The sizes of a filter, and what they were chosen for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    bits: u32,
    hash_count: u32,
    expected_items: u32,
    rate: f64,
}

/// Why memory is no filter, or cannot be one.
#[derive(Debug, Clone, PartialEq)]
pub enum GeometryError {
    /// The rate is out of bounds.
    Rate(f64),
    /// There are too many items for the rate, or none.
    ExpectedItems {
        /// Items that were asked for.
        given: u32,
        /// Most items of that rate.
        most: u32,
    },
    /// The memory does not begin as a filter does.
    Foreign,
    /// The filter was made by a version that lays it out or hashes differently.
    Version(u32),
    /// The header has sizes that no filter has.
    Damaged,
    /// The memory's size is not that of the filter that it says it holds.
    Size {
        /// Bytes that there should be.
        expected: usize,
        /// Bytes that there are.
        found: usize,
    },
}

/// Probes and bits for each item, such that the rate comes out as `aimed` with the fewest bits.
///
/// Of `n` items with `k` probes each, a bit of `m` stays 0 with the probability `e^(-kn/m)`. All `k` bits of a string that was never
/// added are 1 with `(1 - e^(-kn/m))^k`, which is solved for `m / n`.
fn best(aimed: f64) -> (u32, f64) {
    let bits_per_item = |k: u32| -f64::from(k) / (-aimed.powf(1.0 / f64::from(k))).ln_1p();
    (1..=MOST_HASHES)
        .map(|k| (k, bits_per_item(k)))
        .min_by(|(_, left), (_, right)| left.total_cmp(right))
        .expect("there is a first number of probes")
}

impl Geometry {
    /// The sizes for so many items at a rate.
    pub fn new(expected_items: u32, rate: f64) -> Result<Self, GeometryError> {
        let most = Self::most_items(rate)?;
        if !(1..=most).contains(&expected_items) {
            return Err(GeometryError::ExpectedItems {
                given: expected_items,
                most,
            });
        }
        let (hash_count, bits_per_item) = best(rate * AIM);
        let bits = (f64::from(expected_items) * bits_per_item).ceil() as u32;
        Ok(Self {
            bits: bits
                .next_multiple_of(BITS_STEP)
                .clamp(LEAST_BITS, MOST_BITS),
            hash_count,
            expected_items,
            rate,
        })
    }

    /// The most items that a filter of this rate may expect.
    pub fn most_items(rate: f64) -> Result<u32, GeometryError> {
        if !is_rate(rate) {
            return Err(GeometryError::Rate(rate));
        }
        let (_, bits_per_item) = best(rate * AIM);
        Ok((f64::from(MOST_BITS) / bits_per_item) as u32)
    }

    /// Number of bits.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Probes for each string.
    pub fn hash_count(&self) -> u32 {
        self.hash_count
    }

    /// How many items it was made for.
    pub fn expected_items(&self) -> u32 {
        self.expected_items
    }

    /// The rate that was asked for.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Bytes of the whole filter.
    pub fn total_bytes(&self) -> usize {
        WORDS + self.bits as usize / 8
    }

    /// Offsets of all words of bits.
    pub fn words(&self) -> impl Iterator<Item = usize> + use<> {
        (WORDS..self.total_bytes()).step_by(4)
    }

    /// Makes zeroed memory an empty filter.
    pub fn write_identity(&self, memory: &impl Memory) -> Result<(), GeometryError> {
        self.check_size(memory.len())?;
        let rate = self.rate.to_bits();
        memory.store(VERSION_AT, VERSION, Ordering::Relaxed);
        memory.store(BITS_AT, self.bits, Ordering::Relaxed);
        memory.store(HASH_COUNT_AT, self.hash_count, Ordering::Relaxed);
        memory.store(EXPECTED_ITEMS_AT, self.expected_items, Ordering::Relaxed);
        memory.store(RATE_AT, rate as u32, Ordering::Relaxed);
        memory.store(RATE_AT + 4, (rate >> 32) as u32, Ordering::Relaxed);
        // SYNC POINT identity: Release pairs with the Acquire in `read_identity`.
        memory.store(MAGIC_AT, MAGIC, Ordering::Release);
        Ok(())
    }

    /// Checks that memory holds a filter.
    pub fn read_identity(memory: &impl Memory) -> Result<Self, GeometryError> {
        // SYNC POINT identity: Acquire pairs with the Release in `write_identity`.
        if memory.len() < WORDS || memory.load(MAGIC_AT, Ordering::Acquire) != MAGIC {
            return Err(GeometryError::Foreign);
        }
        let word = |offset| memory.load(offset, Ordering::Relaxed);
        let version = word(VERSION_AT);
        if version != VERSION {
            return Err(GeometryError::Version(version));
        }
        let found = Self {
            bits: word(BITS_AT),
            hash_count: word(HASH_COUNT_AT),
            expected_items: word(EXPECTED_ITEMS_AT),
            rate: f64::from_bits(u64::from(word(RATE_AT + 4)) << 32 | u64::from(word(RATE_AT))),
        };
        // Another version may choose other sizes for the same items, as long as they are sizes.
        if !(LEAST_BITS..=MOST_BITS).contains(&found.bits)
            || !found.bits.is_multiple_of(BITS_STEP)
            || !(1..=MOST_HASHES).contains(&found.hash_count)
            || found.expected_items == 0
            || !is_rate(found.rate)
        {
            return Err(GeometryError::Damaged);
        }
        found.check_size(memory.len())?;
        Ok(found)
    }

    fn check_size(&self, found: usize) -> Result<(), GeometryError> {
        let expected = self.total_bytes();
        if expected == found {
            Ok(())
        } else {
            Err(GeometryError::Size { expected, found })
        }
    }
}

fn is_rate(rate: f64) -> bool {
    (1.0 / f64::from(LOWEST_RATE_ONE_IN)..1.0).contains(&rate)
}

impl std::fmt::Display for GeometryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rate(given) => write!(
                f,
                "a rate is at least 1 in {LOWEST_RATE_ONE_IN} and below 1; this one is {given}"
            ),
            Self::ExpectedItems { given, most } => write!(
                f,
                "a filter of this rate expects 1 to {most} items; this one {given}"
            ),
            Self::Foreign => {
                f.write_str("the memory does not hold a Bloom filter; give the .buffer of one")
            }
            Self::Version(found) => write!(
                f,
                "the filter has layout version {found}, and this version of agentwire knows {VERSION}; use the same version of agentwire in all threads"
            ),
            Self::Damaged => f.write_str("the header of the filter in the memory was changed"),
            Self::Size { expected, found } => write!(
                f,
                "the filter in this memory takes {expected} bytes, and the memory has {found}"
            ),
        }
    }
}

impl std::error::Error for GeometryError {}
