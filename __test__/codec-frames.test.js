'use strict';

// `codec` and `agentwire inspect` on what the serializers write: compressed, with a checksum, by tables, in batches.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const path = require('node:path');
const { it } = require('node:test');
const { BatchMessageSerializer, codec, CompressionType, OptimizedMessageSerializer } = require('agentwire');
const { assertSame } = require('./fixtures/same.js');

const program = path.join(__dirname, '..', require('../package.json').bin.agentwire);
const inspect = (input) => spawnSync(process.execPath, [program, 'inspect', '-'], { input, encoding: 'utf8' });

const payload = { list: Array.from({ length: 200 }, (_, id) => ({ id, text: 'again and again' })), n: 5n };
const forms = {
  plain: {},
  LZ4: { compression: CompressionType.LZ4 },
  zstd: { compression: CompressionType.ZSTD },
  checksum: { checksum: true },
  both: { compression: CompressionType.ZSTD, checksum: true },
};

for (const [name, options] of Object.entries(forms)) {
  it(`a message is read by all: ${name}`, () => {
    const bytes = new Uint8Array(new OptimizedMessageSerializer(options).serialize(3, payload, 7n));
    codec.validate(bytes);
    const { header, payload: decoded } = codec.decode(bytes);
    assert.deepEqual([header.type, header.correlationId], [3, 7n]);
    assertSame(decoded, payload);
    assertSame(codec.decode(codec.fromJSON(codec.toJSON(bytes))), { header, payload });
    const { status, stdout, stderr } = inspect(bytes);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /type: TASK_RESULT.*payload: object, 2 properties.*n: 5n/s);
    if (options.checksum) assert.match(stdout, /flags: .*CHECKSUM/);
    if (options.compression) assert.match(stdout, /flags: compressed/);
  });
}

it('a batch is read by all', () => {
  const batch = new BatchMessageSerializer();
  batch.addMessage(1, payload);
  batch.addMessage(3, 'second', 9n);
  const bytes = new Uint8Array(batch.flush());
  codec.validate(bytes);
  const { messages } = codec.decode(bytes);
  assertSame([messages[0].payload, messages[1].payload, messages[1].header.correlationId], [payload, 'second', 9n]);
  assertSame(codec.decode(codec.fromJSON(codec.toJSON(bytes))), codec.decode(bytes));
  assert.match(inspect(bytes).stdout, /message 2 of 2.*payload: "second"/s);
});

it('a message of tables is read in its process alone', () => {
  const serializer = new OptimizedMessageSerializer({ tables: true });
  const record = { framesKind: 'tables', framesId: 5 };
  let bytes;
  for (let i = 0; i < 5; i += 1) bytes = new Uint8Array(serializer.serialize(2, [record, record]));
  codec.validate(bytes);
  assertSame(codec.decode(bytes).payload, [record, record]);
  assertSame(codec.decode(codec.fromJSON(codec.toJSON(bytes))).payload, [record, record]);
  const { status, stdout, stderr } = inspect(bytes);
  assert.equal(status, 1);
  assert.match(stdout, /flags: TABLES\n {2}payload: cannot be read/);
  assert.match(stderr, /^agentwire: .*\n$/);
});

it('a message that was changed is refused, and inspect prints its header', () => {
  const bytes = new Uint8Array(new OptimizedMessageSerializer({ checksum: true }).serialize(2, payload));
  bytes[40] ^= 1;
  assert.equal(codec.isValid(bytes), false);
  assert.throws(() => codec.validate(bytes), { code: 'ERR_AGENTWIRE_CHECKSUM' });
  const { status, stdout, stderr } = inspect(bytes);
  assert.equal(status, 1);
  assert.match(stdout, /type: TASK_ASSIGNMENT.*flags: CHECKSUM\n {2}payload: cannot be read/s);
  assert.match(stderr, /^agentwire: .*checksum/);
});
