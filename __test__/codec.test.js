'use strict';

// The object `codec`: values and messages as bytes, for tools and bridges.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireDecodeError, codec, MessageType, UltraFastBinaryDecoder } = require('agentwire');
const { batch, framed, message } = require('./fixtures/messages.js');
const { assertSame } = require('./fixtures/same.js');
const { makeValues } = require('./fixtures/values.js');

const value = { task: 'count', at: new Date(5), n: 7n, list: [1, undefined] };

/** The same bytes in every form that is taken. */
function formsOf(bytes) {
  const padded = new Uint8Array(bytes.length + 16);
  padded.set(bytes, 8);
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  const forms = {
    Uint8Array: bytes,
    Buffer: Buffer.from(bytes),
    'a part': padded.subarray(8, 8 + bytes.length),
    ArrayBuffer: bytes.slice().buffer,
    SharedArrayBuffer: shared.buffer,
    'shared view': shared,
    DataView: new DataView(padded.buffer, 8, bytes.length),
    Int8Array: new Int8Array(padded.buffer, 8, bytes.length),
  };
  if (bytes.length % 2 === 0) forms.Uint16Array = new Uint16Array(padded.buffer, 8, bytes.length / 2);
  return forms;
}

describe('bytes', () => {
  it('are taken in every form, of values and of messages', () => {
    for (const bytes of [codec.encode(value), message(value), codec.encode('abc')]) {
      const expected = codec.decode(bytes);
      for (const [name, form] of Object.entries(formsOf(bytes))) {
        assertSame(codec.decode(form), expected, name);
        assert.equal(codec.toJSON(form), codec.toJSON(bytes), name);
        assert.equal(codec.isValid(form), true, name);
        codec.validate(form);
      }
    }
  });

  it('of every value come back, and are valid', () => {
    for (const [name, value, expected] of makeValues()) {
      const bytes = codec.encode(value);
      assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype);
      codec.validate(bytes);
      assertSame(codec.decode(bytes), expected, name);
    }
  });

  it('that are none are refused by name', () => {
    const gone = new Uint8Array(8);
    structuredClone(gone.buffer, { transfer: [gone.buffer] });
    for (const call of [codec.decode, codec.validate, codec.isValid, codec.toJSON]) {
      for (const other of [undefined, null, 'text', 5, [1, 2], {}, new Map()]) {
        assert.throws(() => call(other), { code: 'ERR_AGENTWIRE_ARGUMENT', message: /^bytes must be a Uint8Array/ });
      }
      assert.throws(() => call(gone), { code: 'ERR_AGENTWIRE_DETACHED' });
      assert.throws(() => call(gone.buffer), { code: 'ERR_AGENTWIRE_DETACHED' });
    }
  });

  it('that are no value are refused alike by all, with the place', () => {
    const cases = [
      [Uint8Array.of(), 0],
      [Uint8Array.of(0xc4), 0],
      [Uint8Array.of(0xa2, 1, 0xdf), 2],
      [Uint8Array.of(0xd3, 1), 0],
      [Uint8Array.of(0xd4, 1), 0],
      [Uint8Array.of(0xcf, 0), 0],
      [message(value).with(1, 2), 1],
      [framed(Uint8Array.of(0xa1, 0xc4, 0xc4)), 26],
      [framed(Uint8Array.of()), 24],
      [message(value).subarray(0, 20), 0],
      [message(value).subarray(0, -1), 24],
      [message(value, { flags: 0xe0 }), 3],
      [batch({ no: 'batch' }), 24],
      [batch([[2, 5n, 0, 'payload'], [2]]), 24],
      [batch([[256, 5n, 0, 'payload']]), 24],
      [batch([[2, 5, 0, 'payload']]), 24],
    ];
    for (const [bytes, offset] of cases) {
      assert.equal(codec.isValid(bytes), false);
      for (const call of [codec.decode, codec.validate, codec.toJSON]) {
        let thrown;
        try {
          call(bytes);
        } catch (error) {
          thrown = error;
        }
        assert.ok(
          thrown instanceof AgentwireDecodeError,
          `${call.name} of ${Buffer.from(bytes).toString('hex')}: ${thrown}`,
        );
        assert.equal(thrown.code, 'ERR_AGENTWIRE_UNDECODABLE');
        if (call === codec.validate)
          assert.equal(thrown.offset, offset, `${Buffer.from(bytes).toString('hex')}: ${thrown}`);
        assert.ok(thrown.message.endsWith(`(at byte ${thrown.offset})`), thrown.message);
      }
    }
  });
});

describe('a message', () => {
  it('is told from a value, whatever the value', () => {
    for (const [, value] of makeValues()) assert.notDeepEqual([...codec.encode(value).subarray(0, 2)], [0xcf, 1]);
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, i]));
    assertSame(codec.decode(codec.encode(many)), many);
    assertSame(codec.decode(message(many)).payload, many);
  });

  it('is decoded with its header, whatever lies behind it', () => {
    const bytes = message(value, { type: 9, correlationId: 2n ** 64n - 1n });
    const header = {
      magic: 0xcf,
      version: 1,
      type: 9,
      flags: 0,
      payloadLength: bytes.length - 24,
      timestamp: 1_700_000_000_123_456_789n,
      correlationId: 2n ** 64n - 1n,
    };
    assertSame(codec.decode(bytes), { header, payload: value });
    assertSame(codec.decode(Buffer.concat([bytes, Buffer.from('behind')])), { header, payload: value });
  });

  it('has JSON that says what decode says', () => {
    for (const bytes of [
      message(value, { correlationId: 5n }),
      message(null),
      batch([]),
      batch([
        [2, 5n, 0, value],
        [3, 2n ** 64n - 1n, 9n, null],
      ]),
    ]) {
      for (const indent of [0, 2]) {
        assertSame(codec.decode(codec.fromJSON(codec.toJSON(bytes, { indent }))), codec.decode(bytes));
      }
    }
    const bytes = message({ a: 1 }, { correlationId: 5n });
    assert.deepEqual(JSON.parse(codec.toJSON(bytes)), {
      header: {
        magic: 207,
        version: 1,
        type: 2,
        flags: 0,
        payloadLength: bytes.length - 24,
        timestamp: { $bigint: '1700000000123456789' },
        correlationId: { $bigint: '5' },
      },
      payload: { a: 1 },
    });
  });

  it('of a batch is decoded with what the batch says of it', () => {
    const { header, messages } = codec.decode(
      batch([
        [2, 5n, 0, 'first'],
        [3, 6n, 9n, { second: true }],
      ]),
    );
    assert.equal(header.type, MessageType.BATCH);
    assertSame(messages, [
      { header: { type: 2, timestamp: 5n, correlationId: 0n }, payload: 'first' },
      { header: { type: 3, timestamp: 6n, correlationId: 9n }, payload: { second: true } },
    ]);
  });

  it('is made of JSON', () => {
    const before = BigInt(Date.now()) * 1_000_000n;
    const bytes = codec.fromJSON('{"a":{"$date":5}}', { type: MessageType.TASK_RESULT, correlationId: 77n });
    const { header, payload } = codec.decode(bytes);
    assertSame(payload, { a: new Date(5) });
    assert.equal(header.type, MessageType.TASK_RESULT);
    assert.equal(header.correlationId, 77n);
    assert.ok(header.timestamp >= before && header.timestamp <= BigInt(Date.now()) * 1_000_000n);
    assert.deepEqual(new UltraFastBinaryDecoder(bytes).readHeader(), header);
    assert.equal(codec.decode(codec.fromJSON('1', { type: 0 })).header.correlationId, 0n);
  });
});

it('arguments that are wrong are refused by name', () => {
  const bytes = codec.encode(1);
  const refused = { code: 'ERR_AGENTWIRE_ARGUMENT' };
  for (const indent of [-1, 11, 1.5, '2', null]) {
    assert.throws(() => codec.toJSON(bytes, { indent }), { ...refused, message: /^indent/ });
  }
  assert.throws(() => codec.toJSON(bytes, 2), { ...refused, message: /^options/ });
  assert.throws(() => codec.toJSON(bytes, { spaces: 2 }), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION' });
  for (const text of [undefined, null, 5, Buffer.from('1'), {}]) {
    assert.throws(() => codec.fromJSON(text), { ...refused, message: /^text must be a string/ });
  }
  for (const type of [-1, 256, 1.5, '2', null]) {
    assert.throws(() => codec.fromJSON('1', { type }), { ...refused, message: /type/ });
  }
  for (const correlationId of [-1n, 2n ** 64n, 5, '5']) {
    assert.throws(() => codec.fromJSON('1', { type: 1, correlationId }), { ...refused, message: /correlationId/ });
  }
  assert.throws(() => codec.fromJSON('1', { correlationId: 5n }), { ...refused, message: /correlationId/ });
  assert.throws(() => codec.fromJSON('1', { plain: 1 }), { ...refused, message: /^plain/ });
  assert.throws(() => codec.fromJSON('1', { Type: 1 }), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION' });
  assert.throws(() => codec.encode(() => {}), { code: 'ERR_AGENTWIRE_UNSUPPORTED' });
});

describe('a getter of a value that is being encoded', () => {
  it('may encode and decode values of its own', () => {
    const outer = {
      before: { a: 1 },
      get inner() {
        return codec.decode(codec.encode({ a: 2, nested: codec.decode(codec.encode([{ a: 3 }, { a: 4 }])) }));
      },
      after: { a: 5 },
      list: Array.from({ length: 2000 }, (_, i) => ({ a: i, text: 'long enough to make the memory grow' })),
    };
    const expected = { ...outer };
    for (let i = 0; i < 20; i += 1) assertSame(codec.decode(codec.encode(outer)), expected);
  });
});

describe('get', () => {
  const nested = {
    data: { items: [{ name: 'a' }, { name: 'b', 'x.y': 7n }] },
    none: undefined,
    map: new Map([['k', 1]]),
  };

  it('gives what is at a path, of a value or of a payload', () => {
    const expected = {
      'data.items[1].name': 'b',
      'data.items[1]["x.y"]': 7n,
      'data.items[0]': { name: 'a' },
      'map.k': 1,
      none: undefined,
      'data.items[2]': undefined,
      'data.more.still': undefined,
    };
    for (const bytes of [codec.encode(nested), message(nested)]) {
      for (const [path, there] of Object.entries(expected)) assertSame(codec.get(bytes, path), there, path);
    }
  });

  it('refuses what is no path, and bytes that lead nowhere', () => {
    const bytes = codec.encode(nested);
    for (const path of ['', '.', 'a..b', 'a[', 'a[x]', 'a["b]', 5, undefined]) {
      assert.throws(() => codec.get(bytes, path), { code: 'ERR_AGENTWIRE_ARGUMENT' }, String(path));
    }
    assert.throws(() => codec.get(bytes.subarray(0, 9), 'map.k'), AgentwireDecodeError);
  });
});
