'use strict';

// Bytes that are cut short, wrong or no primitives at all: every read gives a value or a typed error that leaves the position, and
// nothing is made of a count or a length that cannot be true. AGENTWIRE_FUZZ_RUNS=N reads N random inputs instead of 300,000.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const { AgentwireDecodeError } = require('agentwire');
const { UltraFastBinaryDecoder, UltraFastBinaryEncoder, VarintEncoder } = require('agentwire/ultra-fast-serialization');
const { fromHex, kinds } = require('./fixtures/primitives.js');
const { Thread, waitUntil } = require('./helpers.js');

const inputs = process.env.AGENTWIRE_FUZZ_RUNS ? Number(process.env.AGENTWIRE_FUZZ_RUNS) : 300_000;
const undecodable = { name: 'AgentwireDecodeError', code: 'ERR_AGENTWIRE_UNDECODABLE' };

/** Reads bytes that must be refused, behind others: the position stays, and the error. */
function refused(read, bytes) {
  const before = 3;
  const decoder = new UltraFastBinaryDecoder(Buffer.concat([Buffer.alloc(before), bytes]));
  decoder.skip(before);
  let error;
  assert.throws(
    () => read(decoder),
    (thrown) => {
      error = thrown;
      return thrown instanceof AgentwireDecodeError && thrown.code === undecodable.code;
    },
  );
  assert.equal(decoder.position, before);
  assert.ok(error.offset >= before && error.offset <= before + bytes.length, `offset ${error.offset}`);
  return error;
}

describe('a value that is cut short', () => {
  for (const { name, arbitrary, golden, write, read } of kinds) {
    it(`is an error wherever it is cut: ${name}`, () => {
      for (const value of [...golden.map(([value]) => value), ...fc.sample(arbitrary, 30)]) {
        const encoder = new UltraFastBinaryEncoder();
        write(encoder, value);
        const bytes = encoder.finish();
        for (let length = 0; length < bytes.length; length++) {
          const error = refused(read, bytes.subarray(0, length));
          assert.match(error.message, /takes [\d,]+ bytes, and [\d,]+ are left/);
        }
      }
    });
  }

  it('is told by what was read, where, what it takes and what is left', () => {
    const { message, offset } = refused((decoder) => decoder.readU32(), fromHex('0102'));
    assert.equal(message, 'a u32 takes 4 bytes, and 2 are left; give all the bytes that were written (at byte 3)');
    assert.equal(offset, 3);
    assert.match(
      refused((decoder) => decoder.readString(), fromHex('05 6162')).message,
      /a string takes 5 .* 2 are left/,
    );
    assert.match(refused((decoder) => decoder.readHeader(), fromHex('cf')).message, /a header takes 24 .* 1 are left/);
    assert.match(refused((decoder) => decoder.readRaw(9), fromHex('cf')).message, /readRaw\(length\) takes 9 .* 1 are/);
    assert.match(refused((decoder) => decoder.skip(9), fromHex('cf')).message, /skip\(count\) takes 9 .* 1 are left/);
    assert.match(refused((decoder) => decoder.readVarint(), fromHex('80ff')).message, /a varint goes on: it takes 3/);
  });
});

describe('bytes that no encoder writes', () => {
  const cases = [
    ['a varint that is not the shortest', 'Varint', '8000', /shortest/],
    ['a varint that is not the shortest', 'Varint', 'ff8000', /shortest/],
    ['a varint of 2^53', 'Varint', '8080808080808010', /larger than 2\^53 - 1/],
    ['a varint of 2^54 - 1', 'Varint', 'ffffffffffffff1f', /larger than 2\^53 - 1/],
    ['a varint of nine bytes', 'Varint', '808080808080808001', /larger than 2\^53 - 1/],
    ['a varint without an end', 'Varint', 'ff'.repeat(100), /larger than/],
    ['a bigint that is not the shortest', 'VarintBigInt', '808080808080808000', /shortest/],
    ['a bigint of 2^64', 'VarintBigInt', '80808080808080808002', /larger than 2\^64 - 1/],
    ['a bigint without an end', 'VarintBigInt', 'ff'.repeat(100), /larger than/],
    ['a bool of 2', 'Bool', '02', /0 or 1, and this is 2/],
    ['a byte that begins no character', 'String', '01 80', /UTF-8/],
    ['a character that is cut', 'String', '02 e282', /UTF-8/],
    ['a character that is too long', 'String', '02 c0af', /UTF-8/],
    ['half of a surrogate pair', 'String', '03 eda080', /UTF-8/],
    ['a character beyond Unicode', 'String', '04 f4908080', /UTF-8/],
    ['a wrong byte in a long string', 'String', `64 ${'61'.repeat(50)}ff${'61'.repeat(49)}`, /UTF-8/],
    ['a wrong byte behind U+FFFD', 'String', '04 efbfbd ff', /UTF-8/],
    ['a length with a longer form', 'String', '8100 61', /shortest/],
    ['a header that is none', 'Header', '00'.repeat(24), /0xcf, and this is 0x0/],
    ['a header of another version', 'Header', `cf02${'00'.repeat(22)}`, /version 2/],
  ];
  for (const [what, name, hex, message] of cases) {
    it(`are refused: ${what} (${hex.slice(0, 20)})`, () => {
      const { read } = kinds.find((kind) => kind.name === name);
      assert.match(refused(read, fromHex(hex)).message, message);
    });
  }

  it('are refused in an item too, and the position is before the array', () => {
    const { read } = kinds.find(({ name }) => name === 'Array');
    refused(read, fromHex('03 01 8000 01'));
    refused(
      (decoder) =>
        decoder.readMap(
          () => decoder.readU8(),
          () => decoder.readBool(),
        ),
      fromHex('02 0101 0102'),
    );
  });
});

describe('a count or a length that cannot be true', () => {
  const lengths = [4, 0x7f, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 50, Number.MAX_SAFE_INTEGER];

  it('is refused before anything is made of it', () => {
    const calls = [];
    const call = () => calls.push(0);
    for (const length of lengths) {
      const bytes = Buffer.concat([VarintEncoder.encode(length), Buffer.alloc(3)]);
      const reads = [
        (decoder) => decoder.readString(),
        (decoder) => decoder.readBytes(),
        (decoder) => decoder.readArray(call),
        (decoder) => decoder.readMap(call, call),
      ];
      for (const read of reads) refused(read, bytes);
      refused((decoder) => decoder.readRaw(length), bytes.subarray(0, 3));
    }
    // Each entry of a map has a key and a value.
    refused((decoder) => decoder.readMap(call, call), fromHex('02 000000'));
    assert.equal(calls.length, 0);
  });
});

describe('random bytes', () => {
  /** xorshift32 of Marsaglia: as random as it needs to be, and the same every time. */
  function generator(seed) {
    let state = seed;
    return (below) => {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % below;
    };
  }

  const readers = [
    ...kinds.map(({ read }) => read),
    (decoder) => decoder.readArray((from) => from.readArray((inner) => inner.readString())),
    (decoder) =>
      decoder.readMap(
        (from) => from.readVarintBigInt(),
        (from) => from.readBytes(),
      ),
    (decoder) => decoder.readRaw(3),
    (decoder) => decoder.skip(2),
  ];

  it('give values or typed errors, never anything else', () => {
    const random = generator(0x9e37_79b9);
    const memory = new Uint8Array(64);
    let values = 0;
    let errors = 0;
    for (let run = 0; run < inputs; run++) {
      const length = random(memory.length + 1);
      const spread = [256, 256, 32, 4][random(4)];
      for (let index = 0; index < length; index++) memory[index] = random(spread);
      const decoder = new UltraFastBinaryDecoder(memory.subarray(0, length));
      for (;;) {
        const before = decoder.position;
        try {
          readers[random(readers.length)](decoder);
        } catch (error) {
          if (!(error instanceof AgentwireDecodeError)) throw error;
          assert.equal(decoder.position, before);
          errors += 1;
          break;
        }
        assert.ok(decoder.position > before && decoder.position <= length);
        assert.equal(decoder.remaining(), length - decoder.position);
        values += 1;
      }
    }
    // Both happen a lot, or the bytes test nothing. Every input ends in an error.
    assert.equal(errors, inputs);
    assert.ok(values > inputs / 2, `${values} values`);
  });

  it('are read as varints exactly where they are one: what is read is written as the same bytes', () => {
    const random = generator(0x1234_5678);
    for (let run = 0; run < inputs / 3; run++) {
      const bytes = Uint8Array.from({ length: 12 }, () => random(256) | (random(4) === 0 ? 0 : 0x80));
      for (const [decode, size] of [
        [VarintEncoder.decode, 8],
        [VarintEncoder.decodeBigInt, 10],
      ]) {
        let result;
        try {
          result = decode(bytes);
        } catch (error) {
          assert.equal(error.code, undecodable.code);
          continue;
        }
        assert.ok(result.bytesRead <= size);
        assert.deepEqual(VarintEncoder.encode(result.value), bytes.slice(0, result.bytesRead));
      }
    }
  });
});

describe('memory that goes away under a decoder', () => {
  const detached = { name: 'AgentwireError', code: 'ERR_AGENTWIRE_DETACHED' };

  it('is an error of every read when it was transferred', () => {
    for (const { arbitrary, write, read } of kinds) {
      const encoder = new UltraFastBinaryEncoder();
      const [value] = fc.sample(arbitrary, 1);
      write(encoder, value);
      write(encoder, value);
      const bytes = encoder.finish();
      const decoder = new UltraFastBinaryDecoder(bytes);
      read(decoder);
      const { position } = decoder;
      structuredClone(bytes, { transfer: [bytes.buffer] });
      assert.throws(() => read(decoder), detached);
      assert.equal(decoder.position, position);
    }
  });

  it('is an error when it was resized to less, and not when it grew', () => {
    for (const { arbitrary, write, read } of kinds) {
      const encoder = new UltraFastBinaryEncoder();
      const [value] = fc.sample(arbitrary, 1);
      write(encoder, value);
      const bytes = encoder.finish();
      const buffer = new ArrayBuffer(bytes.length, { maxByteLength: 2 * bytes.length });
      new Uint8Array(buffer).set(bytes);
      for (const source of [buffer, new Uint8Array(buffer)]) {
        buffer.resize(bytes.length);
        new Uint8Array(buffer).set(bytes);
        const decoder = new UltraFastBinaryDecoder(source);
        buffer.resize(2 * bytes.length);
        assert.equal(decoder.remaining(), bytes.length);
        read(decoder);
        assert.equal(decoder.remaining(), 0);
        decoder.reset();
        buffer.resize(bytes.length - 1);
        assert.throws(() => read(decoder), detached);
        assert.equal(decoder.position, 0);
      }
    }
  });

  it('is an error in the middle of an array, and the position is before it', () => {
    const bytes = fromHex('03 01 02 03');
    const decoder = new UltraFastBinaryDecoder(bytes);
    const read = () =>
      decoder.readArray(() => {
        const item = decoder.readU8();
        if (item === 2) structuredClone(bytes, { transfer: [bytes.buffer] });
        return item;
      });
    assert.throws(read, detached);
    assert.equal(decoder.position, 0);
  });

  it('is refused to begin with', () => {
    const bytes = new Uint8Array(8);
    const { buffer } = bytes;
    structuredClone(bytes, { transfer: [buffer] });
    for (const source of [bytes, buffer]) assert.throws(() => new UltraFastBinaryDecoder(source), detached);
    assert.throws(() => new UltraFastBinaryEncoder().writeBytes(bytes), detached);
    assert.throws(() => new UltraFastBinaryEncoder().writeRaw(bytes), detached);
    assert.throws(() => VarintEncoder.encode(1, bytes), detached);
    assert.throws(() => VarintEncoder.decode(bytes), detached);
  });
});

describe('shared memory that another thread writes over', () => {
  it('gives values or typed errors', async (t) => {
    const encoder = new UltraFastBinaryEncoder();
    const texts = ['short', 'x'.repeat(300), 'ü€😀'.repeat(100)];
    for (const text of texts) encoder.writeString(text);
    const bytes = encoder.finish();
    const memory = new Uint8Array(new SharedArrayBuffer(bytes.length));
    memory.set(bytes);
    const signals = new Int32Array(new SharedArrayBuffer(8));
    const thread = await Thread.start(t);
    const done = thread.run(
      (_tools, memory, bytes, signals) => {
        for (let round = 0; Atomics.load(signals, 1) === 0; round++) {
          // Now right, now wrong, so that a reader finds both and what is between.
          memory.set(bytes);
          for (let index = round % 7; index < memory.length; index += 7) memory[index] = round;
          if (round === 10) Atomics.store(signals, 0, 1);
        }
      },
      memory,
      bytes,
      signals,
    );
    await waitUntil(() => Atomics.load(signals, 0) === 1, 'the other thread to write');
    const decoder = new UltraFastBinaryDecoder(memory);
    for (let round = 0; round < 20_000; round++) {
      decoder.reset();
      for (const _text of texts) {
        const before = decoder.position;
        try {
          assert.equal(typeof decoder.readString(), 'string');
        } catch (error) {
          if (!(error instanceof AgentwireDecodeError)) throw error;
          assert.equal(decoder.position, before);
          break;
        }
      }
    }
    Atomics.store(signals, 1, 1);
    await done;
    memory.set(bytes);
    decoder.reset();
    assert.deepEqual(
      texts.map(() => decoder.readString()),
      texts,
    );
  });
});
