'use strict';

// In what order messages come, and what overtakes what.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventPriority } = require('agentwire');
const { stall, Thread, waitUntil } = require('./helpers.js');
const { gotBy, openBus, startListener, waitForCount } = require('./listeners.js');

const { CRITICAL, HIGH, NORMAL, LOW } = EventPriority;

describe('order', () => {
  it('holds per publisher, topic and priority, from several threads to several threads', async (t) => {
    const bus = openBus(t);
    const perStream = 400;
    const publish = async ({ agentwire, state }, name, who, perStream) => {
      state.bus ??= new agentwire.EventBus({ name });
      for (let i = 0; i < perStream; i += 1) {
        for (const topic of ['o.1', 'o.2', 'o.3']) {
          for (let priority = 0; priority < 4; priority += 1) {
            while (!state.bus.publish(topic, { who, i }, { priority })) await state.bus.writable(topic);
          }
        }
      }
    };
    const listen = ({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.count = 0;
      state.faults = [];
      state.next = {};
      state.bus.subscribe('o.*', ({ who, i }, { topic, priority }) => {
        const stream = `${who} ${topic} ${priority}`;
        if (i !== (state.next[stream] ?? 0)) state.faults.push(`${stream}: ${i} instead of ${state.next[stream] ?? 0}`);
        state.next[stream] = i + 1;
        state.count += 1;
      });
    };
    const listeners = [await Thread.start(t), await Thread.start(t)];
    const publisher = await Thread.start(t);
    const here = { agentwire: require('agentwire'), state: {} };
    t.after(() => here.state.bus.close());
    listen(here, bus.name);
    for (const listener of listeners) await listener.run(listen, bus.name);
    await Promise.all([
      publisher.run(publish, bus.name, 'thread', perStream),
      publish({ agentwire: here.agentwire, state: { bus } }, bus.name, 'main', perStream),
    ]);
    const total = 2 * perStream * 3 * 4;
    await waitUntil(() => here.state.count === total, 'all messages here');
    assert.deepEqual(here.state.faults, []);
    for (const listener of listeners) {
      await waitUntil(async () => (await listener.run(({ state }) => state.count)) === total, 'all messages there');
      assert.deepEqual(await listener.run(({ state }) => state.faults), []);
    }
  });

  it('is overtaken by a higher priority', async (t) => {
    const bus = openBus(t);
    const thread = await startListener(t, bus, ['p']);
    const stalled = await stall(thread);
    for (const priority of [LOW, NORMAL, HIGH, CRITICAL]) {
      for (let i = 0; i < 5; i += 1) bus.publish('p', `${priority}.${i}`, { priority });
    }
    bus.flush();
    await stalled.release();
    await waitForCount(thread, 20);
    const expected = [CRITICAL, HIGH, NORMAL, LOW].flatMap((priority) =>
      [0, 1, 2, 3, 4].map((i) => `${priority}.${i}`),
    );
    assert.deepEqual(
      (await gotBy(thread)).map(([, , payload]) => payload),
      expected,
    );
  });

  it('leaves the lower priorities their share', async (t) => {
    const bus = openBus(t);
    const thread = await startListener(t, bus, ['p']);
    const stalled = await stall(thread);
    for (let i = 0; i < 2000; i += 1) {
      bus.publish('p', HIGH, { priority: HIGH });
      bus.publish('p', NORMAL);
      if (i < 50) bus.publish('p', LOW, { priority: LOW });
    }
    bus.flush();
    await stalled.release();
    await waitForCount(thread, 4050);
    const got = (await gotBy(thread)).map(([, , payload]) => payload);
    // HIGH, NORMAL and LOW are served 60 : 40 : 10.
    for (let round = 0; round < 5; round += 1) {
      const served = got.slice(110 * round, 110 * (round + 1));
      const count = (priority) => served.filter((payload) => payload === priority).length;
      assert.deepEqual([count(HIGH), count(NORMAL), count(LOW)], [60, 40, 10], `round ${round}`);
    }
  });
});

describe('CRITICAL', () => {
  it('is noticed between two handlers of a batch, sent by the handler itself', async (t) => {
    const bus = openBus(t);
    const got = [];
    bus.subscribe('c', (payload) => {
      got.push(payload);
      if (payload === 3) bus.publish('c', 'critical', { priority: CRITICAL });
    });
    for (let i = 0; i < 100; i += 1) bus.publish('c', i);
    await waitUntil(() => got.length === 101, 'all messages');
    assert.deepEqual(got.slice(0, 6), [0, 1, 2, 3, 'critical', 4]);
  });

  it('is noticed between two handlers of a batch, sent by another thread', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    const gate = new Int32Array(new SharedArrayBuffer(8));
    await thread.run(
      ({ agentwire, state }, name, gate) => {
        state.bus = new agentwire.EventBus({ name });
        state.got = [];
        state.bus.subscribe('c', (payload) => {
          state.got.push(payload);
          if (payload !== 3) return;
          Atomics.store(gate, 0, 1);
          Atomics.wait(gate, 1, 0);
        });
      },
      bus.name,
      gate,
    );
    for (let i = 0; i < 100; i += 1) bus.publish('c', i);
    bus.flush();
    await waitUntil(() => Atomics.load(gate, 0) === 1, 'the handler of message 3');
    bus.publish('c', 'critical', { priority: CRITICAL });
    Atomics.store(gate, 1, 1);
    Atomics.notify(gate, 1);
    await waitForCount(thread, 101);
    assert.deepEqual((await gotBy(thread)).slice(0, 6), [0, 1, 2, 3, 'critical', 4]);
  });

  it('does not overtake itself', async (t) => {
    const bus = openBus(t);
    const got = [];
    bus.subscribe('c', (payload) => {
      got.push(payload);
      if (payload === 'c0') {
        bus.publish('c', 'c40', { priority: CRITICAL });
        bus.publish('c', 'c41', { priority: CRITICAL });
      }
    });
    for (let i = 0; i < 40; i += 1) {
      bus.publish('c', `n${i}`);
      bus.publish('c', `c${i}`, { priority: CRITICAL });
    }
    await waitUntil(() => got.length === 82, 'all messages');
    const critical = Array.from({ length: 42 }, (_, i) => `c${i}`);
    assert.deepEqual(
      got.filter((payload) => payload.startsWith('c')),
      critical,
    );
    assert.deepEqual(
      got.filter((payload) => payload.startsWith('n')),
      Array.from({ length: 40 }, (_, i) => `n${i}`),
    );
  });
});
