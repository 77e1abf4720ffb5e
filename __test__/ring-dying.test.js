'use strict';

// Threads that end at any moment leave a ring that works: what they held open comes free, and nobody else's items are touched.
// AGENTWIRE_STORM_ROUNDS=N ends N threads under load instead of 150.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { Worker } = require('node:worker_threads');
const { ZeroCopyRingBuffer } = require('agentwire');
const { fixture, runNode, Thread, waitUntil } = require('./helpers.js');

const rounds = Number(process.env.AGENTWIRE_STORM_ROUNDS ?? 150);

const bytes = (text) => new Uint8Array(Buffer.from(text));
const text = (item) => (item === null ? null : Buffer.from(item).toString());

/** How a thread may end. */
const ways = {
  'terminate()': (thread) => thread.terminate(),
  'process.exit()': (thread) => thread.start(() => process.exit()),
  'an uncaught error': (thread) => thread.start(() => setImmediate(() => null.nothing)),
  'its natural end': (thread) => thread.start(({ require }) => require('node:worker_threads').parentPort.unref()),
};

/** A ring whose every slot can be filled and emptied. */
function assertWhole(ring, capacity) {
  ring.clear();
  for (let lap = 0; lap < 3; lap += 1) {
    for (let seed = 0; seed < capacity - 1; seed += 1) assert.equal(ring.enqueue(bytes(`${lap} ${seed}`)), true);
    assert.equal(ring.enqueue(bytes('x')), false);
    assert.deepEqual(
      ring.drain().map(text),
      Array.from({ length: capacity - 1 }, (_, seed) => `${lap} ${seed}`),
    );
  }
}

for (const [name, end] of Object.entries(ways)) {
  describe(`a thread that ends by ${name}`, () => {
    it('abandons its claims: consumers pass over them', async (t) => {
      const ring = new ZeroCopyRingBuffer(10, 64);
      const thread = await Thread.start(t, { stderr: true });
      await thread.run(({ agentwire, state }, buffer) => {
        state.ring = agentwire.ZeroCopyRingBuffer.attach(buffer);
        state.claims = [state.ring.claim(), state.ring.claim()];
      }, ring.buffer);
      ring.enqueue(bytes('behind'));
      await thread.run(({ state }) => state.claims.push(state.ring.claim()));
      ring.enqueue(bytes('last'));
      assert.equal(ring.dequeue(), null);
      const other = await Thread.start(t);
      const blocked = other.run(
        ({ agentwire }, buffer) => agentwire.ZeroCopyRingBuffer.attach(buffer).dequeue(Number.POSITIVE_INFINITY),
        ring.buffer,
      );
      await waitUntil(() => ring.getStats().blockedConsumers === 1, 'a blocked consumer');
      const pending = ring.dequeueAsync();
      end(thread);
      assert.deepEqual([text(await blocked), text(await pending)].sort(), ['behind', 'last']);
      await thread.exited;
      assert.equal(ring.getStats().damaged, 0);
      assertWhole(ring, 10);
    });

    it('releases what it borrowed: the slots come free', async (t) => {
      const ring = new ZeroCopyRingBuffer(4, 64);
      const thread = await Thread.start(t, { stderr: true });
      ring.enqueueBatch(['a', 'b', 'c'].map(bytes));
      await thread.run(({ agentwire, state }, buffer) => {
        state.ring = agentwire.ZeroCopyRingBuffer.attach(buffer);
        state.items = [state.ring.borrow(), state.ring.borrow()];
      }, ring.buffer);
      assert.equal(text(ring.dequeue()), 'c');
      assert.equal(ring.enqueue(bytes('d')), false);
      end(thread);
      await thread.exited;
      await waitUntil(() => ring.enqueue(bytes('d')), 'a free slot');
      assertWhole(ring, 4);
    });
  });
}

it('a thread that made the ring may end: the others go on', async (t) => {
  const thread = await Thread.start(t);
  const buffer = await thread.run(({ agentwire, state }) => {
    state.ring = new agentwire.ZeroCopyRingBuffer(6, 64);
    state.ring.enqueue(Buffer.from('made'));
    state.ring.claim();
    return state.ring.buffer;
  });
  const ring = ZeroCopyRingBuffer.attach(buffer);
  ring.enqueue(bytes('after'));
  await thread.terminate();
  assert.deepEqual(ring.drain().map(text), ['made', 'after']);
  assertWhole(ring, 6);
});

describe('a ring that is lost with open', () => {
  for (const [kind, before] of [
    ['claims', 'null'],
    ['borrowed items', 'false'],
  ]) {
    it(`${kind} is collected, and its slots come free`, async () => {
      const file = fixture('ring-scenarios.js');
      const args = ['--expose-gc', file, 'collect-claims', kind === 'claims' ? kind : 'borrowed'];
      const { code, stdout, stderr } = await runNode(args);
      assert.deepEqual({ code, stderr, stdout }, { code: 0, stderr: '', stdout: `${before}\nrecovered, room for 4\n` });
    });
  }
});

/** A worker of fixtures/ring-dying-worker.js, once it runs. */
async function startDying(t, ring, role, id) {
  const control = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(fixture('ring-dying-worker.js'), {
    workerData: { buffer: ring.buffer, id, role, control },
    stderr: true,
  });
  t.after(() => worker.terminate());
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  const error = new Promise((resolve) => worker.on('error', resolve));
  await Promise.race([
    new Promise((resolve) => worker.once('message', resolve)),
    error.then((cause) => Promise.reject(cause)),
  ]);
  return {
    id,
    end(how) {
      if (how === 0) worker.terminate();
      else Atomics.store(control, 0, how);
      return exited;
    },
  };
}

/** Lets others run: they are more than there are cores. */
const yieldToOthers = () => new Promise((resolve) => setTimeout(resolve, 1));

/** Takes all that there is, and checks that each producer's numbers rise; `gaps` says whether some may be missing. */
function inspector(gaps) {
  const next = new Map();
  const faults = [];
  let count = 0;
  return {
    faults,
    count: () => count,
    sent: (id) => next.get(id) ?? 0,
    take(ring) {
      for (const item of ring.drain()) {
        count += 1;
        const view = new DataView(item.buffer, item.byteOffset, item.length);
        const [id, n] = [view.getUint32(0), view.getUint32(4)];
        const due = next.get(id) ?? 0;
        if (gaps ? n < due : n !== due) faults.push(`${id} sent ${n}, ${due} was due`);
        if (!item.subarray(8).every((byte) => byte === (n & 0xff))) faults.push(`${id}: ${n} is spoilt`);
        next.set(id, n + 1);
      }
    },
  };
}

describe('threads that end at random under load', () => {
  it('producers: nothing of what they sent is missing, doubled or spoilt', async (t) => {
    const capacity = 200;
    const ring = new ZeroCopyRingBuffer(capacity, 64);
    const inspect = inspector(false);
    const survivor = await startDying(t, ring, 'producer', 0);
    const dying = await Promise.all([1, 2].map((id) => startDying(t, ring, 'producer', id)));
    for (let round = 0; round < rounds / 2; round += 1) {
      const moment = performance.now() + Math.random() * 10;
      const before = inspect.count();
      while (performance.now() < moment || inspect.count() < before + 100) {
        inspect.take(ring);
        await yieldToOthers();
      }
      const ended = dying[round % 2].end(round % 7 === 1 ? 1 : round % 7 === 2 ? 2 : 0);
      let isOver = false;
      ended.then(() => {
        isOver = true;
      });
      while (!isOver) {
        inspect.take(ring);
        await yieldToOthers();
      }
      const starting = startDying(t, ring, 'producer', 10 + round).then((fresh) => {
        dying[round % 2] = fresh;
        isOver = false;
      });
      while (isOver) {
        inspect.take(ring);
        await yieldToOthers();
      }
      await starting;
    }
    await Promise.all([survivor, ...dying].map((thread) => thread.end(0)));
    inspect.take(ring);
    assert.deepEqual(inspect.faults, []);
    assert.ok(inspect.sent(0) > 0);
    assert.deepEqual([ring.size(), ring.getStats().damaged], [0, 0]);
    t.diagnostic(`${rounds / 2} threads ended, ${inspect.count()} items, ${inspect.sent(0)} of the survivor`);
    assertWhole(ring, capacity);
  });

  it('consumers: what the others get is in order, once and whole', async (t) => {
    const capacity = 100;
    const ring = new ZeroCopyRingBuffer(capacity, 64);
    const inspect = inspector(true);
    const survivors = await Promise.all([1, 2].map((id) => startDying(t, ring, 'producer', id)));
    let dying = await startDying(t, ring, 'consumer', 0);
    for (let round = 0; round < rounds / 2; round += 1) {
      const moment = performance.now() + Math.random() * 10;
      const before = inspect.count();
      while (performance.now() < moment || inspect.count() < before + 20) {
        inspect.take(ring);
        await yieldToOthers();
      }
      await dying.end(round % 7 === 1 ? 1 : round % 7 === 2 ? 2 : 0);
      dying = await startDying(t, ring, 'consumer', 0);
    }
    await Promise.all([dying, ...survivors].map((thread) => thread.end(0)));
    inspect.take(ring);
    assert.deepEqual(inspect.faults, []);
    assert.deepEqual([ring.size(), ring.getStats().damaged, ring.getStats().blockedConsumers], [0, 0, 0]);
    t.diagnostic(`${rounds / 2} threads ended, ${inspect.count()} items came here`);
    assertWhole(ring, capacity);
  });
});
