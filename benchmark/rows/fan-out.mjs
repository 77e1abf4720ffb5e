import { MessageChannel } from 'node:worker_threads';
import { mediansOf } from '../beside.mjs';
import { Crew } from '../crew.mjs';
import { perSecond } from '../stats.mjs';

const WORKERS = new URL('../workers/fan-out.mjs', import.meta.url);
const THREADS = 4;
/** Messages that the publisher may be ahead of the slowest thread over a channel or ports. */
const WINDOW = 256;
const transports = ['agentwire', 'BroadcastChannel', 'MessagePort'];

/** Fan-out: one thread publishes to subscribers on four others; how many handlers are called a second, in all. */
export async function fanOut(run) {
  return [await toEach(1, run), await toEach(25, run)];
}

async function toEach(subscribers, { pick, beside }) {
  const crew = await Crew.start(WORKERS, seatsFor(subscribers));
  const all = THREADS * subscribers;
  const peer = pick(60_000, 100_000, 200_000);
  const deliveries = { agentwire: pick(500_000, 2_000_000, 4_000_000), BroadcastChannel: peer, MessagePort: peer };
  const run = async (what, order) => {
    crew.tell({ act: 'listen', order });
    await crew.answers(what);
    crew.tell({ act: 'go', order });
    const [{ start }, ...ends] = await crew.answers(what);
    const last = ends.map(({ end }) => end).reduce((a, b) => (a > b ? a : b));
    return ((order.messages * all) / Number(last - start)) * 1e9;
  };
  for (const transport of transports)
    await run('warm-up', { transport, bus: `warm-up-${all}`, messages: pick(40_000, 100_000, 100_000) / all });
  const what = `fan-out to ${all}`;
  const options = { transports, rounds: pick(3, 5, 5), text: perSecond };
  const speeds = await beside(what, options, (transport, round) => {
    const order = { transport, bus: `fan-out-${all}-${round}`, messages: deliveries[transport] / all };
    return run(`${what}: ${transport}`, order);
  });
  await crew.stop();
  return row(all, mediansOf(speeds));
}

/** The publisher's thread and the subscribers', with the ports between them. */
function seatsFor(subscribers) {
  const seat = (role) => ({
    workerData: { role, subscribers, window: WINDOW, receiptPorts: [], ports: [] },
    transferList: [],
  });
  const publisher = seat('publish');
  const connect = (to, kind) => {
    const { port1, port2 } = new MessageChannel();
    publisher.workerData[kind].push(port1);
    publisher.transferList.push(port1);
    to.workerData[kind].push(port2);
    to.transferList.push(port2);
  };
  const others = Array.from({ length: THREADS }, () => seat('subscribe'));
  for (const other of others) {
    connect(other, 'receiptPorts');
    for (let count = 0; count < subscribers; count++) connect(other, 'ports');
  }
  return [publisher, ...others];
}

function row(all, { agentwire, BroadcastChannel, MessagePort }) {
  return {
    row: 'fan-out',
    work: `to ${all} subscribers on ${THREADS} threads, handlers called/s in all`,
    figure: perSecond(agentwire),
    peer: `BroadcastChannel ${perSecond(BroadcastChannel)}, MessagePort ${perSecond(MessagePort)}`,
    ratio: `${(agentwire / BroadcastChannel).toFixed(1)} x, ${(agentwire / MessagePort).toFixed(1)} x`,
    must: null,
    aim: null,
  };
}
