'use strict';

// BinaryCodecPool: what it hands out is what serializers work with, to one user at a time, however messages are nested.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const {
  AgentwireArgumentError,
  AgentwireDecodeError,
  AgentwireError,
  BatchMessageSerializer,
  BinaryCodecPool,
  CompressionType,
  OptimizedMessageSerializer,
  OptimizedStringPool,
} = require('agentwire');
const { assertSame } = require('./fixtures/same.js');
const { runNode } = require('./helpers.js');

const hasCode = (code) => (error) => error instanceof AgentwireError && error.code === code;

describe('a pool', () => {
  it('hands out what was released', () => {
    const pool = new BinaryCodecPool();
    const encoders = [pool.acquireEncoder(), pool.acquireEncoder()];
    assert.notEqual(encoders[0], encoders[1]);
    for (const encoder of encoders) pool.releaseEncoder(encoder);
    assert.deepEqual(new Set([pool.acquireEncoder(), pool.acquireEncoder()]), new Set(encoders));
    const decoders = [pool.acquireDecoder(new ArrayBuffer(1)), pool.acquireDecoder(new Uint8Array(1))];
    for (const decoder of decoders) pool.releaseDecoder(decoder);
    assert.ok(decoders.includes(pool.acquireDecoder(new SharedArrayBuffer(1))));
    const { encoderPool, decoderPool } = pool.getStats();
    assert.deepEqual(encoderPool, { created: 2, acquired: 4, released: 2, waiting: 0 });
    assert.deepEqual(decoderPool, { created: 2, acquired: 3, released: 2, waiting: 1 });
  });

  it('keeps few', () => {
    const pool = new BinaryCodecPool();
    const encoders = Array.from({ length: 100 }, () => pool.acquireEncoder());
    for (const encoder of encoders) pool.releaseEncoder(encoder);
    const decoders = Array.from({ length: 100 }, () => pool.acquireDecoder(new Uint8Array(1)));
    for (const decoder of decoders) pool.releaseDecoder(decoder);
    assert.equal(pool.getStats().encoderPool.waiting, 8);
    assert.equal(pool.getStats().decoderPool.waiting, 8);
  });

  it('refuses a second release, a stranger, and use after the release', () => {
    const pool = new BinaryCodecPool();
    const another = new BinaryCodecPool();
    const encoder = pool.acquireEncoder();
    const decoder = pool.acquireDecoder(encoder.encode(5));
    assert.throws(() => another.releaseEncoder(encoder), hasCode('ERR_AGENTWIRE_NOT_FROM_POOL'));
    assert.throws(() => another.releaseDecoder(decoder), hasCode('ERR_AGENTWIRE_NOT_FROM_POOL'));
    for (const stranger of [undefined, null, {}, 5, decoder]) {
      assert.throws(() => pool.releaseEncoder(stranger), AgentwireArgumentError);
    }
    assert.throws(() => pool.releaseDecoder(encoder), AgentwireArgumentError);
    pool.releaseEncoder(encoder);
    pool.releaseDecoder(decoder);
    assert.throws(() => pool.releaseEncoder(encoder), hasCode('ERR_AGENTWIRE_DOUBLE_RELEASE'));
    assert.throws(() => pool.releaseDecoder(decoder), hasCode('ERR_AGENTWIRE_DOUBLE_RELEASE'));
    assert.throws(() => encoder.encode(1), hasCode('ERR_AGENTWIRE_RELEASED'));
    assert.throws(() => encoder.encodeInto(1, new Uint8Array(99)), hasCode('ERR_AGENTWIRE_RELEASED'));
    assert.throws(() => decoder.decode(), hasCode('ERR_AGENTWIRE_RELEASED'));
    assert.deepEqual(pool.getStats().encoderPool, { created: 1, acquired: 1, released: 1, waiting: 1 });
  });

  it('refuses options and sources that are none', () => {
    for (const options of [null, 5, { tables: 1 }])
      assert.throws(() => new BinaryCodecPool(options), AgentwireArgumentError);
    assert.throws(() => new BinaryCodecPool({ size: 5 }), hasCode('ERR_AGENTWIRE_UNKNOWN_OPTION'));
    const pool = new BinaryCodecPool();
    for (const source of [undefined, null, 'text', [1], 5])
      assert.throws(() => pool.acquireDecoder(source), AgentwireArgumentError);
    assert.equal(pool.getStats().decoderPool.acquired, 0);
  });

  it('has a pool of strings', () => {
    const pool = new BinaryCodecPool();
    const strings = pool.getStringPool();
    assert.ok(strings instanceof OptimizedStringPool);
    assert.equal(pool.getStringPool(), strings);
    strings.intern('a string of mine');
    assert.deepEqual(pool.getStats().stringPool, strings.getStats());
  });

  it('decodes what its encoders wrote, and refuses what is no value', () => {
    for (const tables of [false, true]) {
      const pool = new BinaryCodecPool({ tables });
      const encoder = pool.acquireEncoder();
      const value = { kind: 'pooled value', list: [1, 2, { deep: new Map([[1, 'x'.repeat(10_000)]]) }] };
      for (let time = 0; time < 10; time += 1) {
        const encoded = encoder.encode(value);
        const shared = new Uint8Array(new SharedArrayBuffer(encoded.length));
        shared.set(encoded);
        for (const source of [encoded, shared, encoded.slice().buffer, new DataView(shared.buffer)]) {
          const decoder = pool.acquireDecoder(source);
          assertSame(decoder.decode(), value);
          pool.releaseDecoder(decoder);
        }
      }
      for (const bytes of [new Uint8Array(0), Uint8Array.of(0xdf), Uint8Array.of(5, 5), new Uint8Array(9000)]) {
        const decoder = pool.acquireDecoder(bytes);
        assert.throws(() => decoder.decode(), AgentwireDecodeError);
        pool.releaseDecoder(decoder);
      }
    }
  });

  it('lets go of the bytes that were read, and collects what is never released', async () => {
    const program = `
      const { BinaryCodecPool, OptimizedMessageSerializer } = require('agentwire');
      const pool = new BinaryCodecPool();
      const serializer = new OptimizedMessageSerializer();
      const refs = [];
      function use() {
        for (let index = 0; index < 20; index += 1) {
          const encoder = pool.acquireEncoder();
          const bytes = encoder.encode('x'.repeat(100_000));
          refs.push(new WeakRef(encoder), new WeakRef(bytes), new WeakRef(pool.acquireDecoder(bytes)));
          const decoder = pool.acquireDecoder(bytes);
          decoder.decode();
          pool.releaseDecoder(decoder);
          const message = serializer.serialize(1, 'y'.repeat(100_000));
          serializer.deserialize(message);
          refs.push(new WeakRef(message));
        }
      }
      use();
      let rounds = 0;
      (function look() {
        gc();
        const left = refs.filter((ref) => ref.deref() !== undefined).length;
        if (left === 0) console.log('collected', pool.getStats().encoderPool.created);
        else if (++rounds < 100) setTimeout(look, 10);
        else console.log(left, 'left');
      })();`;
    const { stdout, stderr } = await runNode(['--expose-gc', '-e', program], { cwd: __dirname });
    assert.equal(stdout, 'collected 20\n', stderr);
  });
});

describe('a serializer', () => {
  it('works with its pool', () => {
    const serializer = new OptimizedMessageSerializer();
    const pool = serializer.getCodecPool();
    assert.ok(pool instanceof BinaryCodecPool);
    const encoder = pool.acquireEncoder();
    pool.releaseEncoder(encoder);
    serializer.deserialize(serializer.serialize(1, { a: 1 }));
    serializer.serializeInto(new Uint8Array(99), 0, 1, { a: 1 });
    const { encoderPool, decoderPool } = pool.getStats();
    assert.deepEqual(encoderPool, { created: 1, acquired: 3, released: 3, waiting: 1 });
    assert.deepEqual(decoderPool, { created: 1, acquired: 1, released: 1, waiting: 1 });
    // Also when it throws.
    assert.throws(() => serializer.serialize(1, () => {}));
    assert.throws(() => serializer.deserialize(new Uint8Array(5)));
    assert.equal(pool.getStats().encoderPool.waiting, 1);
    assert.equal(pool.getStats().decoderPool.waiting, 1);
  });

  for (const options of [
    {},
    { tables: true },
    { checksum: true, compression: CompressionType.LZ4, compressionThreshold: 0 },
  ]) {
    it(`is not confused by payloads that serialize in a getter: ${JSON.stringify(options)}`, () => {
      const serializer = new OptimizedMessageSerializer(options);
      const memory = new Uint8Array(100_000);
      const write = [
        (payload) => new Uint8Array(serializer.serialize(1, payload)),
        (payload) => {
          const target = new Uint8Array(5000);
          return target.subarray(0, serializer.serializeInto(target, 0, 1, payload));
        },
        // All into one buffer, each at its place.
        (payload, level) => {
          const offset = level * 20_000;
          return memory.slice(offset, offset + serializer.serializeInto(memory, offset, 1, payload));
        },
      ];
      const nested = (level, inner) => {
        const [outer] = inner;
        const value = { before: 'outer'.repeat(level + 1), level, list: [level, 0.5, { again: level }] };
        const expected = { ...value };
        if (level < 3) {
          Object.defineProperty(value, 'nested', {
            enumerable: true,
            get: () => write[outer](nested(level + 1, inner.slice(1)).value, level + 1),
          });
        }
        value.after = 'after'.repeat(50);
        expected.after = value.after;
        return { value, expected };
      };
      const check = (bytes, level) => {
        const { nested: inner, ...rest } = serializer.deserialize(bytes).payload;
        assertSame(rest, nested(level, [0]).expected, `level ${level}`);
        if (level < 3) check(inner, level + 1);
      };
      for (let round = 0; round < 20; round += 1) {
        for (const outer of write.keys()) {
          for (const inner of write.keys()) {
            check(write[outer](nested(0, [inner, outer, inner]).value, 0), 0);
          }
        }
      }
      const { encoderPool } = serializer.getCodecPool().getStats();
      assert.deepEqual([encoderPool.created, encoderPool.waiting], [4, 4]);
    });
  }

  it('refuses an encoder that is used or released in the middle of its own value', () => {
    const pool = new BinaryCodecPool();
    const encoder = pool.acquireEncoder();
    const calls = [
      () => encoder.encode(1),
      () => encoder.encodeInto(1, new Uint8Array(99)),
      () => pool.releaseEncoder(encoder),
    ];
    for (const call of calls) {
      const value = {
        before: 'text',
        get inner() {
          return call();
        },
      };
      assert.throws(() => encoder.encode(value), hasCode('ERR_AGENTWIRE_BUSY'));
      assert.throws(() => encoder.encodeInto(value, new Uint8Array(999)), hasCode('ERR_AGENTWIRE_BUSY'));
    }
    const decoder = pool.acquireDecoder(encoder.encode({ a: 1 }));
    assertSame(decoder.decode(), { a: 1 });
    pool.releaseEncoder(encoder);
  });

  it('of batches holds one encoder from the first message to the flush', () => {
    const batch = new BatchMessageSerializer();
    const figures = () => batch.getCodecPool().getStats().encoderPool;
    batch.addMessage(1, 'a');
    batch.addMessage(1, 'b');
    assert.deepEqual(figures(), { created: 1, acquired: 1, released: 0, waiting: 0 });
    batch.flush();
    assert.deepEqual(figures(), { created: 1, acquired: 1, released: 1, waiting: 1 });
  });
});
