'use strict';

// maxInFlight: how many messages may be with a handler at a time, and who goes on meanwhile.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { AgentwireArgumentError, EventBus } = require('agentwire');
const { assertLedger, publishAll, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('in-flight'), onError: () => {} });
  t.after(() => bus.close());
  return bus;
}

/** A handler whose promises the test settles. */
function holding() {
  const held = [];
  const got = [];
  const handler = (payload) => {
    got.push(payload);
    return new Promise((resolve, reject) => held.push({ resolve, reject }));
  };
  return { got, handler, held };
}

it('hands out no more than that, in order, and the next when one settles', async (t) => {
  const bus = openBus(t);
  const { got, handler, held } = holding();
  const subscription = bus.subscribe('x', handler, { maxInFlight: 2 });
  const expected = Array.from({ length: 20 }, (_, i) => i);
  await publishAll(bus, 'x', expected);
  await waitUntil(() => held.length === 2, 'two handlers');
  for (let settled = 0; settled < expected.length; settled += 1) {
    await turn();
    assert.ok(held.length <= 2, `${held.length} at a time`);
    const next = held.shift();
    // A rejection makes room as well.
    if (settled % 3 === 0) next.reject(new Error('as told'));
    else next.resolve();
    await waitUntil(() => got.length === Math.min(expected.length, settled + 3), `message ${settled + 3}`);
  }
  assert.deepEqual(got, expected);
  await waitUntil(() => subscription.stats.inFlight === 0, 'all to settle');
  const { stats } = subscription;
  assertLedger(stats);
  assert.deepEqual([stats.handled, stats.failed], [13, 7]);
});

it('leaves the other subscriptions of the thread alone', async (t) => {
  const bus = openBus(t);
  const { got, handler, held } = holding();
  const slow = bus.subscribe('x', handler, { maxInFlight: 1 });
  const others = [0, 0];
  bus.subscribe('x', () => {
    others[0] += 1;
  });
  bus.subscribe('**', () => {
    others[1] += 1;
  });
  const count = 1000;
  await publishAll(bus, 'x', Array(count).fill(0));
  await waitUntil(() => others[0] === count && others[1] === count, 'the others to have all of them');
  assert.equal(got.length, 1);
  assert.equal(slow.stats.inFlight, count);
  slow.unsubscribe();
  held[0].resolve();
  await waitUntil(() => bus.getMetrics().inFlight === 0, 'the bus to come to rest');
  assertLedger(bus.getMetrics());
  assert.equal(bus.getMetrics().dropped.unsubscribed, count - 1);
});

it('does not count handlers that return: one at a time of a thousand needs no promise', async (t) => {
  const bus = openBus(t);
  const got = [];
  bus.subscribe('x', (payload) => void got.push(payload), { maxInFlight: 1 });
  const expected = Array.from({ length: 1000 }, (_, i) => i);
  await publishAll(bus, 'x', expected);
  await waitUntil(() => got.length === expected.length, 'all messages');
  assert.deepEqual(got, expected);
});

it('holds in a worker, and keeps headers and large payloads while they wait', async (t) => {
  const bus = openBus(t);
  const thread = await Thread.start(t);
  await thread.run(({ agentwire, state }, name) => {
    state.bus = new agentwire.EventBus({ name }).ref();
    Object.assign(state, { now: 0, most: 0, got: [] });
    const handler = async ({ n, text }, { headers }) => {
      state.now += 1;
      state.most = Math.max(state.most, state.now);
      await new Promise((resolve) => setImmediate(resolve));
      state.got.push([n, text.length, headers?.n]);
      state.now -= 1;
    };
    state.subscription = state.bus.subscribe('x', handler, { maxInFlight: 3 });
  }, bus.name);
  const count = 200;
  for (let n = 0; n < count; n += 1) {
    const payload = { n, text: 'y'.repeat(n % 10 === 0 ? 50_000 : n) };
    await publishAll(bus, 'x', [payload], n % 2 ? { headers: { n } } : undefined);
  }
  bus.flush();
  await waitUntil(() => bus.getMetrics().inFlight === 0, 'all messages');
  const { most, got } = await thread.run(({ state }) => ({ most: state.most, got: state.got }));
  assert.equal(most, 3);
  assert.deepEqual(
    got,
    Array.from({ length: count }, (_, n) => [n, n % 10 === 0 ? 50_000 : n, n % 2 ? n : undefined]),
  );
});

it('is within queueLimit: what waits counts', async (t) => {
  const bus = openBus(t);
  const { got, handler, held } = holding();
  bus.subscribe('x', handler, { maxInFlight: 1, queueLimit: 4 });
  const admitted = [];
  for (let i = 0; i < 6; i += 1) {
    admitted.push(bus.publish('x', i));
    await turn();
  }
  assert.deepEqual(admitted, [true, true, true, true, false, false]);
  for (let i = 1; i <= 4; i += 1) {
    await waitUntil(() => held.length === 1, 'the next handler');
    held.shift().resolve();
  }
  await bus.writable('x');
  assert.deepEqual(got, [0, 1, 2, 3]);
  assert.equal(bus.publish('x', 6), true);
});

it('is an integer from 1 to 1,000,000', (t) => {
  const bus = openBus(t);
  for (const maxInFlight of [0, -1, 1.5, NaN, Infinity, '1', null, 1n, 1_000_001]) {
    assert.throws(
      () => bus.subscribe('x', () => {}, { maxInFlight }),
      (error) => error instanceof AgentwireArgumentError && /^maxInFlight must be .*given/.test(error.message),
      String(maxInFlight),
    );
  }
  assert.equal(bus.getMetrics().subscriptions, 0);
});
