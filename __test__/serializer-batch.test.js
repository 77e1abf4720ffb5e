'use strict';

// BatchMessageSerializer: many messages as one value, encoded when they are added.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const {
  AgentwireArgumentError,
  AgentwireDecodeError,
  AgentwireError,
  AgentwireValueError,
  BatchMessageSerializer,
  CompressionType,
  globalBatchSerializer,
  globalSerializer,
  MessageType,
  OptimizedMessageSerializer,
} = require('agentwire');
const { assertSame } = require('./fixtures/same.js');
const { makeValues } = require('./fixtures/values.js');

const configurations = [];
for (const compression of [CompressionType.NONE, CompressionType.ZSTD, CompressionType.LZ4]) {
  for (const checksum of [false, true]) {
    for (const tables of [false, true]) configurations.push({ compression, checksum, tables });
  }
}

const reader = new OptimizedMessageSerializer();
const hasCode = (code) => (error) => error instanceof AgentwireError && error.code === code;
const nested = (depth) => Array.from({ length: depth }).reduce((inner) => [inner], 'the bottom');

describe('a batch', () => {
  for (const options of configurations) {
    it(`gives back its messages in their order: ${JSON.stringify(options)}`, () => {
      const batch = new BatchMessageSerializer(options);
      // Those of depth 128 are too deep within a batch.
      const values = makeValues().filter(([name]) => !name.includes('depth 128'));
      for (let round = 0; round < 3; round += 1) {
        for (const [index, [, value]] of values.entries()) {
          batch.addMessage(index % 256, value, index % 3 === 0 ? undefined : BigInt(index) ** 7n % 2n ** 64n);
          assert.equal(batch.getBatchSize(), index + 1);
        }
        const buffer = batch.flush();
        assert.ok(buffer instanceof ArrayBuffer);
        assert.equal(batch.getBatchSize(), 0);
        const messages = reader.deserializeBatch(buffer);
        assert.equal(messages.length, values.length);
        for (const [index, { header, payload }] of messages.entries()) {
          const [name, , expected] = values[index];
          assertSame(payload, expected, name);
          assert.equal(header.type, index % 256, name);
          assert.equal(header.correlationId, index % 3 === 0 ? 0n : BigInt(index) ** 7n % 2n ** 64n, name);
          const late = BigInt(Date.now()) - header.timestamp / 1_000_000n;
          assert.ok(late >= -5n && late < 600_000n, `${late} ms`);
        }
      }
    });
  }

  it('of any messages comes back', () => {
    const message = fc.tuple(
      fc.integer({ min: 0, max: 255 }),
      fc.jsonValue(),
      fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined }),
    );
    const property = fc.property(
      fc.array(message, { maxLength: 40 }),
      fc.constantFrom(...configurations),
      (messages, options) => {
        const batch = new BatchMessageSerializer(options);
        for (const each of messages) batch.addMessage(...each);
        const got = reader.deserializeBatch(batch.flush());
        assert.equal(got.length, messages.length);
        for (const [index, { header, payload }] of got.entries()) {
          const [type, value, correlationId = 0n] = messages[index];
          assertSame(payload, value);
          assert.deepEqual([header.type, header.correlationId], [type, correlationId]);
        }
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it('may be empty, and may be of any number', () => {
    for (const options of configurations) {
      const batch = new BatchMessageSerializer(options);
      for (const count of [0, 1, 15, 16, 17, 127, 128, 129, 16_383, 16_384, 0]) {
        for (let index = 0; index < count; index += 1) batch.addMessage(1, index);
        const messages = reader.deserializeBatch(batch.flush());
        assert.deepEqual(
          messages.map(({ payload }) => payload),
          Array.from({ length: count }, (_, index) => index),
        );
      }
    }
  });

  it('should be flushed from 64 messages on', () => {
    const batch = new BatchMessageSerializer();
    for (let count = 0; count < 70; count += 1) {
      assert.equal(batch.shouldFlush(), count >= 64);
      batch.addMessage(MessageType.METRICS, count);
    }
    batch.flush();
    assert.equal(batch.shouldFlush(), false);
  });

  it('holds messages as they were when they were added', () => {
    const batch = new BatchMessageSerializer();
    const payload = { list: [1], bytes: new Uint8Array([1]) };
    batch.addMessage(1, payload);
    payload.list.push(2);
    payload.bytes[0] = 9;
    payload.more = true;
    batch.addMessage(1, payload);
    const [before, after] = reader.deserializeBatch(batch.flush());
    assertSame(before.payload, { list: [1], bytes: new Uint8Array([1]) });
    assertSame(after.payload, { list: [1, 2], bytes: new Uint8Array([9]), more: true });
  });

  it('has a header of its own', () => {
    const batch = new BatchMessageSerializer({ checksum: true });
    batch.addMessage(1, 'one', 5n);
    const bytes = new Uint8Array(batch.flush());
    assert.deepEqual([bytes[0], bytes[1], bytes[2]], [0xcf, 1, MessageType.BATCH]);
    assert.equal(bytes[3], 0b1_0100);
    assert.deepEqual(bytes.subarray(16, 24), new Uint8Array(8));
  });

  it('compresses what messages have alike', () => {
    const sizes = [CompressionType.NONE, CompressionType.ZSTD].map((compression) => {
      const batch = new BatchMessageSerializer({ compression });
      for (let index = 0; index < 64; index += 1)
        batch.addMessage(2, { agent: 'agent-7', text: 'the same text', index });
      return batch.flush().byteLength;
    });
    assert.ok(sizes[1] < sizes[0] / 2, sizes.join());
  });
});

describe('a message that is not added', () => {
  it('leaves the batch as it was', () => {
    for (const options of configurations) {
      const batch = new BatchMessageSerializer({ ...options, maxPayloadBytes: 20_000 });
      const failure = new Error('a getter');
      const failing = {
        shape: 'one',
        list: [{ nested: 1, other: 'x'.repeat(5000) }],
        get last() {
          throw failure;
        },
      };
      const cyclic = { shape: 1 };
      cyclic.self = [cyclic];
      const wrong = [
        [() => batch.addMessage(1, failing), (error) => error === failure],
        [
          () => batch.addMessage(1, { a: { b: () => {} } }),
          (error) => error instanceof AgentwireValueError && error.path === '$.a.b',
        ],
        [() => batch.addMessage(1, cyclic), hasCode('ERR_AGENTWIRE_CYCLE')],
        [() => batch.addMessage(1, nested(129)), hasCode('ERR_AGENTWIRE_TOO_DEEP')],
        [() => batch.addMessage(1, nested(127)), hasCode('ERR_AGENTWIRE_TOO_DEEP')],
        [() => batch.addMessage(1, 'x'.repeat(20_000)), hasCode('ERR_AGENTWIRE_TOO_LARGE')],
        [() => batch.addMessage(256, 1), AgentwireArgumentError],
        [() => batch.addMessage(1, 1, -1n), AgentwireArgumentError],
      ];
      const expected = [];
      for (const [call, error] of [...wrong, ...wrong]) {
        assert.throws(call, error);
        const payload = { shape: 'one', list: [{ nested: 1, other: expected.length }], last: 5 };
        batch.addMessage(3, payload);
        expected.push(payload);
        assert.throws(call, error);
        assert.equal(batch.getBatchSize(), expected.length);
      }
      const messages = reader.deserializeBatch(batch.flush());
      assertSame(
        messages.map(({ payload }) => payload),
        expected,
      );
    }
  });

  it('is one that would make the batch too large', () => {
    const batch = new BatchMessageSerializer({ maxPayloadBytes: 1000 });
    let added = 0;
    const add = () => {
      for (;;) {
        batch.addMessage(1, 'x'.repeat(90));
        added += 1;
      }
    };
    assert.throws(add, (error) => error.code === 'ERR_AGENTWIRE_TOO_LARGE' && /flush\(\)/.test(error.message));
    assert.ok(added >= 8, `${added} messages`);
    const buffer = batch.flush();
    assert.equal(new OptimizedMessageSerializer({ maxPayloadBytes: 1000 }).deserializeBatch(buffer).length, added);
    batch.addMessage(1, 'x'.repeat(90));
    assert.throws(() => batch.addMessage(1, 'x'.repeat(5000)), hasCode('ERR_AGENTWIRE_TOO_LARGE'));
  });

  it('is one that a getter of another adds', () => {
    const batch = new BatchMessageSerializer();
    for (const call of [() => batch.addMessage(1, 'inner'), () => batch.flush()]) {
      const payload = {
        before: 1,
        get inner() {
          return call();
        },
      };
      batch.addMessage(1, 'before');
      assert.throws(() => batch.addMessage(1, payload), hasCode('ERR_AGENTWIRE_BUSY'));
      batch.addMessage(1, 'after');
      assert.deepEqual(
        reader.deserializeBatch(batch.flush()).map(({ payload }) => payload),
        ['before', 'after'],
      );
    }
  });
});

describe('depth', () => {
  it('is counted through the batch: what is added can be read', () => {
    const batch = new BatchMessageSerializer();
    batch.addMessage(1, nested(126));
    batch.addMessage(1, new Map([[1, nested(125)]]));
    const [first] = reader.deserializeBatch(batch.flush());
    assertSame(first.payload, nested(126));
  });
});

describe('bytes', () => {
  it('of a batch are not those of a message, nor the other way round', () => {
    const batch = new BatchMessageSerializer();
    batch.addMessage(1, 1);
    const buffer = batch.flush();
    assert.throws(() => reader.deserialize(buffer), hasCode('ERR_AGENTWIRE_BATCH'));
    assert.throws(() => reader.deserializeBatch(reader.serialize(1, [])), hasCode('ERR_AGENTWIRE_NOT_A_BATCH'));
    // A message may say that it is about a batch: the flag tells.
    assert.deepEqual(reader.deserialize(reader.serialize(MessageType.BATCH, [1])).payload, [1]);
  });

  it('whose value is no batch are refused', () => {
    const wrong = [
      null,
      {},
      5,
      [5],
      [[]],
      [[1, 5n, 0]],
      [[1, 5n, 0, null, null]],
      [['1', 5n, 0, null]],
      [[1n, 5n, 0, null]],
      [[256, 5n, 0, null]],
      [[-1, 5n, 0, null]],
      [[1, 5, 0, null]],
      [[1, -5n, 0, null]],
      [[1, 5n, 1, null]],
      [[1, 5n, -1n, null]],
      [[1, 5n, 2n ** 64n, null]],
      [[1, 5n, 0, null], null],
    ];
    for (const value of wrong) {
      const bytes = new Uint8Array(reader.serialize(6, value));
      bytes[3] = 1 << 4;
      assert.throws(() => reader.deserializeBatch(bytes), AgentwireDecodeError);
    }
    const bytes = new Uint8Array(reader.serialize(6, [[1, 5n, 2n ** 64n - 1n, null]]));
    bytes[3] = 1 << 4;
    assert.deepEqual(reader.deserializeBatch(bytes), [
      { header: { type: 1, timestamp: 5n, correlationId: 2n ** 64n - 1n }, payload: null },
    ]);
  });

  it('of a batch are counted message by message', () => {
    const serializer = new OptimizedMessageSerializer();
    const batch = new BatchMessageSerializer();
    for (let index = 0; index < 5; index += 1) batch.addMessage(1, index);
    const buffer = batch.flush();
    serializer.deserializeBatch(buffer);
    const { messagesDeserialized, bytesDeserialized } = serializer.getStats();
    assert.deepEqual([messagesDeserialized, bytesDeserialized], [5, buffer.byteLength]);
  });
});

it('the options are those of a serializer', () => {
  for (const options of [null, 5, { compression: 9 }, { checksum: 'x' }]) {
    assert.throws(() => new BatchMessageSerializer(options), AgentwireArgumentError);
  }
  assert.throws(() => new BatchMessageSerializer({ size: 5 }), hasCode('ERR_AGENTWIRE_UNKNOWN_OPTION'));
  assert.throws(
    () => new BatchMessageSerializer({ compression: CompressionType.SNAPPY }),
    hasCode('ERR_AGENTWIRE_UNSUPPORTED_COMPRESSION'),
  );
});

it('the global one is made when it is first used', () => {
  assert.ok(globalBatchSerializer instanceof BatchMessageSerializer);
  globalBatchSerializer.addMessage(MessageType.HEARTBEAT, { load: 0.5 });
  const [{ payload }] = globalSerializer.deserializeBatch(globalBatchSerializer.flush());
  assertSame(payload, { load: 0.5 });
});
