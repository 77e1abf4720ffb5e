'use strict';

// What the primitives refuse: by an error that says what was given and what is expected, and without anything written or read.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireArgumentError } = require('agentwire');
const { UltraFastBinaryDecoder, UltraFastBinaryEncoder, VarintEncoder } = require('agentwire/ultra-fast-serialization');
const { toHex } = require('./fixtures/primitives.js');

const notNumbers = [undefined, null, '1', '', 1n, true, {}, [], [1], Symbol('one'), () => 1, { valueOf: () => 1 }];
const notIntegers = [...notNumbers, 0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const notBigints = [undefined, null, 0, 1, '1', true, {}, [], Symbol('one'), { valueOf: () => 1n }];
const notBytes = [
  undefined,
  null,
  1,
  'text',
  [1],
  {},
  new ArrayBuffer(1),
  new Uint16Array(1),
  new DataView(new ArrayBuffer(1)),
];
const notArrays = [undefined, null, 1, 'text', {}, new Set(), new Uint8Array(1), { length: 1 }];
const notFunctions = [undefined, null, 1, 'writeU8', {}];
const write = () => {};

const goodHeader = { type: 1, payloadLength: 0, timestamp: 0n };
const badHeaders = [
  ...[undefined, null, 1, 'header', {}].map((header) => [header]),
  ...[0, 0xce, 256, '207', null].map((magic) => [{ ...goodHeader, magic }]),
  ...[0, 2, '1', null].map((version) => [{ ...goodHeader, version }]),
  ...[-1, 256, ...notIntegers].map((type) => [{ ...goodHeader, type }]),
  ...[-1, 256, 1.5, '1', null].map((flags) => [{ ...goodHeader, flags }]),
  ...[-1, 2 ** 32, ...notIntegers].map((payloadLength) => [{ ...goodHeader, payloadLength }]),
  ...[-1n, 2n ** 64n, ...notBigints].map((timestamp) => [{ ...goodHeader, timestamp }]),
  ...[-1n, 2n ** 64n, 0, '1', null].map((correlationId) => [{ ...goodHeader, correlationId }]),
];

const only = (values) => values.map((value) => [value]);
const refusedByEncoder = {
  writeU8: only([-1, 256, ...notIntegers]),
  writeU16: only([-1, 65_536, ...notIntegers]),
  writeU32: only([-1, 2 ** 32, ...notIntegers]),
  writeU64: only([-1n, 2n ** 64n, ...notBigints]),
  writeI8: only([-129, 128, ...notIntegers]),
  writeI16: only([-32_769, 32_768, ...notIntegers]),
  writeI32: only([-(2 ** 31) - 1, 2 ** 31, ...notIntegers]),
  writeI64: only([-(2n ** 63n) - 1n, 2n ** 63n, ...notBigints]),
  writeVarint: only([-1, 2 ** 53, ...notIntegers]),
  writeVarintBigInt: only([-1n, 2n ** 64n, ...notBigints]),
  writeF32: only([3.5e38, -3.5e38, Number.MAX_VALUE, ...notNumbers]),
  writeF64: only(notNumbers),
  writeBool: only([undefined, null, 0, 1, 'true', {}]),
  writeString: [
    ...only([undefined, null, 1, {}, ['a'], new String('boxed'), Symbol('text')]),
    ...only(['\ud800', 'a\udc00b', `${'x'.repeat(100)}\ud83d`, '\udc00\ud800', 'ü\ud83d']),
  ],
  writeBytes: only(notBytes),
  writeRaw: only(notBytes),
  writeArray: [
    ...notArrays.map((items) => [items, write]),
    ...notFunctions.map((callback) => [[], callback]),
    [[1], write],
  ],
  writeMap: [
    ...notArrays.map((map) => [map, write, write]),
    ...notFunctions.flatMap((callback) => [
      [[], callback, write],
      [[], write, callback],
    ]),
    [[1], write, write],
    [[[1]], write, write],
    [[[1, 2, 3]], write, write],
    [[[1, 2]], write, write],
  ],
  writeHeader: badHeaders,
};

describe('an encoder refuses, and writes nothing', () => {
  for (const [method, calls] of Object.entries(refusedByEncoder)) {
    it(`what ${method} cannot write`, () => {
      const encoder = new UltraFastBinaryEncoder(64);
      encoder.writeU16(0xabcd);
      for (const args of calls) {
        assert.throws(
          () => encoder[method](...args),
          { code: 'ERR_AGENTWIRE_ARGUMENT' },
          `${method} of ${args.map(typeOf)}`,
        );
        assert.equal(toHex(encoder.finish()), 'cdab');
      }
    });
  }

  it('and says what was given and what is expected', () => {
    const encoder = new UltraFastBinaryEncoder();
    const cases = [
      [() => encoder.writeU8(256), /^writeU8\(value\) must be an integer from 0 to 255; 256 was given$/],
      [() => encoder.writeU64(1), /^writeU64\(value\) must be a bigint from 0 to 2\^64 - 1; 1 was given$/],
      [() => encoder.writeString('ab\ud800'), /half of a surrogate pair stands at index 2/],
      [() => encoder.writeHeader({ ...goodHeader, type: 300 }), /^header\.type .* 0 to 255; 300 was given$/],
      [() => new UltraFastBinaryEncoder(0), /^initialCapacity must be an integer from 1 /],
      [
        () => new UltraFastBinaryEncoder(101, 100),
        /^initialCapacity must be an integer from 1 to 100 \(bytes\); 101 was/,
      ],
      [() => new UltraFastBinaryEncoder(1, 2 ** 31), /^maximumCapacity /],
      [() => new UltraFastBinaryEncoder('1'), /^initialCapacity .*"1" was given$/],
    ];
    for (const [call, message] of cases) {
      assert.throws(call, (error) => {
        assert.match(error.message, message);
        return error instanceof AgentwireArgumentError;
      });
    }
  });

  it('the whole array or map when a callback throws, whatever was written before', () => {
    const encoder = new UltraFastBinaryEncoder(1);
    encoder.writeU8(7);
    const mistake = new Error('mistake');
    const writeItem = (item) => {
      if (item === 3) throw mistake;
      encoder.writeString(`item ${item}`);
    };
    const isMistake = (error) => error === mistake;
    assert.throws(() => encoder.writeArray([1, 2, 3], writeItem), isMistake);
    assert.throws(
      () =>
        encoder.writeMap(
          [
            [1, 2],
            [1, 3],
          ],
          writeItem,
          writeItem,
        ),
      isMistake,
    );
    assert.throws(() => encoder.writeArray([[1], [3]], (items) => encoder.writeArray(items, writeItem)), isMistake);
    assert.deepEqual([...encoder.finish()], [7]);
    encoder.reset();
    assert.equal(encoder.length, 0);
  });

  it('an array or a map that changes while it is written', () => {
    const encoder = new UltraFastBinaryEncoder();
    const changing = { code: 'ERR_AGENTWIRE_ARGUMENT', message: /changed while it was written/ };
    const items = [1, 2];
    assert.throws(() => encoder.writeArray(items, (item) => encoder.writeU8(items.push(item))), changing);
    const growing = new Map([[0, 0]]);
    const grow = (key) => {
      growing.set(key + 1, 0);
      encoder.writeVarint(key);
    };
    assert.throws(() => encoder.writeMap(growing, grow, (value) => encoder.writeU8(value)), changing);
    const shrinking = new Map([
      [0, 0],
      [1, 1],
    ]);
    const shrink = (key) => {
      shrinking.delete(1);
      encoder.writeU8(key);
    };
    assert.throws(() => encoder.writeMap(shrinking, shrink, (value) => encoder.writeU8(value)), changing);
    assert.equal(encoder.length, 0);
  });

  it('reset() in a callback', () => {
    const encoder = new UltraFastBinaryEncoder();
    encoder.writeU8(1);
    assert.throws(() => encoder.writeArray([1], () => encoder.reset()), { code: 'ERR_AGENTWIRE_REENTRANT' });
    assert.equal(encoder.length, 1);
  });

  it('is not led astray by what an array of bytes says of itself', () => {
    class Liar extends Uint8Array {
      get length() {
        return 1000;
      }
      get byteLength() {
        return 1000;
      }
      get buffer() {
        return new ArrayBuffer(1000);
      }
    }
    const encoder = new UltraFastBinaryEncoder(1);
    encoder.writeBytes(new Liar([1, 2]));
    assert.deepEqual([...encoder.finish()], [2, 1, 2]);
    const decoder = new UltraFastBinaryDecoder(new Liar([1, 2]));
    assert.equal(decoder.remaining(), 2);
    assert.equal(decoder.readU16(), 0x0201);
    assert.throws(() => VarintEncoder.encode(2 ** 14, new Liar(2)), { code: 'ERR_AGENTWIRE_TOO_LONG' });
  });
});

describe('a decoder refuses, and stays where it was', () => {
  const bytes = Uint8Array.of(2, 1, 1, 0);

  it('what is no memory', () => {
    for (const source of [undefined, null, 1, 'text', [1], {}, new Uint16Array(1), new DataView(new ArrayBuffer(1))]) {
      const expected = {
        name: 'AgentwireArgumentError',
        message: /a Uint8Array, an ArrayBuffer or a SharedArrayBuffer/,
      };
      assert.throws(() => new UltraFastBinaryDecoder(source), expected);
      const decoder = new UltraFastBinaryDecoder(bytes);
      decoder.readU8();
      assert.throws(() => decoder.attach(source), expected);
      assert.equal(decoder.readU8(), 1);
    }
  });

  it('positions, counts and lengths that are none', () => {
    const decoder = new UltraFastBinaryDecoder(bytes);
    decoder.readU8();
    for (const value of [-1, 0.5, '1', null, 1n, Number.NaN]) {
      for (const method of ['reset', 'skip', 'readRaw']) {
        assert.throws(() => decoder[method](value), { name: 'AgentwireArgumentError' }, method);
      }
    }
    assert.throws(() => decoder.reset(5), { name: 'AgentwireArgumentError', message: /0 to 4/ });
    assert.equal(decoder.position, 1);
    decoder.reset(4);
    assert.equal(decoder.hasMore(), false);
    decoder.skip(0);
    assert.deepEqual(decoder.readRaw(0), new Uint8Array(0));
    decoder.reset();
    assert.equal(decoder.readU8(), 2);
  });

  it('a length of bytes that carry their own', () => {
    const decoder = new UltraFastBinaryDecoder(bytes);
    assert.throws(() => decoder.readBytes(2), { name: 'AgentwireArgumentError', message: /readRaw\(length\)/ });
    assert.equal(decoder.position, 0);
    assert.deepEqual(decoder.readBytes(), Uint8Array.of(1, 1));
  });

  it('callbacks that are none, that throw, that read nothing or that start anew', () => {
    const decoder = new UltraFastBinaryDecoder(bytes);
    const read = () => decoder.readU8();
    for (const callback of notFunctions) {
      assert.throws(() => decoder.readArray(callback), { name: 'AgentwireArgumentError' });
      assert.throws(() => decoder.readMap(callback, read), { name: 'AgentwireArgumentError' });
      assert.throws(() => decoder.readMap(read, callback), { name: 'AgentwireArgumentError' });
    }
    const mistake = new Error('mistake');
    const fail = () => {
      decoder.readU8();
      throw mistake;
    };
    const isMistake = (error) => error === mistake;
    assert.throws(() => decoder.readArray(fail), isMistake);
    decoder.skip(1);
    assert.throws(() => decoder.readMap(read, fail), isMistake);
    assert.throws(() => decoder.readArray(() => 0), { code: 'ERR_AGENTWIRE_ARGUMENT' });
    assert.throws(() => decoder.readMap(() => 0, read), { code: 'ERR_AGENTWIRE_ARGUMENT' });
    assert.throws(() => decoder.readMap(read, () => 0), { code: 'ERR_AGENTWIRE_ARGUMENT' });
    assert.throws(() => decoder.readArray(() => decoder.reset()), { code: 'ERR_AGENTWIRE_REENTRANT' });
    assert.throws(() => decoder.readArray(() => decoder.attach(bytes)), { code: 'ERR_AGENTWIRE_REENTRANT' });
    assert.equal(decoder.position, 1);
    decoder.reset();
    assert.deepEqual(decoder.readArray(read), [1, 1]);
  });
});

function typeOf(value) {
  return value === null ? 'null' : typeof value;
}
