//! A thread's part of a histogram: cells of 8 bytes, each a double, in memory that its JavaScript shares with native. The
//! thread alone writes them, but for [`WANTED_EPOCH`], which native writes alone.
//!
//! ```text
//!        0        1              2     3       4      5        8
//! cell   | epoch  | wanted epoch | sum | least | most | longer | ...  | bucket 0 | bucket 1 | ...
//! unit             resets          ns    ns      ns     times            times
//! ```
//!
//! Doubles, so that JavaScript counts without an end and without a bigint: they are exact up to 2^53.
//!
//! The buckets are those of the crate hdrhistogram for two digits from 1 up (Gil Tene's HdrHistogram): one for each nanosecond below 256,
//! above that 128 for each doubling, so that a bucket is at most 1/128 of its values wide.

/// Bytes of a cell.
pub const CELL_BYTES: usize = 8;
/// The resets that the cells have seen. While it is not the wanted one, they hold what was forgotten.
pub const EPOCH: usize = 0;
/// The resets that there were.
pub const WANTED_EPOCH: usize = 1;
/// Sum of what was recorded.
pub const SUM: usize = 2;
/// The least, Infinity while there is none.
pub const LEAST: usize = 3;
/// The most.
pub const MOST: usize = 4;
/// How many were longer than the longest that has a bucket.
pub const LONGER: usize = 5;
/// The first bucket; before it is room to grow.
pub const BUCKETS: usize = 8;
/// Buckets of one doubling, as a power of two.
pub const SUB_BUCKETS_LOG2: usize = 7;
/// Digits that a histogram of the crate hdrhistogram keeps for these buckets.
pub const DIGITS: u8 = 2;

/// For TypeScript.
pub const CELLS: &[(&str, u32)] = &[
    ("Epoch", EPOCH as u32),
    ("WantedEpoch", WANTED_EPOCH as u32),
    ("Sum", SUM as u32),
    ("Least", LEAST as u32),
    ("Most", MOST as u32),
    ("Longer", LONGER as u32),
    ("Buckets", BUCKETS as u32),
    ("SubBucketsLog2", SUB_BUCKETS_LOG2 as u32),
];

/// The bucket of a value, ns.
pub const fn bucket_of(value: u64) -> usize {
    let bits = 64 - value.leading_zeros() as usize;
    let shift = bits.saturating_sub(SUB_BUCKETS_LOG2 + 1);
    (shift << SUB_BUCKETS_LOG2) + (value >> shift) as usize
}

/// The lowest value of a bucket, ns.
pub const fn lowest_of(bucket: usize) -> u64 {
    let half = 1 << SUB_BUCKETS_LOG2;
    if bucket < 2 * half {
        return bucket as u64;
    }
    let shift = (bucket >> SUB_BUCKETS_LOG2) - 1;
    ((bucket - shift * half) as u64) << shift
}

/// Bytes of a part whose longest latency with a bucket is `limit` ns.
pub const fn part_bytes(limit: u64) -> usize {
    (BUCKETS + bucket_of(limit) + 1) * CELL_BYTES
}

#[cfg(all(test, not(model)))]
mod tests {
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_buckets_are_those_of_hdrhistogram(value in 1_u64..1 << 45, shift in 0_u32..44) {
            let value: u64 = (value >> shift).max(1);
            let histogram = Histogram::<u64>::new_with_bounds(1, 1 << 46, DIGITS).unwrap();
            let bucket = bucket_of(value);
            prop_assert_eq!(histogram.lowest_equivalent(value), lowest_of(bucket));
            prop_assert_eq!(histogram.next_non_equivalent(value), lowest_of(bucket + 1));
            prop_assert!(lowest_of(bucket) <= value && value < lowest_of(bucket + 1));
        }
    }
}
