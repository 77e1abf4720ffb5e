'use strict';

// The count of native memory, which the benchmarks print: it follows what is held.

const assert = require('node:assert/strict');
const path = require('node:path');
const { it } = require('node:test');
const { EventBus } = require('agentwire');
const { fixture, publishAll, runNode, stall, Thread, uniqueName, waitUntil } = require('./helpers.js');

const { native } = require(path.join(__dirname, '..', 'dist', 'native.js'));

it('counts the memory of messages that wait, and what is kept of it when they are gone', async (t) => {
  const name = uniqueName('usage');
  const bus = new EventBus({ name });
  t.after(() => bus.close());
  const thread = await Thread.start(t);
  await thread.run(({ agentwire, state }, name) => {
    state.received = 0;
    state.bus = new agentwire.EventBus({ name });
    state.bus.subscribe('usage', () => {
      state.received += 1;
    });
  }, name);
  const idle = native.memoryUsage();
  const stalled = await stall(thread);
  const payload = 'x'.repeat(1000);
  await publishAll(bus, 'usage', Array(1000).fill(payload));
  bus.flush();
  const held = native.memoryUsage();
  assert.ok(held.segmentsInUse - idle.segmentsInUse >= 1_000_000, `${idle.segmentsInUse} -> ${held.segmentsInUse}`);
  await stalled.release();
  await waitUntil(() => bus.getMetrics().handled === 1000, 'all to be handled');
  await waitUntil(() => native.memoryUsage().segmentsInUse < held.segmentsInUse / 2, 'the memory to be given back');
  assert.ok(native.memoryUsage().segmentsFree > idle.segmentsFree);
});

it('counts the strings and shapes that got an id', (t) => {
  const bus = new EventBus({ name: uniqueName('usage') });
  t.after(() => bus.close());
  bus.subscribe('usage', () => {});
  const before = native.memoryUsage();
  const message = { [`key ${uniqueName()}`]: uniqueName(), [`other ${uniqueName()}`]: 2 };
  for (let i = 0; i < 100; i += 1) bus.publish('usage', message);
  bus.flush();
  const after = native.memoryUsage();
  assert.ok(after.shapes > before.shapes && after.strings > before.strings, JSON.stringify({ before, after }));
});

it('what a backlog took goes back to the system', async (t) => {
  const { code, stdout, stderr } = await runNode(['--expose-gc', fixture('backlog.js')]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  t.diagnostic(stdout.trim());
  const { before, height, after } = JSON.parse(stdout);
  assert.ok(height - before > 30, 'a backlog takes memory');
  assert.ok(after - before < (height - before) / 2, 'and gives it back');
});
