'use strict';

// Subscriptions that a signal ends, or the end of a block.

const assert = require('node:assert/strict');
const { getEventListeners } = require('node:events');
const { describe, it } = require('node:test');
const { EventBus } = require('agentwire');
const { assertLedger, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');
const { openBus } = require('./listeners.js');

const listenersOf = (signal) => getEventListeners(signal, 'abort').length;

describe('the signal of subscribe', () => {
  it('ends the subscription of another thread, and what waited is counted', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.got = [];
      state.controller = new AbortController();
      state.subscription = state.bus.subscribe('s.*', (payload) => state.got.push(payload), {
        signal: state.controller.signal,
      });
    }, bus.name);
    bus.publish('s.a', 1);
    await waitUntil(() => thread.run(({ state }) => state.got.length === 1), 'the first message');
    assert.equal(bus.countMatchingSubscriptions('s.a'), 1);
    await thread.run(({ state }) => state.controller.abort());
    assert.equal(bus.countMatchingSubscriptions('s.a'), 0);
    bus.publish('s.a', 2);
    bus.flush();
    await turn();
    assert.deepEqual(await thread.run(({ state }) => [state.got, state.subscription.closed]), [[1], true]);
    assert.equal(bus.getMetrics().unmatched, 1);
    assertLedger(bus.getMetrics());
  });

  it('may be aborted by the handler itself', async (t) => {
    const bus = openBus(t);
    const controller = new AbortController();
    const got = [];
    bus.subscribe(
      'x',
      (payload) => {
        got.push(payload);
        if (payload === 1) controller.abort();
      },
      { signal: controller.signal },
    );
    for (let i = 0; i < 4; i += 1) bus.publish('x', i);
    await waitUntil(() => bus.getMetrics().inFlight === 0, 'the end of all messages');
    assert.deepEqual(got, [0, 1]);
    const { dropped, handled } = bus.getMetrics();
    assert.deepEqual([handled, dropped.unsubscribed], [2, 2]);
  });

  it('that is aborted already: its reason is thrown and nothing is subscribed', (t) => {
    const bus = openBus(t);
    const reason = new Error('why');
    for (const [signal, expected] of [
      [AbortSignal.abort(reason), (error) => error === reason],
      [AbortSignal.abort(), { name: 'AbortError' }],
    ]) {
      assert.throws(() => bus.subscribe('x', () => {}, { signal }), expected);
      assert.equal(listenersOf(signal), 0);
    }
    assert.equal(bus.getMetrics().subscriptions, 0);
  });

  it('has one listener for all subscriptions, and none after their end, however they end', (t) => {
    const bus = openBus(t);
    const other = new EventBus({ name: bus.name });
    const { signal } = new AbortController();
    const subscriptions = Array.from({ length: 20 }, () => bus.subscribe('x', () => {}, { signal }));
    other.subscribe('x', () => {}, { signal });
    assert.equal(listenersOf(signal), 1);
    for (const subscription of subscriptions) subscription.unsubscribe();
    assert.equal(listenersOf(signal), 1);
    other.close();
    assert.equal(listenersOf(signal), 0);
    assert.throws(() => bus.subscribe('a..b', () => {}, { signal }), { code: 'ERR_AGENTWIRE_TOPIC' });
    assert.equal(listenersOf(signal), 0);
  });

  it('ends all its subscriptions', (t) => {
    const bus = openBus(t);
    const controller = new AbortController();
    const { signal } = controller;
    const subscriptions = Array.from({ length: 3 }, () => bus.subscribe('x', () => {}, { signal }));
    controller.abort();
    assert.deepEqual(
      subscriptions.map(({ closed }) => closed),
      [true, true, true],
    );
    assert.equal(listenersOf(signal), 0);
    assert.equal(bus.getMetrics().subscriptions, 0);
  });

  it('must be a signal', (t) => {
    const bus = openBus(t);
    for (const signal of [null, 5, 'text', {}, new AbortController(), () => {}]) {
      assert.throws(() => bus.subscribe('x', () => {}, { signal }), { code: 'ERR_AGENTWIRE_ARGUMENT' });
    }
    bus.subscribe('x', () => {}, { signal: undefined });
    assert.equal(bus.getMetrics().subscriptions, 1);
  });
});

describe('using', () => {
  it('a subscription ends it', (t) => {
    const bus = openBus(t);
    const subscription = bus.subscribe('x', () => {});
    subscription[Symbol.dispose]();
    subscription[Symbol.dispose]();
    assert.equal(subscription.closed, true);
    assert.equal(bus.countMatchingSubscriptions('x'), 0);
  });

  it('a bus closes it', async () => {
    const one = new EventBus({ name: uniqueName('using') });
    one[Symbol.dispose]();
    assert.equal(one.closed, true);
    const two = new EventBus({ name: uniqueName('using') });
    await two[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    assert.equal(two.closed, true);
  });
});
