'use strict';

// Subscriptions with ack: what a handler's end means, how often a message is tried, who gets it next.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireArgumentError, EventBus } = require('agentwire');
const { assertLedger, deadlineMs, publishAll, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

const prompt = { ack: true, backoffMs: 0 };

function openBus(t, options = {}) {
  const failures = [];
  const bus = new EventBus({
    name: uniqueName('ack'),
    onError: (error, failure) => failures.push({ error, ...failure }),
    ...options,
  });
  t.after(() => bus.close());
  return { bus, failures };
}

const settled = (subscription) => waitUntil(() => subscription.stats.inFlight === 0, 'all to settle');

describe('a handler', () => {
  it('acknowledges by returning, and by a promise that resolves', async (t) => {
    const { bus } = openBus(t);
    const got = [];
    const subscription = bus.subscribe(
      'x',
      (payload, { attempt }) => {
        got.push([payload, attempt]);
        return payload % 2 === 0 ? undefined : turn();
      },
      { ack: true },
    );
    const expected = Array.from({ length: 500 }, (_, i) => i);
    await publishAll(bus, 'x', expected);
    await settled(subscription);
    assert.deepEqual(
      got,
      expected.map((payload) => [payload, 0]),
    );
    assertLedger(subscription.stats);
    assert.equal(subscription.stats.handled, 500);
    assert.equal(bus.deadLetters.stats.added, 0);
  });

  it('that throws or rejects gets the message again, until it succeeds', async (t) => {
    const { bus, failures } = openBus(t);
    const attempts = [];
    const subscription = bus.subscribe(
      'x',
      (payload, { attempt, headers, correlationId, topic }) => {
        attempts.push([payload.n, attempt, headers.h, correlationId, topic]);
        if (attempt === 0) throw new Error('thrown');
        if (attempt === 1) return Promise.reject(new Error('rejected'));
        return undefined;
      },
      prompt,
    );
    bus.publish('x', { n: 1 }, { headers: { h: 'h' }, correlationId: 9n });
    await settled(subscription);
    assert.deepEqual(
      attempts,
      [0, 1, 2].map((attempt) => [1, attempt, 'h', 9n, 'x']),
    );
    const { stats } = subscription;
    assertLedger(stats);
    assert.equal(stats.handled, 1);
    assert.deepEqual(stats.attempts, { rejected: 2, timedOut: 0, late: 0, redelivered: 2 });
    assert.deepEqual(
      failures.map(({ error, attempt, deadLettered }) => [error.message, attempt, deadLettered]),
      [
        ['thrown', 0, false],
        ['rejected', 1, false],
      ],
    );
  });

  it('that always fails is called maxAttempts times; then there is a dead letter', async (t) => {
    const { bus, failures } = openBus(t);
    let calls = 0;
    const subscription = bus.subscribe(
      'x.*',
      () => {
        calls += 1;
        throw new TypeError('never');
      },
      { ...prompt, maxAttempts: 3 },
    );
    bus.publish('x.y', { poison: true }, { priority: 1, headers: { a: 1 }, correlationId: 7n });
    await settled(subscription);
    assert.equal(calls, 3);
    assert.equal(failures.at(-1).deadLettered, true);
    const [letter, ...others] = bus.deadLetters.list();
    assert.equal(others.length, 0);
    assert.equal(letter.reason, 'handler-error');
    assert.equal(letter.error, 'TypeError: never');
    assert.deepEqual([letter.topic, letter.pattern, letter.group], ['x.y', 'x.*', undefined]);
    assert.deepEqual([letter.attempts, letter.replays, letter.priority], [3, 0, 1]);
    assert.deepEqual([letter.payload, letter.headers, letter.correlationId], [{ poison: true }, { a: 1 }, 7n]);
    assert.equal(letter.subscription, subscription.id);
    assert.ok(letter.diedAt >= letter.timestamp);
    assertLedger(subscription.stats);
    assert.equal(subscription.stats.deadLettered, 1);
  });

  it('keeps the order of what does not fail, and does not hold it up', async (t) => {
    const { bus } = openBus(t);
    const got = [];
    const subscription = bus.subscribe(
      'x',
      (payload, { attempt }) => {
        got.push(payload);
        if (payload === 3 && attempt === 0) throw new Error('once');
      },
      { ack: true, backoffMs: 20 },
    );
    await publishAll(bus, 'x', [1, 2, 3, 4, 5]);
    await settled(subscription);
    assert.deepEqual(got, [1, 2, 3, 4, 5, 3]);
  });

  it('that is not done in time has failed, and what it says then counts no more', async (t) => {
    const { bus } = openBus(t);
    const pending = [];
    const subscription = bus.subscribe(
      'x',
      (_, { attempt }) => (attempt === 0 ? new Promise((resolve) => pending.push(resolve)) : undefined),
      { ...prompt, ackTimeoutMs: 20, maxInFlight: 1 },
    );
    bus.publish('x', 1);
    bus.publish('x', 2);
    await waitUntil(() => subscription.stats.handled === 2, 'both second attempts');
    for (const resolve of pending) resolve();
    await waitUntil(() => subscription.stats.attempts.late === 2, 'the late ones');
    assertLedger(subscription.stats);
    assert.equal(subscription.stats.attempts.timedOut, 2);
  });

  it('that is stuck in a loop does not stop its time, and another member gets the message', async (t) => {
    const { bus } = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name }).ref();
      const handler = () => {
        const end = performance.now() + 400;
        while (performance.now() < end);
      };
      state.bus.subscribe('x', handler, { ack: true, ackTimeoutMs: 50, backoffMs: 0, group: 'g' });
    }, bus.name);
    bus.publish('x', 'job');
    await waitUntil(() => bus.getMetrics().admitted === 1, 'the stuck handler');
    const got = [];
    const handler = (payload, { attempt }) => got.push([payload, attempt]);
    const subscription = bus.subscribe('x', handler, { ...prompt, group: 'g' });
    await waitUntil(() => got.length > 0, 'the message');
    assert.deepEqual(got, [['job', 1]]);
    await waitUntil(() => bus.getMetrics().attempts.late === 1, 'the stuck handler to come back');
    assert.equal(subscription.stats.handled, 1);
    assertLedger(bus.getMetrics());
  });
});

describe('the end of a thread', () => {
  const work = ({ agentwire, state, require }, name, behaviour) => {
    state.bus = new agentwire.EventBus({ name, onError: () => {} }).ref();
    const handlers = {
      holds: () => new Promise(() => {}),
      exits: () => process.exit(3),
      throws: () => setImmediate(() => require('node:assert').fail('uncaught')) && new Promise(() => {}),
      grows: () => {
        const kept = [];
        for (;;) kept.push(new Array(100_000).fill(kept.length));
      },
    };
    state.bus.subscribe('x', handlers[behaviour], { ack: true, backoffMs: 0, group: 'g' });
  };

  for (const [behaviour, ending] of [
    ['holds', 'is terminated'],
    ['exits', 'calls process.exit in the handler'],
    ['throws', 'has an uncaught error'],
    ['grows', 'is out of memory'],
  ]) {
    it(`that ${ending} gives its messages to another member`, async (t) => {
      const { bus } = openBus(t);
      bus.createGroup('g');
      const thread = await Thread.start(t, { resourceLimits: { maxOldGenerationSizeMb: 16 } });
      await thread.run(work, bus.name, behaviour);
      const got = new Map();
      const subscription = bus.subscribe('x', (payload, { attempt }) => got.set(payload, attempt), {
        ...prompt,
        group: 'g',
      });
      const expected = Array.from({ length: 40 }, (_, i) => i);
      await publishAll(bus, 'x', expected);
      await waitUntil(() => got.size >= 20, 'this half');
      if (behaviour === 'holds') await thread.terminate();
      else await thread.exited;
      await waitUntil(() => got.size === 40, 'all messages');
      assert.deepEqual(
        [...got.keys()].sort((a, b) => a - b),
        expected,
      );
      assert.ok([...got.values()].includes(1), 'one at least was with the other handler');
      assertLedger(subscription.stats);
      assertLedger(bus.getMetrics());
      assert.equal(bus.deadLetters.stats.added, 0);
    });
  }

  it('without another member leaves dead letters, which go to whom takes its place', async (t) => {
    const { bus } = openBus(t);
    const start = async (behaviour) => {
      const thread = await Thread.start(t);
      await thread.run(work, bus.name, behaviour);
      return thread;
    };
    const first = await start('holds');
    await publishAll(bus, 'x', [0, 1, 2]);
    await waitUntil(() => bus.getMetrics().inFlight === 3, 'the messages to be handed over');
    await first.terminate();
    await waitUntil(() => bus.deadLetters.stats.held === 3, 'the letters');
    const letters = bus.deadLetters.list({ reason: 'subscriber-died', group: 'g' });
    assert.deepEqual(
      letters.map(({ payload }) => payload),
      [0, 1, 2],
    );
    assert.equal(bus.deadLetters.replay({ group: 'g' }), 0, 'nobody is there');
    const got = [];
    const subscription = bus.subscribe('x', (payload) => got.push(payload), { ...prompt, group: 'g' });
    assert.equal(bus.deadLetters.replay({ group: 'g' }), 3);
    await settled(subscription);
    assert.deepEqual(got, [0, 1, 2]);
    assert.deepEqual(bus.deadLetters.list(), []);
  });
});

describe('with ack', () => {
  it('a request is tried again, and only the last error is its answer', async (t) => {
    const { bus } = openBus(t);
    bus.subscribe(
      'x',
      (payload, { attempt }) => {
        if (attempt < payload) throw new Error(`attempt ${attempt}`);
        return attempt;
      },
      { ...prompt, maxAttempts: 3 },
    );
    const patient = { timeoutMs: deadlineMs };
    assert.equal(await bus.request('x', 0, patient), 0);
    assert.equal(await bus.request('x', 2, patient), 2);
    await assert.rejects(bus.request('x', 3, patient), { name: 'AgentwireRemoteError', message: /attempt 2/ });
    assert.equal(bus.deadLetters.stats.held, 1);
    // A dead letter of a request has nobody to answer.
    assert.equal(bus.deadLetters.replay(1), 1);
    await waitUntil(() => bus.deadLetters.stats.held === 1, 'it to fail again');
  });

  it('filters, transforms and shared values are as without', async (t) => {
    const { bus } = openBus(t);
    const got = { batches: [], shared: [] };
    const options = {
      ...prompt,
      filter: { operator: 'AND', conditions: [{ field: 'n', operator: 'gt', value: 2 }] },
    };
    const aggregate = bus.subscribe('x', (batch) => got.batches.push(batch.map(({ n }) => n)), {
      ...options,
      transform: { type: 'aggregate', count: 3 },
    });
    const shared = bus.subscribe('x', (payload) => got.shared.push(payload.n), { ...options, shared: true });
    await publishAll(
      bus,
      'x',
      [1, 2, 3, 4, 5, 6, 7, 8].map((n) => ({ n })),
    );
    bus.flush();
    await Promise.all([settled(aggregate), settled(shared)]);
    assert.deepEqual(got, {
      batches: [
        [3, 4, 5],
        [6, 7, 8],
      ],
      shared: [3, 4, 5, 6, 7, 8],
    });
    for (const { stats } of [aggregate, shared]) {
      assertLedger(stats);
      assert.deepEqual([stats.handled, stats.filtered], [6, 2]);
    }
  });

  it('large payloads come again whole', async (t) => {
    const { bus } = openBus(t);
    const large = new Uint8Array(100_000).map((_, i) => i);
    const got = [];
    const subscription = bus.subscribe(
      'x',
      (payload, { attempt }) => {
        got.push(payload);
        if (attempt === 0) throw new Error('once');
      },
      prompt,
    );
    bus.publish('x', large);
    await settled(subscription);
    assert.deepEqual(got, [large, large]);
  });

  it('CRITICAL messages overtake, and are acknowledged', async (t) => {
    const { bus } = openBus(t);
    const got = [];
    const subscription = bus.subscribe(
      'x',
      (payload) => {
        got.push(payload);
        if (payload === 0) {
          bus.publish('x', 'urgent', { priority: 0 });
        }
      },
      prompt,
    );
    await publishAll(bus, 'x', [0, 1, 2, 3]);
    await settled(subscription);
    assert.deepEqual(got, [0, 'urgent', 1, 2, 3]);
  });

  it('unsubscribe leaves to the dead letters what no handler has', async (t) => {
    const { bus } = openBus(t);
    const held = [];
    const subscription = bus.subscribe('x', () => new Promise((resolve) => held.push(resolve)), {
      ...prompt,
      maxInFlight: 1,
    });
    await publishAll(bus, 'x', [1, 2, 3]);
    await waitUntil(() => held.length === 1, 'the first');
    subscription.unsubscribe();
    held[0]();
    await waitUntil(() => bus.getMetrics().handled === 1, 'its acknowledgement');
    assert.deepEqual(
      bus.deadLetters.list().map(({ payload, reason }) => [payload, reason]),
      [
        [2, 'unsubscribed'],
        [3, 'unsubscribed'],
      ],
    );
    assertLedger(bus.getMetrics());
  });

  it('close({ drain: true }) waits for acknowledgements', async (t) => {
    const { bus } = openBus(t);
    const other = new EventBus({ name: bus.name });
    t.after(() => other.close());
    bus.subscribe('x', () => turn(), prompt);
    await publishAll(other, 'x', [1, 2, 3]);
    assert.deepEqual(await bus.close({ drain: true }), { drained: true, unfinished: 0 });
    assert.equal(other.getMetrics().handled, 3);
  });

  it('close({ drain: true }) has what fails tried again', async (t) => {
    const { bus } = openBus(t);
    const other = new EventBus({ name: bus.name });
    t.after(() => other.close());
    const attempts = [];
    const fail = (_, { attempt }) => {
      attempts.push(attempt);
      if (attempt < 2) throw new Error('twice');
    };
    bus.subscribe('x', fail, prompt);
    other.publish('x', 1);
    other.flush();
    assert.deepEqual(await bus.close({ drain: true, timeoutMs: 60_000 }), { drained: true, unfinished: 0 });
    assert.deepEqual(attempts, [0, 1, 2]);
    assert.equal(other.deadLetters.stats.added, 0);
  });

  it('nothing that a handler throws is too odd for a dead letter', async (t) => {
    const { bus } = openBus(t);
    const odd = [
      undefined,
      null,
      Symbol('s'),
      { toString: () => 5 },
      new Proxy({}, { get: () => assert.fail('looked at') }),
      'ä'.repeat(3000),
    ];
    const subscription = bus.subscribe(
      'x',
      (index) => {
        throw odd[index];
      },
      { ...prompt, maxAttempts: 1 },
    );
    await publishAll(bus, 'x', [...odd.keys()]);
    await settled(subscription);
    const errors = bus.deadLetters.list().map(({ error }) => error);
    assert.deepEqual(errors.slice(0, 3), ['undefined', 'null', 'Symbol(s)']);
    assert.equal(errors[5], 'ä'.repeat(1024));
  });
});

describe('options of acknowledgement', () => {
  it('that make no sense are refused', (t) => {
    const { bus } = openBus(t);
    const refused = (options) => assert.throws(() => bus.subscribe('x', () => {}, options), AgentwireArgumentError);
    refused({ ack: 'yes' });
    refused({ ackTimeoutMs: 5 });
    refused({ ack: false, maxAttempts: 2 });
    refused({ backoffMs: 1 });
    for (const ackTimeoutMs of [0, -1, 1.5, 2 ** 31, '5']) refused({ ack: true, ackTimeoutMs });
    for (const maxAttempts of [0, 256, 1.5]) refused({ ack: true, maxAttempts });
    for (const backoffMs of [-1, 3_600_001]) refused({ ack: true, backoffMs });
    assert.throws(() => bus.stream('x', { ack: true }), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION' });
    assert.throws(() => bus.publish('x', 1, { mandatory: 1 }), AgentwireArgumentError);
  });
});
