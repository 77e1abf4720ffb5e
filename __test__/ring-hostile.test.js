'use strict';

// Memory that somebody writes over: wrong items and typed errors, but no crash, no endless loop, nothing outside of the ring.
// AGENTWIRE_STORM_SEED=S runs the seed of a run that failed, AGENTWIRE_HOSTILE_SECONDS=N each seed for N seconds instead of 1.5.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireError, ZeroCopyRingBuffer } = require('agentwire');
const { deadlineMs, fixture, runNode } = require('./helpers.js');

const ms = Number(process.env.AGENTWIRE_HOSTILE_SECONDS ?? 1.5) * 1000;
const seeds = process.env.AGENTWIRE_STORM_SEED
  ? [Number(process.env.AGENTWIRE_STORM_SEED)]
  : [1, 2, 3, Date.now() % 1_000_000];

for (const [index, seed] of seeds.entries()) {
  it(`a ring that is written over all the time does no harm, round ${index + 1}`, async (t) => {
    t.diagnostic(`seed ${seed}`);
    const options = { timeout: ms + deadlineMs, killSignal: 'SIGKILL' };
    const { code, signal, stdout, stderr } = await runNode([fixture('ring-hostile.js'), `${seed}`, `${ms}`], options);
    assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, `seed ${seed}: ${stdout}`);
    const { rounds, calls, codes, faults, other } = JSON.parse(stdout);
    t.diagnostic(`written over ${rounds} times, ${calls} calls, ${JSON.stringify(codes)}`);
    assert.deepEqual(faults, [], `seed ${seed}`);
    assert.ok(rounds > 10 && calls > 100 && codes.ERR_AGENTWIRE_DAMAGED > 0, stdout);
    assert.equal(other, 'whole');
  });
}

const capacity = 5;
const itemSize = 76;
const stride = itemSize + 4 + 8;

/** A ring on its third lap with two items of two slots each way. */
function halfFull() {
  const ring = new ZeroCopyRingBuffer(capacity, itemSize);
  for (let seed = 0; seed < 11; seed += 1) {
    ring.enqueue(new Uint8Array(70).fill(seed));
    if (seed < 9) ring.dequeue();
  }
  return ring;
}

const isItem = (item) => item === null || (item instanceof Uint8Array && item.length <= itemSize - 4);
const methods = {
  'enqueue of a small item': (ring) => typeof ring.enqueue(new Uint8Array(3)) === 'boolean',
  'enqueue of a large item': (ring) => typeof ring.enqueue(new Uint8Array(70)) === 'boolean',
  'enqueue of an empty item': (ring) => typeof ring.enqueue(new Uint8Array(0)) === 'boolean',
  enqueueBatch: (ring) => ring.enqueueBatch([1, 2, 3, 4, 5, 6].map((length) => new Uint8Array(length))) < capacity,
  enqueuePacked: (ring) => ring.enqueuePacked(new Uint8Array(100), Uint32Array.of(1, 2, 3, 4, 5, 6)) < capacity,
  dequeue: (ring) => isItem(ring.dequeue()),
  'dequeue with a timeout': (ring) => isItem(ring.dequeue(1)),
  dequeueAsync: async (ring) => isItem(await ring.dequeueAsync(1)),
  dequeueInto: (ring) => ring.dequeueInto(new Uint8Array(100)) < itemSize,
  drain: (ring) => ring.drain().every(isItem),
  'drain within bounds': (ring) => ring.drain(3, 100).every(isItem),
  drainInto: (ring) => ring.drainInto(new Uint8Array(1000), new Uint32Array(20)) < 20,
  peek: (ring) => isItem(ring.peek()),
  clear: (ring) => ring.clear() < capacity,
  'claim and commit': (ring) => ring.claim()?.commit(5) === undefined,
  'claim and abandon': (ring) => ring.claim()?.abandon() === undefined,
  'borrow and release': (ring) => ring.borrow()?.release() === undefined,
  size: (ring) => ring.size() >= 0 && ring.size() < capacity,
  isFull: (ring) => typeof ring.isFull() === 'boolean' && typeof ring.isEmpty() === 'boolean',
  getStats: (ring) => ring.getStats().utilization >= 0 && ring.getStats().utilization <= 1,
};

/** Each method in turn, on a ring that was damaged just so: works, or says that it is damaged. How often it did the latter. */
async function tryAll(damage, what) {
  let refusals = 0;
  for (const first of Object.keys(methods)) {
    const ring = halfFull();
    damage(ring);
    // The first one alone, then the others on what it leaves.
    for (const name of [first, ...Object.keys(methods)]) {
      try {
        assert.ok(await methods[name](ring), `${name} on ${what}`);
      } catch (error) {
        if (!(error instanceof AgentwireError)) throw error;
        assert.equal(error.code, 'ERR_AGENTWIRE_DAMAGED', `${name} on ${what}: ${error.stack}`);
        assert.match(error.message, /written over.*make a new ring/);
        refusals += 1;
      }
    }
  }
  return refusals;
}

describe('a single damaged word', () => {
  const random = () => BigInt.asUintN(64, BigInt(Math.floor(Math.random() * 2 ** 53)) * 0x9e37_79b9_7f4a_7c15n);
  const values = () => [
    0n,
    1n,
    2n,
    3n,
    4n,
    7n,
    8n,
    100n,
    2n ** 32n - 1n,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 64n - 3n,
    2n ** 64n - 2n,
    2n ** 64n - 1n,
    random(),
    random(),
  ];
  const places = {
    tail: 128,
    head: 256,
    "the front slot's turn": 384 + stride,
    "the next free slot's turn": 384 + 3 * stride,
  };
  for (const [name, offset] of Object.entries(places)) {
    it(`${name}: every method works or says so`, async (t) => {
      let refusals = 0;
      for (const value of values()) {
        const damage = (ring) => {
          new BigUint64Array(ring.buffer, offset, 1)[0] = value;
        };
        refusals += await tryAll(damage, `${name} = ${value}`);
      }
      t.diagnostic(`${refusals} refusals`);
      assert.ok(refusals > 0);
    });
  }

  it('the header: rings that are attached do not look at it again', async () => {
    for (const offset of [0, 4, 8, 12]) {
      for (const value of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
        const damage = (ring) => {
          new Uint32Array(ring.buffer, offset, 1)[0] = value;
        };
        assert.equal(await tryAll(damage, `header ${offset} = ${value}`), 0);
      }
    }
  });

  it('a length: the item is passed over and counted, by whatever way it would have been taken', async () => {
    const takers = [
      'dequeue',
      'dequeue with a timeout',
      'dequeueAsync',
      'dequeueInto',
      'drain',
      'drainInto',
      'peek',
      'clear',
    ];
    for (const value of [itemSize - 3, 1000, 2 ** 31, 2 ** 32 - 2]) {
      for (const name of [...takers, 'borrow and release']) {
        // Alone, and with an item behind it.
        for (const others of [0, 1]) {
          const ring = new ZeroCopyRingBuffer(capacity, itemSize);
          for (let count = 0; count <= others; count += 1) ring.enqueue(new Uint8Array(8).fill(count));
          new Uint32Array(ring.buffer, 392, 1)[0] = value;
          assert.ok(await methods[name](ring), name);
          assert.equal(ring.getStats().damaged, 1, `${name}, ${others} behind it`);
          if (name === 'peek' && others === 1) assert.deepEqual(ring.dequeue(), new Uint8Array(8).fill(1));
          assert.deepEqual([ring.size(), ring.dequeue()], [0, null], name);
        }
      }
    }
  });
});

it('a consumer that waits hears of the damage', async () => {
  const ring = new ZeroCopyRingBuffer(4, 64);
  const pending = [ring.dequeueAsync(), ring.dequeueAsync()];
  new BigUint64Array(ring.buffer, 256, 1)[0] = 3n;
  ring.enqueue(new Uint8Array(1));
  for (const end of await Promise.allSettled(pending)) assert.equal(end.reason?.code, 'ERR_AGENTWIRE_DAMAGED');
  assert.throws(() => ring.dequeue(50_000), { name: 'AgentwireError', code: 'ERR_AGENTWIRE_DAMAGED' });
});
