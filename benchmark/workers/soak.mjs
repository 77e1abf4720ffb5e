// A long run in a process of its own: 100 agents on 4 threads send to each other, first as fast as they can, then at half of that; and each
// thread does now and then what else agents do. Prints what the process's memory was, second by second. The main thread only looks.

import { createRequire } from 'node:module';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { EventBus } from '../../index.mjs';
import { answerOf } from '../crew.mjs';
import { digest, prepareMessages } from '../message.mjs';
import { SideLine } from '../side-line.mjs';
import { Topology } from '../topology.mjs';

const THREADS = 4;
const AGENTS = 100;
const topology = new Topology({ agents: AGENTS, threads: THREADS, neighbours: AGENTS - 1 });
/** A thread yields to its event loop after so many messages. */
const TURN = 500;
/** V8 lets garbage lie for as long as it may grow; ten minutes would show that and not what is kept. A leak ends the run. */
const OLD_GENERATION = { maxOldGenerationSizeMb: 32 };
const { native } = createRequire(import.meta.url)('../../dist/native.js');

if (isMainThread) await main(JSON.parse(process.argv[2]));
else await host(workerData);

async function main({ seconds, peakSeconds }) {
  const received = new Float64Array(new SharedArrayBuffer(8 * THREADS));
  /** What V8 keeps for each thread, and what Node.js counts outside of its heap, bytes; the main thread's last. */
  const heaps = new Float64Array(new SharedArrayBuffer(8 * (THREADS + 1)));
  const workers = Array.from(
    { length: THREADS },
    (_, thread) =>
      new Worker(new URL(import.meta.url), { workerData: { thread, received, heaps }, resourceLimits: OLD_GENERATION }),
  );
  const answers = () => Promise.all(workers.map(answerOf));
  /** Everybody sends for so long: the messages sent, and the deliveries that there must be of them and of what was done beside. */
  const send = async (order) => {
    for (const worker of workers) worker.postMessage(order);
    const done = await answers();
    const sum = (name) => done.reduce((all, one) => all + one[name], 0);
    return { sent: sum('sent'), deliveries: sum('deliveries'), requests: sum('requests') };
  };
  await answers();

  const first = await send({ seconds: peakSeconds, rate: Number.POSITIVE_INFINITY });
  const peak = first.sent / peakSeconds;
  const rate = peak / 2;
  console.error(`peak ${Math.round(peak)} messages/s; now ${Math.round(rate)} for ${seconds} s`);

  const samples = [];
  const start = performance.now();
  const timer = setInterval(() => {
    const minute = (performance.now() - start) / 60_000;
    heaps[THREADS] = heapBytes();
    const { segmentsInUse, segmentsFree, strings, shapes } = native.memoryUsage();
    const own = segmentsInUse + segmentsFree + strings + shapes;
    const ofHeaps = heaps.reduce((sum, bytes) => sum + bytes, 0);
    samples.push({ minute, resident: process.memoryUsage.rss(), own, heaps: ofHeaps });
    if (samples.length % 60 === 0) console.error(inWords(samples.slice(-60)));
  }, 1000);
  const second = await send({ seconds, rate: rate / THREADS });
  clearInterval(timer);

  const all = first.deliveries + second.deliveries;
  const arrived = () => received.reduce((sum, count) => sum + count, 0);
  for (let tries = 0; arrived() < all && tries < 1000; tries++) await pause(10);
  if (arrived() !== all) throw new Error(`${all} messages were to be delivered, ${arrived()} were`);
  console.error(`${all} messages delivered, ${first.requests + second.requests} requests answered`);
  process.stdout.write(JSON.stringify({ peak, rate, carried: second.sent / seconds, samples }), () => process.exit(0));
}

function heapBytes() {
  const { total_physical_size, malloced_memory, external_memory } = getHeapStatistics();
  return total_physical_size + malloced_memory + external_memory;
}

function inWords(samples) {
  const mean = (name) => samples.reduce((sum, sample) => sum + sample[name], 0) / samples.length / 1e6;
  const of = (name) => `${mean(name).toFixed(1)} MB`;
  const minute = Math.round(samples.at(-1).minute);
  return `minute ${minute}: ${of('resident')} resident, of which ${of('heaps')} V8's and ${of('own')} of messages and tables`;
}

/** A thread with its agents. */
async function host({ thread, received, heaps }) {
  setInterval(() => {
    heaps[thread] = heapBytes();
  }, 1000).unref();
  const bus = new EventBus({ name: 'soak' });
  const messages = prepareMessages();
  const own = topology.agentsOf(thread);
  const topics = Array.from({ length: AGENTS }, (_, agent) => topology.topicOf(agent));
  let read = 0;
  for (const agent of own) {
    bus.subscribe(topics[agent], (message) => {
      read += digest(message);
      received[thread]++;
    });
  }
  const sideLine = new SideLine(bus, { thread, threads: THREADS, onMessage: () => received[thread]++ });

  /** Sends for so long at so many a second, each agent to all others in turn: how many it were. */
  const sendFor = async ({ seconds, rate }) => {
    const start = performance.now();
    let sent = 0;
    for (;;) {
      const elapsed = (performance.now() - start) / 1000;
      if (elapsed >= seconds) return sent;
      const due = Math.min(rate * elapsed - sent, TURN);
      for (let turn = 0; turn < due; turn++) {
        const round = Math.floor(sent / own.length);
        const topic = topics[topology.neighbourOf(own[sent % own.length], round % topology.neighbours)];
        while (!bus.publish(topic, messages[sent % messages.length])) await bus.writable(topic);
        sent++;
      }
      // A turn of the event loop submits what is left; behind, there is no rest.
      if (due < TURN) await pause(1);
      else await nextTurn();
    }
  };
  parentPort.on('message', async (order) => {
    const beside = sideLine.run();
    const sent = await sendFor(order);
    const { deliveries, requests } = await beside.stop();
    parentPort.postMessage({ sent, deliveries: sent + deliveries, requests, read });
  });
  parentPort.postMessage('ready');
}
