'use strict';

// When `publish` says no, and how a publisher learns that it may go on.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus } = require('agentwire');
const { assertLedger, publishAll, runScenario, stall, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t, options = {}) {
  const bus = new EventBus({ name: uniqueName('admission'), ...options });
  t.after(() => bus.close());
  return bus;
}

/** A handler whose messages stay in flight until they are let go. */
function makeGate() {
  const waiting = [];
  return {
    got: [],
    handler(payload) {
      this.got.push(payload);
      return new Promise((resolve) => waiting.push(resolve));
    },
    letGo(count = waiting.length) {
      for (const resolve of waiting.splice(0, count)) resolve();
    },
  };
}

/** True when the promise is settled by the end of this turn. */
async function isSettledNow(promise) {
  const marker = Symbol('not yet');
  return (await Promise.race([promise, turn().then(() => marker)])) !== marker;
}

describe('a full subscription', () => {
  it('refuses at exactly its limit', async (t) => {
    const bus = openBus(t);
    for (const limit of [1, 2, 3, 10, 255, 256, 257, 300, 1000]) {
      const gate = makeGate();
      const topic = `limit.${limit}`;
      const subscription = bus.subscribe(topic, (payload) => gate.handler(payload), { queueLimit: limit });
      for (let i = 0; i < limit; i += 1) assert.equal(bus.publish(topic, i), true, `${i} of ${limit}`);
      for (let i = 0; i < 3; i += 1) assert.equal(bus.publish(topic, 'too much'), false, `after ${limit}`);
      await waitUntil(() => gate.got.length === limit, 'all handlers');
      assert.equal(bus.publish(topic, 'too much'), false, 'while handlers have not settled');
      gate.letGo(1);
      await waitUntil(() => subscription.stats.handled === 1, 'one to settle');
      assert.equal(bus.publish(topic, 'one more'), true);
      assert.equal(bus.publish(topic, 'too much'), false);
      await waitUntil(() => gate.got.length === limit + 1, 'the one more');
      gate.letGo();
      await waitUntil(() => subscription.stats.inFlight === 0, 'all to settle');
      assert.deepEqual(gate.got, [...Array(limit).keys(), 'one more']);
      assertLedger(subscription.stats);
      assert.equal(subscription.stats.admitted, limit + 1);
    }
  });

  it('refuses large payloads and those with options too', async (t) => {
    const bus = openBus(t);
    const gate = makeGate();
    bus.subscribe('x', (payload) => gate.handler(payload), { queueLimit: 2 });
    const large = 'x'.repeat(10_000);
    assert.equal(bus.publish('x', large), true);
    assert.equal(bus.publish('x', large, { headers: { a: 1 } }), true);
    assert.equal(bus.publish('x', large), false);
    assert.equal(bus.publish('x', 1), false);
    assert.equal(bus.publish('x', 1, { priority: 0 }), false);
    assert.equal(bus.publish('x', 1, { headers: { a: 1 }, correlationId: 1n }), false);
    await waitUntil(() => gate.got.length === 2, 'the two');
    gate.letGo();
    await bus.writable('x');
    assert.equal(bus.publish('x', 'again'), true);
    await waitUntil(() => gate.got.length === 3, 'the third');
    assert.deepEqual(gate.got, [large, large, 'again']);
    gate.letGo();
  });

  it('has nobody get the message, on whatever thread', async (t) => {
    const bus = openBus(t);
    const open = [];
    bus.subscribe('all', (payload) => open.push(payload));
    bus.subscribe('*', (payload) => open.push(payload));
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.got = [];
      state.full = state.bus.subscribe('all', (payload) => state.got.push(payload), { queueLimit: 5 });
      state.bus.subscribe('all', (payload) => state.got.push(payload));
    }, bus.name);
    const stalled = await stall(thread);
    const answers = Array.from({ length: 8 }, (_, i) => bus.publish('all', i));
    assert.deepEqual(answers, [true, true, true, true, true, false, false, false]);
    await waitUntil(() => open.length === 10, 'the admitted ones');
    await turn();
    await stalled.release();
    await waitUntil(async () => (await thread.run(({ state }) => state.got.length)) === 10, 'the admitted ones there');
    await bus.writable('all');
    assert.equal(bus.publish('all', 'after'), true);
    await waitUntil(() => open.length === 12, 'the last one');
    const inOrder = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 'after', 'after'];
    assert.deepEqual(open, inOrder);
    await waitUntil(async () => (await thread.run(({ state }) => state.got.length)) === 12, 'the last one there');
    assert.deepEqual(await thread.run(({ state }) => state.got), inOrder);
    const metrics = bus.getMetrics();
    assert.deepEqual([metrics.published, metrics.admitted], [6, 24]);
  });

  it('does not stop its neighbours', async (t) => {
    const bus = openBus(t);
    const gate = makeGate();
    bus.subscribe('stuck', (payload) => gate.handler(payload), { queueLimit: 1 });
    let count = 0;
    bus.subscribe('neighbour', () => {
      count += 1;
    });
    assert.equal(bus.publish('stuck', 1), true);
    for (let i = 0; i < 5000; i += 1) {
      assert.equal(bus.publish('stuck', 2), false);
      while (!bus.publish('neighbour', i)) await bus.writable('neighbour');
    }
    await waitUntil(() => count === 5000, 'the neighbour');
    gate.letGo();
  });

  it('keeps what was published before it came to be', async (t) => {
    const bus = openBus(t);
    bus.publish('early', 'nobody listens');
    bus.flush();
    const got = [];
    // The publisher has not yet seen this subscription: it says yes for a while, and its word holds.
    bus.subscribe('early', (payload) => got.push(payload), { queueLimit: 4 });
    const admitted = [];
    for (let i = 0; i < 3000; i += 1) if (bus.publish('early', i)) admitted.push(i);
    let others = 0;
    bus.subscribe('other', () => {
      others += 1;
    });
    await publishAll(bus, 'other', Array(1000).fill('x'));
    await waitUntil(() => got.length === admitted.length && others === 1000, 'all that was admitted');
    await turn();
    assert.deepEqual(got, admitted);
    assert.ok(admitted.length < 3000);
  });
});

describe('writable', () => {
  it('resolves at once for a topic with room', async (t) => {
    const bus = openBus(t);
    bus.subscribe('free', () => {});
    assert.equal(await isSettledNow(bus.writable('free')), true);
    assert.equal(await isSettledNow(bus.writable('nobody.listens')), true);
    assert.equal(await bus.writable('free'), undefined);
  });

  it('resolves when the subscription has drained', async (t) => {
    const bus = openBus(t);
    const gate = makeGate();
    const subscription = bus.subscribe('full', (payload) => gate.handler(payload), { queueLimit: 10 });
    for (let i = 0; i < 10; i += 1) bus.publish('full', i);
    assert.equal(bus.publish('full', 10), false);
    const writable = [bus.writable('full'), bus.writable('full'), bus.writable('full')];
    await waitUntil(() => gate.got.length === 10, 'all handlers');
    assert.equal(await isSettledNow(Promise.race(writable)), false);
    gate.letGo(4);
    await waitUntil(() => subscription.stats.inFlight === 6, 'four to settle');
    assert.equal(await isSettledNow(Promise.race(writable)), false, 'above half of its limit');
    gate.letGo(1);
    await Promise.all(writable);
    assert.equal(subscription.stats.inFlight, 5);
    assert.equal(bus.publish('full', 11), true);
    gate.letGo();
  });

  it('resolves when the full subscription ends', async (t) => {
    const bus = openBus(t);
    const gate = makeGate();
    const subscription = bus.subscribe('full', (payload) => gate.handler(payload), { queueLimit: 1 });
    bus.publish('full', 1);
    assert.equal(bus.publish('full', 2), false);
    const writable = bus.writable('full');
    assert.equal(await isSettledNow(writable), false);
    subscription.unsubscribe();
    await writable;
    assert.equal(bus.publish('full', 3), true);
    gate.letGo();
  });

  it('resolves when the thread of the full subscription ends', async (t) => {
    for (const how of ['terminate', 'exit']) {
      const bus = openBus(t);
      const thread = await Thread.start(t);
      await thread.run(({ agentwire, state }, name) => {
        state.bus = new agentwire.EventBus({ name });
        state.bus.subscribe('full', () => new Promise(() => {}), { queueLimit: 3 });
      }, bus.name);
      for (let i = 0; i < 3; i += 1) assert.equal(bus.publish('full', i), true);
      assert.equal(bus.publish('full', 3), false);
      const writable = bus.writable('full');
      assert.equal(await isSettledNow(writable), false);
      if (how === 'terminate') thread.terminate();
      else thread.start(() => process.exit());
      await writable;
      assert.equal(bus.publish('full', 4), true);
    }
  });

  it('rejects when the bus is closed, before and meanwhile', async (t) => {
    const bus = openBus(t);
    bus.subscribe('full', () => new Promise(() => {}), { queueLimit: 1 });
    bus.publish('full', 1);
    const waiting = bus.writable('full');
    assert.equal(await isSettledNow(waiting.catch(() => 'failed')), false);
    bus.close();
    await assert.rejects(waiting, { code: 'ERR_AGENTWIRE_CLOSED', name: 'AgentwireClosedError' });
    await assert.rejects(bus.writable('full'), { code: 'ERR_AGENTWIRE_CLOSED', name: 'AgentwireClosedError' });
  });

  it('rejects for what is no topic', async (t) => {
    const bus = openBus(t);
    await assert.rejects(bus.writable('a.*'), { code: 'ERR_AGENTWIRE_TOPIC' });
    await assert.rejects(bus.writable(5), { code: 'ERR_AGENTWIRE_ARGUMENT' });
  });

  it('keeps the process alive until it resolves', async () => {
    assert.equal(await runScenario('await-writable'), 'writable\n');
  });
});

describe('a publisher that overruns its subscriber', () => {
  it('loses nothing that was admitted, on the way to another thread', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.count = 0;
      state.faults = 0;
      state.bus.subscribe('flood', ({ i }) => {
        if (i !== state.count) state.faults += 1;
        state.count += 1;
      });
    }, bus.name);
    const stalled = await stall(thread);
    const defaultLimit = 16_384;
    let admitted = 0;
    while (bus.publish('flood', { i: admitted })) admitted += 1;
    assert.equal(admitted, defaultLimit);
    const released = stalled.release();
    const count = 200_000;
    for (; admitted < count; admitted += 1) {
      while (!bus.publish('flood', { i: admitted })) await bus.writable('flood');
    }
    await released;
    await waitUntil(async () => (await thread.run(({ state }) => state.count)) >= count, 'all messages');
    assert.deepEqual(await thread.run(({ state }) => [state.count, state.faults]), [count, 0]);
    const metrics = bus.getMetrics();
    assert.equal(metrics.published, count);
    assert.ok(metrics.refused > 0);
  });

  it('loses nothing that was admitted, on the way to itself', async (t) => {
    const bus = openBus(t);
    let count = 0;
    bus.subscribe('flood', (i) => {
      assert.equal(i, count);
      count += 1;
    });
    for (let i = 0; i < 100_000; i += 1) {
      while (!bus.publish('flood', i)) await bus.writable('flood');
    }
    await waitUntil(() => count === 100_000, 'all messages');
  });

  it('may be one of several, with a small limit', async (t) => {
    const bus = openBus(t);
    const counts = {};
    const limit = 20;
    let highest = 0;
    const subscription = bus.subscribe(
      'flood',
      async ({ who, i }) => {
        assert.equal(i, counts[who] ?? 0);
        counts[who] = i + 1;
        highest = Math.max(highest, subscription.stats.inFlight);
      },
      { queueLimit: limit },
    );
    const perThread = 5000;
    const threads = await Promise.all([1, 2, 3].map(() => Thread.start(t)));
    await Promise.all(
      threads.map((thread, who) =>
        thread.run(
          async ({ agentwire, state }, name, who, perThread) => {
            state.bus = new agentwire.EventBus({ name });
            for (let i = 0; i < perThread; i += 1) {
              while (!state.bus.publish('flood', { who, i })) await state.bus.writable('flood');
            }
          },
          bus.name,
          who,
          perThread,
        ),
      ),
    );
    await waitUntil(() => subscription.stats.handled === threads.length * perThread, 'all messages');
    assert.deepEqual(counts, { 0: perThread, 1: perThread, 2: perThread });
    assert.ok(highest <= limit + threads.length - 1, `${highest} in flight`);
  });

  it('is stopped by the bytes of a mailbox too', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.count = 0;
      state.bus.subscribe('bytes', () => {
        state.count += 1;
      });
    }, bus.name);
    const stalled = await stall(thread);
    const megabyte = new Uint8Array(1024 * 1024);
    let admitted = 0;
    while (bus.publish('bytes', megabyte)) admitted += 1;
    assert.equal(admitted, 64);
    const writable = bus.writable('bytes');
    assert.equal(await isSettledNow(writable), false);
    await stalled.release();
    await writable;
    assert.equal(bus.publish('bytes', megabyte), true);
    await waitUntil(async () => (await thread.run(({ state }) => state.count)) === 65, 'all messages');
  });
});
