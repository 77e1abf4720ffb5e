import { createHistogram } from 'node:perf_hooks';
import { LatencyHistogram } from '../../index.mjs';
import { mediansOf } from '../beside.mjs';
import { nanoseconds } from '../stats.mjs';

/** Latencies as a bus has them: most around a microsecond, some up to milliseconds. */
const latencies = Array.from(
  { length: 4096 },
  (_, i) => 200 + ((i * 2_654_435_761) % 3000) + (i % 64 === 0 ? 2_000_000 : 0),
);

/** Row 15: one latency recorded, beside the histogram of perf_hooks. */
export async function histogram({ pick, beside }) {
  const records = pick(1_000_000, 2_000_000, 4_000_000);
  const ways = {
    agentwire: () => new LatencyHistogram(),
    perf_hooks: () => createHistogram({ lowest: 1, highest: 10_000_000_000, figures: 2 }),
  };
  const options = { transports: Object.keys(ways), rounds: pick(3, 7, 7), text: nanoseconds };
  const times = await beside('row 15', options, (way) => {
    const recording = ways[way]();
    const begin = process.hrtime.bigint();
    for (let i = 0; i < records; i++) recording.record(latencies[i & 4095]);
    return Number(process.hrtime.bigint() - begin) / records;
  });
  const { agentwire, perf_hooks } = mediansOf(times);
  const ratio = agentwire / perf_hooks;
  return [
    {
      row: '15',
      work: 'histogram: record a latency',
      figure: nanoseconds(agentwire),
      peer: `perf_hooks ${nanoseconds(perf_hooks)}`,
      ratio: `${ratio.toFixed(2)} x`,
      must: null,
      aim: { text: '1.5 x or less', ok: ratio <= 1.5 },
    },
  ];
}
