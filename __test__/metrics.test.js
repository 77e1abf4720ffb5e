'use strict';

// getMetrics: sums of all threads, and the figures of each priority, topic, subscription and group.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus, EventPriority } = require('agentwire');
const { assertLedger, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('metrics') });
  t.after(() => bus.close());
  return bus;
}

const { CRITICAL, HIGH, NORMAL, LOW } = EventPriority;

/** Publishes one message for each priority, so many times, and waits until all have been handled. */
async function publishAll(bus, topic, priorities) {
  for (const priority of priorities) bus.publish(topic, priority, { priority });
  bus.flush();
  await waitUntil(() => bus.getMetrics().inFlight === 0, 'all to be handled');
}

describe('getMetrics', () => {
  it('counts what is published by priority', async (t) => {
    const bus = openBus(t);
    bus.subscribe('a', () => {});
    await publishAll(bus, 'a', [CRITICAL, HIGH, HIGH, NORMAL, NORMAL, NORMAL, LOW]);
    await publishAll(bus, 'nobody', [LOW]);
    const { published, publishedByPriority, unmatched } = bus.getMetrics();
    assert.deepEqual(publishedByPriority, { CRITICAL: 1, HIGH: 2, NORMAL: 3, LOW: 2 });
    assert.deepEqual([published, unmatched], [8, 1]);
  });

  it('has the names of a monitor', async (t) => {
    const bus = openBus(t);
    const pending = Promise.withResolvers?.() ?? {};
    pending.promise ??= new Promise((resolve) => Object.assign(pending, { resolve }));
    bus.subscribe('slow', () => pending.promise);
    bus.subscribe('lossy', () => pending.promise, { queueLimit: 2, overflow: 'drop-newest' });
    for (let i = 0; i < 5; i += 1) {
      bus.publish('slow', i);
      bus.publish('lossy', i);
    }
    bus.flush();
    await turn();
    const metrics = bus.getMetrics();
    assert.equal(metrics['communication.queue.depth'], 7);
    assert.equal(metrics['communication.errors.overflow'], 3);
    assert.ok(metrics['communication.throughput'] > 0);
    const utilization = metrics['communication.pool.utilization'];
    assert.ok(utilization > 0 && utilization < 1, `${utilization}`);
    // Nothing was published since the last look.
    assert.equal(bus.getMetrics()['communication.throughput'], 0);
    pending.resolve();
    await waitUntil(() => bus.getMetrics()['communication.queue.depth'] === 0, 'all to be handled');
  });

  it('lists no topics, subscriptions and groups unless asked', (t) => {
    const metrics = openBus(t).getMetrics();
    for (const key of ['perTopic', 'perSubscription', 'perGroup']) assert.ok(!(key in metrics), key);
  });

  it('refuses options that it does not know', (t) => {
    const bus = openBus(t);
    const refuses = (options, code, message) => assert.throws(() => bus.getMetrics(options), { code, message });
    refuses({ perTopic: 1 }, 'ERR_AGENTWIRE_ARGUMENT', /perTopic/);
    refuses({ perGroup: 'yes' }, 'ERR_AGENTWIRE_ARGUMENT', /perGroup/);
    refuses({ perSubscription: null }, 'ERR_AGENTWIRE_ARGUMENT', /perSubscription/);
    refuses({ perThread: true }, 'ERR_AGENTWIRE_UNKNOWN_OPTION', /perThread/);
    refuses(null, 'ERR_AGENTWIRE_ARGUMENT', /options/);
    refuses({ perTopic: 'a..b' }, 'ERR_AGENTWIRE_TOPIC', /a\.\.b/);
  });
});

describe('perTopic', () => {
  it('counts what every thread has published, also those that are gone', async (t) => {
    const bus = openBus(t);
    bus.subscribe('a.*', () => {});
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      for (let i = 0; i < 3; i += 1) state.bus.publish('a.x', i);
      state.bus.publish('b', 1, { priority: 0 });
      state.bus.flush();
    }, bus.name);
    await publishAll(bus, 'a.x', [LOW]);
    const look = () => bus.getMetrics({ perTopic: true }).perTopic;
    const expected = [
      {
        topic: 'a.x',
        published: 4,
        publishedByPriority: { CRITICAL: 0, HIGH: 0, NORMAL: 3, LOW: 1 },
        unmatched: 0,
        refused: 0,
        subscriptions: 1,
      },
      {
        topic: 'b',
        published: 1,
        publishedByPriority: { CRITICAL: 1, HIGH: 0, NORMAL: 0, LOW: 0 },
        unmatched: 1,
        refused: 0,
        subscriptions: 0,
      },
    ];
    assert.deepEqual(look(), expected);
    await thread.terminate();
    assert.deepEqual(look(), expected);
    assert.equal(bus.getMetrics().published, 5);
  });

  it('takes a pattern, and counts refusals', (t) => {
    const bus = openBus(t);
    bus.subscribe('full.*', () => new Promise(() => {}), { queueLimit: 1 });
    for (const topic of ['full.a', 'full.a', 'other']) {
      bus.publish(topic, 0);
      bus.flush();
    }
    const { perTopic } = bus.getMetrics({ perTopic: 'full.**' });
    assert.deepEqual(
      perTopic.map(({ topic, published }) => [topic, published]),
      [['full.a', 1]],
    );
    assert.ok(perTopic[0].refused > 0);
    assert.deepEqual(bus.getMetrics({ perTopic: 'nothing.*' }).perTopic, []);
  });
});

describe('perSubscription', () => {
  it('lists the open ones of all threads, with ledgers that are right', async (t) => {
    const bus = openBus(t);
    const own = bus.subscribe('a', () => {}, { group: 'workers' });
    const ended = bus.subscribe('a', () => {});
    ended.unsubscribe();
    const thread = await Thread.start(t);
    const id = await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      return state.bus.subscribe('**', () => {}).id;
    }, bus.name);
    await publishAll(bus, 'a', [NORMAL, NORMAL]);
    const { perSubscription } = bus.getMetrics({ perSubscription: true });
    assert.deepEqual(
      perSubscription.map((one) => [one.id, one.pattern, one.group, one.handled]),
      [
        [own.id, 'a', 'workers', 2],
        [id, '**', undefined, 2],
      ],
    );
    assert.notEqual(perSubscription[0].subscriber, perSubscription[1].subscriber);
    perSubscription.forEach(assertLedger);
  });
});

describe('perGroup', () => {
  it('lists the groups by name', async (t) => {
    const bus = openBus(t);
    bus.createGroup('z', { balancing: 'least-busy' });
    bus.subscribe('a', () => {}, { group: 'b' });
    bus.subscribe('a', () => {}, { group: 'b' });
    await publishAll(bus, 'a', [NORMAL, NORMAL, NORMAL]);
    const { perGroup } = bus.getMetrics({ perGroup: true });
    assert.deepEqual(
      perGroup.map(({ group, members, assigned, handled }) => [group, members, assigned, handled]),
      [
        ['b', 2, 3, 3],
        ['z', 0, 0, 0],
      ],
    );
  });
});
