'use strict';

// Holds the two implementations of docs/wire-format.md together: what TypeScript writes, Rust reads; and for any bytes at all both
// give the same value, or both refuse. AGENTWIRE_FUZZ_RUNS=N runs N cases of each property instead of some thousands.

const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const { mutate, mutation, randomBytes, value } = require('./fixtures/arbitraries.js');
const { assertSame } = require('./fixtures/same.js');
const { makeValues } = require('./fixtures/values.js');
const { tableEncoder } = require('./fixtures/table-form.js');

const dist = path.join(__dirname, '..', 'dist');
const { native } = require(path.join(dist, 'native.js'));
const { Decoder } = require(path.join(dist, 'codec', 'decoder.js'));
const { AgentwireDecodeError } = require(path.join(dist, 'codec', 'reader.js'));
const { decodeSelfContained, encodeSelfContained } = require(path.join(dist, 'codec', 'self-contained.js'));
const { Tables } = require(path.join(dist, 'codec', 'tables.js'));

const runs = process.env.AGENTWIRE_FUZZ_RUNS ? Number(process.env.AGENTWIRE_FUZZ_RUNS) : 8000;
const hasFloat16 = typeof Float16Array !== 'undefined';

const tables = new Tables();
const decoder = new Decoder(tables);
/** Another thread's: it learns every shape and string from the process-wide tables. */
const stranger = () => new Decoder(new Tables());

const encodeWithTables = tableEncoder();

// --- the two sides

function decodeInJs(bytes, by = decoder) {
  try {
    return { value: by.decode(bytes) };
  } catch (error) {
    if (!(error instanceof AgentwireDecodeError)) throw error;
    assert.equal(error.code, 'ERR_AGENTWIRE_UNDECODABLE');
    assert.ok(error.offset >= 0 && error.offset <= bytes.length, `offset ${error.offset} of ${bytes.length} bytes`);
    return { error };
  }
}

function inRust(call, bytes) {
  try {
    return { value: call(bytes) };
  } catch (error) {
    assert.equal(error.code, 'ERR_AGENTWIRE_UNDECODABLE', String(error));
    return { error };
  }
}

/** Float16Array came with Node 24: an older runtime refuses what Rust knows. */
const isForNewerRuntimes = (error) => !hasFloat16 && /unknown kind 13/.test(error.message);

const hex = (bytes) => Buffer.from(bytes).toString('hex');

/** Both sides accept, with the same value, or both refuse. True when they accept. */
function assertAgreement(bytes) {
  const js = decodeInJs(bytes);
  const rust = inRust(native.transcodeValue, bytes);
  const validated = inRust(native.validateValue, bytes);
  assert.equal(validated.error?.message, rust.error?.message, 'Rust validates as it decodes');
  if (js.error !== undefined && rust.error === undefined && isForNewerRuntimes(js.error)) return false;
  if ((js.error === undefined) !== (rust.error === undefined)) {
    assert.fail(`TypeScript: ${js.error ?? 'accepts'}; Rust: ${rust.error ?? 'accepts'}; the bytes: ${hex(bytes)}`);
  }
  if (js.error !== undefined) return false;
  assertSame(decodeSelfContained(rust.value), js.value, hex(bytes));
  return true;
}

function assertCarried(value) {
  for (const bytes of [encodeSelfContained(value), encodeWithTables(value)]) {
    native.validateValue(bytes);
    assertSame(decoder.decode(bytes), value, hex(bytes));
    const transcoded = native.transcodeValue(bytes);
    assertSame(decodeSelfContained(transcoded), value, `transcoded ${hex(bytes)}`);
    // The encoding of a value is unique but for tables.
    assert.equal(hex(transcoded), hex(encodeSelfContained(value)));
  }
}

// First, while the tables have room for it.
it('bytes by id are refused where they should be self-contained', () => {
  const record = { kind: 'differential', id: 5 };
  for (let i = 0; i < 5; i += 1) encodeWithTables([record]);
  const bytes = encodeWithTables([record]);
  assertSame(decoder.decode(bytes), [record]);
  assert.throws(() => decodeSelfContained(bytes), { code: 'ERR_AGENTWIRE_UNDECODABLE', message: /self-contained/ });
});

describe('a value', () => {
  it('that a message must carry is written by TypeScript and read by both', () => {
    for (const [name, value, expected] of makeValues()) {
      for (let i = 0; i < 5; i += 1) {
        for (const bytes of [encodeSelfContained(value), encodeWithTables(value)]) {
          native.validateValue(bytes);
          assertSame(decoder.decode(bytes), expected, name);
          assertSame(stranger().decode(bytes), expected, name);
          assertSame(decodeSelfContained(native.transcodeValue(bytes)), expected, name);
        }
      }
    }
  });

  it('of any kind is written by TypeScript and read by both', () => {
    fc.assert(fc.property(value, assertCarried), { numRuns: runs });
  });

  it('that comes again is written by id and read by both', () => {
    const repeated = fc.array(value, { minLength: 1, maxLength: 4 });
    const property = fc.property(repeated, (values) => {
      for (let i = 0; i < 5; i += 1) {
        const bytes = encodeWithTables(values);
        assertSame(stranger().decode(bytes), values, hex(bytes));
        assertSame(decodeSelfContained(native.transcodeValue(bytes)), values, hex(bytes));
      }
    });
    fc.assert(property, { numRuns: Math.ceil(runs / 8) });
  });
});

// --- bytes

describe('bytes', () => {
  it('at random are a value for both sides or for none', () => {
    let accepted = 0;
    const property = fc.property(randomBytes, (bytes) => {
      if (assertAgreement(bytes)) accepted += 1;
    });
    fc.assert(property, { numRuns: 4 * runs });
    assert.ok(accepted > 0);
  });

  it('of a value with a few changes are a value for both sides or for none', () => {
    let accepted = 0;
    const property = fc.property(
      value,
      fc.boolean(),
      fc.array(mutation, { minLength: 1, maxLength: 4 }),
      (value, byTables, mutations) => {
        const bytes = byTables ? encodeWithTables(value) : encodeSelfContained(value);
        if (assertAgreement(mutate(bytes, mutations))) accepted += 1;
      },
    );
    fc.assert(property, { numRuns: 2 * runs });
    assert.ok(accepted > 0);
  });

  it('of one and two are a value for both sides or for none', () => {
    for (let first = 0; first < 256; first += 1) {
      assertAgreement(Uint8Array.of(first));
      for (let second = 0; second < 256; second += 1) assertAgreement(Uint8Array.of(first, second));
    }
  });

  it('cut anywhere are no value, whatever lies behind them in memory', () => {
    for (const [name, value] of makeValues()) {
      const bytes = encodeSelfContained(value);
      if (bytes.length > 2000) continue;
      const inner = new Decoder(null);
      for (const filler of [0x00, 0x80, 0xa0, 0xc1, 0xff]) {
        const memory = new Uint8Array(bytes.length + 64).fill(filler);
        memory.set(bytes, 8);
        inner.attach(memory);
        assertSame(inner.readRoot(8, 8 + bytes.length), decodeSelfContained(bytes), name);
        const step = Math.max(1, Math.floor(bytes.length / 50));
        for (let end = 8; end < 8 + bytes.length; end += step) {
          assert.throws(
            () => inner.readRoot(8, end),
            AgentwireDecodeError,
            `${name} cut at ${end - 8} before ${filler}`,
          );
        }
      }
    }
  });

  it('that nest, claim or repeat too much are refused by both', () => {
    const nested = (depth, tag) => Uint8Array.from([...Array(depth).fill(tag), 0]);
    const hostile = {
      'depth 128': nested(128, 0xa1),
      'depth 129': nested(129, 0xa1),
      'depth 100,000': nested(100_000, 0xa1),
      'an array of 2^32 - 1': Uint8Array.of(0xce, 0xff, 0xff, 0xff, 0xff, 0x0f),
      'an object of 2^31': Uint8Array.of(0xcf, 0x80, 0x80, 0x80, 0x80, 0x08),
      'a string of 2^32 - 1': Uint8Array.of(0xcc, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x41),
      'a two-byte string of 2^31': Uint8Array.of(0xcd, 0x80, 0x80, 0x80, 0x80, 0x08, 0x41),
      'a bigint of 2^32 - 1': Uint8Array.of(0xcb, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x41),
      'a varint of six bytes': Uint8Array.of(0xce, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01),
      'a varint that is not the shortest': Uint8Array.of(0xcc, 0x81, 0x00, 0x41),
      'a key twice': Uint8Array.of(0xb2, 0x81, 0x61, 1, 0x81, 0x61, 2),
      '__proto__ twice': Uint8Array.of(
        0xb2,
        ...[0x89, ...Buffer.from('__proto__'), 1],
        ...[0x89, ...Buffer.from('__proto__'), 2],
      ),
      'a key that is a number': Uint8Array.of(0xb1, 0xc5, 100, 5),
      'a hole as the value': Uint8Array.of(0xc4),
      'a hole in an object': Uint8Array.of(0xb1, 0x81, 0x61, 0xc4),
      'a hole in a set': Uint8Array.of(0xd1, 1, 0xc4),
      'a shape that was never given': Uint8Array.of(0xd3, 0xff, 0xff, 0xff, 0x7f),
      'the shape 0': Uint8Array.of(0xd3, 0),
      'a string that was never given': Uint8Array.of(0xd4, 0xff, 0xff, 0xff, 0x7f),
      'the string 0': Uint8Array.of(0xd4, 0),
      'half an element': Uint8Array.of(0xd2, 4, 3, 1, 2, 3),
      nothing: new Uint8Array(0),
    };
    for (const [name, bytes] of Object.entries(hostile)) {
      assert.equal(assertAgreement(bytes), name === 'depth 128', name);
    }
  });
});
