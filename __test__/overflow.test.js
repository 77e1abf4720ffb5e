'use strict';

// Subscriptions that drop what is too much: what they get, whom they leave alone, and what a stuck thread holds.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus } = require('agentwire');
const { assertLedger, stall, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('overflow') });
  t.after(() => bus.close());
  return bus;
}

/** Subscribes in a thread; what it got and its figures are asked for by `got` and `stats`. */
async function subscriber(t, bus, pattern, options) {
  const thread = await Thread.start(t);
  await thread.run(
    ({ agentwire, state }, name, pattern, options) => {
      state.bus = new agentwire.EventBus({ name }).ref();
      state.got = [];
      state.subscription = state.bus.subscribe(pattern, (payload) => void state.got.push(payload), options);
    },
    bus.name,
    pattern,
    options,
  );
  return {
    thread,
    got: () => thread.run(({ state }) => state.got),
    stats: () => thread.run(({ state }) => state.subscription.stats),
  };
}

const atRest = async (subscriber) => {
  let stats;
  await waitUntil(async () => {
    stats = await subscriber.stats();
    return stats.inFlight === 0;
  }, 'the subscription to come to rest');
  assertLedger(stats);
  return stats;
};

describe('drop-oldest', () => {
  it('hands a thread that was stuck under a flood the newest messages', async (t) => {
    const bus = openBus(t);
    const slow = await subscriber(t, bus, 'news', { queueLimit: 100, overflow: 'drop-oldest' });
    const other = await subscriber(t, bus, '*', { queueLimit: 1_000_000 });
    const { release } = await stall(slow.thread);
    const count = 20_000;
    for (let i = 0; i < count; i += 1) {
      assert.equal(bus.publish('news', i), true, `never refused: ${i}`);
      if (i % 100 === 0) await bus.writable('news');
    }
    bus.flush();
    // What it gave up is counted while it is stuck: nothing piles up.
    const { dropped } = bus.getMetrics();
    assert.equal(dropped.oldest, count - 100);
    await release();
    const stats = await atRest(slow);
    assert.deepEqual([stats.admitted, stats.handled, stats.dropped.oldest], [count, 100, count - 100]);
    assert.deepEqual(
      await slow.got(),
      Array.from({ length: 100 }, (_, i) => count - 100 + i),
    );
    assert.equal((await atRest(other)).handled, count);
    assert.equal(bus.getMetrics().refused, 0);
  });

  it('keeps headers, priorities, large payloads and topics apart', async (t) => {
    const bus = openBus(t);
    const got = [];
    const options = { queueLimit: 3, overflow: 'drop-oldest' };
    bus.subscribe(
      'x.*',
      (payload, { topic, headers, correlationId }) => got.push({ payload, topic, headers, correlationId }),
      options,
    );
    const large = { text: 'é'.repeat(100_000) };
    bus.publish('x.a', 'given up');
    bus.publish('x.a', large, { headers: { h: 1 }, correlationId: 7n, priority: 3 });
    bus.publish('x.b', 'urgent', { priority: 0 });
    bus.publish('x.c', [1, 2]);
    await waitUntil(() => got.length === 3, 'three messages');
    const plain = { headers: got[0].headers, correlationId: got[0].correlationId };
    assert.deepEqual(got, [
      { payload: 'urgent', topic: 'x.b', ...plain },
      { payload: [1, 2], topic: 'x.c', ...plain },
      { payload: large, topic: 'x.a', headers: { h: 1 }, correlationId: 7n },
    ]);
    assert.equal(bus.getMetrics().dropped.oldest, 1);
  });

  it('hands the newest on when promises of its handlers, which held all places, settle', async (t) => {
    const bus = openBus(t);
    const held = [];
    const got = [];
    const hold = (payload) => {
      got.push(payload);
      return new Promise((resolve) => held.push(resolve));
    };
    const subscription = bus.subscribe('x', hold, { queueLimit: 2, overflow: 'drop-oldest' });
    for (let i = 0; i < 2; i += 1) bus.publish('x', i);
    await waitUntil(() => held.length === 2, 'both handlers');
    for (let i = 2; i < 7; i += 1) assert.equal(bus.publish('x', i), true);
    bus.flush();
    assert.equal(subscription.stats.dropped.oldest, 3);
    assert.deepEqual(got, [0, 1]);
    held.shift()();
    await waitUntil(() => got.length === 3, 'the older one of the two that wait');
    assert.deepEqual(got, [0, 1, 5]);
    for (const resolve of held.splice(0)) resolve();
    await waitUntil(() => got.length === 4, 'the other one');
    assert.equal(got[3], 6);
    for (const resolve of held.splice(0)) resolve();
    await waitUntil(() => subscription.stats.inFlight === 0, 'all to settle');
    assertLedger(subscription.stats);
  });
});

it('a burst that ends while a handler works does not lose its end', async (t) => {
  const bus = openBus(t);
  const thread = await Thread.start(t);
  const gate = new Int32Array(new SharedArrayBuffer(8));
  await thread.run(
    ({ agentwire, state }, name, gate) => {
      state.bus = new agentwire.EventBus({ name }).ref();
      state.got = [];
      const handler = (payload) => {
        state.got.push(payload);
        if (payload !== 0) return;
        Atomics.store(gate, 1, 1);
        Atomics.wait(gate, 0, 0);
      };
      state.subscription = state.bus.subscribe('state', handler, { queueLimit: 1, overflow: 'drop-oldest' });
    },
    bus.name,
    gate,
  );
  bus.publish('state', 0);
  bus.flush();
  await waitUntil(() => Atomics.load(gate, 1) === 1, 'the handler to work');
  for (let i = 1; i <= 300; i += 1) assert.equal(bus.publish('state', i), true);
  bus.flush();
  Atomics.store(gate, 0, 1);
  Atomics.notify(gate, 0);
  await waitUntil(() => thread.run(({ state }) => state.subscription.stats.inFlight === 0), 'rest');
  assert.deepEqual(await thread.run(({ state }) => state.got), [0, 300]);
});

describe('drop-newest', () => {
  it('does without what is too much, and others get it', async (t) => {
    const bus = openBus(t);
    const slow = await subscriber(t, bus, 'news', { queueLimit: 10, overflow: 'drop-newest' });
    const other = await subscriber(t, bus, 'news', { queueLimit: 1000 });
    const { release } = await stall(slow.thread);
    for (let i = 0; i < 500; i += 1) assert.equal(bus.publish('news', i), true);
    bus.flush();
    await release();
    const stats = await atRest(slow);
    assert.deepEqual([stats.handled, stats.dropped.newest], [10, 490]);
    assert.deepEqual(await slow.got(), [...Array(10).keys()]);
    assert.equal((await atRest(other)).handled, 500);
    assert.equal(bus.getMetrics().refused, 0);
  });

  it('is no reason to wait', async (t) => {
    const bus = openBus(t);
    const never = new Promise(() => {});
    bus.subscribe('x', () => never, { queueLimit: 1, overflow: 'drop-newest' });
    bus.subscribe('x', () => never, { queueLimit: 1, overflow: 'drop-oldest' });
    for (let i = 0; i < 300; i += 1) assert.equal(bus.publish('x', i), true);
    await bus.writable('x');
    const refusing = bus.subscribe('x', () => never, { queueLimit: 1 });
    assert.equal(bus.publish('x', 'fits'), true);
    // The publisher learns of a new subscription when it submits.
    bus.flush();
    assert.equal(bus.publish('x', 'too much'), false, 'one that takes part refuses for all');
    refusing.unsubscribe();
    assert.equal(bus.publish('x', 'goes on'), true);
  });
});

it('threads with dropping subscriptions die under load, and every message is accounted for', async (t) => {
  const bus = openBus(t);
  const survivor = await subscriber(t, bus, 'load', { queueLimit: 50, overflow: 'drop-oldest' });
  const publisher = await Thread.start(t);
  publisher.start(async ({ agentwire }, name) => {
    const bus = new agentwire.EventBus({ name });
    for (;;) {
      for (let i = 0; i < 200; i += 1) bus.publish('load', { i, text: 'x'.repeat(i * 40) });
      await new Promise(setImmediate);
    }
  }, bus.name);
  let admitted = 0;
  for (let life = 0; life < 6; life += 1) {
    const overflow = life % 2 === 0 ? 'drop-oldest' : 'drop-newest';
    const dying = await subscriber(t, bus, 'load', { queueLimit: 5 + 20 * life, overflow });
    const { release } = await stall(dying.thread);
    await waitUntil(() => bus.getMetrics().dropped.oldest + bus.getMetrics().dropped.newest > admitted, 'drops');
    admitted = bus.getMetrics().admitted;
    if (life % 3 === 0) release().catch(() => {});
    await dying.thread.terminate();
    await turn();
  }
  await publisher.terminate();
  const stats = await atRest(survivor);
  assert.ok(stats.handled > 0);
  let metrics;
  await waitUntil(() => {
    metrics = bus.getMetrics();
    return metrics.inFlight === 0;
  }, 'the bus to come to rest');
  assertLedger(metrics);
  assert.ok(metrics.dropped.oldest > 0 && metrics.dropped.newest > 0);
  assert.deepEqual(
    [metrics.refused, metrics.failed, metrics.dropped.overflow, metrics.dropped.undecodable],
    [0, 0, 0, 0],
  );
});
