import { beside, medianFiguresOf } from '../beside.mjs';
import { percentile, percentilesText, microseconds as us } from '../stats.mjs';

/** Row 2: both threads active, a message every 20 us. Row 3: the receiver sleeps, a message every few ms. */
export async function latency({ pair, quick, say }) {
  const active = await compare(
    pair,
    { gapUs: 20, sleep: false, messages: quick ? 20_000 : 50_000, warmup: 5_000 },
    quick,
    say,
    '2',
  );
  const parked = await compare(
    pair,
    { gapUs: 2_000, sleep: true, messages: quick ? 500 : 1_500, warmup: 100 },
    quick,
    say,
    '3',
  );
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

async function compare(pair, work, quick, say, row) {
  const rounds = quick ? 3 : 5;
  const seen = await beside(['agentwire', 'MessagePort'], rounds, async (transport, round) => {
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
    const figures = { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
    say(`row ${row}, round ${round + 1} of ${rounds}: ${transport} ${percentilesText(figures)}`);
    return figures;
  });
  return medianFiguresOf(seen);
}
