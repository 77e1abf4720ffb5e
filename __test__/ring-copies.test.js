'use strict';

// What `dequeue` gives belongs to its caller alone: whatever he does with its buffer, no other item changes.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { MessageChannel } = require('node:worker_threads');
const { ZeroCopyRingBuffer } = require('agentwire');

const sizes = [1, 64, 65, 512, 4096];
const item = (length, seed) => Uint8Array.from({ length }, (_, index) => (seed * 31 + index * 7) & 0xff);
const canMove = typeof ArrayBuffer.prototype.transfer === 'function';

/** What an owner may do with the buffer of his item. */
const deeds = {
  'writing all of it': ({ buffer }) => new Uint8Array(buffer).fill(0xdd),
  'structuredClone with transfer': ({ buffer }) =>
    new Uint8Array(structuredClone(buffer, { transfer: [buffer] })).fill(0xdd),
  'postMessage with transfer': ({ buffer }) => {
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(buffer, [buffer]);
    port1.close();
    port2.close();
  },
  ...(canMove
    ? { 'ArrayBuffer.prototype.transfer': ({ buffer }) => new Uint8Array(buffer.transfer()).fill(0xdd) }
    : {}),
};

/** Twelve items; the even ones are spoilt as they come, and the others and what comes later must be whole. */
function spoilEverySecond(size, deed, give, take) {
  const ring = new ZeroCopyRingBuffer(16, 4100);
  const kept = [];
  for (let round = 0; round < 3; round += 1) {
    for (let seed = 0; seed < 12; seed += 1) ring.enqueue(item(size, round * 12 + seed));
    for (let seed = 0; seed < 12; seed += 1) {
      const got = take(ring);
      assert.deepEqual(got, item(size, round * 12 + seed));
      if (seed % 2 === 0) deed(got);
      else if (seed % 4 === 1) kept.push([got, round * 12 + seed]);
      else give(ring, got);
    }
  }
  for (const [got, seed] of kept) assert.deepEqual(got, item(size, seed));
}

for (const [name, deed] of Object.entries(deeds)) {
  describe(`no other item changes by ${name}`, () => {
    for (const size of sizes) {
      it(`of ${size} bytes`, () => {
        spoilEverySecond(
          size,
          deed,
          () => {},
          (ring) => ring.dequeue(),
        );
      });

      it(`of ${size} bytes, where items are recycled`, () => {
        spoilEverySecond(
          size,
          deed,
          (ring, got) => ring.recycle(got),
          (ring) => ring.dequeue(),
        );
      });

      it(`of ${size} bytes, seen by peek`, () => {
        spoilEverySecond(
          size,
          deed,
          (ring, got) => ring.recycle(got),
          (ring) => {
            deed(ring.peek());
            return ring.dequeue();
          },
        );
      });
    }
  });
}

describe('recycle', () => {
  it('is refused, and does no harm, where Node.js cannot move the memory of a buffer', (t) => {
    if (canMove) return t.skip(`Node ${process.versions.node} can move it: the other tests look at that`);
    const ring = new ZeroCopyRingBuffer(4, 1028);
    ring.enqueue(item(1024, 1));
    const got = ring.dequeue();
    assert.equal(ring.recycle(got), false);
    assert.deepEqual(got, item(1024, 1));
  });

  const needsMove = { skip: canMove ? false : `Node ${process.versions.node} has no ArrayBuffer.prototype.transfer` };

  it('gives the memory to a later item, and leaves every old view empty', needsMove, () => {
    const ring = new ZeroCopyRingBuffer(4, 1028);
    ring.enqueue(item(1024, 1));
    const got = ring.dequeue();
    const { buffer } = got;
    const view = new DataView(buffer);
    assert.equal(ring.recycle(got), true);
    assert.deepEqual([got.length, buffer.byteLength], [0, 0]);
    assert.throws(() => view.getUint8(0), TypeError);
    ring.enqueue(item(1024, 2));
    const next = ring.dequeue();
    assert.deepEqual(next, item(1024, 2));
    assert.throws(() => got.fill(0xdd), TypeError);
    got[0] = next[0] + 1;
    assert.deepEqual(next, item(1024, 2));
  });

  it('says false the second time', needsMove, () => {
    const ring = new ZeroCopyRingBuffer(4, 1028);
    ring.enqueue(item(1024, 1));
    const got = ring.dequeue();
    assert.deepEqual([ring.recycle(got), ring.recycle(got), ring.recycle(got)], [true, false, false]);
    for (const seed of [1, 2, 3]) ring.enqueue(item(1024, seed));
    const [first, second, third] = [ring.dequeue(), ring.dequeue(), ring.dequeue()];
    assert.equal(new Set([first.buffer, second.buffer, third.buffer]).size, 3);
    assert.deepEqual([first, second, third], [item(1024, 1), item(1024, 2), item(1024, 3)]);
  });

  it('serves items of any length with memory of any other', needsMove, () => {
    const ring = new ZeroCopyRingBuffer(4, 4100);
    let state = 1;
    for (let round = 0; round < 2000; round += 1) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      const length = (state >>> 8) % 4097;
      ring.enqueue(item(length, round));
      const got = ring.dequeue();
      assert.deepEqual(got, item(length, round));
      if (round % 3 !== 0) assert.equal(ring.recycle(got), length > 64, `round ${round}, ${length} bytes`);
    }
  });

  it('refuses what is not one item’s own memory', () => {
    const ring = new ZeroCopyRingBuffer(8, 1028);
    ring.enqueueBatch([item(500, 1), item(600, 2)]);
    const drained = ring.drain();
    const others = [
      ...drained,
      new Uint8Array(0),
      new Uint8Array(64),
      new Uint8Array(ring.buffer),
      new Uint8Array(1000).subarray(1),
      new Uint8Array(1000).subarray(0, 999),
      new Uint8Array(new SharedArrayBuffer(1000)),
      new Uint8Array(new ArrayBuffer(1000, { maxByteLength: 2000 })),
    ];
    for (const other of others) {
      const { length } = other;
      assert.equal(ring.recycle(other), false);
      assert.equal(other.length, length);
    }
    assert.deepEqual(drained, [item(500, 1), item(600, 2)]);
  });

  it('keeps no more than a bounded number of buffers', needsMove, () => {
    const ring = new ZeroCopyRingBuffer(102, 1028);
    for (let seed = 0; seed < 100; seed += 1) ring.enqueue(item(1024, seed));
    const items = Array.from({ length: 100 }, () => ring.dequeue());
    const taken = items.filter((each) => ring.recycle(each)).length;
    assert.ok(taken > 0 && taken < 100, `${taken} were taken`);
  });
});
