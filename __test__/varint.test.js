'use strict';

// Varints by themselves, in any array of bytes.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const { VarintEncoder } = require('agentwire');
const { fromHex, toHex, varint, varintBigInt } = require('./fixtures/primitives.js');

const runs = process.env.AGENTWIRE_FUZZ_RUNS ? Number(process.env.AGENTWIRE_FUZZ_RUNS) : 5000;

describe('a varint', () => {
  it('takes as many bytes as its bits need, seven to a byte', () => {
    for (let bits = 0; bits <= 64; bits++) {
      const largest = 2n ** BigInt(bits) - 1n;
      const bytes = Math.max(1, Math.ceil(bits / 7));
      assert.equal(VarintEncoder.size(largest), bytes, `${bits} bits`);
      assert.equal(VarintEncoder.encode(largest).length, bytes);
      if (bits <= 53) assert.equal(VarintEncoder.size(Number(largest)), bytes);
      if (bits === 64) continue;
      const next = largest + 1n;
      const bytesOfNext = Math.ceil((bits + 1) / 7);
      assert.equal(VarintEncoder.size(next), bytesOfNext, `2^${bits}`);
      assert.equal(VarintEncoder.encode(next).length, bytesOfNext);
      if (bits < 53) assert.deepEqual(VarintEncoder.encode(Number(next)), VarintEncoder.encode(next));
      if (bits < 53) assert.equal(VarintEncoder.decode(VarintEncoder.encode(next)).value, 2 ** bits);
    }
  });

  it('has the same bytes as a number and as a bigint, and comes back as it went in', () => {
    fc.assert(
      fc.property(varint, (value) => {
        const bytes = VarintEncoder.encode(value);
        assert.deepEqual(VarintEncoder.encodeBigInt(BigInt(value)), bytes);
        assert.deepEqual(VarintEncoder.decode(bytes), { value, bytesRead: bytes.length });
        assert.deepEqual(VarintEncoder.decodeBigInt(bytes), { value: BigInt(value), bytesRead: bytes.length });
      }),
      { numRuns: runs },
    );
    fc.assert(
      fc.property(varintBigInt, (value) => {
        const bytes = VarintEncoder.encode(value);
        assert.deepEqual(VarintEncoder.decodeBigInt(bytes), { value, bytesRead: bytes.length });
        assert.equal(VarintEncoder.size(value), bytes.length);
      }),
      { numRuns: runs },
    );
  });

  it('is written and read at an offset, and touches nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(varint, varintBigInt), fc.nat({ max: 20 }), (value, offset) => {
        const target = new Uint8Array(40).fill(0xee);
        const size = VarintEncoder.encode(value, target, offset);
        assert.equal(size, VarintEncoder.size(value));
        assert.deepEqual(target.slice(offset, offset + size), VarintEncoder.encode(value));
        assert.ok(target.every((byte, index) => (index >= offset && index < offset + size) || byte === 0xee));
        assert.deepEqual(VarintEncoder.decodeBigInt(target, offset), { value: BigInt(value), bytesRead: size });
      }),
      { numRuns: runs },
    );
  });

  it('with a sign is short for small values of either sign', () => {
    const golden = [
      [0, '00'],
      [-1, '01'],
      [1, '02'],
      [-2, '03'],
      [-64, '7f'],
      [64, '8001'],
      [Number.MAX_SAFE_INTEGER, 'feffffffffffff1f'],
      [-Number.MAX_SAFE_INTEGER, 'fdffffffffffff1f'],
      [2n ** 63n - 1n, 'feffffffffffffffff01'],
      [-(2n ** 63n), 'ffffffffffffffffff01'],
    ];
    for (const [value, hex] of golden) {
      assert.equal(toHex(VarintEncoder.encodeSigned(value)), hex);
      const bytesRead = hex.length / 2;
      assert.equal(VarintEncoder.sizeSigned(value), bytesRead);
      assert.deepEqual(VarintEncoder.decodeSignedBigInt(fromHex(hex)), { value: BigInt(value), bytesRead });
      if (typeof value === 'number') assert.deepEqual(VarintEncoder.decodeSigned(fromHex(hex)), { value, bytesRead });
      const target = new Uint8Array(12);
      assert.equal(VarintEncoder.encodeSigned(value, target, 1), bytesRead);
      assert.equal(toHex(target.subarray(1, 1 + bytesRead)), hex);
    }
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        assert.equal(VarintEncoder.decodeSigned(VarintEncoder.encodeSigned(value)).value, value);
      }),
      { numRuns: runs },
    );
    const tooLarge = VarintEncoder.encodeSigned(2n ** 53n);
    assert.throws(() => VarintEncoder.decodeSigned(tooLarge), {
      code: 'ERR_AGENTWIRE_UNDECODABLE',
      message: /no safe/,
    });
  });

  it('is refused where it does not fit, and nothing is written', () => {
    const target = new Uint8Array(4);
    const expected = {
      name: 'AgentwireRangeError',
      code: 'ERR_AGENTWIRE_TOO_LONG',
      message: /^300 takes 2 bytes as a varint, and target has 1 from offset 3/,
    };
    assert.throws(() => VarintEncoder.encode(300, target, 3), expected);
    assert.throws(() => VarintEncoder.encode(1, target, 4), { code: 'ERR_AGENTWIRE_TOO_LONG' });
    assert.throws(() => VarintEncoder.encodeSigned(2n ** 62n, target), { code: 'ERR_AGENTWIRE_TOO_LONG' });
    assert.deepEqual(target, new Uint8Array(4));
  });

  it('is refused when it is none', () => {
    const expected = { name: 'AgentwireArgumentError', code: 'ERR_AGENTWIRE_ARGUMENT' };
    const target = new Uint8Array(16);
    for (const value of [-1, 0.5, 2 ** 53, Number.NaN, -1n, 2n ** 64n, '1', null, undefined, {}, Symbol('one')]) {
      assert.throws(() => VarintEncoder.encode(value), expected);
      assert.throws(() => VarintEncoder.encode(value, target), expected);
      assert.throws(() => VarintEncoder.size(value), expected);
    }
    for (const value of [0.5, 2 ** 53, -(2n ** 63n) - 1n, 2n ** 63n, '1', null, undefined, {}]) {
      assert.throws(() => VarintEncoder.encodeSigned(value), expected);
      assert.throws(() => VarintEncoder.sizeSigned(value), expected);
    }
    assert.throws(() => VarintEncoder.encodeBigInt(1), expected);
    for (const memory of [null, 1, 'text', [1], new ArrayBuffer(8), new Uint16Array(8)]) {
      assert.throws(() => VarintEncoder.encode(1, memory), expected);
      assert.throws(() => VarintEncoder.decode(memory), expected);
    }
    for (const offset of [-1, 0.5, 17, '0', null]) {
      assert.throws(() => VarintEncoder.encode(1, target, offset), expected);
      assert.throws(() => VarintEncoder.decode(target, offset), expected);
      assert.throws(() => VarintEncoder.decodeBigInt(target, offset), expected);
    }
    assert.deepEqual(target, new Uint8Array(16));
  });
});
