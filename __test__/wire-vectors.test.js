'use strict';

// The golden vectors of docs/wire-format.md, section 2, that Rust checks too (tests/wire_vectors.rs): fixtures/wire-vectors.json.

const assert = require('node:assert/strict');
const path = require('node:path');
const { it } = require('node:test');
const { assertSame } = require('./fixtures/same.js');
const { tables: noted, valueFrom, wireVectors } = require('./fixtures/wire-vectors.js');

const dist = path.join(__dirname, '..', 'dist');
const { native } = require(path.join(dist, 'native.js'));
const { AgentwireDecodeError } = require('agentwire');
const { Decoder } = require(path.join(dist, 'codec', 'decoder.js'));
const { decodeSelfContained, encodeSelfContained } = require(path.join(dist, 'codec', 'self-contained.js'));
const { Tables } = require(path.join(dist, 'codec', 'tables.js'));

const serializerChannel = 1;

// This process is fresh, so what it interns first gets the ids that the vectors name.
for (const [index, text] of noted.strings.entries()) {
  assert.equal(native.internString(serializerChannel, encodeSelfContained(text)), index + 1);
}
for (const [index, keys] of noted.shapes.entries()) {
  assert.equal(native.internShape(serializerChannel, encodeSelfContained(keys)), index + 1);
}
const byTables = new Decoder(new Tables());

const hex = (bytes) => Buffer.from(bytes).toString('hex');

const vectors = wireVectors();

it('every vector of a value is read, and written where it is the form that is written', () => {
  const wanted = vectors.filter(({ error }) => error === undefined);
  assert.ok(wanted.length > 100, `${wanted.length}`);
  for (const { name, bytes, value: notation, isWritten, tables } of wanted) {
    const value = valueFrom(notation);
    const decoded = tables ? byTables.decode(bytes) : decodeSelfContained(bytes);
    assertSame(decoded, value, name);
    const written = encodeSelfContained(value);
    assert.equal(hex(written) === hex(bytes), isWritten, `${name}: ${hex(written)} was written`);
    assertSame(decodeSelfContained(written), value, name);
    assert.equal(
      hex(encodeSelfContained(decoded)),
      hex(written),
      `${name}: what was read is written as any such value`,
    );
    if (tables) assert.throws(() => decodeSelfContained(bytes), AgentwireDecodeError, name);
  }
  assert.equal(Object.prototype.owned, undefined);
});

it('every vector of an error is refused', () => {
  const wanted = vectors.filter(({ error }) => error !== undefined);
  assert.ok(wanted.length > 70, `${wanted.length}`);
  for (const { name, bytes, tables } of wanted) {
    const decode = () => (tables ? byTables.decode(bytes) : decodeSelfContained(bytes));
    assert.throws(
      decode,
      (error) => {
        assert.ok(error instanceof AgentwireDecodeError, `${name}: ${error.stack}`);
        assert.equal(error.code, 'ERR_AGENTWIRE_UNDECODABLE');
        assert.ok(error.offset >= 0 && error.offset <= bytes.length, `${name}: offset ${error.offset}`);
        return true;
      },
      name,
    );
  }
});

it('what Rust makes of the vectors is what TypeScript writes', () => {
  for (const { name, bytes, error, value, listed } of vectors) {
    if (error !== undefined || listed !== undefined) continue;
    assert.equal(hex(native.transcodeValue(bytes)), hex(encodeSelfContained(valueFrom(value))), name);
  }
});
