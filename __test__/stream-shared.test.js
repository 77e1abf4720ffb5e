'use strict';

// The byte stream in shared memory, and between threads.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireArgumentError, MemoryMappedBuffer } = require('agentwire');
const { Thread, waitUntil } = require('./helpers.js');
const { HEADER_BYTES, WRITTEN, READ, bytes, text, refused, kinds } = require('./byte-streams.js');

describe('a stream in shared memory', () => {
  it('has 64 MiB if not told otherwise, and memory as it is touched', () => {
    const before = process.memoryUsage().rss;
    const stream = new MemoryMappedBuffer();
    assert.equal(stream.capacity, 64 * 2 ** 20);
    assert.equal(stream.buffer.byteLength, HEADER_BYTES + stream.capacity);
    assert.equal(stream.path, undefined);
    stream.write(bytes('abc'));
    assert.ok(process.memoryUsage().rss - before < 32 * 2 ** 20);
  });

  it('refuses a capacity that cannot be', () => {
    for (const capacity of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 41, '100', null, 5n, {}]) {
      assert.throws(() => new MemoryMappedBuffer(capacity), AgentwireArgumentError, String(capacity));
      refused(() => new MemoryMappedBuffer(capacity), 'ERR_AGENTWIRE_ARGUMENT', 'capacity must be an integer from 1');
    }
    // Either there is so much address space, or an error that says what to do.
    try {
      new MemoryMappedBuffer(2 ** 40);
    } catch (error) {
      assert.equal(error.code, 'ERR_AGENTWIRE_OUT_OF_MEMORY');
    }
  });

  it('is found by attach(), also more than once', () => {
    const stream = new MemoryMappedBuffer(100);
    const attached = MemoryMappedBuffer.attach(stream.buffer);
    assert.equal(attached.buffer, stream.buffer);
    assert.equal(attached.capacity, 100);
    stream.write(bytes('to the other'));
    assert.equal(text(attached.read(12)), 'to the other');
    attached.write(bytes('and back'));
    attached.close();
    assert.equal(text(stream.read(8)), 'and back');
  });

  it('refuses to attach to what is no stream', () => {
    for (const buffer of [undefined, null, 5, 'x', {}, new ArrayBuffer(5000), new Uint8Array(5000)]) {
      refused(() => MemoryMappedBuffer.attach(buffer), 'ERR_AGENTWIRE_ARGUMENT', '.buffer of a MemoryMappedBuffer');
    }
    for (const length of [0, 1, 4095, 4096, 5000]) {
      const foreign = new SharedArrayBuffer(length);
      refused(() => MemoryMappedBuffer.attach(foreign), 'ERR_AGENTWIRE_FOREIGN_MEMORY', 'MemoryMappedBuffer.attach');
    }
    const growable = new SharedArrayBuffer(5000, { maxByteLength: 6000 });
    refused(() => MemoryMappedBuffer.attach(growable), 'ERR_AGENTWIRE_ARGUMENT', 'fixed length');
  });

  it('refuses to attach to a stream that was copied to memory of another size, or changed', () => {
    const { buffer } = new MemoryMappedBuffer(100);
    for (const length of [buffer.byteLength - 1, buffer.byteLength + 1]) {
      const copy = new SharedArrayBuffer(length);
      new Uint8Array(copy).set(new Uint8Array(buffer).subarray(0, length));
      refused(() => MemoryMappedBuffer.attach(copy), 'ERR_AGENTWIRE_FOREIGN_MEMORY');
    }
    const copyWith = (offset, value) => {
      const copy = new SharedArrayBuffer(buffer.byteLength);
      new Uint8Array(copy).set(new Uint8Array(buffer));
      new Uint8Array(copy)[offset] = value;
      return copy;
    };
    assert.equal(MemoryMappedBuffer.attach(copyWith(2000, 1)).capacity, 100);
    refused(() => MemoryMappedBuffer.attach(copyWith(8, 9)), 'ERR_AGENTWIRE_FOREIGN_MEMORY', 'version 9');
    refused(() => MemoryMappedBuffer.attach(copyWith(16, 99)), 'ERR_AGENTWIRE_FOREIGN_MEMORY', 'changed');
    refused(() => MemoryMappedBuffer.attach(copyWith(0, 0)), 'ERR_AGENTWIRE_FOREIGN_MEMORY');
  });

  it('refuses its own bytes', () => {
    const stream = new MemoryMappedBuffer(1000);
    stream.write(new Uint8Array(10));
    const { buffer } = stream;
    const own = [
      new Uint8Array(buffer),
      new Uint8Array(buffer, 0, 8),
      new Uint8Array(buffer, 0, 64),
      new Uint8Array(buffer, 5, 20),
      new Uint8Array(buffer, HEADER_BYTES, 10),
      new Uint8Array(buffer, HEADER_BYTES + 500, 200),
    ];
    for (const view of own.map((array) => array.subarray(0, 900))) {
      refused(() => stream.write(view), 'ERR_AGENTWIRE_OVERLAP', 'slice()');
      refused(() => stream.readInto(view), 'ERR_AGENTWIRE_OVERLAP', 'slice()');
    }
    assert.equal(stream.getStats().used, 10);
    // What only looks like the header is data.
    const alike = new Uint8Array(buffer, 0, 8).slice();
    assert.equal(stream.write(alike), true);
    stream.read(10);
    assert.deepEqual(stream.read(8), alike);
  });

  it('says that it is damaged, and is repaired by clear()', () => {
    const stream = new MemoryMappedBuffer(100);
    const positions = new BigUint64Array(stream.buffer, 0, HEADER_BYTES / 8);
    const wrong = [
      [0n, 1n],
      [101n, 0n],
      [2n ** 64n - 1n, 2n ** 64n - 1n],
      [5n, 2n ** 64n - 1n],
    ];
    for (const [written, read] of wrong) {
      positions[WRITTEN / 8] = written;
      positions[READ / 8] = read;
      for (const call of [
        () => stream.write(bytes('x')),
        () => stream.read(1),
        () => stream.read(80),
        () => stream.peek(1),
        () => stream.readInto(new Uint8Array(1)),
        () => stream.getStats(),
      ]) {
        refused(call, 'ERR_AGENTWIRE_DAMAGED', 'clear()');
      }
      stream.clear();
      assert.equal(stream.write(bytes('sound')), true);
      assert.equal(text(stream.read(5)), 'sound');
    }
  });

  it('goes with its last handle, and memory that comes to the same place holds no old stream', async () => {
    for (let round = 0; round < 200; round++) {
      const stream = new MemoryMappedBuffer(1 + (round % 50));
      assert.equal(stream.capacity, 1 + (round % 50));
      MemoryMappedBuffer.attach(stream.buffer).close();
      if (round % 2) stream.close();
      if (round % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  });
});

/** A thread's part of a stream of noise; resolves with a checksum of what it wrote or read. */
const writeNoise = async ({ agentwire, require }, source, total) => {
  const { createHash } = require('node:crypto');
  const stream =
    typeof source === 'string'
      ? agentwire.MemoryMappedBuffer.open(source)
      : agentwire.MemoryMappedBuffer.attach(source);
  const hash = createHash('sha1');
  const pool = require('node:crypto').randomBytes(100_000);
  let left = total;
  while (left > 0) {
    const length = Math.min(
      left,
      Math.random() < 0.5 ? Math.ceil(Math.random() * 64) : Math.ceil(Math.random() * 5000),
    );
    const start = Math.floor(Math.random() * (pool.length - length));
    const piece =
      Math.random() < 0.5 ? pool.subarray(start, start + length) : new Uint8Array(pool.subarray(start, start + length));
    while (!stream.write(piece)) await new Promise((resolve) => setImmediate(resolve));
    hash.update(piece);
    left -= length;
  }
  stream.close();
  return hash.digest('hex');
};

const readNoise = async ({ agentwire, require }, source, total) => {
  const stream =
    typeof source === 'string'
      ? agentwire.MemoryMappedBuffer.open(source)
      : agentwire.MemoryMappedBuffer.attach(source);
  const hash = require('node:crypto').createHash('sha1');
  const target = new Uint8Array(7000);
  let left = total;
  while (left > 0) {
    let bytes;
    if (Math.random() < 0.5) {
      bytes = target.subarray(0, stream.readInto(target));
    } else {
      bytes = stream.read(Math.min(left, Math.ceil(Math.random() * 300))) ?? [];
    }
    if (bytes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    else hash.update(bytes);
    left -= bytes.length;
  }
  stream.close();
  return hash.digest('hex');
};

describe('between threads', () => {
  for (const [kind, make] of Object.entries(kinds)) {
    it(`carries a stream ${kind}, byte by byte`, async (t) => {
      const stream = make(t, 100_003);
      const source = stream.buffer ?? stream.path;
      const [writer, reader] = await Promise.all([Thread.start(t), Thread.start(t)]);
      const total = 24 * 2 ** 20;
      const [sent, received] = await Promise.all([
        writer.run(writeNoise, source, total),
        reader.run(readNoise, source, total),
      ]);
      assert.equal(received, sent);
      assert.deepEqual([stream.getStats().used, stream.getStats().totalRead], [0, total]);
    });
  }

  it('outlives a thread that ends in the middle', async (t) => {
    for (const make of Object.values(kinds)) {
      const stream = make(t, 50_000);
      const source = stream.buffer ?? stream.path;
      for (let round = 0; round < 5; round++) {
        const thread = await Thread.start(t);
        thread.start(({ agentwire }, source) => {
          const { MemoryMappedBuffer } = agentwire;
          const stream =
            typeof source === 'string' ? MemoryMappedBuffer.open(source) : MemoryMappedBuffer.attach(source);
          const piece = new Uint8Array(1000);
          for (let index = 0; ; index = (index + 1) % 256) {
            piece.fill(index);
            stream.write(piece);
          }
        }, source);
        await waitUntil(() => stream.getStats().used > 0, 'the thread to write');
        await thread.terminate();
        for (;;) {
          const piece = stream.read(1000);
          if (piece === null) break;
          assert.ok(
            piece.every((byte) => byte === piece[0]),
            'torn',
          );
        }
        assert.equal(stream.getStats().used, 0, 'whole pieces');
      }
      assert.equal(stream.write(bytes('sound')), true);
    }
  });
});
