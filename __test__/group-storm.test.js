'use strict';

// Threads with members of groups die while others publish: each message goes to one member of each group, and is handled once at
// most. AGENTWIRE_STORM_MESSAGES=N publishes a twentieth of N, 50,000 by default; AGENTWIRE_STORM_SEED=S strikes as in the run that said so.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { EventBus } = require('agentwire');
const { randomNumbers } = require('./fixtures/random.js');
const { assertLedger, Thread, uniqueName, waitUntil } = require('./helpers.js');

const messages = Math.ceil(Number(process.env.AGENTWIRE_STORM_MESSAGES ?? 1_000_000) / 20);
const seed = Number(process.env.AGENTWIRE_STORM_SEED ?? Date.now() % 1_000_000);
const fewestStrikes = 12;
const balancings = ['round-robin', 'random', 'least-busy'];
/** Threads that live all along publish as well. */
const steadyPlaces = 2;
const struckPlaces = 2;

/** In a thread: one member of each group. Calls of handlers are counted by message in memory that outlives the thread. */
function join({ agentwire, state }, name, groups, calls) {
  state.bus = new agentwire.EventBus({ name }).ref();
  groups.forEach((group, index) => {
    const handled = (n) => Atomics.add(calls, n * groups.length + index, 1);
    const later = (n) => new Promise((resolve) => setImmediate(() => resolve(handled(n))));
    // One group has members that are passed over while they are at their limit.
    const options = group === 'least-busy' ? { group, maxInFlight: 8, queueLimit: 64 } : { group, queueLimit: 256 };
    state.bus.subscribe('work', group === 'least-busy' ? later : handled, options);
  });
}

/** In a thread that lives: publishes these messages. */
async function publish({ state }, from, to) {
  for (let n = from; n < to; ) {
    if (state.bus.publish('work', n)) n += 1;
    else await state.bus.writable('work');
    if (n % 100 === 0) await new Promise(setImmediate);
  }
  state.bus.flush();
}

it('members die among messages of their groups, and nothing is handled twice or lost in silence', async (t) => {
  const bus = new EventBus({ name: uniqueName('group-storm') });
  t.after(() => bus.close());
  for (const balancing of balancings) bus.createGroup(balancing, { balancing });
  const calls = new Int32Array(new SharedArrayBuffer(4 * messages * balancings.length));
  const start = async () => {
    const thread = await Thread.start(t);
    await thread.run(join, bus.name, balancings, calls);
    return thread;
  };
  const steady = await Promise.all(Array.from({ length: steadyPlaces }, start));
  const random = randomNumbers(seed);
  let isOver = false;
  let strikes = 0;
  const strike = async () => {
    while (!isOver || strikes < fewestStrikes) {
      const thread = await start();
      await sleep(random() * 30);
      await thread.terminate();
      strikes += 1;
    }
  };
  const strikers = Array.from({ length: struckPlaces }, strike);
  const share = Math.ceil(messages / steadyPlaces);
  await Promise.all(
    steady.map((thread, index) => thread.run(publish, index * share, Math.min((index + 1) * share, messages))),
  );
  isOver = true;
  await Promise.all(strikers);
  await waitUntil(() => bus.getMetrics().inFlight === 0, 'the end of all messages');

  const metrics = bus.getMetrics({ perGroup: true });
  const { subscriberDied } = metrics.dropped;
  t.diagnostic(
    `${process.version}: ${JSON.stringify({ seed, messages, strikes, refused: metrics.refused, subscriberDied })}`,
  );
  assert.deepEqual([metrics.published, metrics.unmatched], [messages, 0]);
  assertLedger(metrics);
  assert.equal(metrics.perGroup.length, balancings.length);
  for (const group of metrics.perGroup) {
    assertLedger(group);
    assert.deepEqual([group.group, group.assigned, group.admitted], [group.group, messages, messages]);
    assert.deepEqual([group.members, group.failed, group.inFlight], [steadyPlaces, 0, 0]);
    assert.equal(group.handled + group.dropped.subscriberDied + group.dropped.unsubscribed, messages);
    const index = balancings.indexOf(group.group);
    let once = 0;
    for (let n = 0; n < messages; n += 1) {
      const times = calls[n * balancings.length + index];
      assert.ok(times <= 1, `${group.group}: message ${n} was handled ${times} times`);
      once += times;
    }
    // A handler that was called just before its thread died may not have been counted as handled.
    assert.ok(once >= group.handled && once <= messages, `${group.group}: ${once} calls, ${JSON.stringify(group)}`);
  }
});
