'use strict';

// BatchAllocator: which buffers it hands out, which it keeps, and that none is in two hands.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const { AgentwireArgumentError, AgentwireError, BatchAllocator } = require('agentwire');

const take = (allocator, count) => Array.from({ length: count }, () => allocator.allocate());

/** Moves a buffer's memory away, as a transfer to another thread does. */
const detach = (buffer) => structuredClone(buffer, { transfer: [buffer] });

describe('allocate', () => {
  it('hands out ArrayBuffers of the size asked for, filled with zeros, none twice', () => {
    const buffers = take(new BatchAllocator(100, 10), 10);
    for (const buffer of buffers) {
      assert.ok(buffer instanceof ArrayBuffer);
      assert.deepEqual(new Uint8Array(buffer), new Uint8Array(100));
    }
    assert.equal(new Set(buffers).size, 10);
  });

  it('makes a buffer when it is first asked for, not before', () => {
    const allocator = new BatchAllocator(2 ** 32, 2 ** 30);
    assert.deepEqual(allocator.getStats(), {
      bufferSize: 2 ** 32,
      batchSize: 2 ** 30,
      allocated: 0,
      kept: 0,
      keptBytes: 0,
      created: 0,
      replaced: 0,
    });
  });

  it('hands out buffers of 8,192 bytes and keeps 1,000 of them unless told otherwise', () => {
    const allocator = new BatchAllocator();
    assert.equal(allocator.allocate().byteLength, 8192);
    take(allocator, 1000);
    const { kept, keptBytes, allocated } = allocator.getStats();
    assert.deepEqual({ kept, keptBytes, allocated }, { kept: 1000, keptBytes: 8_192_000, allocated: 1001 });
  });

  it('hands out fresh buffers beyond batchSize, and does not keep those', () => {
    const allocator = new BatchAllocator(8, 3);
    const first = take(allocator, 5);
    assert.equal(new Set(first).size, 5);
    allocator.reset();
    const second = take(allocator, 5);
    for (const i of [0, 1, 2]) assert.equal(second[i], first[i]);
    for (const i of [3, 4]) assert.ok(!first.includes(second[i]));
    const { kept, created } = allocator.getStats();
    assert.deepEqual({ kept, created }, { kept: 3, created: 7 });
  });

  it('fails with a typed error when there is no memory, and is as usable as before', (t) => {
    const allocator = new BatchAllocator(16, 10);
    const first = allocator.allocate();
    const before = allocator.getStats();
    const failure = new RangeError('Array buffer allocation failed');
    const { ArrayBuffer: real } = globalThis;
    t.after(() => {
      globalThis.ArrayBuffer = real;
    });
    globalThis.ArrayBuffer = function refusing() {
      throw failure;
    };
    assert.throws(
      () => allocator.allocate(),
      (error) => {
        assert.ok(error instanceof AgentwireError);
        assert.deepEqual([error.code, error.cause], ['ERR_AGENTWIRE_OUT_OF_MEMORY', failure]);
        return true;
      },
    );
    globalThis.ArrayBuffer = real;
    assert.deepEqual(allocator.getStats(), before);
    assert.notEqual(allocator.allocate(), first);
    allocator.reset();
    assert.equal(allocator.allocate(), first);
  });
});

describe('reset', () => {
  it('makes the buffers available again, in the same order', () => {
    const allocator = new BatchAllocator(16, 10);
    const first = take(allocator, 6);
    for (let batch = 0; batch < 3; batch += 1) {
      allocator.reset();
      for (const buffer of first) assert.equal(allocator.allocate(), buffer);
    }
    assert.equal(allocator.getStats().created, 6);
  });

  it('leaves in a buffer what its last user wrote', () => {
    const allocator = new BatchAllocator(4, 1);
    new Uint8Array(allocator.allocate()).set([1, 2, 3, 4]);
    allocator.reset();
    assert.deepEqual([...new Uint8Array(allocator.allocate())], [1, 2, 3, 4]);
  });

  it('replaces a buffer that was transferred meanwhile', () => {
    const allocator = new BatchAllocator(16, 10);
    const first = take(allocator, 3);
    const moved = detach(first[1]);
    allocator.reset();
    const second = take(allocator, 3);
    assert.deepEqual([second[0] === first[0], second[1] === first[1], second[2] === first[2]], [true, false, true]);
    assert.equal(second[1].byteLength, 16);
    assert.equal(moved.byteLength, 16);
    const { created, replaced, kept } = allocator.getStats();
    assert.deepEqual({ created, replaced, kept }, { created: 4, replaced: 1, kept: 3 });
    allocator.reset();
    assert.deepEqual(take(allocator, 3), second);
  });

  it('may be called at any time, also twice and before the first allocation', () => {
    const allocator = new BatchAllocator(16, 10);
    allocator.reset();
    const buffer = allocator.allocate();
    allocator.reset();
    allocator.reset();
    assert.equal(allocator.allocate(), buffer);
    assert.equal(allocator.getStats().allocated, 1);
  });
});

describe('new BatchAllocator', () => {
  it('refuses sizes that are no integers in range, by their names', () => {
    const wrong = [0, -1, 1.5, Number.NaN, Infinity, '8', null, 8n, {}];
    const refuses = (argument, action) =>
      assert.throws(action, (error) => {
        assert.ok(error instanceof AgentwireArgumentError);
        assert.match(error.message, new RegExp(`^${argument} must be an integer from 1 to .+; .+ was given$`));
        return true;
      });
    for (const given of [...wrong, 2 ** 32 + 1]) refuses('bufferSize', () => new BatchAllocator(given, 10));
    for (const given of [...wrong, 2 ** 30 + 1]) refuses('batchSize', () => new BatchAllocator(16, given));
  });
});

it('never has a buffer in two hands between two resets, whatever is called', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.constant({ kind: 'allocate' }) },
    { weight: 1, arbitrary: fc.constant({ kind: 'reset' }) },
    { weight: 1, arbitrary: fc.nat(20).map((which) => ({ kind: 'detach', which })) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), fc.integer({ min: 1, max: 8 }), (steps, batchSize) => {
      const allocator = new BatchAllocator(32, batchSize);
      // The model: the buffers by their place in the batch, and those handed out in this batch.
      const kept = [];
      let batch = [];
      let [created, replaced] = [0, 0];
      for (const { kind, which } of steps) {
        if (kind === 'allocate') {
          const place = batch.length;
          const buffer = allocator.allocate();
          assert.equal(buffer.byteLength, 32);
          assert.ok(!batch.includes(buffer));
          const old = kept[place];
          if (old !== undefined && old.byteLength > 0) {
            assert.equal(buffer, old);
          } else {
            assert.ok(!kept.includes(buffer));
            created += 1;
            if (old !== undefined) replaced += 1;
            if (place < batchSize) kept[place] = buffer;
          }
          batch.push(buffer);
        } else if (kind === 'reset') {
          allocator.reset();
          batch = [];
        } else if (batch.length > 0) {
          const buffer = batch[which % batch.length];
          if (buffer.byteLength > 0) detach(buffer);
        }
        assert.deepEqual(allocator.getStats(), {
          bufferSize: 32,
          batchSize,
          allocated: batch.length,
          kept: kept.length,
          keptBytes: kept.length * 32,
          created,
          replaced,
        });
      }
    }),
    { numRuns: 500 },
  );
});
