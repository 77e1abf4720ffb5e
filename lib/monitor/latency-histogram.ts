import { allocateShared, checkInteger, checkName } from '../checks';
import { AgentwireArgumentError, quote, withContext } from '../errors';
import { HistogramCell } from '../generated/layout';
import { native } from '../native';
import { bucketOf, lowestOf } from './latency-buckets';
import {
  addCells,
  bytesOfCells,
  type Cells,
  cellsSince,
  clearCells,
  countOf,
  deviationOf,
  percentileOf,
} from './latency-cells';

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

/** This thread's part of a histogram of many. */
type Part = Pick<InstanceType<typeof native.NativeHistogram>, 'read' | 'reset' | 'leave'>;

const DEFAULT_MAX_LATENCY_MS = 10;
const MOST_LATENCY_MS = 24 * 60 * 60 * 1000;
const DEFAULT_BUCKETS = 200;
const MOST_BUCKETS = 10_000;
const LONGEST_NAME = 256;
/** Longer than anything that is measured, and so short that sums stay finite. */
const LONGEST_NS = 2 ** 53;

/** This thread's parts of histograms of many: one for each, however often it is asked for. */
const shared = new Map<string, WeakRef<LatencyHistogram>>();
const forgotten = new FinalizationRegistry<string>((key) => {
  // Another one may have taken its place.
  if (shared.get(key)?.deref() === undefined) shared.delete(key);
});

/**
 * Latencies, and which fraction of them is below what. Recording one takes some nanoseconds and no memory. Percentiles are within 1 % of those of the
 * sorted latencies, from 0 ns to `maxLatencyMs`; longer ones are counted, and told as the longest.
 */
export class LatencyHistogram {
  private readonly cells: Cells;
  private readonly limit: number;
  private readonly bucketCount: number;
  /** Of a histogram of many threads: this one's part, whose memory the cells are. */
  private readonly part: Part | undefined;

  /**
   * @param maxLatencyMs - The longest latency that is told apart from longer ones, above 0, at most a day.
   * @param bucketCount - How many buckets `exportData` gives at most; what is recorded does not depend on it.
   */
  constructor(maxLatencyMs?: number, bucketCount?: number);
  /** @internal */
  constructor(maxLatencyMs: number, bucketCount: number, join: (limit: number, memory: Uint8Array) => Part);
  constructor(
    maxLatencyMs = DEFAULT_MAX_LATENCY_MS,
    bucketCount = DEFAULT_BUCKETS,
    join?: (limit: number, memory: Uint8Array) => Part,
  ) {
    if (typeof maxLatencyMs !== 'number' || !(maxLatencyMs > 0 && maxLatencyMs <= MOST_LATENCY_MS)) {
      const expected = `a number of milliseconds above 0, at most ${MOST_LATENCY_MS.toLocaleString('en')}`;
      throw new AgentwireArgumentError('maxLatencyMs', expected, maxLatencyMs);
    }
    this.bucketCount = checkInteger('bucketCount', bucketCount, 1, MOST_BUCKETS);
    this.limit = Math.ceil(maxLatencyMs * 1e6);
    const bytes = bytesOfCells(this.limit);
    if (join === undefined) {
      this.cells = new Float64Array(new ArrayBuffer(bytes));
      clearCells(this.cells);
    } else {
      const memory = allocateShared(bytes, 'A LatencyHistogram of many threads');
      this.part = join(this.limit, memory);
      this.cells = new Float64Array(memory.buffer);
    }
  }

  /**
   * The histogram of that name, which every thread of the process that asks for it records into: each its own part, without locks. What
   * is read of it is the sum, of threads that have ended too. It lasts until nobody has it any more. Within a thread it is one object. (A
   * second copy of this package in the process has histograms of its own.)
   *
   * @param name - 1 to 256 characters.
   * @param maxLatencyMs - As of the constructor. The same in every thread, or ERR_AGENTWIRE_LIMITS.
   */
  static shared(name: string, maxLatencyMs?: number, bucketCount?: number): LatencyHistogram {
    checkName('name', name, LONGEST_NAME);
    const join = (limit: number, memory: Uint8Array) =>
      withContext(
        `the histogram ${quote(name)} cannot be opened`,
        () => new native.NativeHistogram(name, limit, memory),
      );
    const most = maxLatencyMs ?? DEFAULT_MAX_LATENCY_MS;
    const buckets = bucketCount ?? DEFAULT_BUCKETS;
    const key = JSON.stringify([name, most, buckets]);
    const known = shared.get(key)?.deref();
    if (known !== undefined) return known;
    const histogram = new LatencyHistogram(most, buckets, join);
    shared.set(key, new WeakRef(histogram));
    forgotten.register(histogram, key);
    return histogram;
  }

  /**
   * Records a latency in nanoseconds, a number from 0 on or a bigint; `times` over, where it stands for several. What is no such number
   * is an error, and not recorded.
   */
  record(ns: number | bigint, times = 1): void {
    const value = typeof ns === 'bigint' ? Number(ns) : ns;
    if (typeof value !== 'number' || !(value >= 0 && value <= LONGEST_NS)) {
      throw new AgentwireArgumentError('ns', 'a number of nanoseconds from 0 to 2^53 (104 days)', ns);
    }
    if (!(times > 0 && times <= Number.MAX_SAFE_INTEGER && Number.isInteger(times))) {
      throw new AgentwireArgumentError('times', 'an integer from 1 on', times);
    }
    const cells = this.cells;
    if (cells[HistogramCell.Epoch] !== cells[HistogramCell.WantedEpoch]) this.beginAnew();
    cells[HistogramCell.Sum] += value * times;
    if (value < cells[HistogramCell.Least]) cells[HistogramCell.Least] = value;
    if (value > cells[HistogramCell.Most]) cells[HistogramCell.Most] = value;
    // Last: a reader that comes in between sees no latency without its bounds.
    cells[value <= this.limit ? HistogramCell.Buckets + bucketOf(value) : HistogramCell.Longer] += times;
  }

  /** Somebody has reset the histogram: this thread's part is emptied by this thread, so that no two write it. */
  private beginAnew(): void {
    const { cells } = this;
    const wanted = cells[HistogramCell.WantedEpoch];
    clearCells(cells);
    // SYNC POINT epoch: an atomic store, which pairs with the Acquire of `Latencies::add_part`: who sees it sees the cells emptied.
    // Atomics know no doubles, so it is one of the same bits.
    const bits = new BigInt64Array(cells.buffer, cells.byteOffset, HistogramCell.Epoch + 1);
    Atomics.store(bits, HistogramCell.Epoch, new BigInt64Array(Float64Array.of(wanted).buffer)[0]);
  }

  /** @internal What was recorded: the own cells, or the sum of all threads'. */
  read(): Cells {
    return this.part?.read() ?? this.cells;
  }

  /** The latency that `p` percent of all are at or below, ns: p from 0 to 100. 0 while it is empty. */
  getPercentile(p: number): number {
    if (typeof p !== 'number' || !(p >= 0 && p <= 100)) {
      throw new AgentwireArgumentError('p', 'a number from 0 to 100', p);
    }
    const cells = this.read();
    return percentileOf(cells, countOf(cells), p);
  }

  getStats(): LatencyStats {
    return statsOfCells(this.read());
  }

  /** Adds what another one has recorded. Of one that tells longer latencies apart, what is too long for this one counts as longer. */
  merge(other: LatencyHistogram): this {
    if (!(other instanceof LatencyHistogram)) throw new AgentwireArgumentError('other', 'a LatencyHistogram', other);
    // Of itself: what is added must not grow meanwhile.
    const from = other.read();
    return this.add(from === this.cells ? Float64Array.from(from) : from);
  }

  /** @internal Adds what cells hold. */
  add(cells: Cells): this {
    if (this.cells[HistogramCell.Epoch] !== this.cells[HistogramCell.WantedEpoch]) this.beginAnew();
    addCells(this.cells, cells);
    return this;
  }

  /** Forgets everything; of a histogram of many threads, what any of them has recorded. */
  reset(): void {
    if (this.part === undefined) clearCells(this.cells);
    else this.part.reset();
  }

  /** @internal This thread records no more. What it has recorded stays. */
  leave(): void {
    this.part?.leave();
  }

  /** The histogram in at most `bucketCount` buckets, of which the last one has what is longer than `maxLatencyMs`. */
  exportData(): LatencyExport {
    const { bucketCount } = this;
    const cells = this.read();
    if (bucketCount === 1) return { boundaries: [0, Number.POSITIVE_INFINITY], counts: [countOf(cells)] };
    const counts = cells.subarray(HistogramCell.Buckets);
    const each = Math.ceil(counts.length / Math.max(1, bucketCount - 1));
    const exported: LatencyExport = { boundaries: [], counts: [] };
    for (let start = 0; start < counts.length; start += each) {
      exported.boundaries.push(lowestOf(start));
      exported.counts.push(counts.subarray(start, start + each).reduce((sum, count) => sum + count, 0));
    }
    exported.boundaries.push(lowestOf(counts.length), Number.POSITIVE_INFINITY);
    exported.counts.push(cells[HistogramCell.Longer]);
    return exported;
  }
}

/** @internal The figures of cells. */
export function statsOfCells(cells: Cells): LatencyStats {
  const count = countOf(cells);
  const isEmpty = count === 0;
  const percentile = (p: number) => percentileOf(cells, count, p);
  return {
    count,
    mean: isEmpty ? 0 : cells[HistogramCell.Sum] / count,
    min: isEmpty ? 0 : cells[HistogramCell.Least],
    max: cells[HistogramCell.Most],
    p50: percentile(50),
    p90: percentile(90),
    p95: percentile(95),
    p99: percentile(99),
    p999: percentile(99.9),
    stddev: deviationOf(cells, count),
  };
}

/** @internal What has come since the last look at the same cells. */
export class LatencyWindow {
  private before: Cells | undefined;

  /** @param now - A copy, which is kept. */
  look(now: Cells): Cells {
    const since = cellsSince(now, this.before);
    this.before = now;
    return since;
  }

  /** The cells were emptied. */
  forget(): void {
    this.before = undefined;
  }
}
