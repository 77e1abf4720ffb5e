import { medianFiguresOf, mediansOf } from '../beside.mjs';
import { Mesh } from '../mesh.mjs';
import { STEADY_LATENCY } from '../noise.mjs';
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
export async function crowd({ pick, beside }) {
  const shape = { agents: THREADS, threads: THREADS, neighbours: NEIGHBOURS };
  const crowd = await Mesh.start(shape, { window: WINDOW });
  await crowd.warmUp(transports, pick(100_000, 200_000, MESSAGES));
  const what = 'row 5';
  const speeds = mediansOf(
    await beside(what, { transports, rounds: pick(1, 3, 3), text: perSecond }, (transport, round) =>
      crowd.storm(`${what}: ${transport}`, { transport, bus: `crowd-${round}`, messages: MESSAGES }),
    ),
  );
  const rate = Math.min(speeds.agentwire, speeds.MessagePort) / 5;
  const order = { messages: pick(40_000, 60_000, 300_000), rate, burst: BURST };
  // At this rate a hundred threads take seconds to optimize what they run: the first round counts for nothing.
  const options = {
    transports,
    rounds: pick(1, 3, 3),
    warmUps: pick(0, 1, 1),
    steady: STEADY_LATENCY,
    text: (figures) => `(carried ${perSecond(figures.carried)}) ${percentilesText(figures)}`,
  };
  const latencies = medianFiguresOf(
    await beside(`${what} at ${perSecond(rate)}`, options, (transport, round) =>
      crowd.paced(`${what}: ${transport}, by the schedule`, { transport, bus: `crowd-paced-${round}`, ...order }),
    ),
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
