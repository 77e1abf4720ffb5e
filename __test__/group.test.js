'use strict';

// Groups: who of the members gets a message. __test__/bus-model.test.js tries what happens in any order; this says it one by one.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus, SubscriptionGroup } = require('agentwire');
const { assertLedger, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('group') });
  t.after(() => bus.close());
  return bus;
}

const never = () => new Promise(() => {});

/** Subscribes members, each of which notes what it gets. */
function members(bus, group, count, { pattern = 'work', ...options } = {}) {
  return Array.from({ length: count }, () => {
    const got = [];
    const subscription = bus.subscribe(pattern, (n) => got.push(n), { group, ...options });
    return { got, subscription };
  });
}

async function publishAll(bus, count, topic = 'work') {
  for (let n = 0; n < count; n += 1) bus.publish(topic, n);
  bus.flush();
  await waitUntil(() => bus.getMetrics().inFlight === 0, 'all to be handled');
}

describe('a group', () => {
  it('gives each message to one member, in turn', async (t) => {
    const bus = openBus(t);
    bus.createGroup('g');
    const all = members(bus, 'g', 3);
    await publishAll(bus, 9);
    assert.deepEqual(all.map(({ got }) => got).sort(), [
      [0, 3, 6],
      [1, 4, 7],
      [2, 5, 8],
    ]);
  });

  it('gives each message to one member, at random', async (t) => {
    const bus = openBus(t);
    const all = members(bus, bus.createGroup('g', { balancing: 'random' }), 3);
    await publishAll(bus, 3000);
    const counts = all.map(({ got }) => got.length);
    assert.equal(counts[0] + counts[1] + counts[2], 3000);
    // 1,000 each; further away than twelve standard deviations is no chance.
    for (const count of counts) assert.ok(Math.abs(count - 1000) < 310, `${counts}`);
  });

  it('gives each message to the member with the fewest', async (t) => {
    const bus = openBus(t);
    bus.createGroup('g', { balancing: 'least-busy' });
    const busy = bus.subscribe('work', never, { group: 'g' });
    const idle = bus.subscribe('work', () => {}, { group: 'g' });
    // One after the other: the first that is busy stays so.
    for (let n = 0; n < 10; n += 1) {
      bus.publish('work', n);
      bus.flush();
      await waitUntil(() => busy.stats.inFlight + idle.stats.handled === n + 1, 'the message');
    }
    assert.ok(busy.stats.admitted <= 1, 'who has one gets no other while somebody has none');
  });

  it('may give each message to all', async (t) => {
    const bus = openBus(t);
    bus.createGroup('g', { delivery: 'all' });
    const all = members(bus, 'g', 3);
    await publishAll(bus, 4);
    for (const { got } of all) assert.deepEqual(got, [0, 1, 2, 3]);
  });

  it('is one of several who get a message, and others of no group too', async (t) => {
    const bus = openBus(t);
    const [one, other] = [members(bus, 'one', 2), members(bus, 'other', 2, { pattern: '**' })];
    const [alone] = members(bus, undefined, 1);
    await publishAll(bus, 10);
    for (const group of [one, other]) assert.equal(group[0].got.length + group[1].got.length, 10);
    assert.equal(alone.got.length, 10);
  });

  it('shares work among threads, and goes on without those that end', async (t) => {
    const bus = openBus(t);
    bus.createGroup('g');
    const join = ({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name }).ref();
      state.count = 0;
      const count = () => {
        state.count += 1;
      };
      state.subscription = state.bus.subscribe('work', count, { group: 'g' });
    };
    const threads = await Promise.all([Thread.start(t), Thread.start(t)]);
    for (const thread of threads) await thread.run(join, bus.name);
    const [own] = members(bus, 'g', 1);
    await publishAll(bus, 30);
    const counts = await Promise.all(threads.map((thread) => thread.run(({ state }) => state.count)));
    assert.deepEqual([own.got.length, ...counts], [10, 10, 10]);
    await threads[0].terminate();
    await threads[1].run(({ state }) => state.subscription.unsubscribe());
    await publishAll(bus, 30);
    assert.equal(own.got.length, 40);
  });
});

describe('a member is passed over', () => {
  it('that has as many messages in hand as it may', async (t) => {
    const bus = openBus(t);
    const stalled = bus.subscribe('work', never, { group: 'g', maxInFlight: 1 });
    const [free] = members(bus, 'g', 1);
    for (let n = 0; n < 20; n += 1) bus.publish('work', n);
    bus.flush();
    await waitUntil(() => stalled.stats.inFlight + free.got.length === 20, 'all messages');
    assert.equal(stalled.stats.admitted, 1);
  });

  it('that is full; when all are the message is refused', async (t) => {
    const bus = openBus(t);
    const first = bus.subscribe('work', never, { group: 'g', queueLimit: 2 });
    const second = bus.subscribe('work', never, { group: 'g', queueLimit: 3 });
    const answers = Array.from({ length: 6 }, (_, n) => bus.publish('work', n));
    assert.deepEqual(answers, [true, true, true, true, true, false]);
    assert.deepEqual([first.stats.admitted, second.stats.admitted], [2, 3]);
    const group = bus.createGroup('g');
    assert.equal(group.stats.assigned, 5);
    assert.ok(group.stats.refused >= 1);
    const writable = bus.writable('work');
    first.unsubscribe();
    second.unsubscribe();
    await writable;
  });
});

describe('a member that joins', () => {
  it('makes room for those who wait, in any thread', async (t) => {
    const bus = openBus(t);
    bus.subscribe('work', never, { group: 'g', queueLimit: 1 });
    assert.deepEqual([bus.publish('work', 1), bus.publish('work', 2)], [true, false]);
    const writable = bus.writable('work');
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name }).ref();
      state.bus.subscribe('work', () => {}, { group: 'g' });
    }, bus.name);
    await writable;
    assert.equal(bus.publish('work', 2), true);
  });

  it('has a request go on that waits for room', async (t) => {
    const bus = openBus(t);
    bus.subscribe('work', never, { group: 'g', queueLimit: 1 });
    bus.publish('work', 1);
    const request = bus.request('work', 2, { timeoutMs: 60_000 });
    await turn();
    bus.subscribe('work', () => 'answer', { group: 'g' });
    assert.equal(await request, 'answer');
  });
});

describe('createGroup', () => {
  it('gives the figures of a group', async (t) => {
    const bus = openBus(t);
    const group = bus.createGroup('g', { balancing: 'least-busy' });
    assert.ok(group instanceof SubscriptionGroup);
    assert.deepEqual([group.name, group.balancing, group.delivery], ['g', 'least-busy', 'one-of']);
    const [{ subscription }] = members(bus, group, 2);
    await publishAll(bus, 8);
    subscription.unsubscribe();
    await turn();
    const { members: count, assigned, refused, ...stats } = group.stats;
    assert.deepEqual([count, assigned, refused, stats.handled], [1, 8, 0, 8]);
    assertLedger(stats);
  });

  it('refuses other settings for a group that is there, in any thread', async (t) => {
    const bus = openBus(t);
    bus.createGroup('g', { balancing: 'random' });
    bus.createGroup('g', { balancing: 'random' });
    assert.throws(() => bus.createGroup('g'), { code: 'ERR_AGENTWIRE_GROUP', message: /"random".*"one-of"/ });
    const thread = await Thread.start(t);
    const code = await thread.run(({ agentwire }, name) => {
      try {
        new agentwire.EventBus({ name }).createGroup('g', { balancing: 'random', delivery: 'all' });
      } catch (error) {
        return error.code;
      }
    }, bus.name);
    assert.equal(code, 'ERR_AGENTWIRE_GROUP');
  });

  it('may come after members: the settings count from then on', async (t) => {
    const bus = openBus(t);
    const all = members(bus, 'g', 2);
    await publishAll(bus, 4);
    bus.createGroup('g', { delivery: 'all' });
    await publishAll(bus, 1);
    assert.deepEqual(
      all.map(({ got }) => got.length),
      [3, 3],
    );
  });

  it('refuses what is no name and no setting', (t) => {
    const bus = openBus(t);
    for (const name of ['', 'n'.repeat(257), 1, null]) {
      assert.throws(() => bus.createGroup(name), { code: 'ERR_AGENTWIRE_ARGUMENT', message: /name/ });
      assert.throws(() => bus.subscribe('a', () => {}, { group: name }), {
        code: 'ERR_AGENTWIRE_ARGUMENT',
        message: /group/,
      });
    }
    assert.throws(() => bus.createGroup('g', { balancing: 'best' }), {
      code: 'ERR_AGENTWIRE_ARGUMENT',
      message: /round-robin/,
    });
    assert.throws(() => bus.createGroup('g', { delivery: 'some' }), {
      code: 'ERR_AGENTWIRE_ARGUMENT',
      message: /one-of/,
    });
    assert.throws(() => bus.createGroup('g', { size: 1 }), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION', message: /size/ });
    assert.throws(() => bus.createGroup('g', null), { code: 'ERR_AGENTWIRE_ARGUMENT' });
    bus.close();
    assert.throws(() => bus.createGroup('g'), { code: 'ERR_AGENTWIRE_CLOSED' });
  });
});
