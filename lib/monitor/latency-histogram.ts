import { checkInteger } from '../checks';
import { AgentwireArgumentError } from '../errors';
import { bucketOf, lowestOf, middleOf } from './latency-buckets';

/** Figures of a histogram, ns but for the count. All are 0 while it is empty. */
export interface LatencyStats {
  /** Latencies recorded. */
  count: number;
  mean: number;
  /** Exact, as `max` is. */
  min: number;
  max: number;
  p50: number;
  p90: number;
  p95: number;
  p99: number;
  p999: number;
  stddev: number;
}

/** A histogram for others to draw: `counts[i]` latencies from `boundaries[i]` to below `boundaries[i + 1]`, ns. */
export interface LatencyExport {
  /** One more than there are counts, rising; the last one is Infinity. */
  boundaries: number[];
  counts: number[];
}

const DEFAULT_MAX_LATENCY_MS = 10;
const MOST_LATENCY_MS = 24 * 60 * 60 * 1000;
const DEFAULT_BUCKETS = 200;
const MOST_BUCKETS = 10_000;

/**
 * Latencies, and which fraction of them is below what. Recording one takes some nanoseconds and no memory. Percentiles are within 1 % of those of the
 * sorted latencies, from 0 ns to `maxLatencyMs`; longer ones are counted, and told as the longest.
 */
export class LatencyHistogram {
  private readonly counts: Float64Array;
  private readonly limit: number;
  /** Latencies above the limit. */
  private longer = 0;
  private count = 0;
  private sum = 0;
  private least = Number.POSITIVE_INFINITY;
  private most = 0;

  /**
   * @param maxLatencyMs - The longest latency that is told apart from longer ones, above 0, at most a day.
   * @param bucketCount - How many buckets `exportData` gives at most; what is recorded does not depend on it.
   */
  constructor(
    maxLatencyMs = DEFAULT_MAX_LATENCY_MS,
    private readonly bucketCount = DEFAULT_BUCKETS,
  ) {
    if (typeof maxLatencyMs !== 'number' || !(maxLatencyMs > 0 && maxLatencyMs <= MOST_LATENCY_MS)) {
      const expected = `a number of milliseconds above 0, at most ${MOST_LATENCY_MS.toLocaleString('en')}`;
      throw new AgentwireArgumentError('maxLatencyMs', expected, maxLatencyMs);
    }
    checkInteger('bucketCount', bucketCount, 1, MOST_BUCKETS);
    this.limit = Math.ceil(maxLatencyMs * 1e6);
    this.counts = new Float64Array(bucketOf(this.limit) + 1);
  }

  /** Records a latency in nanoseconds, a number from 0 on or a bigint. What is no such number is an error, and not recorded. */
  record(ns: number | bigint): void {
    const value = typeof ns === 'bigint' ? Number(ns) : ns;
    if (typeof value !== 'number' || !(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      throw new AgentwireArgumentError('ns', 'a number of nanoseconds from 0 on', ns);
    }
    if (value <= this.limit) this.counts[bucketOf(value)] += 1;
    else this.longer += 1;
    this.count += 1;
    this.sum += value;
    if (value < this.least) this.least = value;
    if (value > this.most) this.most = value;
  }

  /** The latency that `p` percent of all are at or below, ns: p from 0 to 100. 0 while it is empty. */
  getPercentile(p: number): number {
    if (typeof p !== 'number' || !(p >= 0 && p <= 100)) {
      throw new AgentwireArgumentError('p', 'a number from 0 to 100', p);
    }
    if (this.count === 0) return 0;
    // The nearest rank; what an imprecise product adds to a whole number makes it no higher.
    const rank = Math.max(1, Math.ceil((p / 100) * this.count - 1e-9 * this.count));
    if (rank >= this.count) return this.most;
    let seen = 0;
    const { counts } = this;
    for (let bucket = 0; bucket < counts.length; bucket++) {
      seen += counts[bucket] as number;
      if (seen >= rank) return Math.min(Math.max(middleOf(bucket), this.least), this.most);
    }
    return this.most;
  }

  getStats(): LatencyStats {
    const { count, most } = this;
    const empty = count === 0;
    return {
      count,
      mean: empty ? 0 : this.sum / count,
      min: empty ? 0 : this.least,
      max: most,
      p50: this.getPercentile(50),
      p90: this.getPercentile(90),
      p95: this.getPercentile(95),
      p99: this.getPercentile(99),
      p999: this.getPercentile(99.9),
      stddev: this.deviation(),
    };
  }

  private deviation(): number {
    if (this.count === 0) return 0;
    const mean = this.sum / this.count;
    let squares = this.longer * (this.most - mean) ** 2;
    for (const [bucket, count] of this.counts.entries()) {
      if (count > 0) squares += count * (middleOf(bucket) - mean) ** 2;
    }
    return Math.sqrt(squares / this.count);
  }

  /** Adds what another one has recorded. Of one that tells longer latencies apart, what is too long for this one counts as longer. */
  merge(other: LatencyHistogram): this {
    if (!(other instanceof LatencyHistogram)) throw new AgentwireArgumentError('other', 'a LatencyHistogram', other);
    for (const [bucket, count] of other.counts.entries()) {
      if (bucket < this.counts.length) this.counts[bucket] += count;
      else this.longer += count;
    }
    this.longer += other.longer;
    this.count += other.count;
    this.sum += other.sum;
    this.least = Math.min(this.least, other.least);
    this.most = Math.max(this.most, other.most);
    return this;
  }

  /** Forgets everything. */
  reset(): void {
    this.counts.fill(0);
    this.longer = 0;
    this.count = 0;
    this.sum = 0;
    this.least = Number.POSITIVE_INFINITY;
    this.most = 0;
  }

  /** The histogram in at most `bucketCount` buckets, of which the last one has what is longer than `maxLatencyMs`. */
  exportData(): LatencyExport {
    const { counts, bucketCount } = this;
    const each = Math.ceil(counts.length / Math.max(1, bucketCount - 1));
    const exported: LatencyExport = { boundaries: [], counts: [] };
    if (bucketCount === 1) return { boundaries: [0, Number.POSITIVE_INFINITY], counts: [this.count] };
    for (let start = 0; start < counts.length; start += each) {
      exported.boundaries.push(lowestOf(start));
      exported.counts.push(counts.subarray(start, start + each).reduce((sum, count) => sum + count, 0));
    }
    exported.boundaries.push(lowestOf(counts.length), Number.POSITIVE_INFINITY);
    exported.counts.push(this.longer);
    return exported;
  }
}
