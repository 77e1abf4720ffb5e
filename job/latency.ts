// One-way latencies, kept as counts in buckets so that a job of any length needs the same few kilobytes.

import type { LatencySnapshot } from './messages.js';

// Every power of two is split into 64 buckets, so a bucket is at most 1/64 of its values wide
// and its middle is within 0.8 % of any of them. Values below 64 ns have a bucket each.
const SPLIT_BITS = 6;
const SPLIT = 1 << SPLIT_BITS;
/** 2^50 ns are 13 days: nothing is ever above. */
const MAX_EXPONENT = 50;
const BUCKETS = (MAX_EXPONENT - SPLIT_BITS + 2) * SPLIT;

/** Microseconds, for reports. */
export interface LatencyFigures {
  count: number;
  p50: number;
  p95: number;
  p99: number;
}

function bucketOf(ns: number): number {
  if (ns < SPLIT) return ns;
  const exponent = ns < 2 ** 31 ? 31 - Math.clz32(ns) : Math.min(Math.floor(Math.log2(ns)), MAX_EXPONENT);
  const place = Math.min(Math.floor(ns / 2 ** (exponent - SPLIT_BITS)), 2 * SPLIT - 1) - SPLIT;
  return (exponent - SPLIT_BITS + 1) * SPLIT + Math.max(place, 0);
}

function middleOf(bucket: number): number {
  if (bucket < SPLIT) return bucket;
  const exponent = Math.floor(bucket / SPLIT) - 1 + SPLIT_BITS;
  const width = 2 ** (exponent - SPLIT_BITS);
  return (SPLIT + (bucket % SPLIT)) * width + width / 2;
}

export class LatencyHistogram {
  #counts = new Float64Array(BUCKETS);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** A negative duration would mean two clocks; it is counted as 0 rather than lost. */
  record(ns: number): void {
    const bucket = bucketOf(Math.max(0, Math.floor(ns)));
    this.#counts[bucket] += 1;
    this.#count += 1;
  }

  /** The value that a fraction `p` (0 to 1) of the records does not exceed, in nanoseconds; 0 without records. */
  percentile(p: number): number {
    const rank = Math.max(1, Math.ceil(p * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      seen += this.#counts[bucket];
      if (seen >= rank) return middleOf(bucket);
    }
    return 0;
  }

  merge(other: LatencySnapshot): void {
    for (let i = 0; i < other.buckets.length; i += 1) {
      const count = other.counts[i];
      this.#counts[other.buckets[i]] += count;
      this.#count += count;
    }
  }

  snapshot(): LatencySnapshot {
    const used = Array.from(this.#counts.keys()).filter((bucket) => this.#counts[bucket] !== 0);
    return { buckets: Uint16Array.from(used), counts: Float64Array.from(used, (bucket) => this.#counts[bucket]) };
  }

  figures(): LatencyFigures {
    const micros = (p: number): number => Number((this.percentile(p) / 1_000).toPrecision(4));
    return { count: this.#count, p50: micros(0.5), p95: micros(0.95), p99: micros(0.99) };
  }
}
