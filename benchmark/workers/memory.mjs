// The memory of agents, in a process of its own: `node --expose-gc memory.mjs '{"transport":"agentwire","agents":100}'` prints
// what it holds once every agent has received its messages.

import { setTimeout as pause } from 'node:timers/promises';
import { isMainThread, MessageChannel, parentPort, Worker, workerData } from 'node:worker_threads';
import { makeMessage } from '../message.mjs';

const THREADS = 4;
const MESSAGES = 20;
const topicOf = (agent) => `agents.a${agent}.inbox`;

/**
 * Bytes outside of V8's heap that belong to this thread's JavaScript. `external` has the source text and the array buffers of its
 * own, `arrayBuffers` those and the shared ones: array buffers of its own count twice, of which agentwire keeps next to none.
 */
async function externalBytes() {
  await collect();
  const { external, arrayBuffers } = process.memoryUsage();
  return external + arrayBuffers;
}

async function collect() {
  for (let round = 0; round < 3; round++) {
    globalThis.gc();
    await pause(10);
  }
}

/** A port's messages, in the order in which they come. */
function mailOf(port) {
  const mail = [];
  let wake = () => {};
  port.on('message', (message) => {
    mail.push(message);
    wake();
  });
  return async () => {
    while (mail.length === 0) await new Promise((resolve) => (wake = resolve));
    return mail.shift();
  };
}

if (isMainThread) await main(JSON.parse(process.argv[2]));
else await hostAgents(workerData);

async function main({ transport, agents, tools }) {
  const workers = Array.from({ length: THREADS }, (_, thread) => {
    const own = Array.from({ length: agents }, (_, agent) => agent).filter((agent) => agent % THREADS === thread);
    return new Worker(new URL(import.meta.url), { workerData: { transport, own, tools } });
  });
  const next = workers.map(mailOf);
  const answers = () => Promise.all(next.map((answer) => answer()));
  await answers();
  const before = await externalBytes();
  const send = await connect(transport, agents, workers);
  for (const worker of workers) worker.postMessage('listen');
  await answers();
  for (let sequence = 0; sequence < MESSAGES; sequence++) {
    for (let agent = 0; agent < agents; agent++) await send(agent, makeMessage(sequence * agents + agent, agent));
    await pause(1);
  }
  const external = (await answers()).reduce((sum, bytes) => sum + bytes, (await externalBytes()) - before);
  const native = transport === 'agentwire' ? await nativeUsage() : { segmentsInUse: 0, segmentsFree: 0, interned: 0 };
  const { segmentsInUse, segmentsFree, interned } = native;
  const resident = process.memoryUsage.rss();
  const counted = external + segmentsInUse + segmentsFree + interned;
  process.stdout.write(JSON.stringify({ counted, external, ...native, resident }), () => process.exit(0));
}

/** How the main thread sends to an agent. */
async function connect(transport, agents, workers) {
  if (transport === 'agentwire') {
    const { EventBus } = await import('../../index.mjs');
    const bus = new EventBus({ name: 'memory' });
    const topics = Array.from({ length: agents }, (_, agent) => topicOf(agent));
    return async (agent, message) => {
      while (!bus.publish(topics[agent], message)) await bus.writable(topics[agent]);
    };
  }
  const ports = [];
  for (let agent = 0; agent < agents; agent++) {
    const { port1, port2 } = new MessageChannel();
    workers[agent % THREADS].postMessage({ agent, port: port2 }, [port2]);
    ports.push(port1);
  }
  return (agent, message) => ports[agent].postMessage(message);
}

async function nativeUsage() {
  const { createRequire } = await import('node:module');
  const { native } = createRequire(import.meta.url)('../../dist/native.js');
  const { segmentsInUse, segmentsFree, strings, shapes } = native.memoryUsage();
  return { segmentsInUse, segmentsFree, interned: strings + shapes };
}

/** What a thread of agents may use beside the bus; `keep` holds it until the end. */
async function useTools(tools, keep) {
  const agentwire = await import('../../index.mjs');
  const { makeDocuments } = await import('../documents.mjs');
  const small = makeDocuments().slice(0, 3);
  if (tools === 'codecs' || tools === 'all') {
    for (const tables of [false, true]) {
      const serializer = new agentwire.OptimizedMessageSerializer({ tables });
      const batch = new agentwire.BatchMessageSerializer({ tables });
      keep.push(serializer, batch);
      for (const { values } of small) {
        for (const value of values.slice(0, 256)) {
          serializer.deserialize(serializer.serialize(1, value));
          batch.addMessage(1, value);
          if (batch.shouldFlush()) serializer.deserializeBatch(batch.flush());
        }
      }
    }
  }
  if (tools !== 'all') return;
  const pool = agentwire.OptimizedStringPool.shared('memory');
  for (let index = 0; index < 1000; index++) pool.intern(`agent-${index}`);
  const filter = new agentwire.BloomFilter();
  for (let index = 0; index < 1000; index++) filter.add(`agent-${index}`);
  const ring = new agentwire.ZeroCopyRingBuffer(1024, 512);
  for (let index = 0; index < 1000; index++) ring.enqueue(new Uint8Array(500));
  const objects = new agentwire.ObjectPool(
    () => ({ id: '' }),
    (object) => object,
  );
  objects.release(objects.acquire());
  keep.push(pool, filter, ring, objects);
}

async function hostAgents({ transport, own, tools }) {
  const mail = mailOf(parentPort);
  const before = await externalBytes();
  parentPort.postMessage('ready');
  const ports = new Map();
  for (;;) {
    const order = await mail();
    if (order === 'listen') break;
    ports.set(order.agent, order.port);
  }
  let missing = own.length * MESSAGES;
  let haveAll;
  const all = new Promise((resolve) => (haveAll = resolve));
  if (missing === 0) haveAll();
  /** An agent: its handler has a state of its own. */
  const handlerOf = (agent) => {
    const state = { agent, received: 0 };
    return () => {
      state.received++;
      if (--missing === 0) haveAll();
    };
  };
  if (transport === 'agentwire') {
    const { EventBus } = await import('../../index.mjs');
    const bus = new EventBus({ name: 'memory' });
    for (const agent of own) bus.subscribe(topicOf(agent), handlerOf(agent));
  } else {
    for (const agent of own) ports.get(agent).on('message', handlerOf(agent));
  }
  parentPort.postMessage('listening');
  await all;
  const kept = [];
  if (tools !== undefined) await useTools(tools, kept);
  parentPort.postMessage((await externalBytes()) - before);
  globalThis.kept = kept;
}
