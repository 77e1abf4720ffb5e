'use strict';

// Who gets a message, in what order, and what is in it.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus, EventPriority } = require('agentwire');
const { publishAll, stall, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

const { CRITICAL, HIGH, NORMAL, LOW } = EventPriority;

/** A bus that is closed after the test. */
function openBus(t, options = {}) {
  const bus = new EventBus({ name: uniqueName('delivery'), ...options });
  t.after(() => bus.close());
  return bus;
}

/** A thread that keeps what it gets: `state.got` has `[topic, payload]`. */
async function startListener(t, bus, patterns) {
  const thread = await Thread.start(t);
  await thread.run(
    ({ agentwire, state }, name, patterns) => {
      state.bus = new agentwire.EventBus({ name });
      state.got = [];
      for (const pattern of patterns) {
        state.bus.subscribe(pattern, (payload, { topic }) => state.got.push([pattern, topic, payload]));
      }
    },
    bus.name,
    patterns,
  );
  return thread;
}

const gotBy = (thread) => thread.run(({ state }) => state.got);
const waitForCount = (thread, count) =>
  waitUntil(async () => (await thread.run(({ state }) => state.got.length)) >= count, `${count} messages`);

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

describe('the context', () => {
  it('tells what was given and stays valid', async (t) => {
    const bus = openBus(t);
    const contexts = [];
    const firstNs = BigInt(Date.now()) * 1_000_000n;
    bus.subscribe('**', async (payload, context) => {
      await turn();
      await turn();
      contexts.push([payload, context]);
    });
    const count = 3000;
    for (let i = 0; i < count; i += 1) {
      const options = {
        priority: i % 4,
        headers: i % 3 === 0 ? { trace: `t${i}`, at: new Date(i) } : undefined,
        correlationId: i % 5 === 0 ? 2n ** 64n - 1n - BigInt(i) : undefined,
      };
      while (!bus.publish(`ctx.${i % 7}`, i, options)) await bus.writable(`ctx.${i % 7}`);
    }
    await waitUntil(() => contexts.length === count, 'all messages');
    const lastNs = BigInt(Date.now() + 1) * 1_000_000n;
    const sequences = new Set();
    for (const [i, context] of contexts) {
      assert.equal(context.topic, `ctx.${i % 7}`);
      assert.equal(context.priority, i % 4);
      assert.equal(context.attempt, 0);
      assert.deepEqual(context.headers, i % 3 === 0 ? { trace: `t${i}`, at: new Date(i) } : undefined);
      assert.equal(context.correlationId, i % 5 === 0 ? 2n ** 64n - 1n - BigInt(i) : undefined);
      assert.ok(context.timestamp >= firstNs && context.timestamp <= lastNs, `${context.timestamp}`);
      assert.equal(context.publisher, contexts[0][1].publisher);
      sequences.add(context.sequence);
    }
    assert.equal(sequences.size, count);
    const lowest = Math.min(...sequences);
    assert.equal(Math.max(...sequences) - lowest, count - 1, 'sequences have no gaps');
  });

  it('names the publishing thread', async (t) => {
    const bus = openBus(t);
    const publishers = {};
    bus.subscribe('who', (payload, { publisher }) => {
      publishers[payload] = publisher;
    });
    const threads = [await Thread.start(t), await Thread.start(t)];
    for (const [index, thread] of threads.entries()) {
      await thread.run(
        ({ agentwire }, name, index) => new agentwire.EventBus({ name }).publish('who', `thread ${index}`),
        bus.name,
        index,
      );
    }
    bus.publish('who', 'main');
    await waitUntil(() => Object.keys(publishers).length === 3, 'three publishers');
    assert.equal(new Set(Object.values(publishers)).size, 3);
  });

  it('has only what was given', async (t) => {
    const bus = openBus(t);
    const contexts = [];
    bus.subscribe('plain', (_payload, context) => contexts.push(context));
    bus.publish('plain', 1);
    bus.publish('plain', 2, {});
    bus.publish('plain', 3, { headers: {}, correlationId: 0n });
    await waitUntil(() => contexts.length === 3, 'three messages');
    assert.deepEqual(
      contexts.map(({ headers, correlationId, priority }) => [headers, correlationId, priority]),
      [
        [undefined, undefined, NORMAL],
        [undefined, undefined, NORMAL],
        [{}, 0n, NORMAL],
      ],
    );
  });
});

describe('large payloads', () => {
  const KiB = 1024;
  const sizes = [
    4000,
    4080,
    4090,
    4095,
    4096,
    4097,
    4100,
    4200,
    5 * KiB,
    64 * KiB,
    300 * KiB,
    KiB * KiB,
    8 * KiB * KiB,
  ];
  const pattern = (size, seed) => Buffer.alloc(size, `${seed} the quick brown fox `);

  it('arrive as they were sent, on the same thread', async (t) => {
    const bus = openBus(t);
    const got = [];
    bus.subscribe('large', (payload, { headers }) => got.push([payload, headers]));
    for (const size of sizes) {
      const text = pattern(size, size).toString('latin1');
      await publishAll(bus, 'large', [new Uint8Array(pattern(size, size)), text, `${text}☂`]);
      await publishAll(bus, 'large', [text], { headers: { size }, correlationId: 5n, priority: CRITICAL });
    }
    await waitUntil(() => got.length === 4 * sizes.length, 'all payloads');
    const find = (isIt) => got.filter(([payload, headers]) => isIt(payload, headers));
    for (const size of sizes) {
      const bytes = pattern(size, size);
      const text = bytes.toString('latin1');
      const binary = find((payload) => payload instanceof Uint8Array && payload.length === size);
      assert.equal(binary.length, 1);
      assert.equal(bytes.equals(binary[0][0]), true);
      assert.equal(find((payload, headers) => payload === text && headers === undefined).length, 1);
      assert.equal(find((payload) => payload === `${text}☂`).length, 1);
      assert.equal(find((payload, headers) => payload === text && headers?.size === size).length, 1);
    }
  });

  it('arrive as they were sent, on another thread, for several subscriptions', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state, require }, name) => {
      const { createHash } = require('node:crypto');
      state.bus = new agentwire.EventBus({ name });
      state.got = [];
      for (const who of ['a', 'b']) {
        state.bus.subscribe('large', (payload) => {
          state.got.push([who, payload.length, createHash('sha1').update(payload).digest('hex')]);
        });
      }
    }, bus.name);
    const { createHash } = require('node:crypto');
    const expected = [];
    for (const size of sizes) {
      const bytes = new Uint8Array(pattern(size, size));
      await publishAll(bus, 'large', [bytes]);
      const hash = createHash('sha1').update(bytes).digest('hex');
      expected.push(['a', size, hash], ['b', size, hash]);
    }
    await waitForCount(thread, expected.length);
    assert.deepEqual(await gotBy(thread), expected);
  });

  it('keep their place among small ones', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.got = [];
      state.bus.subscribe('mixed', ({ i, fill }) => state.got.push([i, fill.length]));
    }, bus.name);
    const lengths = [0, 10, 5000, 1, 100_000, 4000, 4096, 3, 3, 9000];
    const expected = [];
    for (let i = 0; i < 500; i += 1) {
      const fill = 'x'.repeat(lengths[i % lengths.length]);
      await publishAll(bus, 'mixed', [{ i, fill }]);
      expected.push([i, fill.length]);
    }
    await waitForCount(thread, expected.length);
    assert.deepEqual(await gotBy(thread), expected);
  });
});

describe('topics beyond the table of a bus', () => {
  it('are delivered all the same', async (t) => {
    const bus = openBus(t);
    const count = 70_000;
    const tableSize = 65_536;
    const seen = new Set();
    let exact = 0;
    let faults = 0;
    bus.subscribe('**', (payload, { topic, headers, correlationId }) => {
      if (topic !== `many.${payload.i}`) faults += 1;
      if (payload.i % 1000 === 0 && (headers?.i !== payload.i || correlationId !== BigInt(payload.i))) faults += 1;
      if (payload.i % 5000 === 1 && payload.fill.length !== 6000) faults += 1;
      seen.add(topic);
    });
    bus.subscribe('*.69999', () => {
      exact += 1;
    });
    bus.subscribe('many.69999', () => {
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

describe('unsubscribe', () => {
  it('takes effect at once, within a handler too', async (t) => {
    const bus = openBus(t);
    const got = [];
    const first = bus.subscribe('u', (payload) => {
      got.push(`first ${payload}`);
      if (payload === 2) first.unsubscribe();
    });
    const second = bus.subscribe('u', (payload) => {
      got.push(`second ${payload}`);
      if (payload === 1) third.unsubscribe();
    });
    const third = bus.subscribe('u', (payload) => got.push(`third ${payload}`));
    for (let i = 0; i < 5; i += 1) bus.publish('u', i);
    await waitUntil(() => second.stats.handled === 5, 'all messages');
    const expected = [
      'first 0',
      'second 0',
      'third 0',
      'first 1',
      'second 1',
      'first 2',
      'second 2',
      'second 3',
      'second 4',
    ];
    assert.deepEqual(got, expected);
    assert.deepEqual([first.closed, second.closed, third.closed], [true, false, true]);
    assert.equal(bus.countMatchingSubscriptions('u'), 1);
    first.unsubscribe();
    assert.equal(bus.countMatchingSubscriptions('u'), 1, 'twice is once');
  });

  it('leaves the other subscriptions of a handler', async (t) => {
    const bus = openBus(t);
    let count = 0;
    const handler = () => {
      count += 1;
    };
    const one = bus.subscribe('same', handler);
    bus.subscribe('same', handler);
    bus.publish('same', 1);
    await waitUntil(() => count === 2, 'both');
    one.unsubscribe();
    bus.publish('same', 2);
    await waitUntil(() => count === 3, 'the one that is left');
    await turn();
    assert.equal(count, 3);
  });

  it('lets places be used again', async (t) => {
    const bus = openBus(t);
    let count = 0;
    for (let i = 0; i < 2000; i += 1) {
      const subscription = bus.subscribe(`again.${i % 3}`, (payload) => {
        assert.equal(payload, i);
        count += 1;
      });
      bus.publish(`again.${i % 3}`, i);
      if (i % 2 === 0) await waitUntil(() => count === i / 2 + 1, `message ${i}`);
      else bus.flush();
      subscription.unsubscribe();
    }
    const { subscriptions, dropped } = bus.getMetrics();
    await waitUntil(() => bus.getMetrics().inFlight === 0, 'the end of all');
    assert.equal(subscriptions, 0);
    assert.equal(dropped.undecodable, 0);
    assert.equal(bus.getMetrics().dropped.unsubscribed, 1000);
    assert.equal(bus.getMetrics().handled, 1000);
  });

  it('keeps what was published before a subscription from it', async (t) => {
    const bus = openBus(t);
    const got = [];
    bus.subscribe('before', (payload) => {
      got.push(`old ${payload}`);
      if (payload === 0) bus.subscribe('before', (later) => got.push(`new ${later}`));
      if (payload === 1) bus.publish('before', 2);
    });
    bus.publish('before', 0);
    bus.publish('before', 1);
    await waitUntil(() => got.includes('new 2'), 'the new subscription');
    assert.deepEqual(got, ['old 0', 'old 1', 'old 2', 'new 2']);
  });
});

describe('buses', () => {
  it('of different names have nothing in common', async (t) => {
    const [one, two] = [openBus(t), openBus(t)];
    const got = [];
    one.subscribe('**', (payload) => got.push(`one ${payload}`));
    two.subscribe('**', (payload) => got.push(`two ${payload}`));
    one.publish('topic', 1);
    two.publish('topic', 2);
    one.publish('topic', 3);
    await waitUntil(() => got.length === 3, 'three messages');
    await turn();
    assert.deepEqual(got.sort(), ['one 1', 'one 3', 'two 2']);
  });

  it('of one name are one bus, and each object lets go of its own', async (t) => {
    const one = openBus(t);
    const two = openBus(t, { name: one.name });
    const got = [];
    one.subscribe('x', (payload) => got.push(`one ${payload}`));
    two.subscribe('x', (payload) => got.push(`two ${payload}`));
    one.publish('x', 1);
    two.publish('x', 2);
    await waitUntil(() => got.length === 4, 'both get both');
    one.close();
    two.publish('x', 3);
    await waitUntil(() => got.length === 5, 'the one that is left');
    await turn();
    assert.deepEqual(got, ['one 1', 'two 1', 'one 2', 'two 2', 'two 3']);
    assert.deepEqual([one.closed, two.closed], [true, false]);
  });

  it('have the name "default" unless they are given one', async (t) => {
    const one = new EventBus();
    const two = new EventBus({ name: 'default' });
    t.after(() => {
      one.close();
      two.close();
    });
    assert.equal(one.name, 'default');
    const got = [];
    two.subscribe('x', (payload) => got.push(payload));
    one.publish('x', 1);
    await waitUntil(() => got.length === 1, 'the message');
  });

  it('begin anew when the last object was closed', async (t) => {
    const one = openBus(t);
    one.subscribe('x', () => assert.fail('of the closed bus'));
    one.publish('x', 1);
    one.close();
    const two = openBus(t, { name: one.name });
    assert.deepEqual(
      [two.getMetrics().published, two.getMetrics().topics, two.countMatchingSubscriptions('x')],
      [0, 0, 0],
    );
    const got = [];
    two.subscribe('x', (payload, { topic }) => got.push([topic, payload]));
    two.publish('x', 2);
    await waitUntil(() => got.length === 1, 'the message');
    assert.deepEqual(got, [['x', 2]]);
  });
});

describe('close', () => {
  it('submits what was published', async (t) => {
    const bus = openBus(t);
    const thread = await startListener(t, bus, ['last']);
    for (let i = 0; i < 100; i += 1) bus.publish('last', i);
    bus.close();
    await waitForCount(thread, 100);
    const got = (await gotBy(thread)).map(([, , payload]) => payload);
    assert.deepEqual(
      got,
      Array.from({ length: 100 }, (_, i) => i),
    );
  });

  it('submits what was published on the other buses of the thread, once', async (t) => {
    const [closing, other] = [openBus(t), openBus(t)];
    const got = [];
    other.subscribe('x', (payload) => got.push(payload));
    other.publish('x', 1);
    closing.publish('y', 1);
    other.publish('x', 2);
    closing.close();
    other.publish('x', 3);
    await waitUntil(() => got.length >= 3, 'three messages');
    await turn();
    assert.deepEqual(got, [1, 2, 3]);
  });

  it('ends the subscriptions, within a handler too', async (t) => {
    const bus = openBus(t);
    const watcher = openBus(t, { name: bus.name });
    const got = [];
    const subscription = bus.subscribe('x', (payload) => {
      got.push(payload);
      if (payload === 1) bus.close();
    });
    for (let i = 0; i < 10; i += 1) bus.publish('x', i);
    await waitUntil(() => bus.closed && watcher.getMetrics().inFlight === 0, 'the close');
    assert.deepEqual(got, [0, 1]);
    assert.equal(subscription.closed, true);
    assert.equal(watcher.getMetrics().dropped.unsubscribed, 8);
    assert.equal(watcher.countMatchingSubscriptions('x'), 0);
    bus.close();
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
