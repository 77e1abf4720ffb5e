'use strict';

// queueLimitBytes: bytes that may wait for a subscription, with each policy of what happens then.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { AgentwireArgumentError, EventBus } = require('agentwire');
const { assertLedger, stall, Thread, uniqueName, waitUntil } = require('./helpers.js');

const queueLimitBytes = 10_000;
/** Four fit. Admission looks at what waits already, so that a fifth may be let in, and no more. */
const payload = (n) => ({ n, fill: 'x'.repeat(2300) });

/** A bus, and a subscription in a thread that does nothing until it is released. */
async function stalledSubscriber(t, options) {
  const bus = new EventBus({ name: uniqueName('bytes') });
  t.after(() => bus.close());
  const thread = await Thread.start(t);
  await thread.run(
    ({ agentwire, state }, name, options) => {
      state.bus = new agentwire.EventBus({ name }).ref();
      state.got = [];
      state.subscription = state.bus.subscribe('x', ({ n }) => void state.got.push(n), options);
    },
    bus.name,
    { queueLimitBytes, ...options },
  );
  const { release } = await stall(thread);
  return {
    bus,
    async finish() {
      await release();
      await waitUntil(() => bus.getMetrics().inFlight === 0, 'the bus to come to rest');
      const { got, stats } = await thread.run(({ state }) => ({ got: state.got, stats: state.subscription.stats }));
      assertLedger(stats);
      return { got, stats };
    },
  };
}

/** Publishes each on its own: what publish said. */
function publishEach(bus, numbers, options) {
  return numbers.map((n) => {
    const said = bus.publish('x', payload(n), options);
    bus.flush();
    return said;
  });
}

const numbers = [0, 1, 2, 3, 4, 5];

/** The first so many were let in, and none behind them. */
function countOfAdmitted(said) {
  const count = said.filter(Boolean).length;
  assert.ok(count === 4 || count === 5, `${count} were let in`);
  assert.deepEqual(
    said,
    numbers.map((n) => n < count),
  );
  return count;
}

it('reject: publish says false, and there is room again when they were handled', async (t) => {
  const { bus, finish } = await stalledSubscriber(t, { overflow: 'reject' });
  const admitted = countOfAdmitted(publishEach(bus, numbers));
  const writable = bus.writable('x');
  const { got, stats } = await finish();
  assert.deepEqual(got, numbers.slice(0, admitted));
  assert.equal(stats.admitted, admitted);
  await writable;
  assert.equal(bus.publish('x', payload(6)), true);
});

it('block: the main thread is told false, as with reject', async (t) => {
  const { bus, finish } = await stalledSubscriber(t, { overflow: 'block' });
  const admitted = countOfAdmitted(publishEach(bus, numbers));
  assert.deepEqual((await finish()).got, numbers.slice(0, admitted));
});

it('drop-newest: does without what does not fit', async (t) => {
  const { bus, finish } = await stalledSubscriber(t, { overflow: 'drop-newest' });
  assert.deepEqual(publishEach(bus, numbers), Array(6).fill(true));
  const { got, stats } = await finish();
  const kept = countOfAdmitted(numbers.map((n) => got.includes(n)));
  assert.deepEqual(got, numbers.slice(0, kept));
  assert.deepEqual([stats.admitted, stats.dropped.newest], [6, 6 - kept]);
});

it('drop-oldest: gives up as many of the oldest as the new one needs', async (t) => {
  const { bus, finish } = await stalledSubscriber(t, { overflow: 'drop-oldest' });
  assert.deepEqual(publishEach(bus, numbers), Array(6).fill(true));
  const { got, stats } = await finish();
  assert.deepEqual(got, [2, 3, 4, 5]);
  assert.deepEqual([stats.admitted, stats.dropped.oldest], [6, 2]);
});

for (const overflow of ['reject', 'drop-newest', 'drop-oldest', 'block']) {
  it(`${overflow}: a message that is longer than all of it waits alone`, async (t) => {
    const { bus, finish } = await stalledSubscriber(t, { overflow });
    const large = { n: 'large', fill: 'x'.repeat(100_000) };
    assert.equal(bus.publish('x', large), true);
    bus.flush();
    const drops = overflow.startsWith('drop');
    assert.deepEqual(publishEach(bus, [1, 2]), [drops, drops]);
    const { got, stats } = await finish();
    assert.deepEqual(got, overflow === 'drop-oldest' ? [1, 2] : ['large']);
    assert.equal(stats.admitted, drops ? 3 : 1);
  });
}

it('headers count', async (t) => {
  const { bus, finish } = await stalledSubscriber(t, { overflow: 'reject' });
  assert.equal(bus.publish('x', { n: 0 }, { headers: { fill: 'h'.repeat(queueLimitBytes) } }), true);
  bus.flush();
  assert.equal(bus.publish('x', { n: 1 }), false);
  assert.deepEqual((await finish()).got, [0]);
});

it('a neighbour without the limit gets what a subscription that drops does without', async (t) => {
  const { bus, finish } = await stalledSubscriber(t, { overflow: 'drop-newest' });
  const got = [];
  bus.subscribe('x', ({ n }) => void got.push(n));
  publishEach(bus, numbers);
  await waitUntil(() => got.length === 6, 'the neighbour');
  assert.ok((await finish()).stats.dropped.newest > 0);
});

it('is an integer of at least 1', (t) => {
  const bus = new EventBus({ name: uniqueName('bytes') });
  t.after(() => bus.close());
  for (const queueLimitBytes of [0, -1, 1.5, NaN, Infinity, '1', null, 1n]) {
    assert.throws(
      () => bus.subscribe('x', () => {}, { queueLimitBytes }),
      (error) => error instanceof AgentwireArgumentError && /^queueLimitBytes must be .*given/.test(error.message),
      String(queueLimitBytes),
    );
  }
});
