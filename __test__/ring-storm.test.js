'use strict';

// Producers and consumers in threads of their own: every item arrives once, whole, and in the order of its producer.
// AGENTWIRE_RING_ITEMS=N sends N items in all instead of 1,000,000.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { Worker } = require('node:worker_threads');
const { ZeroCopyRingBuffer } = require('agentwire');
const { fixture } = require('./helpers.js');

const allItems = Number(process.env.AGENTWIRE_RING_ITEMS ?? 1_000_000);

const one = (style) => [style];
const mixed = (count, styles) => Array.from({ length: count }, (_, index) => styles[index % styles.length]);
const producing = ['single', 'packed', 'batched', 'inPlace'];
const consuming = ['batched', 'blocking', 'async', 'single', 'packed', 'inPlace'];

/** Producers, consumers, capacity, and the part of all items that cross. */
const storms = [
  [one('single'), one('single'), 1024, 2],
  [one('packed'), one('packed'), 1000, 3],
  [one('inPlace'), one('inPlace'), 2, 0.1],
  [one('single'), one('blocking'), 100, 1],
  [one('batched'), one('async'), 500, 1],
  [mixed(2, ['single', 'packed']), mixed(2, ['batched', 'single']), 777, 2],
  [mixed(2, ['inPlace', 'batched']), mixed(2, ['inPlace', 'packed']), 64, 1],
  [mixed(8, producing), mixed(8, consuming), 4096, 3],
  [mixed(8, producing), mixed(8, consuming), 3, 0.2],
  [one('packed'), mixed(8, consuming), 512, 2],
  [mixed(8, producing), one('batched'), 512, 2],
  [mixed(3, ['single']), mixed(5, ['blocking', 'async']), 50, 1],
];
const parts = storms.reduce((total, [, , , part]) => total + part, 0);

/** Runs a thread to its end: what it reports. */
function run(t, workerData) {
  const worker = new Worker(fixture('ring-storm-worker.js'), { workerData });
  t.after(() => worker.terminate());
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a thread ended with ${code}`)));
  });
}

for (const [producers, consumers, capacity, part] of storms) {
  const named = (styles) => `${styles.length} (${[...new Set(styles)].join(', ')})`;
  const shape = `${named(producers)} to ${named(consumers)} over ${capacity}`;
  it(`nothing is lost, doubled, spoilt or overtaken: ${shape}`, async (t) => {
    const items = Math.ceil((allItems * part) / parts / producers.length);
    const total = items * producers.length;
    const ring = new ZeroCopyRingBuffer(capacity, 256);
    const taken = new Int32Array(new SharedArrayBuffer(4));
    const shared = { buffer: ring.buffer, items, total, taken };
    const sending = producers.map((style, id) => run(t, { ...shared, role: 'producer', style, id }));
    const reports = await Promise.all(consumers.map((style, id) => run(t, { ...shared, role: 'consumer', style, id })));
    await Promise.all(sending);

    assert.deepEqual(
      reports.flatMap(({ faults }) => faults),
      [],
    );
    assert.equal(
      reports.reduce((all, { got }) => all + got, 0),
      total,
    );
    // The sum of all numbers, and of what tells producers apart.
    const expected = producers.reduce((all, _, id) => all + (items * (items - 1)) / 2 + items * id * 1e7, 0);
    assert.equal(
      reports.reduce((all, { sum }) => all + sum, 0),
      expected,
    );
    const { currentSize, enqueued, dequeued, damaged, blockedConsumers } = ring.getStats();
    assert.deepEqual([currentSize, damaged, blockedConsumers], [0, 0, 0]);
    assert.equal(enqueued, dequeued);
    assert.ok(enqueued >= total);
    t.diagnostic(`${total.toLocaleString('en')} items`);
  });
}
