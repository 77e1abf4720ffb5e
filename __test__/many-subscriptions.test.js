'use strict';

// Very many subscriptions come and go in some threads while others publish: exactly the right handlers get exactly the right
// messages, and afterwards nothing of them is left. AGENTWIRE_MANY_SUBSCRIPTIONS=1000000 for a million.

const assert = require('node:assert/strict');
const path = require('node:path');
const { it } = require('node:test');
const { EventBus } = require('agentwire');
const { assertLedger, fixture, Thread, uniqueName, waitUntil } = require('./helpers.js');
const { randomOf, STEADY } = require('./fixtures/many-subscriptions.js');

const { native } = require(path.join(__dirname, '..', 'dist', 'native.js'));

const count = Number(process.env.AGENTWIRE_MANY_SUBSCRIPTIONS ?? 50_000);
const seed = Number(process.env.AGENTWIRE_STORM_SEED ?? Date.now() % 1_000_000);
/** Topics that are published to, so that not only a few have an id. */
const topics = Math.min(count, 100_000);
const rounds = 3;
/** Topics of a round that are looked at closely. */
const probes = 2000;
const subscribers = 3;
const publishers = 2;

const file = fixture('many-subscriptions.js');

/** A thread with one of the fixture's classes: `await member.call(method, ...args)`. */
async function start(t, kind, options) {
  const thread = await Thread.start(t);
  await thread.run(
    ({ state, require }, file, kind, options) => {
      state.member = new (require(file)[kind])(options);
    },
    file,
    kind,
    options,
  );
  return {
    thread,
    call: (method, ...args) => thread.run(({ state }, method, args) => state.member[method](...args), method, args),
  };
}

it(`${count} subscriptions come and go while others publish`, async (t) => {
  t.diagnostic(`seed ${seed}`);
  const name = uniqueName('many');
  const bus = new EventBus({ name });
  t.after(() => bus.close());
  const segmentsBefore = native.memoryUsage().segmentsInUse;
  const all = { subscribers: [], publishers: [] };
  for (let share = 0; share < subscribers; share += 1) {
    all.subscribers.push(await start(t, 'Subscriber', { name, count, share, shares: subscribers, seed: seed + share }));
  }
  for (let index = 0; index < publishers; index += 1) {
    all.publishers.push(await start(t, 'Publisher', { name, index, topics, seed: seed + 100 + index }));
  }
  const each = (members, method, ...args) => Promise.all(members.map((member) => member.call(method, ...args)));
  const steadySubscriptions = bus.getMetrics().subscriptions;
  await each(all.subscribers, 'subscribeAll');
  assert.equal(bus.getMetrics().subscriptions, steadySubscriptions + count);

  const random = randomOf(seed + 200);
  let sent;
  for (let round = 0; round < rounds; round += 1) {
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const changes = new Int32Array(new SharedArrayBuffer(4 * subscribers));
    const messages = new Int32Array(new SharedArrayBuffer(4 * publishers));
    const churning = each(all.subscribers, 'churn', stop, changes);
    const publishing = each(all.publishers, 'traffic', stop, messages);
    const isEnough = () =>
      changes.every((_, index) => Atomics.load(changes, index) >= count / 10) &&
      messages.every((_, index) => Atomics.load(messages, index) >= 20_000);
    // A thread that fails ends its part; what it says is thrown below.
    await Promise.race([waitUntil(isEnough, 'changes and messages'), churning, publishing]);
    Atomics.store(stop, 0, 1);
    await churning;
    sent = await publishing;
    await waitUntil(() => bus.getMetrics().inFlight === 0, 'all messages to be handled');

    // Now that nothing changes: one message to each of some topics.
    const numbers = [...new Set(Array.from({ length: probes }, () => random(topics)))].sort((a, b) => a - b);
    const live = await each(all.subscribers, 'liveOf', numbers);
    await all.publishers[round % publishers].call('probe', numbers);
    await waitUntil(() => bus.getMetrics().inFlight === 0, 'the probes to be handled');
    assert.deepEqual(await each(all.subscribers, 'takeProbes'), live, `round ${round}`);
    for (const number of numbers.slice(0, 200)) {
      const expected = live.some((numbers) => numbers.includes(number)) ? 1 : 0;
      assert.equal(bus.countMatchingSubscriptions(`many.p${number % 97}.r${number}.state`), expected);
    }
  }

  const reports = await each(all.subscribers, 'report');
  for (const [share, { faults, traffic, next }] of reports.entries()) {
    assert.deepEqual(faults, [], `thread ${share}`);
    assert.ok(traffic > 0);
    for (let index = 0; index < publishers; index += 1) {
      for (let k = 0; k < STEADY; k += 1) {
        const messages = Math.floor((sent[index] - k - 1) / STEADY) + 1;
        assert.equal(next[`steady.${index}.${k}`], messages + 1, `steady.${index}.${k} in thread ${share}`);
      }
    }
  }
  const metrics = bus.getMetrics();
  assertLedger(metrics);
  const liveCount = reports.reduce((sum, { live }) => sum + live, 0);
  assert.equal(metrics.subscriptions, steadySubscriptions + liveCount);
  const size = native.routingSize(name);
  t.diagnostic(JSON.stringify({ published: metrics.published, ...size }));
  assert.equal(size.topics, metrics.topics);

  // Each thread ends in a way of its own.
  const [first, second, third] = all.subscribers;
  await first.call('unsubscribeAll');
  await first.call('close');
  await second.call('close');
  await third.thread.terminate();
  await third.thread.exited;
  await each(all.publishers, 'close');
  const after = bus.getMetrics();
  assertLedger(after);
  assert.deepEqual([after.subscriptions, after.inFlight], [0, 0]);
  assert.deepEqual({ ...native.routingSize(name) }, { patterns: 0, nodes: 0, topics: after.topics, subscriptions: 0 });
  await Promise.all([first, second, ...all.publishers].map(({ thread }) => thread.terminate()));
  const segments = native.memoryUsage().segmentsInUse;
  assert.ok(segments <= segmentsBefore, `segments of messages: ${segmentsBefore} bytes before, ${segments} after`);
});
