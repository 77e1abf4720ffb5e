'use strict';

// Eight threads intern overlapping strings and shapes, through a bus and through tables of their own, and read what the others
// wrote by id, while further threads do the same and are terminated in the middle of it.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const path = require('node:path');
const { it } = require('node:test');
const { Worker } = require('node:worker_threads');
const { fixture, uniqueName, waitUntil } = require('./helpers.js');

const { native } = require(path.join(__dirname, '..', 'dist', 'native.js'));

const threads = 8;
const messages = 1500;
const strings = 400;
const shapes = 150;
const doomed = 12;

it('every id means the same in eight threads, whoever gave it and whoever died', async (t) => {
  const name = uniqueName('table-storm');
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const start = async (number, isDoomed = false) => {
    const workerData = { name, number, threads, messages, strings, shapes, gate, isDoomed };
    const worker = new Worker(fixture('table-storm-worker.js'), { workerData });
    t.after(() => worker.terminate());
    assert.deepEqual(await once(worker, 'message'), ['ready']);
    return worker;
  };
  const workers = await Promise.all(Array.from({ length: threads }, (_, number) => start(number)));
  const ask = async (worker, question) => {
    worker.postMessage(question);
    const [answer] = await once(worker, 'message');
    return answer;
  };

  // Each is in the middle of its publishing when it is ended: it publishes for ever.
  for (let number = threads; number < threads + doomed; number += 1) {
    const worker = await start(number, true);
    if (number % 2 === 0) await ask(worker, 'figures');
    await worker.terminate();
  }

  const figures = await Promise.all(
    workers.map((worker) =>
      waitUntil(async () => {
        const answer = await ask(worker, 'figures');
        return answer.received.every((count) => count >= messages) && answer;
      }, 'every message of every thread'),
    ),
  );
  for (const { wrong, own, received } of figures) {
    assert.deepEqual({ wrong, own }, { wrong: 0, own: 0 });
    assert.deepEqual(received, Array(threads).fill(messages));
  }

  const usage = native.internUsage();
  const [first, ...others] = await Promise.all(workers.map((worker) => ask(worker, 'dictionary')));
  assert.ok(
    first.shapes.length >= shapes && first.strings.length > 10,
    `${first.shapes.length}, ${first.strings.length}`,
  );
  assert.deepEqual([first.strings.length, first.shapes.length], [usage.strings, usage.shapes]);
  assert.equal(new Set(first.strings).size, usage.strings, 'no string has two ids');
  assert.equal(new Set(first.shapes.map((keys) => JSON.stringify(keys))).size, usage.shapes, 'no shape has two ids');
  assert.deepEqual(first.learnt, first.strings);
  assert.equal(new Set(first.pool).size, strings);
  for (const other of others) assert.deepEqual(other, first);

  // The accounts of all channels together are what is in the tables: the bus's, and that of the threads' own tables.
  const channels = [native.internChannel(name), 1].map((channel) => native.internUsage(channel));
  for (const figure of ['strings', 'stringBytes', 'shapes', 'shapeBytes']) {
    const sum = channels.reduce((total, channel) => total + channel[figure], 0);
    assert.equal(sum, usage[figure], figure);
  }
});
