// One end of a ring, or of a MessagePort: sends or receives items of 64 B. The first and the last word of item `i` are `i`; the
// receiver adds up the first ones and compares the two, so that a ring that loses or tears items is found out.
import { createRequire } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { RingBuffer } from 'ringbuf.js';
import { Receipts, TURN, Window } from '../port-window.mjs';

const { ZeroCopyRingBuffer } = createRequire(import.meta.url)('../../index.js');
const { role, port } = workerData;

const BYTES = 64;
const WORDS = BYTES / 4;
const BATCH = 64;
const PATIENCE_NS = 10_000_000_000n;

const now = () => process.hrtime.bigint();
const receipts = new Receipts(port);
const window = role === 'publisher' ? new Window([port]) : undefined;

/** Ends a thread that looks in vain: a ring that has lost an item must not spin for ever. */
class Patience {
  looks = 0;
  since = now();

  lookedInVain() {
    this.looks++;
    if (this.looks % 1_000_000 !== 0) return;
    if (now() - this.since > PATIENCE_NS)
      throw new Error('the other end has not moved for a long time: items were lost');
  }

  moved() {
    if (this.looks === 0) return;
    this.looks = 0;
    this.since = now();
  }
}

/** A batch of items one behind the other, and its parts. */
class Slab {
  bytes = new Uint8Array(BATCH * BYTES);
  words = new Uint32Array(this.bytes.buffer);
  lengths = new Uint32Array(BATCH).fill(BYTES);
  items = Array.from({ length: BATCH }, (_, index) => this.bytes.subarray(index * BYTES, (index + 1) * BYTES));

  /** Numbers the first `count` items from `sequence`. */
  number(sequence, count) {
    const { words } = this;
    for (let index = 0; index < count; index++)
      words[index * WORDS] = words[index * WORDS + WORDS - 1] = sequence + index;
  }
}

/** Sends in batches. Where a ring takes only some of a batch, the next one begins with the item that it did not take. */
function sendBatches(items, put) {
  const patience = new Patience();
  const slab = new Slab();
  for (let sent = 0; sent < items; ) {
    const count = Math.min(BATCH, items - sent);
    slab.number(sent, count);
    const taken = put(slab, count);
    sent += taken;
    if (taken === 0) patience.lookedInVain();
    else patience.moved();
  }
}

/** Sends one by one. */
function sendSingles(items, put) {
  const patience = new Patience();
  const item = new Uint8Array(BYTES);
  const words = new Uint32Array(item.buffer);
  for (let sent = 0; sent < items; sent++) {
    words[0] = words[WORDS - 1] = sent;
    while (!put(item)) patience.lookedInVain();
    patience.moved();
  }
}

/** Receives until all are there; `take(seen)` counts what it finds into `seen` and returns how many items that were. */
function receiveAll(items, take) {
  const patience = new Patience();
  const seen = { sum: 0, torn: 0 };
  for (let received = 0; received < items; ) {
    const taken = take(seen);
    received += taken;
    if (taken === 0) patience.lookedInVain();
    else patience.moved();
  }
  return seen;
}

function countWords(seen, words, items) {
  let { sum, torn } = seen;
  for (let index = 0; index < items; index++) {
    const first = words[index * WORDS];
    sum += first;
    torn |= first ^ words[index * WORDS + WORDS - 1];
  }
  seen.sum = sum;
  seen.torn = torn;
}

const wordAt = (bytes, at) => bytes[at] + bytes[at + 1] * 2 ** 8 + bytes[at + 2] * 2 ** 16 + bytes[at + 3] * 2 ** 24;

const ways = {
  agentwire: {
    single: {
      send({ memory, items }) {
        const ring = ZeroCopyRingBuffer.attach(memory);
        sendSingles(items, (item) => ring.enqueue(item));
      },
      receive({ memory, items }) {
        const ring = ZeroCopyRingBuffer.attach(memory);
        const target = new Uint8Array(BYTES);
        const words = new Uint32Array(target.buffer);
        return receiveAll(items, (seen) => {
          if (ring.dequeueInto(target) < 0) return 0;
          countWords(seen, words, 1);
          return 1;
        });
      },
    },
    batch: {
      send({ memory, items }) {
        const ring = ZeroCopyRingBuffer.attach(memory);
        sendBatches(items, (slab, count) =>
          ring.enqueueBatch(count === BATCH ? slab.items : slab.items.slice(0, count)),
        );
      },
      receive({ memory, items }) {
        const ring = ZeroCopyRingBuffer.attach(memory);
        return receiveAll(items, (seen) => {
          const taken = ring.drain(BATCH);
          for (const item of taken) {
            const first = wordAt(item, 0);
            seen.sum += first;
            seen.torn |= first ^ wordAt(item, BYTES - 4);
          }
          return taken.length;
        });
      },
    },
    packed: {
      send({ memory, items }) {
        const ring = ZeroCopyRingBuffer.attach(memory);
        sendBatches(items, ({ bytes, lengths }, count) => ring.enqueuePacked(bytes, lengths, count));
      },
      receive({ memory, items }) {
        const ring = ZeroCopyRingBuffer.attach(memory);
        const slab = new Slab();
        return receiveAll(items, (seen) => {
          const taken = ring.drainInto(slab.bytes, slab.lengths);
          countWords(seen, slab.words, taken);
          return taken;
        });
      },
    },
  },
  // Its capacity is a whole number of items, so it takes and gives whole ones.
  'ringbuf.js': {
    single: {
      send({ memory, items }) {
        const ring = new RingBuffer(memory, Uint8Array);
        sendSingles(items, (item) => ring.push(item) !== 0);
      },
      receive({ memory, items }) {
        const ring = new RingBuffer(memory, Uint8Array);
        const target = new Uint8Array(BYTES);
        const words = new Uint32Array(target.buffer);
        return receiveAll(items, (seen) => {
          if (ring.pop(target) === 0) return 0;
          countWords(seen, words, 1);
          return 1;
        });
      },
    },
    packed: {
      send({ memory, items }) {
        const ring = new RingBuffer(memory, Uint8Array);
        sendBatches(items, ({ bytes }, count) => ring.push(bytes, count * BYTES) / BYTES);
      },
      receive({ memory, items }) {
        const ring = new RingBuffer(memory, Uint8Array);
        const slab = new Slab();
        return receiveAll(items, (seen) => {
          const taken = ring.pop(slab.bytes) / BYTES;
          countWords(seen, slab.words, taken);
          return taken;
        });
      },
    },
  },
  MessagePort: { single: { send: post, receive: hear } },
};

async function post({ items }) {
  const item = new Uint8Array(BYTES);
  const words = new Uint32Array(item.buffer);
  for (let sent = 0; sent < items; ) {
    if (!window.take()) {
      await window.writable();
      continue;
    }
    words[0] = words[WORDS - 1] = sent;
    port.postMessage(item);
    if (++sent % TURN === 0) await nextTurn();
  }
}

function hear({ items }) {
  const seen = { sum: 0, torn: 0 };
  let received = 0;
  return new Promise((resolve) => {
    const onItem = (item) => {
      countWords(seen, new Uint32Array(item.buffer), 1);
      receipts.count();
      if (++received < items) return;
      port.off('message', onItem);
      resolve(seen);
    };
    port.on('message', onItem);
  });
}

parentPort.on('message', async (order) => {
  const way = ways[order.transport][order.form];
  if (role === 'publisher') {
    const start = now();
    await way.send(order);
    parentPort.postMessage({ start });
  } else {
    parentPort.postMessage('listening');
    const seen = await way.receive(order);
    parentPort.postMessage({ ...seen, end: now() });
  }
});
parentPort.postMessage('ready');
