import { beside, medianFiguresOf, mediansOf } from '../beside.mjs';
import { Mesh } from '../mesh.mjs';
import { percentilesText, perSecond } from '../stats.mjs';

const THREADS = 100;
const NEIGHBOURS = 10;
/** How far each thread may be ahead of each of its ten neighbours over a port. */
const WINDOW = 64;
/** Messages of a thread that are due together. */
const BURST = 10;
const MESSAGES = THREADS * 10_000;
const transports = ['agentwire', 'MessagePort'];

/**
 * Row 5: 100 worker threads, each of which sends 10,000 messages to ten others: all at once, and by a schedule. The schedule's rate is a
 * fifth of what the slower transport carries, so that latency is that of the way and not of a queue that grows.
 */
export async function crowd({ quick, say }) {
  const rounds = quick ? 1 : 3;
  const shape = { agents: THREADS, threads: THREADS, neighbours: NEIGHBOURS };
  const crowd = await Mesh.start(shape, { window: WINDOW });
  await crowd.warmUp(transports, quick ? 300_000 : MESSAGES);
  const label = (round) => `row 5, round ${round + 1} of ${rounds}`;
  const speeds = mediansOf(
    await beside(transports, rounds, async (transport, round) => {
      const what = `${label(round)}: ${transport}`;
      const speed = await crowd.storm(what, { transport, bus: `crowd-${round}`, messages: MESSAGES });
      say(`${what} ${perSecond(speed)}`);
      return speed;
    }),
  );
  const rate = Math.min(speeds.agentwire, speeds.MessagePort) / 5;
  const order = { messages: quick ? 100_000 : 300_000, rate, burst: BURST };
  // At this rate a hundred threads take seconds to optimize what they run.
  for (const transport of transports) await crowd.paced('warm-up', { transport, bus: 'crowd-warm-up', ...order });
  const latencies = medianFiguresOf(
    await beside(transports, rounds, async (transport, round) => {
      const what = `${label(round)}: ${transport} at ${perSecond(rate)}`;
      const figures = await crowd.paced(what, { transport, bus: `crowd-paced-${round}`, ...order });
      say(`${what} (carried ${perSecond(figures.carried)}) ${percentilesText(figures)}`);
      return figures;
    }),
  );
  await crowd.stop();
  return [throughputRow(speeds), latencyRow(rate, latencies)];
}

function throughputRow({ agentwire, MessagePort }) {
  return {
    row: '5',
    work: `${THREADS} threads, 10,000 messages each, messages/s in all`,
    figure: perSecond(agentwire),
    peer: `MessagePort ${perSecond(MessagePort)}`,
    ratio: `${(agentwire / MessagePort).toFixed(2)} x`,
    // A message that is lost, doubled or overtaken has ended the run with an error.
    must: { text: 'completes, none lost', ok: true },
    aim: null,
  };
}

function latencyRow(rate, { agentwire, MessagePort }) {
  const ratio = agentwire.p95 / MessagePort.p95;
  const isAtRate = agentwire.carried >= 0.95 * rate;
  return {
    row: '5',
    work: `${THREADS} threads at ${perSecond(rate)} (${perSecond(agentwire.carried)} carried): p50 / p95 / p99`,
    figure: percentilesText(agentwire),
    peer: `MessagePort ${percentilesText(MessagePort)}`,
    ratio: `p95 ${ratio.toFixed(2)} x`,
    must: null,
    aim: { text: 'p95 0.2 x or less, at the rate', ok: isAtRate && ratio <= 0.2 },
  };
}
