import { MessageChannel } from 'node:worker_threads';
import { medianFiguresOf, mediansOf } from '../beside.mjs';
import { Crew } from '../crew.mjs';
import { percentile, percentilesText, perSecond } from '../stats.mjs';

const WORKERS = new URL('../workers/request.mjs', import.meta.url);
/** Requests that wait at a time where their number a second is measured. */
const TOGETHER = 64;
const transports = ['agentwire', 'MessagePort'];

/** Requests from one thread to another and their answers: one after the other, and many at a time. */
export async function request({ pick, beside }) {
  const { port1, port2 } = new MessageChannel();
  const crew = await Crew.start(WORKERS, [
    { workerData: { role: 'ask', port: port1 }, transferList: [port1] },
    { workerData: { role: 'answer', port: port2 }, transferList: [port2] },
  ]);
  const run = async (what, order) => {
    let answers;
    for (const act of ['begin', 'run', 'end']) {
      crew.tell({ act, order });
      const given = await crew.answers(what);
      if (act === 'run') [answers] = given;
    }
    return answers;
  };
  const rounds = pick(3, 5, 5);
  const measure = async (kind, { together, requests }, text, figuresOf) => {
    for (const transport of transports) {
      await run('warm-up', { transport, bus: `request-${kind}`, together, requests: requests / 2 });
    }
    const what = `request, ${kind}`;
    return beside(what, { transports, rounds, text }, async (transport, round) =>
      figuresOf(await run(`${what}: ${transport}`, { transport, bus: `request-${kind}-${round}`, together, requests })),
    );
  };
  const one = { together: 1, requests: pick(5_000, 10_000, 30_000) };
  const alone = await measure('one at a time', one, percentilesText, ({ times }) => {
    const at = (p) => percentile(times, p);
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
  });
  const order = { together: TOGETHER, requests: pick(50_000, 100_000, 200_000) };
  const many = await measure(
    `${TOGETHER} at a time`,
    order,
    perSecond,
    ({ elapsed }) => (order.requests / elapsed) * 1e9,
  );
  await crew.stop();
  return [roundTripRow(medianFiguresOf(alone)), speedRow(mediansOf(many))];
}

function roundTripRow({ agentwire, MessagePort }) {
  return {
    row: 'request',
    work: 'request and answer between two threads, one at a time: p50 / p95 / p99',
    figure: percentilesText(agentwire),
    peer: `MessagePort, ids by hand ${percentilesText(MessagePort)}`,
    ratio: `p50 ${(agentwire.p50 / MessagePort.p50).toFixed(2)} x`,
    must: null,
    aim: null,
  };
}

function speedRow({ agentwire, MessagePort }) {
  return {
    row: 'request',
    work: `requests answered/s between two threads, ${TOGETHER} at a time`,
    figure: perSecond(agentwire),
    peer: `MessagePort, ids by hand ${perSecond(MessagePort)}`,
    ratio: `${(agentwire / MessagePort).toFixed(1)} x`,
    must: null,
    aim: null,
  };
}
