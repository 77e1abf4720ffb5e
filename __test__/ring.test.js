'use strict';

// What a ring promises to one thread: order, bounds, batches, figures. Copies, in-place use, waiting and threads have files of
// their own.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { ZeroCopyRingBuffer } = require('agentwire');
const { runNode } = require('./helpers.js');

/** Bytes that tell where they come from. */
const item = (length, seed = length) => Uint8Array.from({ length }, (_, index) => (seed * 31 + index * 7) & 0xff);
const upTo = (count) => Array.from({ length: count }, (_, index) => index);

function drainAll(ring) {
  const items = [];
  for (let next = ring.dequeue(); next !== null; next = ring.dequeue()) items.push(next);
  return items;
}

describe('a ring', () => {
  it('gives items back in the order in which they came, whole', () => {
    const ring = new ZeroCopyRingBuffer(101, 256);
    const lengths = [0, 1, 3, 4, 63, 64, 65, 128, 251, 252, 0];
    for (const [seed, length] of lengths.entries()) assert.equal(ring.enqueue(item(length, seed)), true);
    assert.equal(ring.size(), lengths.length);
    for (const [seed, length] of lengths.entries()) assert.deepEqual(ring.dequeue(), item(length, seed));
    assert.equal(ring.dequeue(), null);
    assert.equal(ring.isEmpty(), true);
  });

  it('holds one item fewer than its capacity, lap after lap, whatever the capacity', () => {
    for (const capacity of [2, 3, 4, 5, 7, 8, 9, 16, 17, 100]) {
      const ring = new ZeroCopyRingBuffer(capacity, 12);
      let put = 0;
      let got = 0;
      for (let lap = 0; lap < 40; lap += 1) {
        while (ring.enqueue(item(8, put))) put += 1;
        assert.equal(put - got, capacity - 1, `capacity ${capacity}, lap ${lap}`);
        assert.deepEqual([ring.size(), ring.isFull(), ring.isEmpty()], [capacity - 1, true, false]);
        // Not always all of them, so that the laps begin anywhere.
        for (let taken = 0; taken <= lap % capacity && taken < capacity - 1; taken += 1) {
          assert.deepEqual(ring.dequeue(), item(8, got));
          got += 1;
        }
        assert.equal(ring.isFull(), false);
      }
      for (const rest of drainAll(ring)) assert.deepEqual(rest, item(8, got++));
      assert.equal(got, put);
      assert.deepEqual([ring.getStats().enqueued, ring.getStats().dequeued], [put, put], `capacity ${capacity}`);
    }
  });

  it('refuses an item that is too long with a RangeError, and writes nothing', () => {
    const ring = new ZeroCopyRingBuffer(4, 16);
    ring.enqueue(item(12));
    const before = new Uint8Array(ring.buffer).slice();
    for (const length of [13, 64, 65, 1000]) {
      const error = {
        name: 'AgentwireRangeError',
        code: 'ERR_AGENTWIRE_TOO_LONG',
        message: new RegExp(`${length} bytes`),
      };
      assert.throws(() => ring.enqueue(item(length)), error);
      assert.throws(() => ring.enqueue(item(length)), RangeError);
      assert.throws(() => ring.enqueueBatch([item(1), item(length)]), error);
      assert.throws(() => ring.enqueuePacked(item(length + 1), Uint32Array.of(1, length)), error);
    }
    assert.deepEqual(new Uint8Array(ring.buffer).slice(), before);
    assert.deepEqual(drainAll(ring), [item(12)]);
  });

  it('is the same ring where its buffer is attached to', () => {
    const ring = new ZeroCopyRingBuffer(7, 20);
    const other = ZeroCopyRingBuffer.attach(ring.buffer);
    assert.equal(other.buffer, ring.buffer);
    assert.equal(other.enqueue(item(16)), true);
    assert.deepEqual([other.getStats().capacity, other.getStats().itemSize], [7, 20]);
    assert.deepEqual(ring.dequeue(), item(16));
    assert.throws(() => other.enqueue(item(17)), { code: 'ERR_AGENTWIRE_TOO_LONG' });
  });

  it('tells how many items there are, by a threshold and in figures', () => {
    const ring = new ZeroCopyRingBuffer(5, 64);
    const figures = () => {
      const { currentSize, utilization, enqueued, dequeued } = ring.getStats();
      return [currentSize, utilization, enqueued, dequeued];
    };
    assert.deepEqual(ring.getStats(), {
      capacity: 5,
      itemSize: 64,
      currentSize: 0,
      utilization: 0,
      enqueued: 0,
      dequeued: 0,
      damaged: 0,
      blockedConsumers: 0,
    });
    ring.enqueueBatch([item(1), item(2), item(3)]);
    assert.deepEqual(figures(), [3, 0.75, 3, 0]);
    ring.dequeue();
    ring.drain(1);
    assert.deepEqual(figures(), [1, 0.25, 3, 2]);
    assert.equal(ring.clear(), 1);
    assert.deepEqual(figures(), [0, 0, 3, 3]);
  });

  it('shows the next item without taking it', () => {
    const ring = new ZeroCopyRingBuffer(4, 128);
    assert.equal(ring.peek(), null);
    for (const length of [100, 0, 5]) ring.enqueue(item(length));
    for (const length of [100, 0, 5]) {
      const seen = ring.peek();
      assert.deepEqual(seen, item(length));
      seen.fill(0);
      assert.deepEqual(ring.peek(), item(length));
      assert.deepEqual(ring.dequeue(), item(length));
    }
    assert.equal(ring.peek(), null);
  });

  it('clears what is there, and goes on', () => {
    const ring = new ZeroCopyRingBuffer(6, 16);
    assert.equal(ring.clear(), 0);
    for (let lap = 0; lap < 10; lap += 1) {
      for (let count = 0; count < lap % 6; count += 1) ring.enqueue(item(4, lap));
      assert.equal(ring.clear(), lap % 6);
      assert.deepEqual([ring.size(), ring.dequeue()], [0, null]);
    }
    ring.enqueue(item(12));
    assert.deepEqual(ring.dequeue(), item(12));
  });
});

describe('dequeueInto', () => {
  it('copies the next item to the start of the target, and tells its length', () => {
    const ring = new ZeroCopyRingBuffer(8, 104);
    const target = new Uint8Array(100).fill(0xee);
    assert.equal(ring.dequeueInto(target), -1);
    for (const length of [0, 1, 64, 65, 100]) ring.enqueue(item(length));
    for (const length of [0, 1, 64, 65, 100]) {
      target.fill(0xee);
      assert.equal(ring.dequeueInto(target), length);
      assert.deepEqual(target.slice(0, length), item(length));
      assert.ok(target.subarray(length).every((byte) => byte === 0xee));
    }
    assert.equal(ring.dequeueInto(target), -1);
  });

  it('writes to the part of a buffer that a view shows, shared or not, and to a Buffer', () => {
    const ring = new ZeroCopyRingBuffer(8, 16);
    for (const buffer of [new ArrayBuffer(32), new SharedArrayBuffer(32), Buffer.alloc(32).buffer]) {
      const all = new Uint8Array(buffer).fill(1);
      ring.enqueue(item(5));
      assert.equal(ring.dequeueInto(all.subarray(3, 8)), 5);
      assert.deepEqual([...all.subarray(0, 9)], [1, 1, 1, ...item(5), 1]);
    }
  });

  it('leaves an item that is longer than the target in the ring', () => {
    const ring = new ZeroCopyRingBuffer(8, 128);
    for (const length of [1, 64, 100]) {
      ring.enqueue(item(length));
      for (const room of [0, length - 1]) {
        const target = new Uint8Array(room).fill(0xee);
        const error = { name: 'AgentwireRangeError', code: 'ERR_AGENTWIRE_TOO_LONG', message: /stays in the ring/ };
        assert.throws(() => ring.dequeueInto(target), error);
        assert.ok(target.every((byte) => byte === 0xee));
        assert.equal(ring.size(), 1);
      }
      assert.deepEqual(ring.dequeue(), item(length));
    }
  });
});

describe('batches', () => {
  it('enqueueBatch puts in as many as there is room for, in order', () => {
    const ring = new ZeroCopyRingBuffer(8, 304);
    const items = [0, 300, 1, 64, 65, 0, 7, 8, 9].map((length) => item(length));
    assert.equal(ring.enqueueBatch([]), 0);
    assert.equal(ring.enqueueBatch(items), 7);
    assert.equal(ring.enqueueBatch(items.slice(7)), 0);
    assert.deepEqual(ring.dequeue(), items[0]);
    assert.equal(ring.enqueueBatch(items.slice(7)), 1);
    assert.deepEqual(drainAll(ring), items.slice(1, 8));
  });

  it('enqueueBatch takes more than crosses at once', () => {
    const ring = new ZeroCopyRingBuffer(10_001, 104);
    // More than 4,096 items, and more than 256 KiB.
    const items = upTo(10_000).map((seed) => item(seed % 101, seed));
    assert.equal(ring.enqueueBatch(items), 10_000);
    assert.deepEqual(ring.drain(), items);
  });

  it('enqueueBatch finds a bad item before any goes in', () => {
    const ring = new ZeroCopyRingBuffer(8, 16);
    const gone = new Uint8Array(4);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    const bad = [
      [item(13), 'ERR_AGENTWIRE_TOO_LONG'],
      ['text', 'ERR_AGENTWIRE_ARGUMENT'],
      [undefined, 'ERR_AGENTWIRE_ARGUMENT'],
      [gone, 'ERR_AGENTWIRE_DETACHED'],
      [new Uint8Array(ring.buffer, 400, 4), 'ERR_AGENTWIRE_OVERLAP'],
    ];
    for (const [value, code] of bad) {
      assert.throws(() => ring.enqueueBatch([item(1), item(2), value]), { code });
      assert.deepEqual([ring.size(), ring.getStats().enqueued], [0, 0]);
    }
  });

  it('enqueuePacked and drainInto carry items that lie one behind the other', () => {
    const ring = new ZeroCopyRingBuffer(200, 72);
    const bytes = new Uint8Array(64 * 1024);
    const lengths = new Uint32Array(300);
    let end = 0;
    for (let index = 0; index < 300; index += 1) {
      lengths[index] = index % 69;
      bytes.set(item(index % 69, index), end);
      end += index % 69;
    }
    assert.equal(ring.enqueuePacked(bytes, lengths, 0), 0);
    assert.equal(ring.enqueuePacked(bytes, lengths, 100), 100);
    assert.equal(ring.enqueuePacked(bytes, lengths), 99);
    const out = new Uint8Array(bytes.length);
    const outLengths = new Uint32Array(100);
    assert.equal(ring.drainInto(out, outLengths), 100);
    assert.deepEqual(outLengths, lengths.slice(0, 100));
    const sum = outLengths.reduce((total, length) => total + length, 0);
    assert.deepEqual(out.slice(0, sum), bytes.slice(0, sum));
    assert.ok(out.subarray(sum).every((byte) => byte === 0));
    assert.equal(ring.drainInto(out, outLengths), 99);
    assert.equal(ring.drainInto(out, outLengths), 0);
    assert.equal(ring.drainInto(out, new Uint32Array(0)), 0);
  });

  it('drainInto takes what fits, and throws when not even the first does', () => {
    const ring = new ZeroCopyRingBuffer(8, 16);
    ring.enqueueBatch([item(4), item(5), item(6)]);
    const lengths = new Uint32Array(8);
    assert.equal(ring.drainInto(new Uint8Array(10), lengths), 2);
    assert.deepEqual([...lengths], [4, 5, 0, 0, 0, 0, 0, 0]);
    assert.throws(() => ring.drainInto(new Uint8Array(5), lengths), { code: 'ERR_AGENTWIRE_TOO_LONG' });
    assert.deepEqual(drainAll(ring), [item(6)]);
  });

  it('drain keeps to its bounds, but gives one item at least', () => {
    const ring = new ZeroCopyRingBuffer(100, 64);
    const drained = (...bounds) => ring.drain(...bounds).map(({ length }) => length);
    assert.deepEqual(ring.drain(), []);
    ring.enqueueBatch([10, 20, 30, 0, 40, 0, 50].map((length) => item(length)));
    assert.deepEqual(drained(2), [10, 20]);
    assert.deepEqual(drained(Number.POSITIVE_INFINITY, 1), [30]);
    assert.deepEqual(drained(10, 40), [0, 40, 0]);
    assert.deepEqual(drained(10, 50), [50]);
    assert.deepEqual(drained(), []);
  });

  it('drain gives views over one buffer, which is nobody else’s', () => {
    const ring = new ZeroCopyRingBuffer(100, 64);
    const items = upTo(50).map((seed) => item(seed, seed));
    ring.enqueueBatch(items);
    const drained = ring.drain();
    assert.deepEqual(drained, items);
    assert.equal(new Set(drained.map(({ buffer }) => buffer)).size, 1);
    assert.ok(drained[0].buffer instanceof ArrayBuffer);
    ring.enqueueBatch(items);
    const second = ring.drain();
    new Uint8Array(drained[0].buffer).fill(0);
    assert.deepEqual(second, items);
  });

  it('drain gives all that is there, also more than crosses at once', () => {
    const ring = new ZeroCopyRingBuffer(3000, 1024);
    const items = upTo(2999).map((seed) => item(1 + ((seed * 7) % 1020), seed));
    assert.equal(ring.enqueueBatch(items), 2999);
    assert.deepEqual(ring.drain(), items);
    const large = new ZeroCopyRingBuffer(3, 1 << 20);
    large.enqueueBatch([item(1_000_000), item((1 << 20) - 4)]);
    assert.deepEqual(large.drain(), [item(1_000_000), item((1 << 20) - 4)]);
  });
});

it('a ring of the default size takes address space, not memory', async () => {
  const program = `
    const { ZeroCopyRingBuffer } = require('agentwire');
    new ZeroCopyRingBuffer(4, 64).enqueue(new Uint8Array(8));
    const before = process.memoryUsage().rss;
    const ring = new ZeroCopyRingBuffer();
    for (let count = 0; count < 100; count += 1) ring.enqueue(new Uint8Array(100));
    for (let count = 0; count < 100; count += 1) ring.dequeue();
    const { capacity, itemSize } = ring.getStats();
    console.log(JSON.stringify({
      capacity, itemSize, bytes: ring.buffer.byteLength, grownMiB: (process.memoryUsage().rss - before) / 2 ** 20,
    }));`;
  const { code, stdout, stderr } = await runNode(['-e', program], { cwd: __dirname });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  const { capacity, itemSize, bytes, grownMiB } = JSON.parse(stdout);
  assert.deepEqual([capacity, itemSize], [65_536, 8192]);
  assert.ok(bytes >= 65_535 * 8192);
  assert.ok(grownMiB < 64, `resident memory grew by ${grownMiB} MiB`);
});
