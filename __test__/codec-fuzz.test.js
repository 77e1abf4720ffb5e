'use strict';

// Real messages with changes: for any bytes the TypeScript decoder and the Rust one give the same value, or both refuse.
// AGENTWIRE_FUZZ_RUNS=N tries N mutants, AGENTWIRE_FUZZ_SEED=S the same ones again. The seed is printed.

const assert = require('node:assert/strict');
const path = require('node:path');
const { it } = require('node:test');
const { realMessages } = require('./fixtures/mutated-messages.js');
const { Mutator, Random } = require('./fixtures/mutator.js');
const { assertSame } = require('./fixtures/same.js');
const { tableEncoder } = require('./fixtures/table-form.js');

const dist = path.join(__dirname, '..', 'dist');
const { native } = require(path.join(dist, 'native.js'));
const { AgentwireDecodeError } = require('agentwire');
const { Decoder } = require(path.join(dist, 'codec', 'decoder.js'));
const { decodeSelfContained, encodeSelfContained } = require(path.join(dist, 'codec', 'self-contained.js'));
const { Tables } = require(path.join(dist, 'codec', 'tables.js'));

const runs = process.env.AGENTWIRE_FUZZ_RUNS ? Number(process.env.AGENTWIRE_FUZZ_RUNS) : 150_000;
const seed = process.env.AGENTWIRE_FUZZ_SEED ? Number(process.env.AGENTWIRE_FUZZ_SEED) : Date.now() >>> 0;

/** Bytes of mutants that cross together. */
const BATCH_BYTES = 1 << 18;
const REFUSED = 0xffff_ffff;
/** Mutants that later ones may be made of. */
const KEPT = 512;

const tables = new Tables();
const decoder = new Decoder(tables);
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const hasFloat16 = typeof Float16Array !== 'undefined';

/** Each message in the self-contained form and in that of the bus. */
function encodedMessages() {
  const encodeWithTables = tableEncoder(1 << 22, tables);
  return Object.values(realMessages()).flatMap((message) => {
    // Often enough for its shapes and strings to get ids.
    const byTables = Array.from({ length: 6 }, () => encodeWithTables([message, message])).pop();
    return [encodeSelfContained(message), encodeWithTables(message), byTables];
  });
}

/** Mutants, collected until there are enough for a call. */
class Batch {
  constructor() {
    this.memory = Buffer.alloc(BATCH_BYTES);
    this.length = 0;
  }

  /** False when there is no room. */
  add(bytes) {
    const end = this.length + 4 + bytes.length;
    if (end > BATCH_BYTES) return false;
    this.memory.writeUInt32LE(bytes.length, this.length);
    this.memory.set(bytes, this.length + 4);
    this.length = end;
    return true;
  }

  /** Calls `check(bytes, transcoded)` with each mutant and what Rust made of it: null when it refused. */
  judge(check) {
    const results = native.transcodeValues(this.memory.subarray(0, this.length));
    let at = 0;
    let resultAt = 0;
    while (at < this.length) {
      const end = at + 4 + this.memory.readUInt32LE(at);
      const length = results.readUInt32LE(resultAt);
      const resultEnd = resultAt + 4 + (length === REFUSED ? 0 : length);
      check(this.memory.subarray(at + 4, end), length === REFUSED ? null : results.subarray(resultAt + 4, resultEnd));
      at = end;
      resultAt = resultEnd;
    }
    assert.equal(resultAt, results.length);
    this.length = 0;
  }
}

/** The same verdict, and the same value. True when it is one. */
function assertAgreement(bytes, transcoded) {
  let value;
  try {
    value = decoder.decode(bytes);
  } catch (error) {
    const where = `${error.stack ?? error}; the bytes: ${hex(bytes)}`;
    assert.ok(error instanceof AgentwireDecodeError, where);
    assert.ok(error.offset >= 0 && error.offset <= bytes.length, where);
    // Float16Array came with Node 24: an older runtime refuses what Rust knows.
    if (!hasFloat16 && error.message.includes('unknown kind 13')) return false;
    assert.equal(transcoded, null, `Rust accepts, TypeScript says ${where}`);
    return false;
  }
  assert.notEqual(transcoded, null, `TypeScript accepts, Rust refuses; the bytes: ${hex(bytes)}`);
  // Nearly always the same bytes. Not where JavaScript orders the keys of an object or has an entry of a map once.
  if (transcoded.equals(encodeSelfContained(value))) return true;
  assertSame(decodeSelfContained(transcoded), value, hex(bytes));
  return true;
}

it('mutated messages are a value for both languages or for none', (t) => {
  t.diagnostic(`AGENTWIRE_FUZZ_SEED=${seed}`);
  const random = new Random(seed);
  const mutator = new Mutator(random);
  const messages = encodedMessages();
  // The long ones are a small part of what is tried, as they take the most time.
  const short = messages.filter(({ length }) => length < 500);
  assert.ok(short.length > 10 && short.length < messages.length);
  const kept = [...short];
  const stackTraceLimit = Error.stackTraceLimit;
  // Millions of errors are made, and no stack is looked at.
  Error.stackTraceLimit = 0;
  t.after(() => {
    Error.stackTraceLimit = stackTraceLimit;
  });
  const batch = new Batch();
  let accepted = 0;
  let tried = 0;
  const check = (bytes, transcoded) => {
    tried += 1;
    if (!assertAgreement(bytes, transcoded)) return;
    accepted += 1;
    if (bytes.length > 2000 || random.below(4) > 0) return;
    if (kept.length < KEPT) kept.push(Uint8Array.from(bytes));
    else kept[random.below(KEPT)] = Uint8Array.from(bytes);
  };
  while (tried < runs) {
    const parent = random.below(50) === 0 ? random.pick(messages) : random.pick(random.below(2) === 0 ? short : kept);
    const mutant = mutator.mutant(parent, random.pick(kept));
    if (batch.add(mutant)) continue;
    batch.judge(check);
  }
  t.diagnostic(`${accepted} of ${tried} mutants are values`);
  assert.ok(accepted > tried / 50, `${accepted} of ${tried}`);
  assert.ok(accepted < tried / 2, `${accepted} of ${tried}`);
  assert.equal(Object.prototype.owned, undefined, 'no prototype was touched');
});

it('each message cut at each byte is refused by both', () => {
  for (const message of encodedMessages()) {
    const batch = new Batch();
    const check = (bytes, transcoded) => assert.equal(assertAgreement(bytes, transcoded), false, hex(bytes));
    for (let end = 0; end < message.length; end += 1) {
      if (batch.add(message.subarray(0, end))) continue;
      batch.judge(check);
      assert.ok(batch.add(message.subarray(0, end)));
    }
    batch.judge(check);
  }
});

it('lengths that are longer than the batch are refused', () => {
  for (const bytes of [Uint8Array.of(1), Uint8Array.of(1, 0, 0, 0), Uint8Array.of(255, 255, 255, 255, 0)]) {
    assert.throws(() => native.transcodeValues(bytes), { code: 'ERR_AGENTWIRE_ARGUMENT' });
  }
});
