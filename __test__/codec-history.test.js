'use strict';

// What was encoded and decoded before must not change what comes of a value; nor may it stay in memory.

const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, it } = require('node:test');
const { BatchMessageSerializer, codec, defineMessage, EventBus, OptimizedMessageSerializer } = require('agentwire');
const { uniqueName } = require('./helpers.js');

const dist = path.join(__dirname, '..', 'dist');
const { native } = require(path.join(dist, 'native.js'));
const { shapeTree } = require(path.join(dist, 'codec', 'shape-tree.js'));

const roundTrip = (value) => codec.decode(codec.encode(value));

describe('what was encoded before', () => {
  it('does not turn inherited properties into own ones', () => {
    class Agent {}
    Agent.prototype.b = 7;
    const make = () => Object.assign(new Agent(), { a: 1 });
    assert.deepEqual(roundTrip(make()), { a: 1 });
    for (let i = 0; i < 20; i += 1) roundTrip({ a: 1, b: 2 });
    for (let i = 0; i < 20; i += 1) assert.deepEqual(roundTrip(make()), { a: 1 });
    Object.prototype.b = 9;
    try {
      for (let i = 0; i < 20; i += 1) assert.deepEqual(Object.keys(roundTrip({ a: 1 })), ['a']);
    } finally {
      delete Object.prototype.b;
    }
    assert.deepEqual(roundTrip({ a: 1, b: 2 }), { a: 1, b: 2 });
  });

  it('does not make plain data of instances of built-in classes', () => {
    class Sessions extends Map {}
    class Failure extends Error {}
    assert.deepEqual(roundTrip(new Sessions([[1, 2]])), new Map([[1, 2]]));
    roundTrip(Object.create(Sessions.prototype));
    roundTrip(Object.create(Failure.prototype));
    assert.deepEqual(roundTrip(new Sessions([[1, 2]])), new Map([[1, 2]]));
    assert.throws(() => codec.encode(new Failure('x')), { code: 'ERR_AGENTWIRE_UNSUPPORTED' });
  });

  it('is not what arrays say of themselves', () => {
    class Lying extends Int32Array {
      get byteLength() {
        return 3;
      }
      get byteOffset() {
        return 4;
      }
    }
    assert.deepEqual(roundTrip(Lying.from([1, 2, 3])), Int32Array.of(1, 2, 3));
  });
});

describe('ever-new shapes', () => {
  const objects = Array.from({ length: 60_000 }, (_, index) => ({ [`key${index}`]: index }));

  it('in one value are as many as there are, and are forgotten after it', () => {
    const bytes = codec.encode(objects);
    assert.deepEqual(codec.decode(bytes), objects);
    codec.validate(bytes);
    roundTrip({ a: 1 });
    assert.ok(shapeTree.nodes < 20_000, `${shapeTree.nodes}`);
  });

  it('are written as they are again when the tree has forgotten them', () => {
    const small = { id: 1, list: [{ x: 1 }, { x: 2 }] };
    const before = codec.encode(small);
    codec.encode(objects);
    assert.deepEqual(codec.encode(small), before);
    codec.decode(codec.encode(objects));
    assert.deepEqual(codec.encode(small), before);
  });
});

it("what a serializer brings into the tables does not count against a bus's quota", () => {
  const name = uniqueName('history');
  const bus = new EventBus({ name });
  const serializer = new OptimizedMessageSerializer({ tables: true });
  bus.publish('topic', { a: 1 });
  const usage = () => native.internUsage(native.internChannel(name)).strings;
  const before = usage();
  for (let index = 0; index < 50; index += 1) {
    for (let i = 0; i < 5; i += 1) serializer.serialize(1, { text: `serialized ${index}` });
  }
  assert.equal(usage(), before);
  bus.close();
});

describe('batches', () => {
  it('are read alike by deserializeBatch and by codec', () => {
    const serializer = new OptimizedMessageSerializer();
    const framed = (value) => {
      const batch = Buffer.from(new BatchMessageSerializer().flush());
      const body = codec.encode(value);
      const bytes = Buffer.concat([batch.subarray(0, 24), body]);
      bytes.writeUInt32LE(body.length, 4);
      return bytes;
    };
    const hole = new Array(4);
    Object.assign(hole, { 0: 1, 1: 5n, 2: 0 });
    const elements = {
      fine: [1, 5n, 7n, 'x'],
      'a negative time': [1, -5n, 0, 'x'],
      'a time beyond 64 bits': [1, 2n ** 70n, 0, 'x'],
      'a negative correlation id': [1, 5n, -1n, 'x'],
      'a hole': hole,
      'the type -0': [-0, 5n, 0, 'x'],
      'the correlation id -0': [1, 5n, -0, 'x'],
    };
    for (const [name, element] of Object.entries(elements)) {
      const bytes = framed([element]);
      const accepts = (read) => {
        try {
          read(bytes);
          return true;
        } catch (error) {
          assert.equal(error.code, 'ERR_AGENTWIRE_UNDECODABLE', `${name}: ${error}`);
          return false;
        }
      };
      const readers = [(b) => serializer.deserializeBatch(b), codec.decode, codec.validate, codec.toJSON];
      for (const read of readers) assert.equal(accepts(read), name === 'fine', `${name}, ${read}`);
    }
  });

  it('have what a getter throws come out, whatever it is', () => {
    const batch = new BatchMessageSerializer();
    const payload = {
      get broken() {
        throw null;
      },
    };
    assert.throws(
      () => batch.addMessage(1, payload),
      (thrown) => thrown === null,
    );
    assert.equal(batch.getBatchSize(), 0);
  });
});

describe('definitions', () => {
  it('may have a type whose function reads messages', () => {
    const Inner = defineMessage('history.inner', { n: { tag: 1, type: 'number' } });
    const Other = defineMessage('history.other', { o: { tag: 1, type: 'string' } });
    const otherBytes = Other.encode({ o: 'other' });
    const fields = {
      inner: {
        tag: 1,
        type: () => {
          Other.decode(otherBytes);
          return Inner;
        },
      },
      z: { tag: 2, type: 'string' },
    };
    const Eager = defineMessage('history.outer', { ...fields, inner: { tag: 1, type: Inner } });
    const bytes = Eager.encode({ inner: { n: 1 }, z: 'z' });
    const Lazy = defineMessage('history.outer', fields, { version: 2 });
    assert.deepEqual(Lazy.decode(bytes), { inner: { n: 1 }, z: 'z' });
  });

  it('set fields as their own, whatever Object.prototype has by then', () => {
    const One = defineMessage('history.setter', {
      a: { tag: 1, type: 'number', optional: true },
      zed: { tag: 2, type: 'number', optional: true },
    });
    const bytes = One.encode({ zed: 4 });
    Object.defineProperty(Object.prototype, 'zed', { set() {}, configurable: true });
    try {
      assert.ok(Object.hasOwn(One.decode(bytes), 'zed'));
    } finally {
      delete Object.prototype.zed;
    }
  });
});
