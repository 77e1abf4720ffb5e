import { HistogramCell } from '../generated/layout';
import { lowestOf } from './latency-buckets';
import type { Cells } from './latency-cells';
import { type LatencyExport, statsOfCells } from './latency-histogram';
import type { LatencySample } from './sample';

/** So many buckets are shown as one: four are left of each doubling. */
const AS_ONE = 2 ** (HistogramCell.SubBucketsLog2 - 2);

/** The figures of cells, and their buckets as coarse as a chart needs them. */
export function latencySampleOf(cells: Cells): LatencySample {
  return { stats: statsOfCells(cells), buckets: coarseBuckets(cells) };
}

/** Four buckets for each doubling, from the first that has any to the last. What is longer than the last bucket is in a last one. */
function coarseBuckets(cells: Cells): LatencyExport {
  const counts = cells.subarray(HistogramCell.Buckets);
  const first = counts.findIndex((count) => count > 0);
  const exported: LatencyExport = { boundaries: [], counts: [] };
  const longer = cells[HistogramCell.Longer];
  if (first < 0 && longer === 0) return exported;
  let last = counts.length - 1;
  while (last >= 0 && counts[last] === 0) last -= 1;
  const start = first < 0 ? counts.length : first - (first % AS_ONE);
  for (let bucket = start; bucket <= last; bucket += AS_ONE) {
    exported.boundaries.push(lowestOf(bucket));
    exported.counts.push(counts.subarray(bucket, bucket + AS_ONE).reduce((sum, count) => sum + count, 0));
  }
  const end = Math.min(counts.length, start + exported.counts.length * AS_ONE);
  exported.boundaries.push(lowestOf(end));
  if (longer > 0) {
    if (exported.boundaries.at(-1) !== lowestOf(counts.length)) {
      exported.boundaries.push(lowestOf(counts.length));
      exported.counts.push(0);
    }
    exported.boundaries.push(Number.POSITIVE_INFINITY);
    exported.counts.push(longer);
  }
  return exported;
}
