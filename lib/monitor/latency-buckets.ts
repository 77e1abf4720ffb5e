import { HistogramCell } from '../generated/layout';

/**
 * Buckets for latencies as HdrHistogram lays them out for two digits (Gil Tene, HdrHistogram: `counts_index_for`): below 256 ns one for
 * each nanosecond, above that 128 for each doubling. So a bucket is at most 1/128 of its values wide.
 */
const SUB_BUCKETS_LOG2 = HistogramCell.SubBucketsLog2;
const HALF = 1 << HistogramCell.SubBucketsLog2;
const EXACT_BELOW = 2 * HALF;
/** From here on a number has more than 32 bits to shift. */
const WIDE = 2 ** 31;
const HIGH_UNIT = 2 ** 24;

/** The bucket of a value in nanoseconds, a number from 0 on; what is behind the point is left out. */
export function bucketOf(ns: number): number {
  if (ns < EXACT_BELOW) return ns | 0;
  if (ns < WIDE) {
    const shift = 24 - Math.clz32(ns);
    return (shift << SUB_BUCKETS_LOG2) + (ns >>> shift);
  }
  const high = Math.floor(ns / HIGH_UNIT);
  const shift = high < EXACT_BELOW ? 0 : 24 - Math.clz32(high);
  return ((24 + shift) << SUB_BUCKETS_LOG2) + (high >>> shift);
}

/** The lowest value of a bucket, ns. */
export function lowestOf(bucket: number): number {
  if (bucket < EXACT_BELOW) return bucket;
  const shift = (bucket >>> SUB_BUCKETS_LOG2) - 1;
  return (bucket - shift * HALF) * 2 ** shift;
}

/** The value in the middle of a bucket, by which its values are told: at most half of 1/128 away from each. */
export function middleOf(bucket: number): number {
  const lowest = lowestOf(bucket);
  const next = lowestOf(bucket + 1);
  return next - lowest <= 1 ? lowest : (lowest + next) / 2;
}
