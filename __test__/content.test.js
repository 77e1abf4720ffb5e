'use strict';

// What a handler is given: the context, and payloads of any size.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventPriority } = require('agentwire');
const { publishAll, Thread, turn, waitUntil } = require('./helpers.js');
const { gotBy, openBus, waitForCount } = require('./listeners.js');

const { CRITICAL, NORMAL } = EventPriority;

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
