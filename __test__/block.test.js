'use strict';

// overflow 'block': publishers on workers sleep until there is room, or for blockTimeoutMs; nobody else does.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { AgentwireArgumentError, EventBus } = require('agentwire');
const { assertLedger, deadlineMs, stall, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('block') });
  t.after(() => bus.close());
  return bus;
}

/** A thread that subscribes with these options. */
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
  return thread;
}

/** A thread that publishes the numbers below `count`; `steps[0]` is how many publishes have returned, `steps[1]` how many were true. */
async function publisher(t, bus, count) {
  const thread = await Thread.start(t);
  await thread.run(({ agentwire, state }, name) => {
    state.bus = new agentwire.EventBus({ name }).ref();
  }, bus.name);
  const steps = new Int32Array(new SharedArrayBuffer(8));
  const publish = (topic) => {
    return thread.run(
      ({ state }, topic, count, steps) => {
        const said = [];
        for (let i = 0; i < count; i += 1) {
          const isAdmitted = state.bus.publish(topic, i);
          said.push(isAdmitted);
          if (isAdmitted) Atomics.add(steps, 1, 1);
          Atomics.add(steps, 0, 1);
        }
        return said;
      },
      topic,
      count,
      steps,
    );
  };
  return { publish, steps, thread };
}

const got = (thread) => thread.run(({ state }) => state.got);
const upTo = (count) => Array.from({ length: count }, (_, i) => i);

it('a publisher on a worker sleeps until there is room, and loses nothing', async (t) => {
  const bus = openBus(t);
  const slow = await subscriber(t, bus, 'x', { queueLimit: 4, overflow: 'block', blockTimeoutMs: deadlineMs });
  const { publish, steps } = await publisher(t, bus, 500);
  const { release } = await stall(slow);
  const done = publish('x');
  await waitUntil(() => Atomics.load(steps, 0) === 4, 'the subscription to be full');
  // It was refused, and sleeps: no publish returns.
  await waitUntil(() => bus.getMetrics().refused > 0, 'a refusal');
  assert.equal(Atomics.load(steps, 0), 4);
  await release();
  assert.deepEqual(await done, Array(500).fill(true));
  await waitUntil(() => bus.getMetrics().inFlight === 0, 'the bus to come to rest');
  assert.deepEqual(await got(slow), upTo(500));
  assertLedger(bus.getMetrics());
});

it('returns false at its deadline, and the message is nowhere', async (t) => {
  const bus = openBus(t);
  const slow = await subscriber(t, bus, 'x', { queueLimit: 2, overflow: 'block', blockTimeoutMs: 30 });
  const { publish } = await publisher(t, bus, 4);
  const { release } = await stall(slow);
  assert.deepEqual(await publish('x'), [true, true, false, false]);
  await release();
  await waitUntil(() => bus.getMetrics().inFlight === 0, 'the bus to come to rest');
  assert.deepEqual(await got(slow), [0, 1]);
  assert.equal(bus.getMetrics().admitted, 2);
});

it('the main thread never sleeps', async (t) => {
  const bus = openBus(t);
  const slow = await subscriber(t, bus, 'x', { queueLimit: 2, overflow: 'block', blockTimeoutMs: 3_600_000 });
  const { release } = await stall(slow);
  // Would it sleep, this would take an hour each.
  assert.deepEqual(
    upTo(4).map((i) => bus.publish('x', i)),
    [true, true, false, false],
  );
  const writable = bus.writable('x');
  await release();
  await writable;
  assert.equal(bus.publish('x', 4), true);
});

it("a worker that is full by its own subscription's doing does not sleep", async (t) => {
  const bus = openBus(t);
  const own = await subscriber(t, bus, 'x', { queueLimit: 2, overflow: 'block', blockTimeoutMs: 3_600_000 });
  const said = await own.run(({ state }) => [0, 1, 2].map((i) => state.bus.publish('x', i)));
  assert.deepEqual(said, [true, true, false]);
  await waitUntil(() => bus.getMetrics().inFlight === 0, 'the bus to come to rest');
  assert.deepEqual(await got(own), [0, 1]);
});

it('neighbours of a stalled subscriber, and publishers to other topics, go on', async (t) => {
  const bus = openBus(t);
  const slow = await subscriber(t, bus, 'slow', { queueLimit: 2, overflow: 'block', blockTimeoutMs: deadlineMs });
  const neighbour = await subscriber(t, bus, '**', { queueLimit: 100_000 });
  const asleep = await publisher(t, bus, 3);
  const awake = await publisher(t, bus, 1000);
  const { release } = await stall(slow);
  const done = asleep.publish('slow');
  await waitUntil(() => Atomics.load(asleep.steps, 0) === 2 && bus.getMetrics().refused > 0, 'a publisher that sleeps');
  assert.deepEqual(await awake.publish('fast'), Array(1000).fill(true));
  await waitUntil(async () => (await got(neighbour)).length === 1002, 'the neighbour to have all of them');
  assert.equal(Atomics.load(asleep.steps, 0), 2, 'still asleep');
  await release();
  assert.deepEqual(await done, [true, true, true]);
  await waitUntil(async () => (await got(neighbour)).length === 1003, 'the last one');
});

for (const end of ['unsubscribes', 'is terminated']) {
  it(`a publisher goes on when the subscriber that it sleeps for ${end}`, async (t) => {
    const bus = openBus(t);
    const options = { queueLimit: 2, overflow: 'block', blockTimeoutMs: deadlineMs, maxInFlight: 1 };
    const thread = await Thread.start(t);
    await thread.run(
      ({ agentwire, state }, name, options) => {
        state.bus = new agentwire.EventBus({ name }).ref();
        state.subscription = state.bus.subscribe('x', () => new Promise(() => {}), options);
      },
      bus.name,
      options,
    );
    const { publish, steps } = await publisher(t, bus, 5);
    const done = publish('x');
    await waitUntil(() => Atomics.load(steps, 0) === 2 && bus.getMetrics().refused > 0, 'the publisher to sleep');
    if (end === 'unsubscribes') await thread.run(({ state }) => state.subscription.unsubscribe());
    else await thread.terminate();
    assert.deepEqual(await done, Array(5).fill(true));
  });
}

it('a publisher that sleeps can be terminated', async (t) => {
  const bus = openBus(t);
  const slow = await subscriber(t, bus, 'x', { queueLimit: 1, overflow: 'block', blockTimeoutMs: 3_600_000 });
  const { publish, steps, thread } = await publisher(t, bus, 2);
  const { release } = await stall(slow);
  const ended = assert.rejects(publish('x'), /the thread ended/);
  await waitUntil(() => Atomics.load(steps, 0) === 1 && bus.getMetrics().refused > 0, 'the publisher to sleep');
  await thread.terminate();
  await ended;
  await release();
  await waitUntil(() => bus.getMetrics().inFlight === 0, 'the bus to come to rest');
  assert.deepEqual(await got(slow), [0]);
});

it('blockTimeoutMs is an integer from 1 to 3,600,000, and goes with "block" alone', async (t) => {
  const bus = openBus(t);
  const refused = (options) =>
    assert.throws(
      () => bus.subscribe('x', () => {}, options),
      (error) => error instanceof AgentwireArgumentError && /^blockTimeoutMs must be .*given/.test(error.message),
      String(options.blockTimeoutMs),
    );
  for (const blockTimeoutMs of [0, -1, 1.5, NaN, Infinity, '1', null, 1n, 3_600_001]) {
    refused({ overflow: 'block', blockTimeoutMs });
  }
  for (const overflow of [undefined, 'reject', 'drop-newest', 'drop-oldest']) refused({ overflow, blockTimeoutMs: 5 });
  assert.throws(() => bus.subscribe('x', () => {}, { overflow: 'sleep' }), /overflow must be "reject", .*"block"/);
  await turn();
  assert.equal(bus.getMetrics().subscriptions, 0);
});
