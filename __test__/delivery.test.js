'use strict';

// Who gets a message: the subscriptions that match, each with a copy of its own.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventPriority } = require('agentwire');
const { publishAll, Thread, turn, waitUntil } = require('./helpers.js');
const { gotBy, openBus, startListener, waitForCount } = require('./listeners.js');

const topics = ['a', 'b', 'a.b', 'a.c', 'a.b.c', 'x.b.c', 'a.x.y.b', 'a.b.a.b'];
const matches = {
  a: ['a'],
  'a.b': ['a.b'],
  '*': ['a', 'b'],
  'a.*': ['a.b', 'a.c'],
  '*.b': ['a.b'],
  '*.*.c': ['a.b.c', 'x.b.c'],
  '**': topics,
  'a.**': ['a', 'a.b', 'a.c', 'a.b.c', 'a.x.y.b', 'a.b.a.b'],
  '**.b': ['b', 'a.b', 'a.x.y.b', 'a.b.a.b'],
  'a.**.b': ['a.b', 'a.x.y.b', 'a.b.a.b'],
  '**.b.**': ['b', 'a.b', 'a.b.c', 'x.b.c', 'a.x.y.b', 'a.b.a.b'],
  'a.b.**': ['a.b', 'a.b.c', 'a.b.a.b'],
  'a.*.**': ['a.b', 'a.c', 'a.b.c', 'a.x.y.b', 'a.b.a.b'],
  'q.**': [],
};
const matchCount = Object.values(matches).reduce((sum, { length }) => sum + length, 0);

describe('patterns', () => {
  it('take the topics that they match, on the thread of the publisher', async (t) => {
    const bus = openBus(t);
    const got = Object.fromEntries(Object.keys(matches).map((pattern) => [pattern, []]));
    let count = 0;
    for (const pattern of Object.keys(matches)) {
      bus.subscribe(pattern, (payload, context) => {
        assert.equal(payload.sentTo, context.topic);
        got[pattern].push(context.topic);
        count += 1;
      });
    }
    for (const topic of topics) assert.equal(bus.publish(topic, { sentTo: topic }), true);
    await waitUntil(() => count === matchCount, 'all messages');
    assert.deepEqual(got, matches);
    for (const topic of topics) {
      const expected = Object.values(matches).filter((matched) => matched.includes(topic)).length;
      assert.equal(bus.countMatchingSubscriptions(topic), expected, topic);
    }
  });

  it('take the topics that they match, on another thread', async (t) => {
    const bus = openBus(t);
    const thread = await startListener(t, bus, Object.keys(matches));
    for (const topic of topics) assert.equal(bus.publish(topic, topic), true);
    await waitForCount(thread, matchCount);
    const got = await gotBy(thread);
    for (const [pattern, expected] of Object.entries(matches)) {
      const matched = got.filter(([by]) => by === pattern).map(([, topic, payload]) => [topic, payload]);
      assert.deepEqual(
        matched,
        expected.map((topic) => [topic, topic]),
        pattern,
      );
    }
  });

  it('may be added after a topic was published to', async (t) => {
    const bus = openBus(t);
    bus.publish('late.topic', 'nobody');
    bus.flush();
    const got = [];
    bus.subscribe('late.topic', (payload) => got.push(`exact ${payload}`));
    bus.publish('late.topic', 1);
    bus.flush();
    bus.subscribe('late.*', (payload) => got.push(`wild ${payload}`));
    bus.publish('late.topic', 2);
    await waitUntil(() => got.length === 3, 'three messages');
    assert.deepEqual(got, ['exact 1', 'exact 2', 'wild 2']);
  });

  it('may be of any characters', async (t) => {
    const bus = openBus(t);
    const names = [
      'ünïcödé.☂.😀',
      'with space.and\ttab',
      'nul\0.in it',
      '__proto__',
      'constructor.toString',
      '1.2.3',
      'x'.repeat(256),
    ];
    const got = [];
    for (const name of names) bus.subscribe(name, (payload, { topic }) => got.push([payload, topic]));
    for (const name of names) bus.publish(name, name);
    await waitUntil(() => got.length === names.length, 'a message for each');
    assert.deepEqual(
      got,
      names.map((name) => [name, name]),
    );
  });
});

describe('copies', () => {
  it('are made when publish returns, one for each subscription', async (t) => {
    const bus = openBus(t);
    const seen = [];
    for (let i = 0; i < 3; i += 1) {
      bus.subscribe('copy', (payload) => {
        seen.push(structuredClone(payload));
        payload.list.push('changed by a handler');
        payload.nested.map.set('changed', true);
        payload.bytes.fill(9);
      });
    }
    const value = { list: [1], nested: { map: new Map([['k', 1]]) }, bytes: new Uint8Array([1, 2]) };
    const before = structuredClone(value);
    bus.publish('copy', value);
    value.list.push('changed by the publisher');
    value.bytes.fill(7);
    await waitUntil(() => seen.length === 3, 'three deliveries');
    for (const payload of seen) assert.deepEqual(payload, before);
    assert.deepEqual(value.list, [1, 'changed by the publisher']);
  });

  it('are made for several subscriptions on another thread, of large payloads and headers too', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.got = [];
      for (let i = 0; i < 3; i += 1) {
        state.bus.subscribe('copy', (payload, context) => {
          state.got.push([payload[0], context.headers.h[0]]);
          payload.fill(9);
          context.headers.h[0] = 9;
        });
      }
    }, bus.name);
    bus.publish('copy', new Uint8Array(10), { headers: { h: [0] } });
    bus.publish('copy', new Uint8Array(10_000), { headers: { h: [0] } });
    await waitForCount(thread, 6);
    assert.deepEqual(await gotBy(thread), Array(6).fill([0, 0]));
  });
});

describe('topics beyond the table of a bus', () => {
  it('are delivered all the same', async (t) => {
    const bus = openBus(t);
    const count = 135_000;
    const tableSize = 131_072;
    const seen = new Set();
    let exact = 0;
    let faults = 0;
    bus.subscribe('**', (payload, { topic, headers, correlationId }) => {
      if (topic !== `many.${payload.i}`) faults += 1;
      if (payload.i % 1000 === 0 && (headers?.i !== payload.i || correlationId !== BigInt(payload.i))) faults += 1;
      if (payload.i % 5000 === 1 && payload.fill.length !== 6000) faults += 1;
      seen.add(topic);
    });
    bus.subscribe('*.134999', () => {
      exact += 1;
    });
    bus.subscribe('many.134999', () => {
      exact += 1;
    });
    for (let i = 0; i < count; i += 1) {
      const payload = i % 5000 === 1 ? { i, fill: 'x'.repeat(6000) } : { i };
      const options = i % 1000 === 0 ? { headers: { i }, correlationId: BigInt(i) } : undefined;
      await publishAll(bus, `many.${i}`, [payload], options);
    }
    await waitUntil(() => seen.size === count && exact === 2, 'all topics');
    assert.equal(faults, 0);
    assert.equal(bus.getMetrics().topics, tableSize);
    assert.throws(() => bus.publish('many.*', 1), { code: 'ERR_AGENTWIRE_TOPIC' });
    assert.throws(() => bus.publish('many..x', 1), { code: 'ERR_AGENTWIRE_TOPIC' });

    // Limits and `writable` work for them as for others.
    let release;
    const released = new Promise((resolve) => {
      release = resolve;
    });
    const limited = bus.subscribe('beyond.limited', () => released, { queueLimit: 2 });
    bus.publish('beyond.open', 1);
    const answers = [1, 2, 3].map((i) => {
      bus.publish('beyond.open', i);
      return bus.publish('beyond.limited', i);
    });
    assert.deepEqual(answers, [true, true, false]);
    let isWritable = false;
    const writable = bus.writable('beyond.limited').then(() => {
      isWritable = true;
    });
    await bus.writable('beyond.open');
    await waitUntil(() => limited.stats.inFlight === 2, 'both in flight');
    await turn();
    assert.equal(isWritable, false);
    release();
    await writable;
    assert.equal(bus.publish('beyond.limited', 4), true);
  });
});

describe('fan-out', () => {
  it('to more subscriptions on a thread than a record lists', async (t) => {
    const bus = openBus(t);
    const subscriptions = 1100;
    const thread = await Thread.start(t);
    const listen = ({ agentwire, state }, name, subscriptions) => {
      state.bus = new agentwire.EventBus({ name });
      state.got = Array.from({ length: subscriptions }, () => []);
      for (let i = 0; i < subscriptions; i += 1) {
        state.bus.subscribe(i % 2 === 0 ? 'fan' : '*', (payload, { headers }) => {
          state.got[i].push([payload.n, payload.fill?.length, headers?.h]);
          payload.n = -1;
        });
      }
    };
    const here = { agentwire: require('agentwire'), state: {} };
    listen(here, bus.name, subscriptions);
    t.after(() => here.state.bus.close());
    await thread.run(listen, bus.name, subscriptions);
    bus.publish('fan', { n: 1 });
    bus.publish('fan', { n: 2 }, { headers: { h: 2 } });
    bus.publish('fan', { n: 3, fill: 'x'.repeat(5000) });
    bus.publish('fan', { n: 4 }, { priority: EventPriority.CRITICAL });
    bus.publish('fan', { n: 5 });
    const isDone = ({ state }) => state.got.every(({ length }) => length === 5);
    await waitUntil(() => isDone(here), 'all here');
    await waitUntil(() => thread.run(isDone), 'all there');
    const expected = [
      [1, undefined, undefined],
      [2, undefined, 2],
      [3, 5000, undefined],
      [4, undefined, undefined],
      [5, undefined, undefined],
    ];
    for (const got of [...here.state.got, ...(await gotBy(thread))]) {
      assert.deepEqual(
        [...got].sort(([a], [b]) => a - b),
        expected,
      );
    }
  });
});
