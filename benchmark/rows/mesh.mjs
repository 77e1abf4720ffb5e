import { medianFiguresOf, mediansOf } from '../beside.mjs';
import { Mesh } from '../mesh.mjs';
import { STEADY_LATENCY } from '../noise.mjs';
import { percentilesText, perSecond } from '../stats.mjs';

const THREADS = 4;
/** How far each thread may be ahead of each other one over a port: with more of them MessagePort gets slower. */
const WINDOW = 512;
const RATE = 100_000;
/** Messages of an agent that are due together. */
const BURST = 10;
const transports = ['agentwire', 'MessagePort'];

/** Row 4: agents over 4 threads, everybody sends to everybody else; as fast as they can, and at 100,000 messages/s. */
export async function mesh(run) {
  return [...(await ofAgents(10, 80_000, run)), ...(await ofAgents(100, 50_000, run))];
}

async function ofAgents(agents, must, { pick, beside }) {
  const rounds = pick(3, 3, 5);
  const among = await Mesh.start({ agents, threads: THREADS, neighbours: agents - 1 }, { window: WINDOW });
  await among.warmUp(transports, pick(100_000, 200_000, 200_000));
  const order = (kind, transport, round) => ({ transport, bus: `${kind}-${agents}-${round}` });
  const what = `row 4, ${agents} agents`;
  const messages = { agentwire: pick(300_000, 1_000_000, 2_000_000), MessagePort: pick(100_000, 200_000, 500_000) };
  const speeds = await beside(what, { transports, rounds, text: perSecond }, (transport, round) =>
    among.storm(`${what}: ${transport}`, { ...order('storm', transport, round), messages: messages[transport] }),
  );
  const paced = { messages: pick(60_000, 150_000, 300_000), rate: RATE, burst: BURST };
  const options = { transports, rounds, steady: STEADY_LATENCY, text: carriedText };
  const latencies = await beside(`${what} at ${perSecond(RATE)}`, options, (transport, round) =>
    among.paced(`${what}: ${transport}`, { ...order('paced', transport, round), ...paced }),
  );
  await among.stop();
  return [throughputRow(agents, must, mediansOf(speeds)), latencyRow(agents, medianFiguresOf(latencies))];
}

const carriedText = (figures) => `(carried ${perSecond(figures.carried)}) ${percentilesText(figures)}`;

function throughputRow(agents, must, { agentwire, MessagePort }) {
  const ratio = agentwire / MessagePort;
  return {
    row: '4',
    work: `${agents} agents on ${THREADS} threads to each other, messages/s in all`,
    figure: perSecond(agentwire),
    peer: `MessagePort ${perSecond(MessagePort)}`,
    ratio: `${ratio.toFixed(1)} x`,
    must: { text: perSecond(must), ok: agentwire >= must },
    aim: { text: '10 x', ok: ratio >= 10 },
  };
}

function latencyRow(agents, { agentwire, MessagePort }) {
  // Where the rate was not carried the latencies are those of a lower one.
  const isAtRate = agentwire.carried >= 0.95 * RATE;
  return {
    row: '4',
    work: `${agents} agents at ${perSecond(RATE)} (${perSecond(agentwire.carried)} carried): p50 / p95 / p99`,
    figure: percentilesText(agentwire),
    peer: `MessagePort ${percentilesText(MessagePort)}`,
    ratio: `p95 ${(agentwire.p95 / MessagePort.p95).toFixed(2)} x`,
    must: null,
    aim: { text: 'p95 < 1 ms, at the rate', ok: isAtRate && agentwire.p95 < 1e6 },
  };
}
