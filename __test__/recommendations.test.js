'use strict';

// The monitor's advice: each condition is really brought about, and the advice names its cause and what to change.

const assert = require('node:assert/strict');
const { availableParallelism } = require('node:os');
const { describe, it } = require('node:test');
const { BufferPool, EventBus, PerformanceMonitor } = require('agentwire');
const { Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('advice'), onError: () => {} });
  t.after(() => bus.close());
  return bus;
}

function startMonitor(t) {
  const monitor = new PerformanceMonitor({ monitoringIntervalMs: 40 }).startMonitoring();
  t.after(() => monitor.stopMonitoring());
  return monitor;
}

function keepBusy(milliseconds) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Goes on with `step` until the monitor gives the advice of that code, and returns it. */
async function provoke(monitor, code, step) {
  let found;
  await waitUntil(async () => {
    await step();
    found = monitor.getReport().recommendations.find((one) => one.code === code);
    return found;
  }, `the advice ${code}`);
  return found;
}

/** A thread of the bus whose handler takes so long for each message. */
async function slowSubscriber(t, bus, milliseconds) {
  const thread = await Thread.start(t);
  await thread.run(
    ({ agentwire, state }, name, ms) => {
      state.bus = new agentwire.EventBus({ name });
      state.bus.subscribe('t', () => {
        const end = performance.now() + ms;
        while (performance.now() < end);
      });
    },
    bus.name,
    milliseconds,
  );
  return thread;
}

describe('advice is given', () => {
  it('when messages fail', async (t) => {
    const bus = openBus(t);
    bus.subscribe('t', () => {
      throw new Error('of the handler');
    });
    const { cause, advice } = await provoke(startMonitor(t), 'failing-messages', async () => {
      bus.publish('t', 1);
      await turn();
    });
    assert.match(cause, /100 % of messages end otherwise.*whose handler threw/);
    assert.match(advice, /onError.*ack: true/);
  });

  it('when a pool is too small', async (t) => {
    const monitor = startMonitor(t);
    const pool = new BufferPool(64, 4);
    monitor.watch(pool, 'blocks');
    const blocks = Array.from({ length: 4 }, () => pool.acquire());
    const { cause, advice } = await provoke(monitor, 'pool-too-small', async () => {
      assert.equal(pool.acquire(), null);
      await turn();
    });
    assert.match(cause, /"blocks" \(buffer-pool\) is full: 4 of 4.*none to be had/);
    assert.match(advice, /maxBlocks/);
    for (const block of blocks) pool.release(block);
  });

  it('when publishers are turned away', async (t) => {
    const bus = openBus(t);
    bus.subscribe('t', () => new Promise(() => {}), { queueLimit: 10 });
    const { cause, advice } = await provoke(startMonitor(t), 'refused-publishes', async () => {
      for (let index = 0; index < 20; index += 1) bus.publish('t', index);
      await turn();
    });
    assert.match(cause, /publish returned false [\d,]+ times a second.*a subscription is full/);
    assert.match(advice, /writable.*queueLimit/);
  });

  it('when messages wait for a thread that is busy', async (t) => {
    const bus = openBus(t);
    await slowSubscriber(t, bus, 1);
    const { cause, advice } = await provoke(startMonitor(t), 'queue-bottleneck', async () => {
      for (let index = 0; index < 200; index += 1) bus.publish('t', index);
      await new Promise((resolve) => setTimeout(resolve, 5));
    });
    assert.match(cause, /[\d,]+ messages of the bus .* wait or are with a handler/);
    assert.match(cause, /the thread worker \d+ is behind by/);
    assert.match(advice, /createGroup/);
  });

  it('when messages wait for handlers that wait themselves', async (t) => {
    const bus = openBus(t);
    let handled = 0;
    bus.subscribe('t', () => {
      handled += 1;
      return new Promise(() => {});
    });
    for (let index = 0; index < 2000; index += 1) bus.publish('t', index);
    await waitUntil(() => handled === 2000, 'the handlers');
    const { cause, advice } = await provoke(
      startMonitor(t),
      'queue-bottleneck',
      () => new Promise((resolve) => setTimeout(resolve, 20)),
    );
    assert.match(cause, /2,000 messages of the bus .*every thread has taken its messages: handlers wait/);
    assert.match(advice, /maxInFlight/);
  });

  it('when the event loop is held up', async (t) => {
    const { cause, advice } = await provoke(startMonitor(t), 'blocked-event-loop', async () => {
      keepBusy(60);
      await new Promise((resolve) => setTimeout(resolve, 1));
    });
    assert.match(cause, /held up for \d+ ms \(p99\)/);
    assert.match(advice, /worker thread/);
  });

  it('when more threads are at work than there are cores', { skip: notOnLinux() }, async (t) => {
    const bus = openBus(t);
    const threads = await Promise.all(Array.from({ length: availableParallelism() + 2 }, () => Thread.start(t)));
    for (const thread of threads) {
      // Until it is terminated.
      const running = thread.run(({ agentwire }, name) => {
        new agentwire.EventBus({ name });
        for (;;);
      }, bus.name);
      running.catch(() => {});
    }
    const { cause, advice } = await provoke(
      startMonitor(t),
      'more-threads-than-cores',
      () => new Promise((resolve) => setTimeout(resolve, 20)),
    );
    assert.match(cause, new RegExp(`\\d+ threads are at work on ${availableParallelism()} cores`));
    assert.match(advice, /as many worker threads as there are cores/);
  });

  it('when the collector takes much of the time', async (t) => {
    const monitor = startMonitor(t);
    // Objects that live just long enough to be copied.
    const kept = new Array(400_000).fill(null);
    let next = 0;
    const { cause, advice } = await provoke(monitor, 'long-collections', async () => {
      for (let index = 0; index < 50_000; index += 1) {
        kept[next] = { next, text: [next, next + 1] };
        next = (next + 1) % kept.length;
      }
      await turn();
    });
    assert.match(cause, /garbage collection takes [\d.]+ % of this thread's time, the longest [\d.]+ ms/);
    assert.match(advice, /--max-(semi|old)-space-size/);
  });

  it('when messages are large', async (t) => {
    const bus = openBus(t);
    bus.subscribe('t', () => {});
    const payload = new Uint8Array(64 * 1024);
    const { cause, advice } = await provoke(startMonitor(t), 'large-messages', async () => {
      bus.publish('t', payload);
      await turn();
    });
    assert.match(cause, /the thread main publishes messages of 6\d\.\d KB on average/);
    assert.match(advice, /BufferPool/);
  });

  it('when messages are submitted one by one', async (t) => {
    const bus = openBus(t);
    bus.subscribe('t', () => {});
    const { cause, advice } = await provoke(startMonitor(t), 'one-message-at-a-time', async () => {
      for (let index = 0; index < 5_000; index += 1) {
        bus.publish('t', index);
        bus.flush();
      }
      await turn();
    });
    assert.match(cause, /the thread main publishes [\d,]+ messages a second and hands over 1\.0 at once/);
    assert.match(advice, /publishBatch.*no flush\(\)/);
  });

  it('when memory only grows', async (t) => {
    const kept = [];
    const { cause, advice } = await provoke(startMonitor(t), 'growing-memory', async () => {
      // Not without end, should the advice not come.
      assert.ok(kept.length < 100, 'no advice at 800 MB');
      kept.push(new Uint8Array(8 << 20).fill(1));
      await new Promise((resolve) => setTimeout(resolve, 20));
    });
    assert.match(cause, /has grown by [\d.]+ MB in .*MB buffers outside of it/);
    assert.match(advice, /buffers are let go/);
    kept.length = 0;
  });

  it('when messages are slow and nothing else explains it', async (t) => {
    const bus = openBus(t);
    bus.subscribe('t', () => {});
    const { cause, advice } = await provoke(startMonitor(t), 'high-latency', async () => {
      bus.publish('t', 1);
      bus.flush();
      keepBusy(4);
      await new Promise((resolve) => setTimeout(resolve, 5));
    });
    assert.match(cause, /95 % of messages are handled within [\d.]+ ms/);
    assert.match(advice, /perSubscription/);
  });
});

describe('no advice is given', () => {
  it('for what a program does that is well', async (t) => {
    const bus = openBus(t);
    let handled = 0;
    bus.subscribe('t', () => {
      handled += 1;
    });
    const monitor = startMonitor(t);
    await waitUntil(async () => {
      for (let index = 0; index < 20; index += 1) bus.publish('t', index);
      await new Promise((resolve) => setTimeout(resolve, 2));
      return monitor.history.length >= 10;
    }, 'ten samples');
    assert.ok(handled > 0);
    const codes = monitor.getReport().recommendations.map(({ code }) => code);
    // What the machine does besides is not of this program: other tests may keep its cores busy.
    const own = codes.filter((code) => !['high-latency', 'blocked-event-loop', 'long-collections'].includes(code));
    assert.deepEqual(own, []);
  });

  it('for what lasted for a moment', async (t) => {
    const bus = openBus(t);
    bus.subscribe('t', () => {
      throw new Error('once');
    });
    const monitor = startMonitor(t);
    bus.publish('t', 1);
    await waitUntil(() => monitor.history.some(({ errorRate }) => errorRate === 1), 'the sample with the failure');
    await waitUntil(() => monitor.history.length >= 6, 'six samples');
    assert.deepEqual(
      monitor.recommendations().filter(({ code }) => code === 'failing-messages'),
      [],
    );
  });
});

function notOnLinux() {
  return process.platform === 'linux' ? false : 'only Linux tells one thread the CPU time of another';
}
