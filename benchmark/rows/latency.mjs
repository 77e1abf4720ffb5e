import { medianFiguresOf } from '../beside.mjs';
import { STEADY_LATENCY } from '../noise.mjs';
import { percentile, percentilesText, microseconds as us } from '../stats.mjs';

/** Row 2: both threads active, a message every 20 us. Row 3: the receiver sleeps, a message every few ms. */
export async function latency(run) {
  const { pick } = run;
  const spinning = { gapUs: 20, sleep: false, messages: pick(15_000, 30_000, 50_000), warmup: 5_000 };
  const sleeping = { gapUs: 2_000, sleep: true, messages: pick(300, 500, 1_500), warmup: 100 };
  const active = await compare('2', spinning, run);
  const parked = await compare('3', sleeping, run);
  const [ours, theirs] = [active.agentwire, active.MessagePort];
  const ratio = parked.agentwire.p50 / parked.MessagePort.p50;
  return [
    {
      row: '2',
      work: 'one-way latency, both active: p50 / p95 / p99',
      figure: percentilesText(ours),
      peer: `MessagePort ${percentilesText(theirs)}`,
      ratio: `p50 1/${(theirs.p50 / ours.p50).toFixed(0)}`,
      must: { text: 'p95 < 1 ms, p99 < 5 ms', ok: ours.p95 < 1e6 && ours.p99 < 5e6 },
      aim: {
        text: 'p50 < 1 us, p99 < 5 us, p50 < 1/100',
        ok: ours.p50 < 1e3 && ours.p99 < 5e3 && ours.p50 < theirs.p50 / 100,
      },
    },
    {
      row: '3',
      work: 'one-way latency, receiver parked: p50',
      figure: us(parked.agentwire.p50),
      peer: `MessagePort ${us(parked.MessagePort.p50)}`,
      ratio: `${ratio.toFixed(2)} x`,
      must: null,
      aim: { text: '0.85 x or less', ok: ratio <= 0.85 },
    },
  ];
}

async function compare(row, work, { pair, pick, beside }) {
  const options = {
    transports: ['agentwire', 'MessagePort'],
    rounds: pick(3, 5, 5),
    steady: STEADY_LATENCY,
    text: percentilesText,
  };
  const seen = await beside(`row ${row}`, options, async (transport, round) => {
    const order = {
      kind: 'latency',
      transport,
      ...work,
      bus: `latency-${row}-${round}`,
      topic: 'agents.a42.inbox',
      pattern: 'agents.*.inbox',
    };
    const { latencies } = await pair.round(order);
    const at = (p) => percentile(latencies, p);
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  });
  return medianFiguresOf(seen);
}
