'use strict';

// transform: real functions on the subscriber's thread, before the handler.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus } = require('agentwire');
const { assertLedger, publishAll, runNode, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');
const { openBus } = require('./listeners.js');

/** Counts what comes behind the subscriptions that there are. */
function countOf(bus, topic) {
  let count = 0;
  bus.subscribe(topic, () => {
    count += 1;
  });
  return () => count;
}

const settled = (bus) => waitUntil(() => bus.getMetrics().inFlight === 0, 'all messages to settle');

describe('map, filter and reduce', () => {
  it('work on the messages of another thread, with the functions of this one', async (t) => {
    const bus = openBus(t);
    const offset = 100; // closed over: the functions are the real ones
    const got = { map: [], filter: [], reduce: [], first: [] };
    bus.subscribe('n', (text, { topic }) => got.map.push(`${topic} ${text}`), {
      transform: { type: 'map', fn: (n, { topic }) => `${topic}:${n + offset}` },
    });
    const filter = bus.subscribe('n', (n) => got.filter.push(n), { transform: { type: 'filter', fn: (n) => n % 2 } });
    bus.subscribe('n', (sum) => got.reduce.push(sum), {
      transform: { type: 'reduce', fn: (sum, n) => sum + n, initial: offset },
    });
    bus.subscribe('n', (sum) => got.first.push(sum), { transform: { type: 'reduce', fn: (sum, n) => `${sum}+${n}` } });
    const thread = await Thread.start(t);
    await thread.run(({ agentwire }, name) => {
      const bus = new agentwire.EventBus({ name });
      for (let n = 1; n <= 4; n += 1) bus.publish('n', n);
      bus.close();
    }, bus.name);
    await settled(bus);
    assert.deepEqual(got, {
      map: ['n n:101', 'n n:102', 'n n:103', 'n n:104'],
      filter: [1, 3],
      reduce: [101, 103, 106, 110],
      first: [1, '1+2', '1+2+3', '1+2+3+4'],
    });
    // What a filter does not let through is handled.
    assert.equal(filter.stats.handled, 4);
  });

  it('an initial value of undefined is one', async (t) => {
    const bus = openBus(t);
    const seen = [];
    bus.subscribe('x', () => {}, {
      transform: { type: 'reduce', fn: (value, payload) => seen.push([value, payload]), initial: undefined },
    });
    bus.publish('x', 'a');
    await settled(bus);
    assert.deepEqual(seen, [[undefined, 'a']]);
  });

  it('an fn that throws is a failure of the message; the ones behind arrive', async (t) => {
    const told = [];
    const bus = openBus(t, { onError: (error, failure) => told.push([error, failure]) });
    const got = [];
    const fail = (payload) => {
      if (payload === 2) throw 'no twos';
    };
    const one = {
      map: (n) => fail(n) ?? n,
      filter: (n) => fail(n) ?? true,
      reduce: (sum, n) => fail(n) ?? sum + n,
    };
    for (const [type, fn] of Object.entries(one)) {
      const initial = type === 'reduce' ? { initial: 0 } : {};
      bus.subscribe('x', (value) => got.push([type, value]), { transform: { type, fn, ...initial } });
    }
    for (const n of [1, 2, 3]) bus.publish('x', n);
    await settled(bus);
    assert.deepEqual(got, [
      ['map', 1],
      ['filter', 1],
      ['reduce', 1],
      ['map', 3],
      ['filter', 3],
      ['reduce', 4],
    ]);
    assert.deepEqual(
      told,
      Object.keys(one).map(() => ['no twos', { reason: 'handler-error', topic: 'x', pattern: 'x' }]),
    );
    const { handled, failed } = bus.getMetrics();
    assert.deepEqual([handled, failed], [6, 3]);
  });

  it('an fn that returns a promise is a failure, not a value', async (t) => {
    const told = [];
    const bus = openBus(t, { onError: (error) => told.push(error) });
    for (const type of ['map', 'filter', 'reduce', 'aggregate']) {
      const limits = type === 'aggregate' ? { count: 1 } : type === 'reduce' ? { initial: 0 } : {};
      const fn = async () => {
        throw new Error('which nobody else must hear of');
      };
      bus.subscribe('x', () => assert.fail('handed on'), { transform: { type, fn, ...limits } });
    }
    bus.publish('x', 1);
    await settled(bus);
    assert.deepEqual(
      told.map(({ code }) => code),
      Array(4).fill('ERR_AGENTWIRE_TRANSFORM'),
    );
  });
});

describe('aggregate', () => {
  it('by count: arrays with the context of their last message, in flight until then', async (t) => {
    const bus = openBus(t);
    const got = [];
    const subscription = bus.subscribe('x', (batch, { sequence, topic }) => got.push([batch, sequence, topic]), {
      transform: { type: 'aggregate', count: 3 },
    });
    const mapped = [];
    bus.subscribe('x', (sum) => mapped.push(sum), {
      transform: { type: 'aggregate', count: 2, fn: (batch) => batch.reduce((sum, n) => sum + n, 0) },
    });
    const seen = countOf(bus, 'x');
    await publishAll(bus, 'x', [1, 2, 3, 4, 5, 6, 7]);
    await waitUntil(() => seen() === 7, 'the messages');
    assert.deepEqual([got.length, mapped.length], [2, 3]);
    await waitUntil(() => subscription.stats.handled === 6, 'the outcomes');
    assert.deepEqual(
      got.map(([batch, sequence, topic]) => [batch, sequence - got[0][1], topic]),
      [
        [[1, 2, 3], 0, 'x'],
        [[4, 5, 6], 3, 'x'],
      ],
    );
    assert.deepEqual(mapped, [3, 7, 11]);
    assert.equal(subscription.stats.inFlight, 1);
    assertLedger(subscription.stats);
    subscription.unsubscribe();
    assert.deepEqual(got[2][0], [7], 'the rest, at the end');
  });

  it('by time: what came within the window', async (t) => {
    const bus = openBus(t);
    const got = [];
    bus.subscribe('x', (batch) => got.push(batch), { transform: { type: 'aggregate', windowMs: 5 } });
    bus.subscribe('x', (batch) => got.push(batch), { transform: { type: 'aggregate', windowMs: 1e9, count: 4 } });
    for (let n = 0; n < 4; n += 1) bus.publish('x', n);
    await waitUntil(() => got.length >= 2 && bus.getMetrics().inFlight === 0, 'both');
    assert.deepEqual(got[0], [0, 1, 2, 3], 'by count, at once');
    assert.deepEqual(got.slice(1).flat(), [0, 1, 2, 3]);
    bus.publish('x', 'another window');
    await waitUntil(() => got.at(-1)[0] === 'another window', 'the next window');
  });

  it('a window holds back publishers at the limit of the queue, across threads, until it closes', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.got = [];
      state.subscription = state.bus.subscribe('x', (batch) => state.got.push(batch), {
        queueLimit: 10,
        transform: { type: 'aggregate', windowMs: 1e9 },
      });
      // Gets each message behind the one above.
      state.seen = 0;
      state.bus.subscribe('x', () => {
        state.seen += 1;
      });
    }, bus.name);
    let count = 0;
    while (bus.publish('x', count)) count += 1;
    assert.equal(count, 10);
    await waitUntil(() => thread.run(({ state }) => state.seen === 10), 'the messages');
    assert.equal(await thread.run(({ state }) => state.subscription.stats.inFlight), 10);
    assert.equal(bus.publish('x', count), false);
    await turn();
    await thread.run(({ state }) => state.subscription.unsubscribe());
    await bus.writable('x');
    assert.deepEqual(await thread.run(({ state }) => state.got), [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]]);
    await settled(bus);
    const metrics = bus.getMetrics();
    assert.deepEqual([metrics.handled, metrics.admitted], [20, 20]);
  });

  it('every message of a batch fails or waits with its handler', async (t) => {
    const told = [];
    const bus = openBus(t, { onError: (error) => told.push(error) });
    let open;
    const gate = new Promise((resolve) => {
      open = resolve;
    });
    const failing = bus.subscribe('a', () => Promise.reject('no'), { transform: { type: 'aggregate', count: 2 } });
    const throwing = bus.subscribe(
      'a',
      () => {
        throw 'no';
      },
      { transform: { type: 'aggregate', count: 2 } },
    );
    const waiting = bus.subscribe('b', () => gate, { transform: { type: 'aggregate', count: 2 } });
    for (const topic of ['a', 'b']) await publishAll(bus, topic, [1, 2]);
    await waitUntil(() => failing.stats.failed === 2 && throwing.stats.failed === 2, 'the failures');
    assert.deepEqual(told, Array(4).fill('no'));
    assert.equal(waiting.stats.inFlight, 2);
    open();
    await waitUntil(() => waiting.stats.handled === 2, 'the outcome');
  });

  it('close() hands on what there is, to handlers that may publish and close still', async (t) => {
    const bus = openBus(t);
    const closing = new EventBus({ name: bus.name });
    const got = [];
    bus.subscribe('flushed', (batch) => got.push(batch));
    const collected = [];
    for (let index = 0; index < 2; index += 1) {
      closing.subscribe(
        'x',
        (batch) => {
          collected.push(batch);
          closing.publish('flushed', batch);
          closing.close();
        },
        { transform: { type: 'aggregate', count: 10 } },
      );
    }
    const seen = countOf(closing, 'x');
    await publishAll(closing, 'x', ['a', 'b']);
    await waitUntil(() => seen() === 2, 'the messages');
    closing.close();
    assert.equal(closing.closed, true);
    assert.deepEqual(collected, [
      ['a', 'b'],
      ['a', 'b'],
    ]);
    await settled(bus);
    assert.deepEqual(got, [
      ['a', 'b'],
      ['a', 'b'],
    ]);
    assertLedger(bus.getMetrics());
    assert.equal(bus.getMetrics().handled, 8);
  });

  it('a window does not keep its thread alive', async () => {
    const program = `
      const { EventBus } = require('agentwire');
      const bus = new EventBus({ name: ${JSON.stringify(uniqueName())} });
      bus.subscribe('x', () => console.log('flushed'), { transform: { type: 'aggregate', windowMs: 1e9 } });
      bus.publish('x', 1);
    `;
    const { code, stdout } = await runNode(['-e', program], { cwd: `${__dirname}/..` });
    assert.deepEqual([code, stdout], [0, '']);
  });
});

describe('a stream with a transform', () => {
  it('brings what the transform makes', async (t) => {
    const bus = openBus(t);
    const doubled = bus.stream('x', { transform: { type: 'map', fn: (n) => 2 * n } });
    const pairs = bus.stream('x', { transform: { type: 'aggregate', count: 2 } });
    const seen = countOf(bus, 'x');
    await publishAll(bus, 'x', [1, 2, 3, 4, 5]);
    const got = [];
    await waitUntil(() => seen() === 5, 'the messages');
    for await (const { payload } of doubled) if (got.push(payload) === 5) break;
    for await (const { payload } of pairs) if (got.push(payload) === 7) break;
    assert.deepEqual(got, [2, 4, 6, 8, 10, [1, 2], [3, 4]]);
    await settled(bus);
    const metrics = bus.getMetrics();
    assertLedger(metrics);
    assert.deepEqual([metrics.handled, metrics.dropped.unsubscribed], [14, 1]);
  });
});

describe('subscribe refuses', () => {
  it('what is no transform', (t) => {
    const bus = openBus(t);
    const fn = () => {};
    const refused = (transform, message, options = {}) =>
      assert.throws(
        () => bus.subscribe('x', fn, { transform, ...options }),
        (error) => error.code === 'ERR_AGENTWIRE_ARGUMENT' && message.test(error.message),
        JSON.stringify(transform),
      );
    for (const given of [null, 5, 'map', fn]) refused(given, /^transform must be/);
    for (const type of [undefined, null, 'Map', 'toString', 5]) refused({ type, fn }, /^transform\.type must be/);
    for (const type of ['map', 'filter', 'reduce', 'aggregate']) {
      for (const given of [null, 'text', {}]) refused({ type, fn: given, count: undefined }, /^transform\.fn must be/);
    }
    for (const type of ['map', 'filter', 'reduce']) refused({ type }, /^transform\.fn must be/);
    refused({ type: 'aggregate' }, /count, windowMs or both/);
    for (const count of [0, -1, 1.5, '5', null]) refused({ type: 'aggregate', count }, /^transform\.count must be/);
    refused({ type: 'aggregate', count: 11 }, /^transform\.count must be an integer from 1 to 10/, { queueLimit: 10 });
    for (const windowMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5', null, 2 ** 31]) {
      refused({ type: 'aggregate', windowMs }, /^transform\.windowMs must be/);
    }
    for (const transform of [
      { type: 'map', fn, count: 5 },
      { type: 'filter', fn, initial: 5 },
      { type: 'aggregate', count: 5, window: 5 },
    ]) {
      assert.throws(() => bus.subscribe('x', fn, { transform }), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION' });
    }
    assert.equal(bus.getMetrics().subscriptions, 0);
  });
});
