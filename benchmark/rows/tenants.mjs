import { medianFiguresOf } from '../beside.mjs';
import { Crew } from '../crew.mjs';
import { STEADY_LATENCY } from '../noise.mjs';
import { percentile, percentilesText } from '../stats.mjs';

const WORKERS = new URL('../workers/tenants.mjs', import.meta.url);
const ways = ['alone', 'channels', 'one bus'];

/**
 * Row tenants: one thread with the handlers of two tenants. One tenant is sent a message every millisecond, the other floods: how long the
 * modest one's messages take, alone, beside the flood in channels, and beside it on one bus.
 */
export async function tenants({ pick, beside }) {
  const crew = await Crew.start(
    WORKERS,
    ['host', 'modest', 'flood'].map((role) => ({ workerData: { role } })),
  );
  const text = (figures) => `${percentilesText(figures)}, with ${Math.round(figures.flooded / 1000)} k of the flood`;
  const options = { transports: ways, rounds: pick(3, 3, 3), steady: STEADY_LATENCY, text };
  const latencies = await beside('row tenants', options, async (way, round) => {
    const order = {
      way,
      bus: `tenants-${way}-${round}`,
      messages: pick(250, 600, 2_000),
      epoch: process.hrtime.bigint(),
    };
    let seen;
    for (const act of ['begin', 'run', 'end']) {
      crew.tell({ act, order });
      const [answer] = await crew.answers(`tenants, ${way}`);
      if (act === 'run') seen = answer;
    }
    const at = (p) => percentile(seen.latencies, p);
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), flooded: seen.flooded };
  });
  await crew.stop();
  const medians = medianFiguresOf(latencies);
  return [
    {
      row: 'tenants',
      work: "latency of one tenant's messages while another floods the same thread: p50 / p95 / p99",
      figure: percentilesText(medians.channels),
      peer: `alone ${percentilesText(medians.alone)}; on one bus ${percentilesText(medians['one bus'])}`,
      ratio: `p95 ${(medians.channels.p95 / medians['one bus'].p95).toFixed(3)} x of one bus`,
      must: null,
      aim: null,
    },
  ];
}
