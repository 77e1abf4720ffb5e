import { beside, medianFiguresOf, mediansOf } from '../beside.mjs';
import { Mesh } from '../mesh.mjs';
import { percentilesText, perSecond } from '../stats.mjs';

const THREADS = 4;
/** How far each thread may be ahead of each other one over a port: with more of them MessagePort gets slower. */
const WINDOW = 512;
const RATE = 100_000;
/** Messages of an agent that are due together. */
const BURST = 10;
const transports = ['agentwire', 'MessagePort'];

/** Row 4: agents over 4 threads, everybody sends to everybody else; as fast as they can, and at 100,000 messages/s. */
export async function mesh({ quick, say }) {
  const work = { quick, say, rounds: quick ? 3 : 5 };
  return [...(await ofAgents(10, 80_000, work)), ...(await ofAgents(100, 50_000, work))];
}

async function ofAgents(agents, must, { quick, say, rounds }) {
  const among = await Mesh.start({ agents, threads: THREADS, neighbours: agents - 1 }, { window: WINDOW });
  await among.warmUp(transports, 200_000);
  const order = (kind, transport, round) => ({ transport, bus: `${kind}-${agents}-${round}` });
  const label = (round) => `row 4, ${agents} agents, round ${round + 1} of ${rounds}`;
  const messages = { agentwire: quick ? 500_000 : 2_000_000, MessagePort: quick ? 200_000 : 500_000 };
  const speeds = await beside(transports, rounds, async (transport, round) => {
    const what = `${label(round)}: ${transport}`;
    const speed = await among.storm(what, { ...order('storm', transport, round), messages: messages[transport] });
    say(`${what} ${perSecond(speed)}`);
    return speed;
  });
  const latencies = await beside(transports, rounds, async (transport, round) => {
    const what = `${label(round)}: ${transport} at ${perSecond(RATE)}`;
    const paced = { messages: quick ? 100_000 : 300_000, rate: RATE, burst: BURST };
    const figures = await among.paced(what, { ...order('paced', transport, round), ...paced });
    say(`${what} (carried ${perSecond(figures.carried)}) ${percentilesText(figures)}`);
    return figures;
  });
  await among.stop();
  return [throughputRow(agents, must, mediansOf(speeds)), latencyRow(agents, medianFiguresOf(latencies))];
}

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
