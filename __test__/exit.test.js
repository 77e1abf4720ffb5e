'use strict';

// Threads and processes that end in the middle of things: what was promised is kept, the rest is counted, nothing crashes.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus } = require('agentwire');
const { assertLedger, runScenario, stall, Thread, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('exit') });
  t.after(() => bus.close());
  return bus;
}

/** Collects `[topic, payload.i]` in order. */
function collect(bus, pattern) {
  const got = [];
  bus.subscribe(pattern, ({ i }) => got.push(i));
  return got;
}

const upTo = (count) => Array.from({ length: count }, (_, i) => i);

describe('a worker that ends with messages in its outbox', () => {
  const ways = {
    'process.exit right after publish': () => process.exit(),
    'process.exit in a later turn': () => setImmediate(() => process.exit()),
    'an uncaught error right after publish': () => {
      process.nextTick(() => null.nothing);
    },
    'its natural end': ({ require }) => require('node:worker_threads').parentPort.unref(),
  };
  for (const [name, end] of Object.entries(ways)) {
    it(`has them delivered: ${name}`, async (t) => {
      for (const count of [1, 50, 5000]) {
        const bus = openBus(t);
        const got = collect(bus, 'from.worker');
        const thread = await Thread.start(t, { stderr: true });
        thread.error.then(() => {});
        thread.start(
          (tools, name, count, end) => {
            const bus = new tools.agentwire.EventBus({ name });
            for (let i = 0; i < count; i += 1)
              bus.publish('from.worker', { i, fill: 'x'.repeat(i % 500 === 40 ? 5000 : 10) });
            tools.require('node:vm').runInThisContext(`(${end})`)(tools);
          },
          bus.name,
          count,
          end.toString(),
        );
        await thread.exited;
        await waitUntil(() => got.length === count, `${count} messages`);
        assert.deepEqual(got, upTo(count));
        assertLedger(bus.getMetrics());
      }
    });
  }

  it('has them delivered: terminate() right after a synchronous publish loop', async (t) => {
    for (const count of [1, 50, 128, 129, 2000]) {
      const bus = openBus(t);
      const got = collect(bus, 'from.worker');
      const thread = await Thread.start(t);
      const flag = new Int32Array(new SharedArrayBuffer(4));
      thread.start(
        ({ agentwire }, name, count, flag) => {
          const bus = new agentwire.EventBus({ name });
          for (let i = 0; i < count; i += 1) bus.publish('from.worker', { i });
          Atomics.store(flag, 0, 1);
          // Its turn never ends: nothing but its cleanup submits the rest.
          for (;;) Atomics.wait(flag, 0, 1, 1000);
        },
        bus.name,
        count,
        flag,
      );
      await waitUntil(() => Atomics.load(flag, 0) === 1, 'the publish loop');
      await thread.terminate();
      await waitUntil(() => got.length === count, `${count} messages`);
      assert.deepEqual(got, upTo(count));
    }
  });

  it('has whole messages delivered, whenever it is terminated', async (t) => {
    const bus = openBus(t);
    const faults = [];
    const next = {};
    let count = 0;
    bus.subscribe('from.worker', ({ who, i, fill }) => {
      if (i !== (next[who] ?? 0) || fill.length !== (i % 100 === 0 ? 6000 : i % 100)) faults.push([who, i, next[who]]);
      next[who] = i + 1;
      count += 1;
    });
    for (let who = 0; who < 20; who += 1) {
      const thread = await Thread.start(t);
      const before = count;
      thread.start(
        ({ agentwire }, name, who) => {
          const bus = new agentwire.EventBus({ name });
          let i = 0;
          for (;;) if (bus.publish('from.worker', { who, i, fill: 'x'.repeat(i % 100 === 0 ? 6000 : i % 100) })) i += 1;
        },
        bus.name,
        who,
      );
      await waitUntil(() => count > before + who * 50, 'some messages');
      await thread.terminate();
    }
    await waitUntil(() => bus.getMetrics().inFlight === 0, 'the rest');
    assert.deepEqual(faults, []);
    const metrics = bus.getMetrics();
    assertLedger(metrics);
    assert.deepEqual([metrics.handled, metrics.published], [count, count], JSON.stringify(metrics));
  });
});

describe('a worker that ends with messages in its mailbox', () => {
  for (const how of ['process.exit', 'terminate']) {
    it(`has them counted, and the publisher goes on: ${how}`, async (t) => {
      const bus = openBus(t);
      const thread = await Thread.start(t);
      await thread.run(({ agentwire, state }, name) => {
        state.bus = new agentwire.EventBus({ name });
        state.bus.subscribe('to.worker', () => {});
      }, bus.name);
      const stalled = await stall(thread);
      for (let i = 0; i < 1000; i += 1) bus.publish('to.worker', { i, fill: i % 100 === 0 ? 'x'.repeat(9000) : '' });
      bus.flush();
      assert.equal(bus.getMetrics().inFlight, 1000);
      if (how === 'terminate') {
        await thread.terminate();
      } else {
        thread.start(() => process.exit());
        stalled.release().catch(() => {});
      }
      await thread.exited;
      const metrics = bus.getMetrics();
      assertLedger(metrics);
      assert.deepEqual([metrics.admitted, metrics.inFlight, metrics.subscriptions], [1000, 0, 0]);
      assert.equal(metrics.handled + metrics.dropped.subscriberDied, 1000);
      if (how === 'terminate') assert.equal(metrics.dropped.subscriberDied, 1000);
      assert.equal(bus.publish('to.worker', { i: 0 }), true);
      bus.flush();
      assert.equal(bus.getMetrics().unmatched, 1);
    });
  }
});

describe('process.exit under load', () => {
  const rounds = 3;
  for (const where of ['main', 'turn']) {
    it(`on the main thread (${where}) ends the process with its code`, async () => {
      for (let i = 0; i < rounds; i += 1) assert.equal(await runScenario('exit-under-load', where), '');
    });
  }

  it('in workers ends the workers with their code, and the main thread goes on', async () => {
    for (let i = 0; i < rounds; i += 1) {
      assert.equal(await runScenario('exit-under-load', 'worker'), '3 workers ended, some handled\n');
    }
  });

  it('submits what was published right before', async () => {
    assert.equal(await runScenario('submit-at-exit'), '100 published, 100 admitted\n');
  });

  it('may come from a getter of a value that is being published', async () => {
    assert.equal(await runScenario('exit-in-getter'), 'exits\n');
  });
});
