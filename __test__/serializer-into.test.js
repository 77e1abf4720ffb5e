'use strict';

// serializeInto: the same bytes as serialize, where the caller wants them and nowhere else.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const {
  AgentwireArgumentError,
  AgentwireRangeError,
  BinaryCodecPool,
  BufferPool,
  CompressionType,
  OptimizedMessageSerializer,
} = require('agentwire');
const { assertSame } = require('./fixtures/same.js');
const { makeValues } = require('./fixtures/values.js');

const configurations = [
  {},
  { tables: true },
  { checksum: true },
  { compression: CompressionType.LZ4, compressionThreshold: 0 },
  { compression: CompressionType.ZSTD, compressionThreshold: 100, checksum: true, tables: true },
];

const FILLER = 0xee;
/** What is behind the time, which differs from message to message, is compared. */
const withoutTime = (bytes) => {
  const copy = Uint8Array.from(bytes);
  copy.fill(0, 8, 16);
  return copy;
};

const noRoom = (error) =>
  error instanceof RangeError && error instanceof AgentwireRangeError && error.code === 'ERR_AGENTWIRE_TOO_LONG';
const detached = { code: 'ERR_AGENTWIRE_DETACHED' };

describe('serializeInto', () => {
  for (const options of configurations) {
    it(`writes what serialize makes, and nothing beside it: ${JSON.stringify(options)}`, () => {
      const serializer = new OptimizedMessageSerializer(options);
      for (const [name, value, expected] of makeValues()) {
        // Until ids are settled, so that two messages in a row are alike.
        for (let time = 0; time < 5; time += 1) serializer.serialize(7, value);
        const whole = new Uint8Array(serializer.serialize(7, value, 3n));
        for (const Buffers of [ArrayBuffer, SharedArrayBuffer]) {
          for (const spare of [0, 1, 15, 16, 17, 100]) {
            const offset = spare % 7;
            const memory = new Uint8Array(new Buffers(10 + offset + whole.length + spare + 10)).fill(FILLER);
            const target = memory.subarray(10, 10 + offset + whole.length + spare);
            const length = serializer.serializeInto(target, offset, 7, value, 3n);
            assert.equal(length, whole.length, `${name}, ${spare} to spare`);
            const written = memory.subarray(10 + offset, 10 + offset + length);
            assertSame(serializer.deserialize(written).payload, expected, name);
            if (!options.checksum) assert.deepEqual(withoutTime(written), withoutTime(whole), name);
            // Nothing before, nothing behind the target; within it nothing before the offset.
            for (let at = 0; at < 10 + offset; at += 1) assert.equal(memory[at], FILLER);
            for (let at = memory.length - 10; at < memory.length; at += 1) assert.equal(memory[at], FILLER);
          }
        }
        const target = new Uint8Array(whole.length + 5).fill(FILLER);
        for (const offset of [6, whole.length, whole.length + 5]) {
          assert.throws(() => serializer.serializeInto(target, offset, 7, value, 3n), noRoom, name);
        }
        for (let at = 0; at < 6; at += 1) assert.equal(target[at], FILLER);
      }
    });
  }

  it('says how much room it takes', () => {
    const serializer = new OptimizedMessageSerializer();
    const size = serializer.serialize(1, 'abc').byteLength;
    assert.throws(
      () => serializer.serializeInto(new Uint8Array(size - 1), 0, 1, 'abc'),
      (error) =>
        noRoom(error) &&
        error.message.includes(`${size} bytes are to be written`) &&
        error.message.includes(`has ${size - 1}`),
    );
    assert.equal(serializer.getStats().messagesSerialized, 1);
    assert.equal(serializer.getStats().errors, 1);
    assert.throws(() => serializer.serializeInto(new Uint8Array(0), 0, 1, 'abc'), noRoom);
  });

  it('refuses what is no Uint8Array and no offset', () => {
    const serializer = new OptimizedMessageSerializer();
    for (const target of [
      undefined,
      null,
      [],
      new ArrayBuffer(99),
      new Uint16Array(99),
      new DataView(new ArrayBuffer(99)),
      'x',
    ]) {
      assert.throws(() => serializer.serializeInto(target, 0, 1, 1), AgentwireArgumentError);
    }
    for (const offset of [-1, 100, 1.5, Number.NaN, '0', null, undefined, 5n]) {
      assert.throws(
        () => serializer.serializeInto(new Uint8Array(99), offset, 1, 1),
        AgentwireArgumentError,
        String(offset),
      );
    }
  });

  it('writes into the blocks of a pool and into views in turn', () => {
    const serializer = new OptimizedMessageSerializer();
    const pool = new BufferPool(512, 8);
    const blocks = Array.from({ length: 8 }, () => pool.acquire());
    const others = [Buffer.alloc(300), Buffer.allocUnsafe(100), new Uint8Array(new ArrayBuffer(200), 50)];
    for (let round = 0; round < 50; round += 1) {
      for (const [index, target] of [...blocks, ...others].entries()) {
        const offset = (round + index) % 20;
        const length = serializer.serializeInto(target, offset, 1, { round, index });
        assertSame(serializer.deserialize(target.subarray(offset, offset + length)).payload, { round, index });
      }
    }
  });

  it('notices memory that is gone, also when it goes while the payload is looked at', () => {
    for (const options of configurations) {
      const serializer = new OptimizedMessageSerializer(options);
      const target = new Uint8Array(1000);
      serializer.serializeInto(target, 0, 1, 'before');
      const leaving = {
        get gone() {
          structuredClone(target, { transfer: [target.buffer] });
          return [0.5, 'text', 5n];
        },
      };
      assert.throws(() => serializer.serializeInto(target, 0, 1, leaving), detached);
      assert.throws(() => serializer.serializeInto(target, 0, 1, 'after'), detached);
      assert.equal(serializer.getStats().messagesSerialized, 1);
      const another = new Uint8Array(100);
      const length = serializer.serializeInto(another, 0, 1, 'another');
      assertSame(serializer.deserialize(another.subarray(0, length)).payload, 'another');
    }
  });

  it('follows a buffer that is resized', () => {
    for (const options of configurations) {
      const serializer = new OptimizedMessageSerializer(options);
      const buffer = new ArrayBuffer(200, { maxByteLength: 400 });
      const tracking = new Uint8Array(buffer);
      const fixed = new Uint8Array(buffer, 0, 100);
      const write = (target, offset) => {
        const length = serializer.serializeInto(target, offset, 1, { a: 'value' });
        assertSame(serializer.deserialize(target.subarray(offset, offset + length)).payload, { a: 'value' });
      };
      for (const size of [200, 400, 300, 150, 100, 400]) {
        buffer.resize(size);
        write(fixed, 0);
        write(tracking, size - 60);
        write(fixed, 7);
        assert.throws(() => serializer.serializeInto(tracking, size - 20, 1, { a: 'value' }), noRoom);
      }
      buffer.resize(99);
      assert.throws(() => serializer.serializeInto(fixed, 0, 1, 1), detached);
      write(tracking, 0);
      const shrinking = {
        get a() {
          buffer.resize(10);
          return 0.5;
        },
      };
      assert.throws(() => serializer.serializeInto(tracking, 0, 1, shrinking), detached);
      buffer.resize(200);
      write(tracking, 0);
    }
  });

  it('writes into an array that says something else of itself where it is', () => {
    class Liar extends Uint8Array {
      get length() {
        return 1e9;
      }
      get buffer() {
        return new ArrayBuffer(7);
      }
    }
    const serializer = new OptimizedMessageSerializer();
    const target = new Liar(100);
    const length = serializer.serializeInto(target, 10, 1, 'text');
    assertSame(serializer.deserialize(Uint8Array.from({ length }, (_, index) => target[10 + index])).payload, 'text');
    assert.throws(() => serializer.serializeInto(target, 90, 1, 'text'), noRoom);
  });

  it('grows its memory for what is large, and writes small messages after that', () => {
    const serializer = new OptimizedMessageSerializer({ checksum: true });
    for (const length of [10, 5000, 70_000, 3_000_000, 10]) {
      const value = { text: 'ü'.repeat(length), list: [length] };
      assertSame(serializer.deserialize(serializer.serialize(1, value)).payload, value);
    }
    assert.equal(serializer.getCodecPool().getStats().encoderPool.created, 1);
  });
});

describe('encodeInto of a pooled encoder', () => {
  it('writes the value alone', () => {
    const pool = new BinaryCodecPool();
    const encoder = pool.acquireEncoder();
    for (const [name, value, expected] of makeValues()) {
      const encoded = encoder.encode(value);
      for (const spare of [0, 1, 40]) {
        const target = new Uint8Array(3 + encoded.length + spare);
        assert.equal(encoder.encodeInto(value, target, 3), encoded.length);
        assert.deepEqual(target.subarray(3, 3 + encoded.length), encoded);
      }
      assert.throws(() => encoder.encodeInto(value, new Uint8Array(encoded.length - 1)), noRoom, name);
      const decoder = pool.acquireDecoder(encoded);
      assertSame(decoder.decode(), expected, name);
      assertSame(decoder.decode(), expected, name);
      pool.releaseDecoder(decoder);
    }
  });
});
