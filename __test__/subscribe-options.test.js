'use strict';

// Options of subscriptions together: a filter decides first, the policy for what is too much then, a transform last.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus } = require('agentwire');
const { assertLedger, stall, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

const even = { operator: 'AND', conditions: [{ field: 'even', operator: 'eq', value: true }] };
const message = (index, size) => ({ index, even: index % 2 === 0, text: 'x'.repeat(size) });

for (const [kind, size] of Object.entries({ small: 10, large: 10_000 })) {
  describe(`${kind} messages that a stuck thread wants in part`, () => {
    for (const overflow of ['drop-oldest', 'drop-newest']) {
      it(`are dropped by ${overflow} among those that it wants`, async (t) => {
        const bus = new EventBus({ name: uniqueName('options') });
        t.after(() => bus.close());
        const thread = await Thread.start(t);
        await thread.run(
          ({ agentwire, state }, name, options) => {
            state.bus = new agentwire.EventBus({ name }).ref();
            state.got = [];
            state.subscription = state.bus.subscribe('topic', ({ index }) => void state.got.push(index), options);
          },
          bus.name,
          { filter: even, queueLimit: 20, overflow },
        );
        const { release } = await stall(thread);
        for (let index = 0; index < 500; index += 1) {
          assert.equal(bus.publish('topic', message(index, size)), true);
          if (index % 50 === 0) bus.flush();
        }
        bus.flush();
        await release();
        let stats;
        await waitUntil(async () => {
          stats = await thread.run(({ state }) => state.subscription.stats);
          return stats.inFlight === 0;
        }, 'the subscription to come to rest');
        assertLedger(stats);
        const got = await thread.run(({ state }) => state.got);
        assert.equal(stats.filtered, 250);
        assert.equal(stats.admitted, 250);
        assert.equal(got.length, stats.handled);
        const dropped = overflow === 'drop-oldest' ? stats.dropped.oldest : stats.dropped.newest;
        assert.equal(stats.handled + dropped, 250);
        assert.ok(got.every((index) => index % 2 === 0));
        const edge = overflow === 'drop-oldest' ? got.at(-1) : got[0];
        assert.equal(edge, overflow === 'drop-oldest' ? 498 : 0);
      });
    }
  });
}

it('a filter comes before a transform, and a signal ends all of it', async (t) => {
  const bus = new EventBus({ name: uniqueName('options') });
  t.after(() => bus.close());
  const controller = new AbortController();
  const got = [];
  const subscription = bus.subscribe('topic', (batch) => void got.push(batch), {
    filter: even,
    transform: { type: 'aggregate', count: 3, fn: (payloads) => payloads.map(({ index }) => index) },
    signal: controller.signal,
  });
  for (let index = 0; index < 12; index += 1) bus.publish('topic', message(index, 1));
  bus.flush();
  await waitUntil(async () => got.length === 2, 'two batches');
  assert.deepEqual(got, [
    [0, 2, 4],
    [6, 8, 10],
  ]);
  await turn();
  const { stats } = subscription;
  assertLedger(stats);
  assert.deepEqual([stats.filtered, stats.admitted], [6, 6]);
  controller.abort();
  bus.publish('topic', message(0, 1));
  bus.flush();
  await turn();
  assert.equal(got.length, 2);
});

it('a stream takes a filter', async (t) => {
  const bus = new EventBus({ name: uniqueName('options') });
  t.after(() => bus.close());
  const stream = bus.stream('topic', { filter: even });
  for (let index = 0; index < 6; index += 1) bus.publish('topic', message(index, 1));
  bus.flush();
  const got = [];
  for await (const { payload } of stream) {
    got.push(payload.index);
    if (got.length === 3) break;
  }
  assert.deepEqual(got, [0, 2, 4]);
});
