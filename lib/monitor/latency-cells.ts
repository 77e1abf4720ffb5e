import { HistogramCell } from '../generated/layout';
import { bucketOf, lowestOf, middleOf } from './latency-buckets';

/**
 * The cells of a histogram, doubles one behind the other: some figures, then the buckets. They are laid out as in native memory
 * (src/monitor/layout.rs), so that a histogram of one thread and the sum of those of many are read by the same functions.
 */
export type Cells = Float64Array;

/** Bytes of the cells of a histogram whose longest latency with a bucket is `limit` ns. */
export function bytesOfCells(limit: number): number {
  return (HistogramCell.Buckets + bucketOf(limit) + 1) * Float64Array.BYTES_PER_ELEMENT;
}

/** Cells of a histogram that is empty, as many as another one has. */
export function emptyCells(length: number): Cells {
  const cells = new Float64Array(length);
  clearCells(cells);
  return cells;
}

/** Forgets everything. */
export function clearCells(cells: Cells): void {
  cells.fill(0, HistogramCell.Sum);
  cells[HistogramCell.Least] = Number.POSITIVE_INFINITY;
}

/** How many latencies there are. */
export function countOf(cells: Cells): number {
  let count = cells[HistogramCell.Longer];
  for (let cell = HistogramCell.Buckets; cell < cells.length; cell++) count += cells[cell];
  return count;
}

/** The latency that `p` percent of `count` are at or below, ns: the nearest rank. */
export function percentileOf(cells: Cells, count: number, p: number): number {
  if (count === 0) return 0;
  const least = cells[HistogramCell.Least];
  const most = cells[HistogramCell.Most];
  // What an imprecise product adds to a whole number makes the rank no higher.
  const rank = Math.max(1, Math.ceil((p / 100) * count - 1e-9 * count));
  if (rank >= count) return most;
  let seen = 0;
  for (let cell = HistogramCell.Buckets; cell < cells.length; cell++) {
    seen += cells[cell];
    if (seen >= rank) return Math.min(Math.max(middleOf(cell - HistogramCell.Buckets), least), most);
  }
  return most;
}

/** The standard deviation of `count` latencies, ns. */
export function deviationOf(cells: Cells, count: number): number {
  if (count === 0) return 0;
  const mean = cells[HistogramCell.Sum] / count;
  let squares = cells[HistogramCell.Longer] * (cells[HistogramCell.Most] - mean) ** 2;
  for (let cell = HistogramCell.Buckets; cell < cells.length; cell++) {
    if (cells[cell] > 0) squares += cells[cell] * (middleOf(cell - HistogramCell.Buckets) - mean) ** 2;
  }
  return Math.sqrt(squares / count);
}

/** Adds cells to others. What has no bucket there counts as longer. */
export function addCells(to: Cells, from: Cells): void {
  for (let cell = HistogramCell.Buckets; cell < from.length; cell++) {
    to[cell < to.length ? cell : HistogramCell.Longer] += from[cell];
  }
  to[HistogramCell.Longer] += from[HistogramCell.Longer];
  to[HistogramCell.Sum] += from[HistogramCell.Sum];
  to[HistogramCell.Least] = Math.min(to[HistogramCell.Least], from[HistogramCell.Least]);
  to[HistogramCell.Most] = Math.max(to[HistogramCell.Most], from[HistogramCell.Most]);
}

/**
 * What has come since an earlier look at the same histogram: new cells. The least and the most of it are known as well as their
 * buckets are. Cells that were reset in between count from then on.
 */
export function cellsSince(now: Cells, before: Cells | undefined): Cells {
  const since = Float64Array.from(now);
  if (
    before === undefined ||
    before.length !== now.length ||
    now[HistogramCell.Longer] < before[HistogramCell.Longer]
  ) {
    return since;
  }
  let least = -1;
  let most = -1;
  for (let cell = HistogramCell.Buckets; cell < now.length; cell++) {
    const more = now[cell] - before[cell];
    since[cell] = more;
    if (more === 0) continue;
    // They were emptied meanwhile.
    if (more < 0) return Float64Array.from(now);
    if (least < 0) least = cell - HistogramCell.Buckets;
    most = cell - HistogramCell.Buckets;
  }
  since[HistogramCell.Longer] = now[HistogramCell.Longer] - before[HistogramCell.Longer];
  since[HistogramCell.Sum] = now[HistogramCell.Sum] - before[HistogramCell.Sum];
  since[HistogramCell.Least] =
    least < 0 ? now[HistogramCell.Least] : Math.max(lowestOf(least), now[HistogramCell.Least]);
  if (since[HistogramCell.Longer] === 0) {
    since[HistogramCell.Most] = most < 0 ? 0 : Math.min(lowestOf(most + 1), now[HistogramCell.Most]);
  }
  return since;
}
