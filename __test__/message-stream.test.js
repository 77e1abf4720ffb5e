'use strict';

// bus.stream: messages for `for await`, bounded, in flight until the consumer takes them.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireClosedError, EventBus, MessageContext, MessageStream } = require('agentwire');
const { assertLedger, publishAll, runNode, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');
const { openBus } = require('./listeners.js');

const settled = (bus) => waitUntil(() => bus.getMetrics().inFlight === 0, 'all messages to settle');

describe('a stream', () => {
  it('brings what other threads publish, in order, with topic and context', async (t) => {
    const bus = openBus(t);
    const stream = bus.stream('s.*');
    const thread = await Thread.start(t);
    thread.start(async ({ agentwire }, name) => {
      const bus = new agentwire.EventBus({ name });
      for (let i = 0; i < 5000; i += 1) {
        while (!bus.publish(`s.${i % 3}`, { i })) await bus.writable(`s.${i % 3}`);
      }
      bus.publish('s.end', null, { headers: { last: true } });
      bus.close();
    }, bus.name);
    const next = [0, 1, 2];
    let count = 0;
    for await (const { topic, payload, context } of stream) {
      assert.ok(context instanceof MessageContext);
      assert.equal(context.topic, topic);
      if (topic === 's.end') {
        assert.deepEqual(context.headers, { last: true });
        break;
      }
      const kind = Number(topic.slice(2));
      assert.equal(payload.i, next[kind]);
      next[kind] += 3;
      count += 1;
    }
    assert.equal(count, 5000);
    assert.equal(stream.closed, true);
    assert.equal(bus.countMatchingSubscriptions('s.1'), 0);
    await settled(bus);
    assertLedger(bus.getMetrics());
    assert.equal(bus.getMetrics().handled, 5001);
  });

  it('that is full makes publish return false, in this thread and others, until the consumer has taken enough', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
    }, bus.name);
    const stream = bus.stream('full', { highWaterMark: 10 });
    const admitted = await thread.run(({ state }) => {
      let count = 0;
      while (count < 100 && state.bus.publish('full', count)) count += 1;
      return count;
    });
    assert.equal(admitted, 10);
    // Taken into this thread, they are in flight still.
    await waitUntil(() => stream.stats.admitted === 10, 'the messages');
    for (let i = 0; i < 20; i += 1) await turn();
    assert.equal(stream.stats.inFlight, 10);
    assert.equal(bus.publish('full', 'refused'), false);
    const writable = thread.run(async ({ state }) => {
      await state.bus.writable('full');
      return state.bus.publish('full', 'behind');
    });
    for (let i = 0; i < 10; i += 1) assert.equal((await stream.next()).value.payload, i);
    assert.equal(await writable, true);
    assert.equal((await stream.next()).value.payload, 'behind');
    await waitUntil(() => stream.stats.handled === 11, 'the outcomes');
    assertLedger(stream.stats);
    await stream.return();
  });

  it('serves consumers that wait at once in order', async (t) => {
    const bus = openBus(t);
    const stream = bus.stream('x');
    const waiting = [stream.next(), stream.next(), stream.next()];
    for (const payload of ['a', 'b', 'c', 'd']) bus.publish('x', payload);
    const results = await Promise.all([...waiting, stream.next()]);
    assert.deepEqual(
      results.map(({ value, done }) => [value.payload, done]),
      ['a', 'b', 'c', 'd'].map((payload) => [payload, false]),
    );
    assert.equal(stream[Symbol.asyncIterator](), stream);
    assert.ok(stream instanceof MessageStream);
    assert.equal(stream.pattern, 'x');
  });

  it('is subscribed from the call on', async (t) => {
    const bus = openBus(t);
    const stream = bus.stream('x');
    await publishAll(bus, 'x', [1, 2, 3]);
    const got = [];
    for await (const { payload } of stream) if (got.push(payload) === 3) break;
    assert.deepEqual(got, [1, 2, 3]);
  });
});

describe('the end of a stream', () => {
  for (const [how, leave] of [
    [
      'break',
      async (stream) => {
        for await (const _ of stream) break;
      },
    ],
    [
      'an error in the loop',
      (stream) =>
        assert.rejects(async () => {
          for await (const _ of stream) throw new Error('from the loop');
        }, /from the loop/),
    ],
    [
      'await using',
      async (stream) => {
        await stream.next();
        await stream[Symbol.asyncDispose]();
      },
    ],
    [
      'throw()',
      async (stream) => {
        await stream.next();
        await assert.rejects(stream.throw(new Error('given')), /given/);
      },
    ],
  ]) {
    it(`by ${how} unsubscribes, and what waited is counted`, async (t) => {
      const bus = openBus(t);
      const stream = bus.stream('x');
      for (let i = 0; i < 5; i += 1) bus.publish('x', i);
      await leave(stream);
      assert.equal(stream.closed, true);
      assert.equal(bus.getMetrics().subscriptions, 0);
      assert.deepEqual(await stream.next(), { value: undefined, done: true });
      assert.deepEqual(await stream.return(), { value: undefined, done: true });
      await settled(bus);
      const { handled, failed, dropped } = bus.getMetrics();
      assert.deepEqual([handled, failed, dropped.unsubscribed], [1, 0, 4]);
    });
  }

  it('by close() of the bus ends the loop', async (t) => {
    const bus = openBus(t);
    const other = new EventBus({ name: bus.name });
    const stream = other.stream('x');
    const idle = other.stream('y');
    const waiting = [idle.next(), idle.next()];
    const got = [];
    for (let i = 0; i < 3; i += 1) bus.publish('x', i);
    for await (const { payload } of stream) {
      got.push(payload);
      other.close();
    }
    assert.deepEqual(got, [0]);
    for (const result of await Promise.all(waiting)) assert.deepEqual(result, { value: undefined, done: true });
    await settled(bus);
    assertLedger(bus.getMetrics());
    assert.throws(() => other.stream('x'), AgentwireClosedError);
  });

  it('by a signal throws its reason into the loop, once', async (t) => {
    const bus = openBus(t);
    const controller = new AbortController();
    const reason = new Error('why');
    const stream = bus.stream('x', { signal: controller.signal });
    bus.publish('x', 1);
    await assert.rejects(
      async () => {
        for await (const _ of stream) controller.abort(reason);
      },
      (error) => error === reason,
    );
    assert.equal(stream.closed, true);
    assert.deepEqual(await stream.next(), { value: undefined, done: true });

    const second = new AbortController();
    const idle = bus.stream('x', { signal: second.signal });
    const waiting = [idle.next(), idle.next()];
    second.abort(reason);
    await assert.rejects(waiting[0], (error) => error === reason);
    assert.deepEqual(await waiting[1], { value: undefined, done: true });
    assert.throws(
      () => bus.stream('x', { signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    );
    assert.equal(bus.getMetrics().subscriptions, 0);
  });

  it('of its thread leaves figures that add up', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(async ({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.stream = state.bus.stream('x');
    }, bus.name);
    for (let i = 0; i < 10; i += 1) bus.publish('x', i);
    await thread.run(async ({ state }) => {
      for (let i = 0; i < 4; i += 1) await state.stream.next();
    });
    await thread.terminate();
    await settled(bus);
    const metrics = bus.getMetrics();
    assertLedger(metrics);
    assert.equal(metrics.admitted, 10);
    assert.ok(metrics.handled <= 4);
  });
});

describe('stream refuses', () => {
  it('a wrong highWaterMark, options that are none, and what it does not know', (t) => {
    const bus = openBus(t);
    for (const highWaterMark of [0, -1, 1.5, 1_000_001, '5', null]) {
      assert.throws(() => bus.stream('x', { highWaterMark }), {
        code: 'ERR_AGENTWIRE_ARGUMENT',
        message: /highWaterMark/,
      });
    }
    for (const options of [null, 5, 'text']) {
      assert.throws(() => bus.stream('x', options), { code: 'ERR_AGENTWIRE_ARGUMENT' });
    }
    for (const options of [{ queueLimit: 5 }, { overflow: 'reject' }, { highWatermark: 5 }]) {
      assert.throws(() => bus.stream('x', options), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION' });
    }
    assert.throws(() => bus.stream(5), { code: 'ERR_AGENTWIRE_ARGUMENT' });
    assert.throws(() => bus.stream('a..b'), { code: 'ERR_AGENTWIRE_TOPIC' });
    assert.equal(bus.getMetrics().subscriptions, 0);
    bus.stream('x', { highWaterMark: undefined, queueLimit: undefined });
  });
});

it('an idle stream does not keep its thread alive', async () => {
  const program = `
    const { EventBus } = require('agentwire');
    const stream = new EventBus({ name: ${JSON.stringify(uniqueName())} }).stream('x');
    stream.next().then(() => console.log('a message from nowhere'));
  `;
  const { code, stdout } = await runNode(['-e', program], { cwd: `${__dirname}/..` });
  assert.deepEqual([code, stdout], [0, '']);
});
