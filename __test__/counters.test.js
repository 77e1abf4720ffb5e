'use strict';

// The ledger: admitted = handled + failed + dropped + in flight, for each subscription and for the bus.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus } = require('agentwire');
const { assertLedger, stall, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('counters'), onError: () => {} });
  t.after(() => bus.close());
  return bus;
}

const nothingDropped = {
  unsubscribed: 0,
  undecodable: 0,
  expired: 0,
  subscriberDied: 0,
  overflow: 0,
  oldest: 0,
  newest: 0,
};

/** What only filters and acknowledgement count. */
const untouched = {
  filtered: 0,
  deadLettered: 0,
  rerouted: 0,
  attempts: { rejected: 0, timedOut: 0, late: 0, redelivered: 0 },
};

describe('a subscription', () => {
  it('starts with zeros', (t) => {
    const bus = openBus(t);
    const { stats } = bus.subscribe('x', () => {});
    assert.deepEqual(stats, { admitted: 0, handled: 0, failed: 0, dropped: nothingDropped, inFlight: 0, ...untouched });
  });

  it('counts what its handler does: return, throw, resolve, reject', async (t) => {
    const bus = openBus(t);
    const behaviours = [
      () => 'returned',
      () => {
        throw new Error('thrown');
      },
      async () => turn(),
      async () => {
        await turn();
        throw new Error('rejected');
      },
      // biome-ignore lint/suspicious/noThenProperty: a promise of another library
      () => ({ then: (resolve) => setTimeout(resolve, 1) }),
      // biome-ignore lint/suspicious/noThenProperty: as above
      () => ({ then: (_resolve, reject) => reject(new Error('rejected')) }),
      // biome-ignore lint/suspicious/noThenProperty: as above
      () => ({ then: 'no function' }),
    ];
    const subscription = bus.subscribe('x', (payload) => behaviours[payload]());
    const rounds = 300;
    for (let i = 0; i < rounds * behaviours.length; i += 1) bus.publish('x', i % behaviours.length);
    assertLedger(subscription.stats);
    await waitUntil(() => {
      assertLedger(subscription.stats);
      return subscription.stats.admitted === rounds * behaviours.length && subscription.stats.inFlight === 0;
    }, 'all to settle');
    const expected = { handled: 4 * rounds, failed: 3 * rounds, dropped: nothingDropped, inFlight: 0, ...untouched };
    assert.deepEqual(subscription.stats, { admitted: 7 * rounds, ...expected });
    const metrics = bus.getMetrics();
    const { published, unmatched, refused, subscriptions, topics, malformed, listenerFailures } = metrics;
    for (const [key, value] of Object.entries(subscription.stats)) assert.deepEqual(metrics[key], value, key);
    assert.deepEqual(
      [published, unmatched, refused, subscriptions, topics, malformed, listenerFailures],
      [7 * rounds, 0, 0, 1, 1, 0, 0],
    );
  });

  it('counts a thenable that settles more than once as one message', async (t) => {
    const bus = openBus(t);
    const release = [];
    const subscription = bus.subscribe('x', (payload) => {
      if (payload === 'slow') return new Promise((resolve) => release.push(resolve));
      return {
        // biome-ignore lint/suspicious/noThenProperty: that is what this is about
        then(resolve, reject) {
          resolve();
          resolve();
          reject(new Error('too late'));
          throw new Error('too late as well');
        },
      };
    });
    for (let i = 0; i < 5; i += 1) bus.publish('x', 'slow');
    for (let i = 0; i < 5; i += 1) bus.publish('x', 'many times');
    await waitUntil(() => subscription.stats.inFlight === 5 && release.length === 5, 'the thenables');
    assert.deepEqual([subscription.stats.handled, subscription.stats.failed], [5, 0]);
    for (const resolve of release) resolve();
    await waitUntil(() => subscription.stats.handled === 10, 'the slow ones');
  });

  it('has slow messages in flight', async (t) => {
    const bus = openBus(t);
    const release = [];
    const subscription = bus.subscribe('x', () => new Promise((resolve, reject) => release.push([resolve, reject])));
    for (let i = 0; i < 50; i += 1) bus.publish('x', i);
    await waitUntil(() => release.length === 50, 'all handlers');
    assert.deepEqual([subscription.stats.admitted, subscription.stats.inFlight], [50, 50]);
    for (const [resolve] of release.splice(0, 20)) resolve();
    await waitUntil(() => subscription.stats.inFlight === 30, 'twenty');
    for (const [, reject] of release.splice(0, 10)) reject(new Error('no'));
    await waitUntil(() => subscription.stats.inFlight === 20, 'ten more');
    assert.deepEqual([subscription.stats.handled, subscription.stats.failed], [20, 10]);
    // The subscription ends; what its handlers have is still theirs.
    subscription.unsubscribe();
    assert.equal(bus.getMetrics().inFlight, 20);
    for (const [resolve] of release.splice(0)) resolve();
    await waitUntil(() => bus.getMetrics().inFlight === 0, 'the rest');
    const { admitted, handled, failed, dropped } = bus.getMetrics();
    assert.deepEqual([admitted, handled, failed, dropped], [50, 40, 10, nothingDropped]);
  });

  it('drops what waits when it ends, with the reason', async (t) => {
    const bus = openBus(t);
    const subscription = bus.subscribe('x', (payload) => {
      if (payload === 9) subscription.unsubscribe();
    });
    for (let i = 0; i < 100; i += 1) bus.publish('x', i);
    await waitUntil(() => subscription.closed && bus.getMetrics().inFlight === 0, 'the end');
    const metrics = bus.getMetrics();
    assertLedger(metrics);
    assert.deepEqual(
      [metrics.admitted, metrics.handled, metrics.dropped],
      [100, 10, { ...nothingDropped, unsubscribed: 90 }],
    );
  });

  it('drops what waits for another thread when it ends there', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.subscription = state.bus.subscribe('x', () => {});
    }, bus.name);
    const stalled = await stall(thread);
    for (let i = 0; i < 100; i += 1) bus.publish('x', i);
    bus.flush();
    assert.deepEqual([bus.getMetrics().admitted, bus.getMetrics().inFlight], [100, 100]);
    // What is said while the thread stalls is done right after, before it drains.
    const ended = thread.run(({ state }) => state.subscription.unsubscribe());
    await stalled.release();
    await ended;
    await waitUntil(() => bus.getMetrics().inFlight === 0, 'the end');
    const metrics = bus.getMetrics();
    assertLedger(metrics);
    assert.equal(metrics.handled + metrics.dropped.unsubscribed, 100);
    assert.equal(bus.publish('x', 1), true);
    bus.flush();
    assert.deepEqual([bus.getMetrics().admitted, bus.getMetrics().unmatched], [100, 1]);
  });
});

describe('a thread that dies', () => {
  for (const how of ['terminate', 'exit', 'throw']) {
    it(`has its messages counted: ${how}`, async (t) => {
      const bus = openBus(t);
      const here = bus.subscribe('x', () => {});
      const thread = await Thread.start(t, { stderr: true });
      await thread.run(({ agentwire, state }, name) => {
        state.bus = new agentwire.EventBus({ name });
        state.seen = 0;
        // Some are done, some never settle, some wait.
        state.bus.subscribe('x', (payload) => {
          state.seen += 1;
          if (payload % 2 === 1) return new Promise(() => {});
        });
      }, bus.name);
      for (let i = 0; i < 100; i += 1) bus.publish('x', i);
      await waitUntil(async () => (await thread.run(({ state }) => state.seen)) === 100, 'the first hundred');
      const stalled = await stall(thread);
      for (let i = 0; i < 70; i += 1) bus.publish('x', 'large'.repeat(i === 5 ? 5000 : 1));
      bus.flush();
      assertLedger(bus.getMetrics());
      if (how === 'terminate') {
        await thread.terminate();
      } else {
        const last = how === 'exit' ? () => process.exit() : () => setImmediate(() => null.nothing);
        thread.start(last);
        stalled.release().catch(() => {});
        if (how === 'throw') assert.equal((await thread.error).name, 'TypeError');
      }
      await thread.exited;
      await waitUntil(() => here.stats.inFlight === 0, 'the subscription here');
      const metrics = bus.getMetrics();
      assertLedger(metrics);
      assert.deepEqual([metrics.admitted, metrics.inFlight, metrics.subscriptions], [340, 0, 1]);
      const { handled, dropped } = metrics;
      // Between its release and its end a thread may still have handled some of what waited.
      assert.equal(handled - here.stats.handled + dropped.subscriberDied, 170);
      assert.ok(handled - here.stats.handled >= 50);
      assert.ok(dropped.subscriberDied >= 50);
      if (how === 'terminate') assert.equal(dropped.subscriberDied, 120);
      assert.equal(bus.publish('x', 1), true, 'the others go on');
      await waitUntil(() => here.stats.handled === 171, 'the others');
    });
  }
});

describe('a bus', () => {
  it('counts messages once, however many subscriptions they go to', async (t) => {
    const bus = openBus(t);
    for (let i = 0; i < 3; i += 1) bus.subscribe('x', () => {});
    for (let i = 0; i < 10; i += 1) {
      bus.publish('x', i);
      bus.publish('nobody.there', i);
    }
    await waitUntil(() => bus.getMetrics().handled === 30, 'all');
    const { published, unmatched, admitted, subscriptions, topics } = bus.getMetrics();
    assert.deepEqual([published, unmatched, admitted, subscriptions, topics], [20, 10, 30, 3, 2]);
  });

  it('keeps the figures of the subscriptions that were', async (t) => {
    const bus = openBus(t);
    let handled = 0;
    for (let i = 0; i < 300; i += 1) {
      const subscription = bus.subscribe('x', () => {
        handled += 1;
      });
      bus.publish('x', i);
      await waitUntil(() => handled === i + 1, 'the message');
      subscription.unsubscribe();
    }
    const metrics = bus.getMetrics();
    assertLedger(metrics);
    assert.deepEqual([metrics.admitted, metrics.handled, metrics.subscriptions], [300, 300, 0]);
  });

  it('counts refusals', async (t) => {
    const bus = openBus(t);
    bus.subscribe('x', () => new Promise(() => {}), { queueLimit: 1 });
    assert.deepEqual(
      [1, 2, 3].map((i) => bus.publish('x', i)),
      [true, false, false],
    );
    const { published, refused, admitted } = bus.getMetrics();
    assert.deepEqual([published, refused, admitted], [1, 2, 1]);
  });
});
