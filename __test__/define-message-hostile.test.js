'use strict';

// Bytes that nobody wrote: a definition reads them or throws AgentwireDecodeError, and so does who does not know the definition. The
// whole file runs a second time in a process that may not generate code.

const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const { AgentwireArgumentError, AgentwireDecodeError, defineMessage, EncodedMessage, EventBus } = require('agentwire');
const { assertSame } = require('./fixtures/same.js');
const { definitions, vectors } = require('./fixtures/message-vectors.js');
const { arbitraryCase } = require('./fixtures/schemas.js');
const { publishAll, runNode, uniqueName, waitUntil } = require('./helpers.js');
const { tableEncoder } = require('./fixtures/table-form.js');

const dist = path.join(__dirname, '..', 'dist', 'codec');
const { Decoder } = require(path.join(dist, 'decoder.js'));
const { decodeSelfContained, encodeSelfContained } = require(path.join(dist, 'self-contained.js'));
const { Tables } = require(path.join(dist, 'tables.js'));

const runs = process.env.AGENTWIRE_FUZZ_RUNS ? Number(process.env.AGENTWIRE_FUZZ_RUNS) : 4000;
const flag = '--disallow-code-generation-from-strings';

/** Reads, and writes again what was read: the message, or undefined when it is refused. */
function read(definition, bytes) {
  let message;
  try {
    message = definition.decode(bytes);
  } catch (error) {
    assert.ok(error instanceof AgentwireDecodeError, String(error?.stack));
    assert.equal(error.code, 'ERR_AGENTWIRE_UNDECODABLE');
    assert.ok(error.offset >= 0 && error.offset <= bytes.length, `offset ${error.offset} of ${bytes.length}`);
    assert.ok(error.message.startsWith(`message "${definition.name}"`), error.message);
    assert.throws(() => definition.validate(bytes), AgentwireDecodeError);
    return undefined;
  }
  definition.validate(bytes);
  assert.equal(Object.getPrototypeOf(message), Object.prototype);
  // What was read is a message of the definition, and is read again as it was.
  assertSame(definition.decode(definition.encode(message)), message);
  // Who does not know the definition reads it too.
  assert.ok(decodeSelfContained(bytes) instanceof EncodedMessage);
  return message;
}

const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const likelyByte = fc.oneof(
  fc.integer({ min: 0, max: 12 }),
  fc.integer({ min: 0x80, max: 0xff }),
  fc.constantFrom(0xd8, 0xff),
);
const mutations = fc.array(
  fc.record({
    kind: fc.constantFrom('set', 'insert', 'delete', 'cut', 'copy', 'flip'),
    at: position,
    from: position,
    byte: likelyByte,
  }),
  { minLength: 1, maxLength: 4 },
);

function mutate(bytes, changes) {
  const mutated = [...bytes];
  for (const { kind, at, from, byte } of changes) {
    const index = Math.floor(at * mutated.length);
    if (kind === 'insert') mutated.splice(index, 0, byte);
    else if (mutated.length === 0) continue;
    else if (kind === 'set') mutated[index] = byte;
    else if (kind === 'delete') mutated.splice(index, 1);
    else if (kind === 'cut') mutated.length = index;
    else if (kind === 'flip') mutated[index] ^= 1 << (byte & 7);
    else mutated.splice(index, 0, ...mutated.slice(Math.floor(from * mutated.length)).slice(0, 8));
  }
  return Uint8Array.from(mutated);
}

describe('changed bytes', () => {
  it('of stored messages are read or refused', () => {
    let accepted = 0;
    const property = fc.property(fc.constantFrom(...vectors), mutations, ({ definition, hex }, changes) => {
      const bytes = mutate(Buffer.from(hex, 'hex'), changes);
      for (const reader of Object.values(definitions[definition])) if (read(reader, bytes) !== undefined) accepted += 1;
    });
    fc.assert(property, { numRuns: runs });
    assert.ok(accepted > 0);
  });

  it('of messages of any schema are read or refused', () => {
    const property = fc.property(
      arbitraryCase,
      fc.array(mutations, { maxLength: 8 }),
      ({ specs, extra, value }, all) => {
        const definition = defineMessage(uniqueName('hostile'), specs, { extra });
        const bytes = definition.encode(value);
        for (const changes of all) read(definition, mutate(bytes, changes));
      },
    );
    fc.assert(property, { numRuns: Math.ceil(runs / 8) });
  });

  it('cut anywhere are refused', () => {
    for (const { definition, hex } of vectors) {
      const bytes = Buffer.from(hex, 'hex');
      for (const reader of Object.values(definitions[definition])) {
        for (let length = 0; length < bytes.length; length += 1) {
          assert.equal(read(reader, bytes.subarray(0, length)), undefined);
        }
        assert.equal(read(reader, Buffer.concat([bytes, Uint8Array.of(0)])), undefined);
      }
    }
  });

  it('at random are read or refused', () => {
    const versions = definitions['vectors.task'];
    const head = [...Buffer.from(vectors[0].hex, 'hex').subarray(0, 6)];
    const property = fc.property(fc.array(likelyByte, { maxLength: 40 }), (bytes) => {
      for (const reader of Object.values(versions)) read(reader, Uint8Array.from([...head, ...bytes]));
    });
    fc.assert(property, { numRuns: runs });
  });
});

describe('bytes that break a rule', () => {
  const One = defineMessage('hostile.one', {
    id: { tag: 1, type: 'string' },
    inner: { tag: 2, type: () => One, optional: true },
    list: { tag: 3, type: () => One, repeated: true },
    texts: { tag: 4, type: 'string', repeated: true },
    value: { tag: 5, type: 'any', optional: true },
  });
  const Loose = defineMessage('hostile.loose', {}, { extra: 'keep' });
  const varint = (value) => (value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(Math.floor(value / 128))]);
  const message = (fingerprint, version, ...fields) => [
    0xd8,
    ...varint(fingerprint),
    version,
    fields.length,
    ...fields.flat(),
  ];
  const one = (...fields) => Uint8Array.from(message(One.fingerprint, 1, ...fields));
  const id = [1, 0x81, 0x61];

  it('are refused with the field and the reason', () => {
    assertSame(One.decode(one(id)), { id: 'a', list: [], texts: [] });
    const cases = [
      [Uint8Array.from(message(One.fingerprint, 0, id)), /: a message of version 0/],
      [Uint8Array.from(message(One.fingerprint + 1, 1, id)), /: a message of another definition/],
      [Uint8Array.from(message(0, 1, id)), /: a message of another definition: its fingerprint is 0x00000000/],
      [Uint8Array.of(0xb1, ...id), /: it must be a message "hostile.one"/],
      [one(), /: the field "id" \(tag 1\) is missing/],
      [one(id, id), /: the field tag 1 behind 1, and tags ascend/],
      [one([2, 0xc0], id), /field inner: it must be a message "hostile.one"/],
      [one([0, 0xc0]), /: the field tag 0 behind 0/],
      [one([1, 5]), /field id: it must be a string, and is 5 \(at byte \d+\)/],
      [one([0x81, 0x00, 0x81, 0x61]), /: a varint that is not the shortest/],
      [one([1, 0xc4]), /field id: a hole outside of an array/],
      [one([1, 0xd9]), /field id: the reserved tag 0xd9/],
      [one(id, [2, ...message(0, 1)]), /field inner: the field "id" \(tag 1\) is missing/],
      [one(id, [2, ...message(0, 1, id, [2, ...message(0, 1, [1, 7])])]), /field inner\.inner\.id: .* is 7/],
      [one(id, [2, ...message(One.fingerprint, 1, id)]), /field inner: a message of another definition/],
      [one(id, [3, 0xa2, ...message(0, 1, id), ...message(0, 1)]), /field list\[1\]: the field "id"/],
      [one(id, [3, 0xa1, 0xc4]), /field list\[0\]: it must be a message/],
      [one(id, [3, 0xc0]), /field list: it must be an array, and is null/],
      [one(id, [3, 0xce, 0xff, 0xff, 0xff, 0xff, 0x0f]), /field list: a count that is larger/],
      [one(id, [4, 0xa2, 0x81, 0x61, 0xc4]), /field texts\[1\]: it must be a string, and is undefined/],
      [one(id, [4, 0x81, 0x61]), /field texts: it must be an array, and is "a"/],
      [one(id, [9, 0xcc]), /field \(tag 9\): /],
      [one(id, [...varint(2 ** 21 - 1), 5]), /extra properties must be an object/],
      [one(id, [5, 0xd3, 1]), /field value: a shape by id in bytes that should be self-contained/],
      [Uint8Array.of(0xd8, ...varint(One.fingerprint), 1, ...varint(2 ** 32 - 1)), /a count that is larger/],
    ];
    for (const [bytes, reason] of cases) {
      const isRight = (error) => {
        assert.ok(error instanceof AgentwireDecodeError);
        assert.ok(error.message.startsWith('message "hostile.one"'), error.message);
        assert.match(error.message, reason);
        return true;
      };
      assert.throws(() => One.decode(bytes), isRight);
      assert.throws(() => One.validate(bytes), isRight);
    }
    const loose = (...fields) => Uint8Array.from(message(Loose.fingerprint, 1, ...fields));
    for (const odd of [5, 0xa0, 0xc0, 0xd0]) {
      assert.throws(
        () => Loose.decode(loose([...varint(2 ** 21 - 1), odd, 0].slice(0, odd === 0xd0 ? undefined : -1))),
        AgentwireDecodeError,
      );
    }
    assertSame(One.decode(one(id, [5, 0xc1])), { id: 'a', list: [], texts: [] });
    // Prototypes that came over the wire are properties.
    const polluting = loose([...varint(2 ** 21 - 1), 0xb1, 0x89, ...Buffer.from('__proto__'), 0xb1, 0x81, 0x78, 1]);
    const back = Loose.decode(polluting);
    assert.deepEqual([Object.keys(back), back.x, {}.x], [['__proto__'], undefined, undefined]);
  });

  it('nest no deeper than values may', () => {
    const nest = (levels) => message(0, 1, id, ...(levels > 1 ? [[2, ...nest(levels - 1)]] : []));
    const deep = (levels) => one(id, [2, ...nest(levels - 1)]);
    assert.ok(One.decode(deep(128)));
    assert.throws(() => One.decode(deep(129)), { message: /nested more than 128 deep/ });
    decodeSelfContained(deep(128));
    assert.throws(() => decodeSelfContained(deep(129)), { message: /nested more than 128 deep/ });
    assert.throws(() => One.decode(deep(400)), { message: /nested more than 128 deep/ });
  });

  it('are no bytes at all', () => {
    for (const given of [
      undefined,
      null,
      'd8',
      [0xd8],
      new ArrayBuffer(9),
      new Uint16Array(2),
      Object.create(Uint8Array.prototype),
    ]) {
      assert.throws(() => One.decode(given), AgentwireArgumentError);
      assert.throws(() => One.validate(given), AgentwireArgumentError);
    }
    const bytes = One.encode({ id: 'a' });
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    assert.throws(() => One.decode(bytes), { code: 'ERR_AGENTWIRE_DETACHED' });
    assert.throws(() => One.unwrap({}), AgentwireDecodeError);
  });
});

describe('a message among values', () => {
  const One = defineMessage('hostile.among', {
    id: { tag: 1, type: 'string' },
    data: { tag: 2, type: 'any', optional: true },
  });
  const wrapped = One.wrap({ id: 'a', data: { kind: 'inner', id: 5 } });
  const value = { first: wrapped, list: [wrapped, One.wrap({ id: 'b' })], map: new Map([['m', wrapped]]) };

  it('is written again as it was, with tables and without', () => {
    const tables = new Tables();
    const [encode, decoder] = [tableEncoder(1e6, tables), new Decoder(tables)];
    for (let i = 0; i < 6; i += 1) {
      assertSame(decodeSelfContained(encodeSelfContained(value)), value);
      assertSame(decoder.decode(encode(value)), value);
    }
    // In whatever order its fields were put.
    const shuffled = new EncodedMessage(
      7,
      3,
      new Map([
        [300, 'c'],
        [1, 'a'],
        [20, 'b'],
      ]),
    );
    assert.deepEqual([...decodeSelfContained(encodeSelfContained(shuffled)).fields.keys()], [1, 20, 300]);
  });

  it('travels on the bus', async (t) => {
    const bus = new EventBus({ name: uniqueName('messages'), onError: (error) => assert.fail(error) });
    t.after(() => bus.close());
    const arrived = [];
    bus.subscribe('values', (payload) => arrived.push(payload));
    await publishAll(bus, 'values', Array(5).fill(value));
    await waitUntil(() => arrived.length === 5, 'the messages');
    for (const payload of arrived) {
      assertSame(payload, value);
      assertSame(One.unwrap(payload.list[1]), { id: 'b' });
    }
  });
});

it('all of it is the same where no code may be generated', { skip: process.execArgv.includes(flag) }, async () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { code, stdout, stderr } = await runNode([flag, __filename], { env, cwd: __dirname });
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /pass \d/);
});
