'use strict';

// expiresInMs: messages whose time is over before a handler was called, wherever they wait.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { AgentwireArgumentError, EventBus } = require('agentwire');
const { assertLedger, deadlineMs, stall, Thread, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('expiry') });
  t.after(() => bus.close());
  return bus;
}

/** A thread that subscribes with these options. */
async function subscriber(t, bus, options) {
  const thread = await Thread.start(t);
  await thread.run(
    ({ agentwire, state }, name, options) => {
      state.bus = new agentwire.EventBus({ name }).ref();
      state.got = [];
      state.subscription = state.bus.subscribe('x', (payload) => void state.got.push(payload), options);
    },
    bus.name,
    options,
  );
  return thread;
}

const got = (thread) => thread.run(({ state }) => state.got);

async function atRest(bus) {
  await waitUntil(() => bus.getMetrics().inFlight === 0, 'the bus to come to rest');
  assertLedger(bus.getMetrics());
  return bus.getMetrics();
}

it('is given up and counted while the thread is stuck; what may wait longer is handed over', async (t) => {
  const bus = openBus(t);
  const thread = await subscriber(t, bus);
  const { release } = await stall(thread);
  for (let i = 0; i < 10; i += 1) bus.publish('x', i, { expiresInMs: i % 2 ? 20 : deadlineMs });
  bus.publish('x', 'for ever');
  bus.flush();
  await waitUntil(() => bus.getMetrics().dropped.expired === 5, 'five to expire');
  assert.equal(bus.getMetrics().inFlight, 6);
  await release();
  const { handled, dropped } = await atRest(bus);
  assert.deepEqual([handled, dropped.expired], [6, 5]);
  assert.deepEqual((await got(thread)).sort(), [0, 2, 4, 6, 8, 'for ever']);
});

it('makes room in a full subscription, while its thread is stuck', async (t) => {
  const bus = openBus(t);
  const thread = await subscriber(t, bus, { queueLimit: 2 });
  const { release } = await stall(thread);
  for (let i = 0; i < 2; i += 1) assert.equal(bus.publish('x', i, { expiresInMs: 20 }), true);
  assert.equal(bus.publish('x', 'refused'), false);
  await waitUntil(() => bus.publish('x', 'then'), 'room');
  await release();
  await atRest(bus);
  assert.deepEqual(await got(thread), ['then']);
});

it('does not touch what a subscriber takes in time, large ones and headers included', async (t) => {
  const bus = openBus(t);
  const thread = await subscriber(t, bus);
  const payloads = ['small', 'x'.repeat(100_000)];
  for (const payload of payloads) bus.publish('x', payload, { expiresInMs: deadlineMs, headers: { h: 1 } });
  bus.flush();
  const { handled, dropped } = await atRest(bus);
  assert.deepEqual([handled, dropped.expired], [2, 0]);
  assert.deepEqual((await got(thread)).sort(), payloads.sort());
});

it('does not interrupt a handler that was called', async (t) => {
  const bus = openBus(t);
  let finish;
  const subscription = bus.subscribe('x', () => new Promise((resolve) => (finish = resolve)));
  for (let expiresInMs = 50; finish === undefined; expiresInMs *= 2) {
    bus.publish('x', 1, { expiresInMs });
    bus.flush();
    const sent = performance.now();
    await waitUntil(() => performance.now() > sent + expiresInMs, 'its time to be over');
  }
  assert.equal(subscription.stats.inFlight, 1);
  finish();
  assert.equal((await atRest(bus)).handled, 1);
});

it('goes on for subscribers of other threads', async (t) => {
  const bus = openBus(t);
  const [stuck, free] = [await subscriber(t, bus), await subscriber(t, bus)];
  const { release } = await stall(stuck);
  for (let expiresInMs = 100; bus.getMetrics().handled === 0; expiresInMs *= 2) {
    const { expired } = bus.getMetrics().dropped;
    bus.publish('x', expiresInMs, { expiresInMs });
    bus.flush();
    await waitUntil(() => bus.getMetrics().dropped.expired > expired && bus.getMetrics().inFlight === 0, 'its end');
  }
  await release();
  await atRest(bus);
  assert.deepEqual(await got(stuck), []);
  assert.equal((await got(free)).length, 1);
});

it('is a number of milliseconds above 0 that a timer can wait for', (t) => {
  const bus = openBus(t);
  for (const expiresInMs of [0, -1, NaN, Infinity, 2 ** 31, '1', null, 1n, {}]) {
    assert.throws(
      () => bus.publish('x', 1, { expiresInMs }),
      (error) => error instanceof AgentwireArgumentError && /^expiresInMs must be .*given/.test(error.message),
      String(expiresInMs),
    );
  }
  for (const expiresInMs of [0.5, 1, 2 ** 31 - 1]) assert.equal(bus.publish('x', 1, { expiresInMs }), true);
});
