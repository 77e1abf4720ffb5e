'use strict';

// close({ drain: true }): what was admitted is handled before the bus is closed, or the answer says how much was not.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireClosedError, EventBus } = require('agentwire');
const { assertLedger, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

const allHandled = { drained: true, unfinished: 0 };
/** Long enough never to be over in a test that passes. */
const timeoutMs = 60_000;

/** A bus, and another object that has it open: its figures are there when the first is closed. */
function openPair(t) {
  const bus = new EventBus({ name: uniqueName('drain'), onError: () => {} });
  const watcher = new EventBus({ name: bus.name });
  t.after(() => {
    bus.close();
    watcher.close();
  });
  return { bus, watcher };
}

/** A handler whose promises are settled from outside. */
function holding() {
  const held = [];
  const got = [];
  const handler = (payload) => {
    got.push(payload);
    return new Promise((resolve, reject) => held.push({ resolve, reject }));
  };
  return { got, held, handler };
}

describe('close with drain', () => {
  it('has what was published before it handled, in order', async (t) => {
    const { bus, watcher } = openPair(t);
    const got = [];
    bus.subscribe('x', (payload) => void got.push(payload));
    const count = 5000;
    for (let i = 0; i < count; i += 1) assert.equal(bus.publish('x', i), true);
    assert.deepEqual(await bus.close({ drain: true, timeoutMs }), allHandled);
    assert.equal(bus.closed, true);
    assert.deepEqual(got, [...Array(count).keys()]);
    const metrics = watcher.getMetrics();
    assert.deepEqual([metrics.admitted, metrics.handled, metrics.inFlight], [count, count, 0]);
  });

  it('waits for promises of handlers, resolved or rejected', async (t) => {
    const { bus, watcher } = openPair(t);
    const { held, handler } = holding();
    bus.subscribe('x', handler);
    bus.publish('x', 1);
    bus.publish('x', 2);
    await waitUntil(() => held.length === 2, 'both handlers');
    let isClosed = false;
    const closing = bus.close({ drain: true, timeoutMs }).finally(() => {
      isClosed = true;
    });
    held[0].resolve();
    await waitUntil(() => watcher.getMetrics().handled === 1, 'the first');
    await turn();
    assert.deepEqual([isClosed, bus.closed], [false, false]);
    held[1].reject(new Error('rejected'));
    assert.deepEqual(await closing, allHandled);
    const metrics = watcher.getMetrics();
    assert.deepEqual([metrics.handled, metrics.failed], [1, 1]);
    assertLedger(metrics);
  });

  it('hands out all that waits behind maxInFlight', async (t) => {
    const { bus } = openPair(t);
    let most = 0;
    let now = 0;
    const got = [];
    const handler = async (payload) => {
      now += 1;
      most = Math.max(most, now);
      await turn();
      now -= 1;
      got.push(payload);
    };
    bus.subscribe('x', handler, { maxInFlight: 2 });
    for (let i = 0; i < 100; i += 1) bus.publish('x', i);
    assert.deepEqual(await bus.close({ drain: true, timeoutMs }), allHandled);
    assert.deepEqual(got, [...Array(100).keys()]);
    assert.equal(most, 2);
  });

  it('is done at once where nothing is in flight', async (t) => {
    const { bus } = openPair(t);
    bus.subscribe('x', () => {});
    assert.deepEqual(await bus.close({ drain: true, timeoutMs }), allHandled);
    assert.equal(bus.closed, true);
  });

  it('keeps a thread alive until all is handled', async (t) => {
    const { bus } = openPair(t);
    const thread = await Thread.start(t);
    const seen = new Int32Array(new SharedArrayBuffer(8));
    await thread.run(
      ({ agentwire, state, require }, name, seen) => {
        state.bus = new agentwire.EventBus({ name });
        const handler = async () => {
          await new Promise(setImmediate);
          Atomics.add(seen, 0, 1);
        };
        state.bus.subscribe('x', handler, { maxInFlight: 1 });
        // Once this is told, nothing but the bus keeps the thread.
        state.leave = () => {
          state.bus
            .close({ drain: true, timeoutMs: 60_000 })
            .then(({ drained }) => Atomics.store(seen, 1, drained ? 1 : 2));
          require('node:worker_threads').parentPort.close();
        };
      },
      bus.name,
      seen,
    );
    for (let i = 0; i < 200; i += 1) bus.publish('x', i);
    bus.flush();
    thread.start(({ state }) => state.leave());
    assert.equal(await thread.exited, 0);
    assert.deepEqual([...seen], [200, 1]);
    const { handled, dropped, inFlight } = bus.getMetrics();
    assert.deepEqual([handled, dropped.subscriberDied, dropped.unsubscribed, inFlight], [200, 0, 0, 0]);
  });
});

describe('while it drains', () => {
  it('publishes, and gets nothing new', async (t) => {
    const { bus, watcher } = openPair(t);
    const { got, held, handler } = holding();
    const others = [];
    bus.subscribe('x', handler);
    watcher.subscribe('x', (payload) => void others.push(payload));
    bus.publish('x', 'before');
    await waitUntil(() => held.length === 1, 'the handler');
    const closing = bus.close({ drain: true, timeoutMs });
    assert.equal(bus.publish('x', 'own'), true);
    assert.equal(watcher.publish('x', 'of another'), true);
    await waitUntil(() => others.length === 3, 'the other subscription');
    assert.deepEqual(got, ['before']);
    held[0].resolve();
    assert.deepEqual(await closing, allHandled);
    assert.deepEqual([got, others], [['before'], ['before', 'own', 'of another']]);
    assert.throws(() => bus.publish('x', 1), AgentwireClosedError);
  });

  it('is not prolonged by handlers that publish to themselves', async (t) => {
    const { bus } = openPair(t);
    let calls = 0;
    bus.subscribe('x', (payload) => {
      calls += 1;
      bus.publish('x', payload + 1);
    });
    for (let i = 0; i < 10; i += 1) bus.publish('x', 0);
    assert.deepEqual(await bus.close({ drain: true, timeoutMs }), allHandled);
    assert.equal(calls, 10);
  });

  it('leaves other members of its group all that comes', async (t) => {
    const { bus, watcher } = openPair(t);
    const { got, held, handler } = holding();
    const others = [];
    bus.subscribe('x', handler, { group: 'g' });
    bus.publish('x', 'before');
    await waitUntil(() => held.length === 1, 'the handler');
    watcher.subscribe('x', (payload) => void others.push(payload), { group: 'g' });
    const closing = bus.close({ drain: true, timeoutMs });
    for (let i = 0; i < 10; i += 1) assert.equal(watcher.publish('x', i), true);
    await waitUntil(() => others.length === 10, 'the other member');
    held[0].resolve();
    assert.deepEqual(await closing, allHandled);
    assert.deepEqual(got, ['before']);
  });

  it('is one closing, however often it is asked for; a close without drain ends it', async (t) => {
    const { bus, watcher } = openPair(t);
    const { held, handler } = holding();
    bus.subscribe('x', handler);
    bus.publish('x', 1);
    await waitUntil(() => held.length === 1, 'the handler');
    const closing = bus.close({ drain: true, timeoutMs });
    assert.equal(bus.close({ drain: true, timeoutMs }), closing);
    const left = { drained: false, unfinished: 1 };
    assert.deepEqual(await bus.close(), left);
    assert.equal(bus.closed, true);
    held[0].resolve();
    assert.deepEqual(await closing, left);
    await waitUntil(() => watcher.getMetrics().inFlight === 0, 'rest');
    assertLedger(watcher.getMetrics());
  });
});

describe('what is not handled in time', () => {
  it('is counted: with a handler, and waiting', async (t) => {
    const { bus, watcher } = openPair(t);
    const { got, held, handler } = holding();
    bus.subscribe('x', handler, { maxInFlight: 1 });
    for (let i = 0; i < 5; i += 1) bus.publish('x', i);
    await waitUntil(() => held.length === 1, 'the handler');
    assert.deepEqual(await bus.close({ drain: true, timeoutMs: 20 }), { drained: false, unfinished: 5 });
    assert.deepEqual(got, [0]);
    held[0].resolve();
    await waitUntil(() => watcher.getMetrics().inFlight === 0, 'rest');
    const metrics = watcher.getMetrics();
    assert.deepEqual([metrics.admitted, metrics.handled, metrics.dropped.unsubscribed], [5, 1, 4]);
    assertLedger(metrics);
  });

  it('is all that waits, without drain, or when the bus is disposed of', async (t) => {
    const ways = { close: (bus) => bus.close(), 'await using': (bus) => bus[Symbol.asyncDispose]() };
    for (const [way, end] of Object.entries(ways)) {
      const { bus, watcher } = openPair(t);
      bus.subscribe('x', () => assert.fail('nobody is called'));
      for (let i = 0; i < 5; i += 1) bus.publish('x', i);
      const ended = end(bus);
      assert.equal(bus.closed, true, way);
      const result = await ended;
      if (way === 'close') assert.equal(result.drained, result.unfinished === 0);
      await waitUntil(() => watcher.getMetrics().inFlight === 0, 'rest');
      const metrics = watcher.getMetrics();
      assert.deepEqual([metrics.published, metrics.handled, metrics.dropped.unsubscribed], [5, 0, 5], way);
      assertLedger(metrics);
      // A bus that is closed says again how it was.
      assert.deepEqual(await bus.close({ drain: true }), await bus.close(), way);
    }
  });
});

it('refuses options that are none', (t) => {
  const { bus } = openPair(t);
  const argument = (message) => ({ code: 'ERR_AGENTWIRE_ARGUMENT', message });
  assert.throws(() => bus.close(null), argument(/options/));
  assert.throws(() => bus.close({ drain: 1 }), argument(/drain/));
  for (const bad of [-1, Number.NaN, Infinity, '5', null]) {
    assert.throws(() => bus.close({ drain: true, timeoutMs: bad }), argument(/timeoutMs/), `${bad}`);
  }
  assert.throws(() => bus.close({ drian: true }), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION', message: /drian/ });
  assert.equal(bus.closed, false);
});
