// How much the heap of a receiver grows with each message, in a process of its own.
//
// The process is given a young generation so large that nothing is collected during a round: then the growth of V8's used heap is
// the sum of all that was allocated, of every object, however short its life. A round that saw a collection all the same ends the
// process with an error. V8 hands out memory in pieces and counts some of them as used at once, which is a few bytes for each of
// so many messages. The publisher is another thread with a heap of its own, so what it allocates is not counted.
//
// The same values are decoded alone, from the same bytes and as often, and their growth is measured in the same way. Both keep the
// last value, so that the optimizer cannot leave the object out.
import { createRequire } from 'node:module';
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import v8 from 'node:v8';
import { isMainThread, MessageChannel, parentPort, Worker, workerData } from 'node:worker_threads';
import { EventBus } from '../../index.mjs';
import { prepareMessages } from '../message.mjs';
import { Receipts, TURN, Window } from '../port-window.mjs';

const topics = Array.from({ length: 8 }, (_, agent) => `agents.a${agent}.inbox`);
const BUS = { name: 'garbage' };
const WARM_UP_ROUNDS = 4;

const messages = prepareMessages();
let kept;

if (isMainThread) await main(JSON.parse(process.argv[2]));
else publishAsTold(workerData);

async function main({ messages: count, rounds }) {
  const { port1: port, port2 } = new MessageChannel();
  const publisher = new Worker(new URL(import.meta.url), { workerData: port2, transferList: [port2] });
  await new Promise((resolve) => publisher.once('message', resolve));
  let collections = 0;
  new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  }).observe({ entryTypes: ['gc'] });

  const bus = new EventBus(BUS).ref();
  let missing = 0;
  let finish = () => {};
  const take = (message) => {
    kept = message;
    if (--missing === 0) finish(usedHeap());
  };
  for (const [index, handler] of differentHandlers(take).entries()) bus.subscribe(topics[index], handler);
  const receipts = new Receipts(port);
  port.on('message', (message) => {
    receipts.count();
    take(message);
  });
  /** The growth until the last message has been handled. */
  const receive = async (transport) => {
    missing = count;
    const last = new Promise((resolve) => (finish = resolve));
    const before = usedHeap();
    publisher.postMessage({ transport, count });
    return (await last) - before;
  };
  const decode = decodeAlone(count);
  const deserialize = deserializeAlone(count);
  const measures = {
    agentwire: () => receive('agentwire'),
    decoded: () => grow(decode),
    MessagePort: () => receive('MessagePort'),
    deserialized: () => grow(deserialize),
  };

  const seen = [];
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const figures = {};
    for (const [name, measure] of Object.entries(measures)) {
      globalThis.gc();
      // What the collection itself is reported with comes a little later.
      await pause(20);
      collections = 0;
      const growth = await measure();
      await pause(20);
      if (collections > 0)
        throw new Error(`${name}: the heap was collected during a round; make the young generation larger`);
      figures[name] = growth / count;
    }
    if (round >= 0) seen.push(figures);
  }
  if (kept === undefined) throw new Error('nothing was received');
  process.stdout.write(JSON.stringify(seen), () => process.exit(0));
}

/**
 * As many functions as topics, each with code of its own: were there one, the optimizer would make it part of the delivery and
 * leave out the context that every handler is given.
 */
function differentHandlers(take) {
  return [
    (message) => take(message),
    (message, context) => take(message, context.topic),
    (message, { priority }) => take(message, priority),
    (message, context) => take(context.topic === topics[3] ? message : undefined),
    (...both) => take(both[0]),
    function takeWhole(message) {
      take(message);
    },
    (message, context) => {
      if (context.topic.length > 0) take(message);
    },
    (message) => {
      if (message !== null) take(message);
    },
  ];
}

function usedHeap() {
  return v8.getHeapStatistics().used_heap_size;
}

function grow(action) {
  const before = usedHeap();
  action();
  return usedHeap() - before;
}

/** Decodes prepared messages one after another. */
function decodeAlone(count) {
  const require = createRequire(import.meta.url);
  const { Encoder } = require('../../dist/codec/encoder.js');
  const { Decoder } = require('../../dist/codec/decoder.js');
  const { Slot } = require('../../dist/codec/slot.js');
  const { Tables } = require('../../dist/codec/tables.js');
  const tables = new Tables();
  const memory = new Uint8Array(new SharedArrayBuffer(1024 * messages.length));
  const encoder = new Encoder(tables);
  const decoder = new Decoder(tables);
  encoder.attach(memory);
  decoder.attach(memory);
  const slot = new Slot();
  const ends = [0];
  for (const message of messages) ends.push(encoder.writeRoot(message, ends.at(-1), memory.length, slot));
  return () => {
    for (let index = 0; index < count; index++) {
      const at = index % messages.length;
      kept = decoder.readRoot(ends[at], ends[at + 1]);
    }
  };
}

function deserializeAlone(count) {
  const serialized = messages.map((message) => v8.serialize(message));
  return () => {
    for (let index = 0; index < count; index++) kept = v8.deserialize(serialized[index % serialized.length]);
  };
}

/** The other thread. */
function publishAsTold(port) {
  const bus = new EventBus(BUS);
  const window = new Window([port]);
  const put = {
    agentwire: async (message, sent) => {
      const topic = topics[sent % topics.length];
      while (!bus.publish(topic, message)) await bus.writable(topic);
    },
    MessagePort: async (message) => {
      while (!window.take()) await window.writable();
      port.postMessage(message);
    },
  };
  parentPort.on('message', async ({ transport, count }) => {
    for (let sent = 0; sent < count; ) {
      await put[transport](messages[sent % messages.length], sent);
      if (++sent % TURN === 0) await nextTurn();
    }
  });
  parentPort.postMessage('ready');
}
