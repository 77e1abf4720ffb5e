import { MessageChannel } from 'node:worker_threads';
import { beside, medianFiguresOf, mediansOf } from '../beside.mjs';
import { Crew } from '../crew.mjs';
import { percentile, percentilesText, perSecond } from '../stats.mjs';

const WORKERS = new URL('../workers/request.mjs', import.meta.url);
/** Requests that wait at a time where their number a second is measured. */
const TOGETHER = 64;
const transports = ['agentwire', 'MessagePort'];

/** Requests from one thread to another and their answers: one after the other, and many at a time. */
export async function request({ quick, say }) {
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
  const rounds = quick ? 3 : 5;
  const measure = async (kind, { together, requests }, figureOf) => {
    for (const transport of transports) {
      await run('warm-up', { transport, bus: `request-${kind}`, together, requests: requests / 2 });
    }
    return beside(transports, rounds, async (transport, round) => {
      const what = `request, ${kind}, round ${round + 1} of ${rounds}: ${transport}`;
      const { figures, text } = figureOf(
        await run(what, { transport, bus: `request-${kind}-${round}`, together, requests }),
      );
      say(`${what} ${text}`);
      return figures;
    });
  };
  const alone = await measure('alone', { together: 1, requests: quick ? 10_000 : 30_000 }, ({ times }) => {
    const at = (p) => percentile(times, p);
    const figures = { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
    return { figures, text: percentilesText(figures) };
  });
  const order = { together: TOGETHER, requests: quick ? 100_000 : 200_000 };
  const many = await measure(`${TOGETHER} at a time`, order, ({ elapsed }) => {
    const figures = (order.requests / elapsed) * 1e9;
    return { figures, text: perSecond(figures) };
  });
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
