// The memory for messages of a process, filled and given back, in a process of its own:
// `node memory-exhaustion.mjs '{"rounds":3,"messages":50000}'` prints what was seen as JSON.
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { EventBus } from '../../index.mjs';
import { answerOf } from '../crew.mjs';
import { digest, prepareMessages } from '../message.mjs';
import { atRest } from '../scenarios/claims.mjs';

/** A mailbox takes 64 MiB, which is 256 messages; with their headers each takes a block of 1 MiB, so four threads could take more than there is. */
const THREADS = 5;
const LARGE_BYTES = 256 * 1024;
const BUS = 'exhaustion';
const largeTopic = (thread) => `exhaustion.large.${thread}`;
const SMALL_TOPIC = 'exhaustion.small';

if (isMainThread) await main(JSON.parse(process.argv[2]));
else host(workerData);

async function main({ rounds, messages }) {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const workers = Array.from(
    { length: THREADS },
    (_, thread) => new Worker(new URL(import.meta.url), { workerData: { thread, gate } }),
  );
  await Promise.all(workers.map(answerOf));
  const bus = new EventBus({ name: BUS });
  const utilization = () => bus.getMetrics()['communication.pool.utilization'];
  const prepared = prepareMessages();
  const speed = async () => {
    const start = performance.now();
    for (let sent = 0; sent < messages; ) {
      if (bus.publish(SMALL_TOPIC, prepared[sent % prepared.length])) sent++;
      else await bus.writable(SMALL_TOPIC);
    }
    bus.flush();
    await atRest(bus);
    return messages / ((performance.now() - start) / 1000);
  };
  const speeds = async () => {
    const seen = [];
    for (let round = 0; round < rounds; round++) seen.push(await speed());
    return seen;
  };
  // Not counted: code is optimized, and the mailboxes get their memory.
  await speed();
  const before = { utilization: utilization(), resident: process.memoryUsage.rss(), speeds: await speeds() };

  for (const worker of workers) worker.postMessage('stand still');
  const payload = new Uint8Array(LARGE_BYTES);
  const published = fill(bus, payload);
  const full = { utilization: utilization(), resident: process.memoryUsage.rss(), ...published };
  const writable = bus.writable(largeTopic(0));

  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  await writable;
  const isResumed = bus.publish(largeTopic(0), payload);
  bus.flush();
  const ledger = await atRest(bus);
  const after = { utilization: utilization(), speeds: await speeds(), resident: process.memoryUsage.rss() };
  process.stdout.write(JSON.stringify({ before, full, isResumed, after, ledger }), () => process.exit(0));
}

/** Publishes to threads that stand still until none of them takes any more: how many were taken, and refused. */
function fill(bus, payload) {
  let [taken, refused] = [0, 0];
  for (let thread = 0; thread < THREADS; thread++) {
    while (bus.publish(largeTopic(thread), payload)) {
      taken++;
      bus.flush();
    }
    refused++;
  }
  return { taken, refused };
}

/** Every thread hears what is large and meant for it, the first one what is small. */
function host({ thread, gate }) {
  const bus = new EventBus({ name: BUS }).ref();
  bus.subscribe(largeTopic(thread), (payload) => {
    if (payload.length !== LARGE_BYTES) throw new Error(`${payload.length} bytes arrived instead of ${LARGE_BYTES}`);
  });
  if (thread === 0) bus.subscribe(SMALL_TOPIC, digest);
  parentPort.on('message', () => Atomics.wait(gate, 0, 0));
  parentPort.postMessage('ready');
}
