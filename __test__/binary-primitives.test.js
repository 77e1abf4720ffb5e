'use strict';

// Primitive values: the bytes they are written as, and that they come back as they went in.
// AGENTWIRE_FUZZ_RUNS=N runs N cases of each property.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const { UltraFastBinaryDecoder, UltraFastBinaryEncoder } = require('agentwire/ultra-fast-serialization');
const { fromHex, kinds, toHex } = require('./fixtures/primitives.js');
const { assertSame } = require('./fixtures/same.js');

const runs = process.env.AGENTWIRE_FUZZ_RUNS ? Number(process.env.AGENTWIRE_FUZZ_RUNS) : 1000;

for (const { name, arbitrary, golden, write, read } of kinds) {
  describe(`a value of kind ${name}`, () => {
    it('is written as the bytes that the wire format says, and read from them', () => {
      for (const [value, hex] of golden) {
        const encoder = new UltraFastBinaryEncoder();
        write(encoder, value);
        const bytes = encoder.finish();
        assert.equal(toHex(bytes), hex.replaceAll(' ', ''));
        const decoder = new UltraFastBinaryDecoder(fromHex(hex));
        assertSame(read(decoder), value);
        assert.equal(decoder.remaining(), 0);
      }
    });

    it('comes back as it went in', () => {
      const encoder = new UltraFastBinaryEncoder();
      fc.assert(
        fc.property(arbitrary, (value) => {
          encoder.reset();
          write(encoder, value);
          assert.equal(encoder.length, encoder.finish().length);
          const decoder = new UltraFastBinaryDecoder(encoder.finish());
          assertSame(read(decoder), value);
          assert.equal(decoder.position, encoder.length);
        }),
        { numRuns: runs },
      );
    });
  });
}

const values = fc.array(fc.oneof(...kinds.map(({ arbitrary }, kind) => arbitrary.map((value) => ({ kind, value })))), {
  maxLength: 30,
});

describe('values of many kinds', () => {
  it('come back in their order, from every kind of memory', () => {
    fc.assert(
      fc.property(values, fc.nat({ max: 20 }), (list, offset) => {
        const encoder = new UltraFastBinaryEncoder(1);
        for (const { kind, value } of list) kinds[kind].write(encoder, value);
        const bytes = encoder.finish();
        const within = new Uint8Array(bytes.length + 2 * offset).fill(0xee);
        within.set(bytes, offset);
        const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
        shared.set(bytes);
        const sources = [
          bytes,
          bytes.buffer,
          Buffer.from(bytes),
          within.subarray(offset, offset + bytes.length),
          shared,
          shared.buffer,
        ];
        for (const source of sources) {
          const decoder = new UltraFastBinaryDecoder(source);
          for (const { kind, value } of list) assertSame(kinds[kind].read(decoder), value);
          assert.deepEqual([decoder.remaining(), decoder.hasMore()], [0, false]);
        }
      }),
      { numRuns: Math.max(100, runs / 5) },
    );
  });
});

describe('an encoder', () => {
  it('grows as needed, from a single byte to its maximum and no further', () => {
    const encoder = new UltraFastBinaryEncoder(1, 100);
    for (let count = 0; count < 100; count++) encoder.writeU8(count);
    assert.deepEqual([...encoder.finish()], [...Array(100).keys()]);
    const expected = { name: 'AgentwireRangeError', code: 'ERR_AGENTWIRE_TOO_LARGE', message: /101.*at most 100/ };
    assert.throws(() => encoder.writeU8(0), expected);
    for (const { arbitrary, write } of kinds) {
      for (const value of fc.sample(arbitrary, 5)) {
        assert.throws(() => write(encoder, value), { code: 'ERR_AGENTWIRE_TOO_LARGE' });
      }
    }
    assert.equal(encoder.length, 100);
    encoder.reset();
    encoder.writeRaw(new Uint8Array(100));
    assert.throws(() => encoder.writeString(''), { code: 'ERR_AGENTWIRE_TOO_LARGE' });
  });

  it('writes a large value at once', () => {
    const encoder = new UltraFastBinaryEncoder(1);
    const text = 'ü'.repeat(1_000_000);
    encoder.writeString(text);
    encoder.writeBytes(new Uint8Array(3_000_000).fill(5));
    const decoder = new UltraFastBinaryDecoder(encoder.view());
    assert.equal(decoder.readString(), text);
    assert.ok(decoder.readBytes().every((byte) => byte === 5));
    assert.equal(encoder.length, 2_000_003 + 3_000_004);
  });

  it('gives copies by finish(), and a window on its memory by view()', () => {
    const encoder = new UltraFastBinaryEncoder(16);
    encoder.writeU16(0x0201);
    const copy = encoder.finish();
    const view = encoder.view();
    assert.deepEqual(
      [[...copy], [...view]],
      [
        [1, 2],
        [1, 2],
      ],
    );
    assert.equal(copy.buffer.byteLength, 2);
    view[0] = 9;
    assert.deepEqual(
      [[...copy], [...encoder.finish()]],
      [
        [1, 2],
        [9, 2],
      ],
    );
    encoder.writeU8(3);
    assert.equal(view.length, 2);
    assert.deepEqual([...encoder.view()], [9, 2, 3]);
  });

  it('begins anew after reset(), and keeps nothing of what was there', () => {
    const encoder = new UltraFastBinaryEncoder();
    encoder.writeString('something long that was there before');
    const before = encoder.finish();
    encoder.reset();
    assert.deepEqual([encoder.length, encoder.finish().length, encoder.view().length], [0, 0, 0]);
    encoder.writeBool(true);
    assert.deepEqual([...encoder.finish()], [1]);
    assert.equal(new UltraFastBinaryDecoder(before).readString(), 'something long that was there before');
  });

  it('says so when its memory was transferred away, and has new memory after reset()', () => {
    const encoder = new UltraFastBinaryEncoder();
    encoder.writeU8(1);
    structuredClone(encoder.view(), { transfer: [encoder.view().buffer] });
    const expected = { name: 'AgentwireError', code: 'ERR_AGENTWIRE_DETACHED', message: /reset\(\)/ };
    for (const { arbitrary, write } of kinds) assert.throws(() => write(encoder, fc.sample(arbitrary, 1)[0]), expected);
    assert.throws(() => encoder.finish(), expected);
    assert.throws(() => encoder.view(), expected);
    encoder.reset();
    encoder.writeU8(2);
    assert.deepEqual([...encoder.finish()], [2]);
  });

  it('takes its own view as bytes to write', () => {
    const encoder = new UltraFastBinaryEncoder(4);
    encoder.writeRaw(Uint8Array.of(1, 2, 3));
    for (let count = 0; count < 5; count++) encoder.writeRaw(encoder.view());
    assert.deepEqual([...encoder.finish()], Array(32).fill([1, 2, 3]).flat());
  });

  it('has the names of the class that it takes the place of', () => {
    const encoder = new UltraFastBinaryEncoder();
    encoder.writeUint8(1);
    encoder.writeUint16(2);
    encoder.writeUint32(3);
    encoder.writeUint64(4n);
    encoder.writeFloat32(5.5);
    encoder.writeFloat64(6.25);
    encoder.writeBoolean(true);
    const buffer = encoder.getBuffer();
    assert.ok(buffer instanceof ArrayBuffer);
    assert.deepEqual(new Uint8Array(buffer), encoder.getUint8Array());
    const decoder = new UltraFastBinaryDecoder(buffer);
    assert.deepEqual([decoder.readUint8(), decoder.readUint16(), decoder.readUint32()], [1, 2, 3]);
    assert.equal(decoder.readUint64(), 4n);
    assert.deepEqual([decoder.readFloat32(), decoder.readFloat64(), decoder.readBoolean()], [5.5, 6.25, true]);
    assert.equal(decoder.hasMore(), false);
  });
});

describe('an array or a map', () => {
  it('nests', () => {
    const value = new Map([
      [1, ['a', 'b']],
      [2, []],
    ]);
    const encoder = new UltraFastBinaryEncoder(1);
    encoder.writeMap(
      value,
      (key) => encoder.writeU8(key),
      (texts, to) => to.writeArray(texts, (text) => encoder.writeString(text)),
    );
    const decoder = new UltraFastBinaryDecoder(encoder.finish());
    const read = decoder.readMap(
      () => decoder.readU8(),
      (from) => from.readArray((inner) => inner.readString()),
    );
    assertSame(read, value);
  });

  it('of pairs is written as the map of them', () => {
    const entries = [
      ['a', 1],
      ['b', 2],
    ];
    const bytes = [entries, new Map(entries)].map((map) => {
      const encoder = new UltraFastBinaryEncoder();
      encoder.writeMap(
        map,
        (key) => encoder.writeString(key),
        (value) => encoder.writeU8(value),
      );
      return encoder.finish();
    });
    assert.deepEqual(bytes[0], bytes[1]);
  });
});
