'use strict';

// publishBatch: messages in order until one is refused; findMatchingSubscriptions.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireArgumentError, EventBus } = require('agentwire');
const { assertLedger, Thread, waitUntil } = require('./helpers.js');
const { gotBy, openBus, startListener, waitForCount } = require('./listeners.js');

describe('publishBatch', () => {
  it('publishes in order, to whatever topics, with the options of each', async (t) => {
    const bus = openBus(t);
    const thread = await startListener(t, bus, ['**']);
    let headers;
    bus.subscribe('b', (_payload, context) => {
      headers = context.headers;
    });
    const messages = [
      { topic: 'a', payload: 1 },
      { topic: 'b', payload: { n: 2 }, options: { headers: { from: 'batch' } } },
      { topic: 'a', payload: undefined, options: undefined },
    ];
    assert.equal(bus.publishBatch(messages), 3);
    assert.equal(bus.publishBatch([]), 0);
    await waitForCount(thread, 3);
    assert.deepEqual(
      await gotBy(thread),
      messages.map(({ topic, payload }) => ['**', topic, payload]),
    );
    await waitUntil(() => headers !== undefined, 'the headers');
    assert.deepEqual(headers, { from: 'batch' });
  });

  it('stops at a full subscription, and the caller goes on from there', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.got = [];
      state.bus.subscribe('*', (payload) => state.got.push(payload), { queueLimit: 16 });
    }, bus.name);
    const messages = Array.from({ length: 1000 }, (_, index) => ({ topic: `t${index % 3}`, payload: index }));
    let sent = 0;
    let stops = 0;
    while (sent < messages.length) {
      const rest = messages.slice(sent);
      const count = bus.publishBatch(rest);
      sent += count;
      if (count === rest.length) break;
      stops += 1;
      await bus.writable(rest[count].topic);
    }
    assert.ok(stops > 0, 'it was full at least once');
    await waitForCount(thread, 1000);
    assert.deepEqual(
      await gotBy(thread),
      messages.map(({ payload }) => payload),
    );
    assertLedger(bus.getMetrics());
  });

  it('stops at an error, which is thrown to who goes on from there', async (t) => {
    const bus = openBus(t);
    const got = [];
    bus.subscribe('**', (payload) => got.push(payload));
    for (const [wrong, expected] of [
      [{ topic: 'a', payload: () => {} }, { name: 'AgentwireValueError' }],
      [{ topic: 'a..b', payload: 1 }, { code: 'ERR_AGENTWIRE_TOPIC' }],
      [{ topic: 'a', payload: 1, options: { priority: 9 } }, { code: 'ERR_AGENTWIRE_ARGUMENT' }],
    ]) {
      const messages = [{ topic: 'a', payload: 'before' }, wrong, { topic: 'a', payload: 'behind' }];
      assert.equal(bus.publishBatch(messages), 1);
      assert.throws(() => bus.publishBatch(messages.slice(1)), expected);
    }
    await waitUntil(() => got.length === 3, 'what was before');
    assert.equal(bus.getMetrics().published, 3);
    assert.deepEqual(got, ['before', 'before', 'before']);
  });

  it('publishes nothing when one has the wrong form', (t) => {
    const bus = openBus(t);
    const good = { topic: 'a', payload: 1 };
    for (const messages of [undefined, null, 5, 'text', good, new Set([good])]) {
      assert.throws(() => bus.publishBatch(messages), AgentwireArgumentError);
    }
    for (const wrong of [undefined, null, 5, 'text', {}, { topic: 'a' }, { topic: 5, payload: 1 }]) {
      assert.throws(() => bus.publishBatch([good, wrong]), {
        code: 'ERR_AGENTWIRE_ARGUMENT',
        message: /^messages\[1\]/,
      });
    }
    // biome-ignore lint/suspicious/noSparseArray: what is tested.
    assert.throws(() => bus.publishBatch([good, , good]), AgentwireArgumentError);
    assert.throws(() => bus.publishBatch([good, { ...good, priority: 1 }]), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION' });
    assert.equal(bus.getMetrics().published, 0);
  });
});

describe('findMatchingSubscriptions', () => {
  it('names those of all threads, in order of subscription, as they come and go', async (t) => {
    const bus = openBus(t);
    const other = new EventBus({ name: bus.name });
    t.after(() => other.close());
    const thread = await Thread.start(t);
    const first = bus.subscribe('a.*', () => {});
    const second = await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.subscription = state.bus.subscribe('**', () => {});
      return state.subscription.id;
    }, bus.name);
    const third = other.subscribe('a.b', () => {});
    assert.deepEqual(bus.findMatchingSubscriptions('a.b'), [first.id, second, third.id]);
    assert.deepEqual(bus.findMatchingSubscriptions('b'), [second]);
    await thread.run(({ state }) => state.subscription.unsubscribe());
    first.unsubscribe();
    assert.deepEqual(bus.findMatchingSubscriptions('a.b'), [third.id]);
    assert.deepEqual(bus.findMatchingSubscriptions('b'), []);
    bus.on('b', () => {});
    assert.equal(bus.findMatchingSubscriptions('b').length, 1);
  });

  it('refuses what is no topic', (t) => {
    const bus = openBus(t);
    for (const topic of [undefined, 5, {}, null]) {
      assert.throws(() => bus.findMatchingSubscriptions(topic), { code: 'ERR_AGENTWIRE_ARGUMENT' });
    }
    for (const topic of ['', 'a.*', 'a..b']) {
      assert.throws(() => bus.findMatchingSubscriptions(topic), { code: 'ERR_AGENTWIRE_TOPIC' });
    }
  });
});
