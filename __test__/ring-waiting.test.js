'use strict';

// Waiting for an item in one's own thread and across threads: blocked, or in the event loop.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { ZeroCopyRingBuffer } = require('agentwire');
const { fixture, runNode, Thread, turn, waitUntil } = require('./helpers.js');

const bytes = (text) => new Uint8Array(Buffer.from(text));
const text = (item) => (item === null ? null : Buffer.from(item).toString());
const forEver = Number.POSITIVE_INFINITY;

/** Runs a scenario of fixtures/ring-scenarios.js: what it printed, and its exit code. */
async function scenario(name, ...args) {
  const { code, signal, stdout, stderr } = await runNode([fixture('ring-scenarios.js'), name, ...args.map(String)]);
  assert.deepEqual({ signal, stderr }, { signal: null, stderr: '' }, stdout);
  return { code, stdout };
}

/** Has a thread block in `dequeue`: the promise of what it gets. */
function block(thread, ring, timeoutMs = forEver) {
  const got = thread.run(
    ({ agentwire }, buffer, timeoutMs) => {
      const item = agentwire.ZeroCopyRingBuffer.attach(buffer).dequeue(timeoutMs);
      return item === null ? null : Buffer.from(item).toString();
    },
    ring.buffer,
    timeoutMs,
  );
  got.catch(() => {});
  return got;
}

const untilBlocked = (ring, count) =>
  waitUntil(() => ring.getStats().blockedConsumers === count, `${count} blocked consumers`);

describe('dequeue with a timeout', () => {
  it('gives at once what is there', () => {
    const ring = new ZeroCopyRingBuffer(4, 256);
    for (const timeout of [0, 0.5, 1000, forEver]) {
      ring.enqueue(bytes(`item ${timeout}`.padEnd(200)));
      assert.equal(text(ring.dequeue(timeout)).trim(), `item ${timeout}`);
    }
  });

  it('gives null when none comes in time', () => {
    const ring = new ZeroCopyRingBuffer(4, 64);
    for (const timeout of [0, 0.001, 1, 25]) assert.equal(ring.dequeue(timeout), null);
    assert.equal(ring.getStats().blockedConsumers, 0);
  });

  it('gives an item that comes from another thread meanwhile', async (t) => {
    const ring = new ZeroCopyRingBuffer(4, 64);
    const thread = await Thread.start(t);
    for (const timeout of [50_000, forEver]) {
      const got = block(thread, ring, timeout);
      await untilBlocked(ring, 1);
      ring.enqueue(bytes('item'));
      assert.equal(await got, 'item');
    }
    assert.equal(ring.size(), 0);
  });

  it('blocks this thread until another one provides an item', async (t) => {
    const ring = new ZeroCopyRingBuffer(4, 64);
    const thread = await Thread.start(t);
    const sent = thread.run(({ agentwire }, buffer) => {
      const ring = agentwire.ZeroCopyRingBuffer.attach(buffer);
      // Not before the other one waits.
      while (ring.getStats().blockedConsumers === 0);
      return ring.enqueue(new Uint8Array(3));
    }, ring.buffer);
    assert.deepEqual(ring.dequeue(60_000), new Uint8Array(3));
    assert.equal(await sent, true);
  });

  const providers = {
    'one by one': (ring) => {
      for (const name of ['a', 'b', 'c']) assert.equal(ring.enqueue(bytes(name)), true);
    },
    'in a batch': (ring) => assert.equal(ring.enqueueBatch(['a', 'b', 'c'].map(bytes)), 3),
    packed: (ring) => assert.equal(ring.enqueuePacked(bytes('abc'), Uint32Array.of(1, 1, 1)), 3),
    'behind a claim that is committed last': (ring) => {
      const claim = ring.claim();
      ring.enqueueBatch(['b', 'c'].map(bytes));
      claim.bytes.set(bytes('a'));
      claim.commit(1);
    },
    'behind a claim that is abandoned': (ring) => {
      const claim = ring.claim();
      ring.enqueueBatch(['a', 'b', 'c'].map(bytes));
      claim.abandon();
    },
  };
  for (const [name, provide] of Object.entries(providers)) {
    it(`gives each of several blocked consumers one item: ${name}`, async (t) => {
      const ring = new ZeroCopyRingBuffer(8, 64);
      const threads = await Promise.all([1, 2, 3].map(() => Thread.start(t)));
      for (let round = 0; round < 10; round += 1) {
        const got = threads.map((thread) => block(thread, ring));
        await untilBlocked(ring, 3);
        provide(ring);
        assert.deepEqual((await Promise.all(got)).sort(), ['a', 'b', 'c']);
        assert.deepEqual([ring.size(), ring.getStats().blockedConsumers], [0, 0]);
      }
    });
  }

  it('costs hardly any processor time', async () => {
    const { stdout } = await scenario('cost-of-waiting', 400);
    const { item, waitedMs, usedMs } = JSON.parse(stdout);
    assert.equal(item, null);
    // Some 2 %; a loop that spins would be at 100 %.
    assert.ok(usedMs < waitedMs / 3, stdout);
  });

  it('of terminated threads ends, and the ring goes on', async (t) => {
    const ring = new ZeroCopyRingBuffer(4, 64);
    for (let round = 0; round < 10; round += 1) {
      const threads = await Promise.all([1, 2].map(() => Thread.start(t)));
      const got = threads.map((thread) => block(thread, ring));
      await untilBlocked(ring, 2);
      await threads[0].terminate();
      await assert.rejects(got[0], /the thread ended/);
      ring.enqueue(bytes('item'));
      assert.equal(await got[1], 'item');
      await threads[1].terminate();
      assert.equal(ring.getStats().blockedConsumers, 0);
    }
  });

  it('of other threads does not keep the process from ending', async () => {
    assert.deepEqual(await scenario('exit-while-blocked'), { code: 3, stdout: 'two are blocked\n' });
  });
});

describe('dequeueAsync', () => {
  it('gives at once what is there, also with a timeout of 0', async () => {
    const ring = new ZeroCopyRingBuffer(4, 64);
    ring.enqueueBatch(['a', 'b'].map(bytes));
    assert.equal(text(await ring.dequeueAsync(0)), 'a');
    assert.equal(text(await ring.dequeueAsync()), 'b');
    assert.equal(await ring.dequeueAsync(0), null);
  });

  it('gives null when none comes in time', async () => {
    const ring = new ZeroCopyRingBuffer(4, 64);
    assert.deepEqual(await Promise.all([0.1, 1, 20].map((timeout) => ring.dequeueAsync(timeout))), [null, null, null]);
    ring.enqueue(bytes('late'));
    assert.equal(text(ring.dequeue()), 'late');
  });

  it('gives an item that came in time, although the event loop was busy until after the timeout', async () => {
    const ring = new ZeroCopyRingBuffer(4, 64);
    const pending = ring.dequeueAsync(20);
    ring.enqueue(bytes('in time'));
    const end = performance.now() + 60;
    while (performance.now() < end);
    assert.equal(text(await pending), 'in time');
  });

  it('takes timeouts that are longer than the timers of Node.js', async () => {
    const ring = new ZeroCopyRingBuffer(4, 64);
    const pending = [2 ** 31 - 1, 2 ** 31, 2 ** 40, forEver].map((timeout) => ring.dequeueAsync(timeout));
    for (let count = 0; count < 5; count += 1) await turn();
    for (const name of ['a', 'b', 'c', 'd']) while (!ring.enqueue(bytes(name))) await turn();
    assert.deepEqual((await Promise.all(pending)).map(text), ['a', 'b', 'c', 'd']);
  });

  it('serves the calls of a thread in their order, many at once', async (t) => {
    const ring = new ZeroCopyRingBuffer(3000, 64);
    const pending = Array.from({ length: 2000 }, () => ring.dequeueAsync());
    const thread = await Thread.start(t);
    thread.start(({ agentwire }, buffer) => {
      const ring = agentwire.ZeroCopyRingBuffer.attach(buffer);
      for (let seed = 0; seed < 2500; seed += 1) ring.enqueue(Buffer.from(String(seed)));
    }, ring.buffer);
    const got = await Promise.all(pending);
    assert.deepEqual(
      got.map(text),
      Array.from(got, (_, index) => String(index)),
    );
    await waitUntil(() => ring.size() === 500, 'the rest');
    assert.equal(text(await ring.dequeueAsync()), '2000');
  });

  it('leaves the event loop to others, and takes what this thread itself enqueues', async () => {
    const ring = new ZeroCopyRingBuffer(4, 64);
    let isDone = false;
    const pending = ring.dequeueAsync().then((item) => {
      isDone = true;
      return item;
    });
    for (let count = 0; count < 100; count += 1) await turn();
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(isDone, false);
    ring.enqueue(bytes('own'));
    assert.equal(text(await pending), 'own');
  });

  it('comes after a claim that is committed or abandoned in another thread', async (t) => {
    const ring = new ZeroCopyRingBuffer(4, 64);
    const thread = await Thread.start(t);
    for (const how of ['commit', 'abandon']) {
      await thread.run(({ agentwire, state }, buffer) => {
        state.ring ??= agentwire.ZeroCopyRingBuffer.attach(buffer);
        state.claim = state.ring.claim();
      }, ring.buffer);
      const pending = ring.dequeueAsync();
      ring.enqueue(bytes('behind'));
      for (let count = 0; count < 20; count += 1) await turn();
      await thread.run(({ state }, how) => state.claim[how](), how);
      if (how === 'commit') assert.equal((await pending).length, 60);
      assert.equal(text(how === 'commit' ? await ring.dequeueAsync() : await pending), 'behind');
    }
  });

  it('gives each item to one of many consumers in several threads', async (t) => {
    const ring = new ZeroCopyRingBuffer(64, 64);
    const items = 20_000;
    const threads = await Promise.all([1, 2, 3].map(() => Thread.start(t)));
    const consumers = threads.map((thread) =>
      thread.run(async ({ agentwire }, buffer) => {
        const ring = agentwire.ZeroCopyRingBuffer.attach(buffer);
        const got = [];
        const consume = async () => {
          for (;;) {
            const item = await ring.dequeueAsync();
            if (item.length === 0) return;
            got.push(new DataView(item.buffer).getUint32(0));
          }
        };
        await Promise.all([1, 2, 3, 4].map(consume));
        return got;
      }, ring.buffer),
    );
    const word = new DataView(new ArrayBuffer(4));
    for (let seed = 0; seed < items + 12; seed += 1) {
      word.setUint32(0, seed);
      const item = seed < items ? new Uint8Array(word.buffer) : new Uint8Array(0);
      while (!ring.enqueue(item)) await turn();
    }
    const got = (await Promise.all(consumers)).flat().sort((a, b) => a - b);
    assert.equal(got.length, items);
    assert.ok(got.every((seed, index) => seed === index));
  });

  for (const [how, expected] of [
    ['timeout', 'null\nends with 0\n'],
    ['abort', undefined],
  ]) {
    it(`keeps the event loop alive while it is pending, not longer: ${how}`, async () => {
      const { stdout } = await scenario('await-nothing', how);
      assert.equal(stdout, expected ?? 'aborted\nends with 0\n');
    });
  }

  it('keeps the event loop alive until an item comes from another thread', async () => {
    assert.deepEqual(await scenario('await-item'), { code: 0, stdout: 'item\nends with 0\n' });
  });
});
