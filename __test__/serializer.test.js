'use strict';

// OptimizedMessageSerializer: what goes in comes back, with every compression, checksum and form; from whatever memory; and what it counts.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const {
  AgentwireArgumentError,
  AgentwireDecodeError,
  AgentwireError,
  AgentwireValueError,
  CompressionType,
  globalSerializer,
  MessageSerializer,
  MessageType,
  OptimizedMessageSerializer,
  UltraFastBinaryDecoder,
} = require('agentwire');
const { assertSame } = require('./fixtures/same.js');
const { makeValues } = require('./fixtures/values.js');
const { runNode, Thread } = require('./helpers.js');

const message = {
  id: 'm1',
  type: 'task.assignment',
  agent: 'agent-7',
  data: { taskId: 't1', agent: 'agent-7', payload: 'x'.repeat(27) },
  timestamp: 1_700_000_000_000,
  priority: 2,
};
const rows = Array.from({ length: 100 }, (_, index) => ({ ...message, index }));

const configurations = [];
for (const compression of [CompressionType.NONE, CompressionType.ZSTD, CompressionType.LZ4]) {
  for (const checksum of [false, true]) {
    for (const tables of [false, true]) configurations.push({ compression, checksum, tables, compressionThreshold: 0 });
  }
}

const hasCode = (code) => (error) => error instanceof AgentwireError && error.code === code;

describe('a message', () => {
  for (const options of configurations) {
    it(`comes back as it went in: ${JSON.stringify(options)}`, () => {
      const serializer = new OptimizedMessageSerializer(options);
      const reader = new OptimizedMessageSerializer();
      for (const [index, [name, value, expected]] of makeValues().entries()) {
        // Often enough for shapes and strings to go by id.
        for (let time = 0; time < 4; time += 1) {
          const type = index % 256;
          const buffer = serializer.serialize(type, value, BigInt(index));
          assert.ok(buffer instanceof ArrayBuffer);
          const { header, payload } = reader.deserialize(buffer);
          assertSame(payload, expected, name);
          assert.equal(header.type, type);
          assert.equal(header.correlationId, BigInt(index));
          assert.equal(header.magic, 0xcf);
          assert.equal(header.version, 1);
          assert.equal(header.payloadLength, buffer.byteLength - 24);
          assert.equal((header.flags & 4) !== 0, options.checksum);
          assert.equal((header.flags & 8) !== 0, options.tables);
        }
      }
    });
  }

  it('keeps what the original dropped or choked on: numeric times, no correlation id, extra fields, for every type', () => {
    const serializer = new OptimizedMessageSerializer();
    const payload = { taskId: 't', timestamp: Date.now(), deadline: 5n, extra: { field: [1, undefined, null] } };
    for (const type of Object.values(MessageType)) {
      const { header, payload: got } = serializer.deserialize(serializer.serialize(type, payload));
      assertSame(got, payload);
      assert.equal(header.type, type);
      assert.equal(header.correlationId, 0n);
    }
  });

  it('shares no memory with the bytes that it was read from', () => {
    const serializer = new OptimizedMessageSerializer();
    for (const length of [10, 10_000]) {
      const bytes = new Uint8Array(serializer.serialize(1, { bytes: new Uint8Array(length).fill(7) }));
      const { payload } = serializer.deserialize(bytes);
      bytes.fill(0);
      assert.ok(payload.bytes.every((byte) => byte === 7));
    }
  });

  it('has the time at which it was made, to the microsecond', () => {
    const serializer = new OptimizedMessageSerializer();
    let last = 0n;
    const parts = new Set();
    for (let index = 0; index < 2000; index += 1) {
      const before = BigInt(Date.now());
      const { timestamp } = serializer.deserialize(serializer.serialize(1, null)).header;
      const after = BigInt(Date.now());
      // The system's clock and ours may be two milliseconds apart.
      assert.ok(timestamp >= (before - 4n) * 1_000_000n && timestamp <= (after + 5n) * 1_000_000n, `${timestamp}`);
      assert.ok(timestamp >= last, 'it goes back');
      last = timestamp;
      parts.add(timestamp % 1_000_000n);
    }
    assert.ok(parts.size > 100, 'it has whole milliseconds only');
  });

  it('has a header that primitives read', () => {
    const serializer = new OptimizedMessageSerializer();
    const buffer = serializer.serialize(MessageType.METRICS, [1, 2], 2n ** 64n - 1n);
    const header = new UltraFastBinaryDecoder(buffer).readHeader();
    assert.deepEqual(header, serializer.deserialize(buffer).header);
    assert.equal(header.correlationId, 2n ** 64n - 1n);
  });

  it('of one serializer is read by another, in another thread and in another process', async (t) => {
    const serializer = new OptimizedMessageSerializer({ compression: CompressionType.ZSTD, checksum: true });
    const bytes = new Uint8Array(serializer.serialize(MessageType.TASK_RESULT, { rows }, 9n));
    const thread = await Thread.start(t);
    const read = ({ agentwire }, bytes) => new agentwire.OptimizedMessageSerializer().deserialize(bytes);
    assert.deepEqual(await thread.run(read, bytes), serializer.deserialize(bytes));
    const program = `
      const { OptimizedMessageSerializer } = require('agentwire');
      const bytes = Buffer.from(process.argv[1], 'base64');
      console.log(new OptimizedMessageSerializer().deserialize(bytes).payload.rows.length);`;
    const { stdout, stderr } = await runNode(['-e', program, Buffer.from(bytes).toString('base64')], {
      cwd: __dirname,
    });
    assert.equal(stdout, '100\n', stderr);
  });

  it('by tables is read by another thread, and refused by another process', async (t) => {
    const serializer = new OptimizedMessageSerializer({ tables: true });
    let bytes;
    for (let time = 0; time < 10; time += 1) bytes = new Uint8Array(serializer.serialize(1, message));
    assert.ok(bytes.length < new OptimizedMessageSerializer().serialize(1, message).byteLength - 20);
    const thread = await Thread.start(t);
    const read = ({ agentwire }, bytes) => new agentwire.OptimizedMessageSerializer().deserialize(bytes).payload;
    assert.deepEqual(await thread.run(read, bytes), message);
    const program = `
      const { OptimizedMessageSerializer } = require('agentwire');
      try {
        new OptimizedMessageSerializer({ tables: true }).deserialize(Buffer.from(process.argv[1], 'base64'));
      } catch (error) {
        console.log(error.code, error.message);
      }`;
    const { stdout, stderr } = await runNode(['-e', program, Buffer.from(bytes).toString('base64')], {
      cwd: __dirname,
    });
    assert.match(stdout, /^ERR_AGENTWIRE_FOREIGN_TABLES .*another process.*tables: false/, stderr);
  });
});

describe('compression', () => {
  it('makes large values smaller, and no message larger', () => {
    const plain = new OptimizedMessageSerializer();
    for (const compression of [CompressionType.ZSTD, CompressionType.LZ4]) {
      const serializer = new OptimizedMessageSerializer({ compression });
      const size = serializer.serialize(1, rows).byteLength;
      assert.ok(size < plain.serialize(1, rows).byteLength / 4, `${size}`);
      assert.equal(new Uint8Array(serializer.serialize(1, rows))[3], compression);
      const noise = Uint8Array.from({ length: 5000 }, () => Math.random() * 256);
      for (const value of [noise, message, '', 'x'.repeat(1000)]) {
        const buffer = serializer.serialize(1, value);
        assert.ok(buffer.byteLength <= plain.serialize(1, value).byteLength);
        assert.equal(new Uint8Array(buffer)[3], 0);
      }
    }
  });

  it('begins at the threshold', () => {
    const value = 'y'.repeat(500);
    const size = new OptimizedMessageSerializer().serialize(1, value).byteLength - 24;
    for (const [compressionThreshold, flags] of [
      [size, CompressionType.LZ4],
      [size + 1, 0],
    ]) {
      const serializer = new OptimizedMessageSerializer({ compression: CompressionType.LZ4, compressionThreshold });
      assert.equal(new Uint8Array(serializer.serialize(1, value))[3], flags);
    }
  });

  it('by Snappy is refused', () => {
    const compression = CompressionType.SNAPPY;
    const refused = (error) =>
      error instanceof AgentwireError &&
      error.code === 'ERR_AGENTWIRE_UNSUPPORTED_COMPRESSION' &&
      /Snappy|SNAPPY/.test(error.message) &&
      /LZ4/.test(error.message);
    assert.throws(() => new OptimizedMessageSerializer({ compression }), refused);
    const bytes = new Uint8Array(new OptimizedMessageSerializer().serialize(1, 5));
    bytes[3] = compression;
    assert.throws(() => new OptimizedMessageSerializer().deserialize(bytes), refused);
  });
});

describe('arguments', () => {
  it('that are no options are refused', () => {
    const wrong = [
      { compression: 4 },
      { compression: 'LZ4' },
      { compression: -1 },
      { compressionThreshold: -1 },
      { compressionThreshold: 1.5 },
      { checksum: 1 },
      { tables: 'yes' },
      { maxPayloadBytes: 0 },
      { maxPayloadBytes: 2 ** 31 },
    ];
    for (const options of wrong) {
      assert.throws(() => new OptimizedMessageSerializer(options), AgentwireArgumentError, JSON.stringify(options));
    }
    for (const options of [null, 5, 'x'])
      assert.throws(() => new OptimizedMessageSerializer(options), AgentwireArgumentError);
    const unknown = (error) => error.code === 'ERR_AGENTWIRE_UNKNOWN_OPTION' && /compresion/.test(error.message);
    assert.throws(() => new OptimizedMessageSerializer({ compresion: 1 }), unknown);
    const undefineds = {
      compression: undefined,
      compressionThreshold: undefined,
      checksum: undefined,
      tables: undefined,
    };
    assert.equal(
      new OptimizedMessageSerializer({ ...undefineds, maxPayloadBytes: undefined }).serialize(1, 1).byteLength,
      25,
    );
  });

  it('that are no type or correlation id are refused', () => {
    const serializer = new OptimizedMessageSerializer();
    for (const type of [-1, 256, 1.5, Number.NaN, '1', 1n, null, undefined, {}]) {
      assert.throws(() => serializer.serialize(type, 1), AgentwireArgumentError, String(type));
      assert.throws(() => serializer.serializeInto(new Uint8Array(99), 0, type, 1), AgentwireArgumentError);
    }
    for (const correlationId of [-1n, 2n ** 64n, 5, '5', null]) {
      assert.throws(() => serializer.serialize(1, 1, correlationId), AgentwireArgumentError, String(correlationId));
    }
    assert.equal(serializer.deserialize(serializer.serialize(0, 1, undefined)).header.type, 0);
    assert.equal(serializer.deserialize(serializer.serialize(255, 1)).header.type, 255);
  });

  it('that no message can carry are refused with their place', () => {
    const cyclic = { a: {} };
    cyclic.a.b = cyclic;
    for (const options of configurations) {
      const serializer = new OptimizedMessageSerializer(options);
      for (const call of [
        (value) => serializer.serialize(1, value),
        (value) => serializer.serializeInto(new Uint8Array(5000), 0, 1, value),
      ]) {
        const refused = (code, path) => (error) =>
          error instanceof AgentwireValueError && error.code === code && error.path === path;
        assert.throws(() => call({ a: [1, () => {}] }), refused('ERR_AGENTWIRE_UNSUPPORTED', '$.a[1]'));
        assert.throws(() => call(cyclic), refused('ERR_AGENTWIRE_CYCLE', '$.a.b'));
        const failure = new Error('a getter');
        assert.throws(
          () =>
            call({
              get a() {
                throw failure;
              },
            }),
          (error) => error === failure,
        );
        // And the next message is as it should be.
        assertSame(serializer.deserialize(serializer.serialize(1, message)).payload, message);
      }
    }
  });

  it('that are larger than the limit are refused, and so are messages', () => {
    const writer = new OptimizedMessageSerializer({ maxPayloadBytes: 1000 });
    // The head of a string of this length takes three bytes.
    assert.equal(writer.serialize(1, 'x'.repeat(997)).byteLength, 1024);
    for (const length of [998, 5000, 100_000]) {
      const value = 'x'.repeat(length);
      assert.throws(() => writer.serialize(1, value), hasCode('ERR_AGENTWIRE_TOO_LARGE'));
      assert.throws(
        () => writer.serializeInto(new Uint8Array(200_000), 0, 1, value),
        hasCode('ERR_AGENTWIRE_TOO_LARGE'),
      );
      for (const options of configurations) {
        const buffer = new OptimizedMessageSerializer(options).serialize(1, value);
        assert.throws(() => writer.deserialize(buffer), hasCode('ERR_AGENTWIRE_TOO_LARGE'));
      }
    }
    assertSame(writer.deserialize(writer.serialize(1, message)).payload, message);
  });
});

describe('memory to read from', () => {
  const serializer = new OptimizedMessageSerializer();
  // Short ones are copied first, others are not.
  const payloads = [message, { text: 'ü'.repeat(20_000), list: Array.from({ length: 500 }, (_, index) => index) }];

  it('is any view, at any offset, of any buffer', () => {
    for (const payload of payloads) {
      const bytes = new Uint8Array(serializer.serialize(3, payload, 5n));
      for (const Buffers of [ArrayBuffer, SharedArrayBuffer]) {
        for (const [before, behind] of [
          [0, 0],
          [8, 0],
          [8, 16],
          [3, 5],
          [8, 9000],
        ]) {
          const buffer = new Buffers(before + bytes.length + behind);
          const view = new Uint8Array(buffer, before);
          view.fill(0xff);
          view.set(bytes);
          const sources = [view, new DataView(buffer, before), Buffer.from(buffer, before)];
          if (before === 0) sources.push(buffer);
          if (before % 8 === 0 && view.length % 8 === 0) sources.push(new Float64Array(buffer, before));
          for (const source of sources) {
            const { header, payload: got } = serializer.deserialize(source);
            assertSame(got, payload);
            assert.equal(header.correlationId, 5n);
          }
        }
      }
    }
  });

  it('is of a buffer that can be resized', () => {
    for (const payload of payloads) {
      const bytes = new Uint8Array(serializer.serialize(3, payload));
      const buffer = new ArrayBuffer(bytes.length, { maxByteLength: 2 * bytes.length });
      const tracking = new Uint8Array(buffer);
      const fixed = new Uint8Array(buffer, 0, bytes.length);
      tracking.set(bytes);
      for (const source of [buffer, tracking, fixed]) assertSame(serializer.deserialize(source).payload, payload);
      buffer.resize(2 * bytes.length);
      for (const source of [buffer, tracking, fixed]) assertSame(serializer.deserialize(source).payload, payload);
      buffer.resize(bytes.length - 1);
      assert.throws(() => serializer.deserialize(fixed), hasCode('ERR_AGENTWIRE_DETACHED'));
      for (const source of [buffer, tracking])
        assert.throws(() => serializer.deserialize(source), AgentwireDecodeError);
    }
  });

  it('that is gone is an error', () => {
    for (const payload of payloads) {
      const buffer = serializer.serialize(3, payload);
      const sources = [new Uint8Array(buffer), new DataView(buffer), Buffer.from(buffer), buffer];
      structuredClone(buffer, { transfer: [buffer] });
      for (const source of sources)
        assert.throws(() => serializer.deserialize(source), hasCode('ERR_AGENTWIRE_DETACHED'));
    }
  });

  it('is nothing else', () => {
    for (const source of [undefined, null, 5, 'text', [], {}, { length: 30, byteLength: 30 }]) {
      assert.throws(() => serializer.deserialize(source), AgentwireArgumentError);
      assert.throws(() => serializer.deserializeBatch(source), AgentwireArgumentError);
    }
  });

  it('whose array says something else of itself is read as it is', () => {
    class Liar extends Uint8Array {
      get length() {
        return 3;
      }
      get byteLength() {
        return 1e9;
      }
      get buffer() {
        return new ArrayBuffer(7);
      }
    }
    for (const payload of payloads) {
      const bytes = new Liar(serializer.serialize(3, payload));
      assertSame(serializer.deserialize(bytes).payload, payload);
    }
  });

  it('that another thread writes over gives messages or typed errors', async (t) => {
    const checked = new OptimizedMessageSerializer({ checksum: true });
    const bytes = new Uint8Array(checked.serialize(1, payloads[1]));
    const memory = new Uint8Array(new SharedArrayBuffer(bytes.length));
    const signals = new Int32Array(new SharedArrayBuffer(8));
    const thread = await Thread.start(t);
    const done = thread.run(
      (_tools, memory, bytes, signals) => {
        for (let round = 0; Atomics.load(signals, 1) === 0; round += 1) {
          memory.set(bytes);
          for (let index = round % 97; index < memory.length; index += 97) memory[index] ^= round;
          Atomics.add(signals, 0, 1);
        }
      },
      memory,
      bytes,
      signals,
    );
    while (Atomics.load(signals, 0) < 3) await new Promise((resolve) => setImmediate(resolve));
    const codes = new Set();
    for (let round = 0; round < 2000; round += 1) {
      try {
        // Whatever is written meanwhile, what passes the check is the message.
        assertSame(checked.deserialize(memory).payload, payloads[1]);
      } catch (error) {
        if (!(error instanceof AgentwireError)) throw error;
        codes.add(error.code);
      }
    }
    Atomics.store(signals, 1, 1);
    await done;
    assert.ok(codes.has('ERR_AGENTWIRE_CHECKSUM'), [...codes].join());
  });
});

describe('the figures', () => {
  it('are of messages, bytes, compression and errors', () => {
    const serializer = new OptimizedMessageSerializer({ compression: CompressionType.ZSTD });
    assert.deepEqual(serializer.getStats(), {
      messagesSerialized: 0,
      bytesSerialized: 0,
      messagesDeserialized: 0,
      bytesDeserialized: 0,
      messagesCompressed: 0,
      compressionRatio: 1,
      errors: 0,
    });
    const small = serializer.serialize(1, message);
    const large = serializer.serialize(1, rows);
    const into = serializer.serializeInto(new Uint8Array(5000), 0, 1, message);
    serializer.deserialize(small);
    serializer.deserialize(large);
    const rawBytes = new OptimizedMessageSerializer().serialize(1, rows).byteLength - 24;
    const wrong = [
      () => serializer.serialize(1, Symbol('s')),
      () => serializer.serialize(999, 1),
      () => serializer.serializeInto(new Uint8Array(10), 0, 1, message),
      () => serializer.deserialize(new Uint8Array(3)),
      () => serializer.deserialize('text'),
      () => serializer.deserializeBatch(small),
    ];
    for (const call of wrong) assert.throws(call);
    const { compressionRatio, ...counts } = serializer.getStats();
    assert.deepEqual(counts, {
      messagesSerialized: 3,
      bytesSerialized: small.byteLength + large.byteLength + into,
      messagesDeserialized: 2,
      bytesDeserialized: small.byteLength + large.byteLength,
      messagesCompressed: 1,
      errors: wrong.length,
    });
    // The message has the header and the varint of the length besides.
    assert.equal(Math.round(compressionRatio * rawBytes), large.byteLength - 24 - 2);
  });
});

describe('the names of the original', () => {
  it('are a serializer that is made when it is first used', () => {
    assert.ok(globalSerializer instanceof OptimizedMessageSerializer);
    assertSame(globalSerializer.deserialize(globalSerializer.serialize(1, message)).payload, message);
    assert.ok(globalSerializer.getStats().messagesSerialized >= 1);
  });

  it('are MessageSerializer, which does the same', () => {
    const serializer = new MessageSerializer({ checksum: true });
    assert.ok(serializer instanceof OptimizedMessageSerializer);
    assertSame(serializer.deserialize(serializer.serialize(MessageType.HEARTBEAT, message, 5n)).payload, message);
    assert.throws(() => new MessageSerializer({ x: 1 }), /new MessageSerializer does not know the option "x"/);
  });
});
