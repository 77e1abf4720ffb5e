import { MessageChannel } from 'node:worker_threads';
import { beside, mediansOf } from '../beside.mjs';
import { Crew } from '../crew.mjs';
import { perSecond } from '../stats.mjs';

const WORKERS = new URL('../workers/fan-out.mjs', import.meta.url);
const THREADS = 4;
/** Messages that the publisher may be ahead of the slowest thread over a channel or ports. */
const WINDOW = 256;
const transports = ['agentwire', 'BroadcastChannel', 'MessagePort'];

/** Fan-out: one thread publishes to subscribers on four others; how many handlers are called a second, in all. */
export async function fanOut({ quick, say }) {
  return [await toEach(1, { quick, say }), await toEach(25, { quick, say })];
}

async function toEach(subscribers, { quick, say }) {
  const crew = await Crew.start(WORKERS, seatsFor(subscribers));
  const all = THREADS * subscribers;
  const deliveries = { agentwire: quick ? 1_000_000 : 4_000_000, BroadcastChannel: 200_000, MessagePort: 200_000 };
  const rounds = quick ? 3 : 5;
  const run = async (what, order) => {
    crew.tell({ act: 'listen', order });
    await crew.answers(what);
    crew.tell({ act: 'go', order });
    const [{ start }, ...ends] = await crew.answers(what);
    const last = ends.map(({ end }) => end).reduce((a, b) => (a > b ? a : b));
    return ((order.messages * all) / Number(last - start)) * 1e9;
  };
  for (const transport of transports)
    await run('warm-up', { transport, bus: `warm-up-${all}`, messages: 100_000 / all });
  const speeds = await beside(transports, rounds, async (transport, round) => {
    const what = `fan-out to ${all}, round ${round + 1} of ${rounds}: ${transport}`;
    const order = { transport, bus: `fan-out-${all}-${round}`, messages: deliveries[transport] / all };
    const speed = await run(what, order);
    say(`${what} ${perSecond(speed)}`);
    return speed;
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
