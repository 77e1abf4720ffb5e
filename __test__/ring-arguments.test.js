'use strict';

// Wrong arguments: an error of a stable class and code, whose message names what was given, and nothing has changed.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireArgumentError, AgentwireError, AgentwireRangeError, ZeroCopyRingBuffer } = require('agentwire');

const classes = {
  ERR_AGENTWIRE_ARGUMENT: AgentwireArgumentError,
  ERR_AGENTWIRE_TOO_LONG: AgentwireRangeError,
  ERR_AGENTWIRE_DETACHED: AgentwireError,
  ERR_AGENTWIRE_OVERLAP: AgentwireError,
  ERR_AGENTWIRE_FOREIGN_MEMORY: AgentwireError,
  ERR_AGENTWIRE_OUT_OF_MEMORY: AgentwireError,
};

/** Holds when the error is of the code's class and its message says all of that. */
const failure =
  (code, ...said) =>
  (error) => {
    assert.equal(error.code, code, error.stack);
    assert.equal(error.constructor, classes[code], error.stack);
    for (const text of said) assert.ok(error.message.includes(text), `${text} is in: ${error.message}`);
    return true;
  };
const wrong = (...said) => failure('ERR_AGENTWIRE_ARGUMENT', ...said);

function detached(length) {
  const array = new Uint8Array(length);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

/** A view that has lost its memory because its buffer became smaller. */
function shrunken(length) {
  const buffer = new ArrayBuffer(length * 2, { maxByteLength: length * 2 });
  const array = new Uint8Array(buffer, length, length);
  buffer.resize(1);
  return array;
}

/** A ring with three items of 1, 2 and 3 bytes, and a check that they and nothing else are in it. */
function ringOfThree() {
  const ring = new ZeroCopyRingBuffer(8, 132);
  ring.enqueueBatch([1, 2, 3].map((length) => new Uint8Array(length).fill(length)));
  const before = new Uint8Array(ring.buffer).slice();
  return { ring, unchanged: () => assert.deepEqual(new Uint8Array(ring.buffer).slice(), before) };
}

describe('making a ring', () => {
  const sizes = {
    capacity: [
      0,
      1,
      1.5,
      Number.NaN,
      -1,
      -5,
      '16',
      null,
      2 ** 28 + 1,
      2 ** 32 + 4,
      Number.POSITIVE_INFINITY,
      [],
      {},
      4n,
    ],
    itemSize: [0, 3, 4, 7, -8, 8.5, Number.NaN, '64', null, 2 ** 30 + 4, 2 ** 32 + 64, Number.POSITIVE_INFINITY, true],
  };
  for (const [name, values] of Object.entries(sizes)) {
    for (const value of values) {
      it(`takes no ${name} of ${typeof value === 'string' ? `'${value}'` : String(value) || typeof value}`, () => {
        const given =
          Array.isArray(value) || typeof value === 'string' || (typeof value === 'object' && value !== null)
            ? name
            : String(value);
        const make = () => (name === 'capacity' ? new ZeroCopyRingBuffer(value, 64) : new ZeroCopyRingBuffer(4, value));
        assert.throws(make, wrong(name, given, 'was given'));
      });
    }
  }

  it('takes no item size that is not a multiple of four', () => {
    for (const size of [9, 10, 11, 8191])
      assert.throws(() => new ZeroCopyRingBuffer(4, size), wrong('itemSize', 'multiple of four', String(size)));
  });

  it('takes the least and their neighbours', () => {
    const ring = new ZeroCopyRingBuffer(2, 8);
    assert.equal(ring.enqueue(new Uint8Array(4)), true);
    assert.equal(ring.enqueue(new Uint8Array(4)), false);
    assert.throws(() => new ZeroCopyRingBuffer(2, 8).enqueue(new Uint8Array(5)), RangeError);
  });

  it('says so when the machine does not give as much memory', () => {
    const tooLarge = failure(
      'ERR_AGENTWIRE_OUT_OF_MEMORY',
      'new ZeroCopyRingBuffer(268435456, 1073741824)',
      'ask for less',
    );
    assert.throws(() => new ZeroCopyRingBuffer(2 ** 28, 2 ** 30), tooLarge);
  });
});

describe('attach', () => {
  const { ring } = ringOfThree();
  /** Shared memory with the bytes of a ring, changed: a word at an offset. */
  const forged = (at, word, length = ring.buffer.byteLength) => {
    const memory = new SharedArrayBuffer(length);
    const bytes = new Uint8Array(memory);
    bytes.set(new Uint8Array(ring.buffer).slice(0, length));
    if (at !== undefined) new DataView(memory).setUint32(at, word, true);
    return memory;
  };
  const foreign = (...said) => failure('ERR_AGENTWIRE_FOREIGN_MEMORY', 'ZeroCopyRingBuffer.attach', ...said);
  const cases = {
    'an ArrayBuffer': [new ArrayBuffer(4096), wrong('SharedArrayBuffer', 'ArrayBuffer) was given')],
    'a Uint8Array': [new Uint8Array(ring.buffer), wrong('SharedArrayBuffer', 'Uint8Array) was given')],
    'the ring itself': [ring, wrong('.buffer', 'ZeroCopyRingBuffer) was given')],
    nothing: [undefined, wrong('undefined was given')],
    null: [null, wrong('null was given')],
    'a SharedArrayBuffer of no bytes': [new SharedArrayBuffer(0), foreign('no bytes')],
    'a SharedArrayBuffer of a few bytes': [new SharedArrayBuffer(16), foreign('does not hold a ring')],
    'a SharedArrayBuffer of zeros': [new SharedArrayBuffer(65_536), foreign('does not hold a ring')],
    'a header alone': [forged(undefined, 0, 384), foreign('384')],
    'a ring that was cut': [forged(undefined, 0, ring.buffer.byteLength - 8), foreign('takes', 'and the memory has')],
    'a ring with more behind it': [
      forged(undefined, 0, ring.buffer.byteLength + 8),
      foreign('takes', 'and the memory has'),
    ],
    'a ring of a newer version': [forged(4, 2), foreign('version 2', 'same version')],
    'a ring of another capacity': [forged(8, 9), foreign('takes')],
    'a ring of another item size': [forged(12, 64), foreign('takes')],
    'a growable SharedArrayBuffer': [
      new SharedArrayBuffer(4096, { maxByteLength: 8192 }),
      wrong('fixed length', 'growable'),
    ],
  };
  for (const [name, [memory, expected]] of Object.entries(cases)) {
    it(`refuses ${name}`, () => assert.throws(() => ZeroCopyRingBuffer.attach(memory), expected));
  }

  it('refuses a header with sizes that no ring has', () => {
    for (const [at, word] of [
      [8, 0],
      [8, 1],
      [8, 0xffff_ffff],
      [12, 0],
      [12, 10],
      [12, 0xffff_fffc],
    ]) {
      assert.throws(
        () => ZeroCopyRingBuffer.attach(forged(at, word)),
        (error) => error instanceof AgentwireError && error.message.includes(String(word)),
      );
    }
  });

  it('takes a copy of a ring for a ring of its own', () => {
    const copy = ZeroCopyRingBuffer.attach(forged());
    assert.equal(copy.drain().length, 3);
    assert.equal(ring.size(), 3);
  });
});

describe('bytes that are none', () => {
  const notBytes = {
    'a string': ['text', '"text" was given'],
    'a plain array': [[1, 2, 3], 'an array was given'],
    'a DataView': [new DataView(new ArrayBuffer(8)), 'DataView) was given'],
    'an ArrayBuffer': [new ArrayBuffer(8), 'ArrayBuffer) was given'],
    'a Uint16Array': [new Uint16Array(8), 'Uint16Array) was given'],
    'a Uint8ClampedArray': [new Uint8ClampedArray(8), 'Uint8ClampedArray) was given'],
    'an Int8Array': [new Int8Array(8), 'Int8Array) was given'],
    undefined: [undefined, 'undefined was given'],
    null: [null, 'null was given'],
    'a number': [5, '5 was given'],
    'an object like an array': [{ length: 3, byteOffset: 0 }, 'Object) was given'],
  };
  const uses = {
    enqueue: ['data', (ring, value) => ring.enqueue(value)],
    enqueueBatch: ['items[1]', (ring, value) => ring.enqueueBatch([new Uint8Array(1), value])],
    enqueuePacked: ['bytes', (ring, value) => ring.enqueuePacked(value, new Uint32Array(1))],
    dequeueInto: ['target', (ring, value) => ring.dequeueInto(value)],
    drainInto: ['bytes', (ring, value) => ring.drainInto(value, new Uint32Array(4))],
  };
  for (const [use, [argument, call]] of Object.entries(uses)) {
    for (const [name, [value, said]] of Object.entries(notBytes)) {
      it(`${use} refuses ${name}`, () => {
        const { ring, unchanged } = ringOfThree();
        assert.throws(() => call(ring, value), wrong(argument, 'Uint8Array', said));
        unchanged();
      });
    }

    for (const [name, make] of Object.entries({ detached, shrunken })) {
      it(`${use} refuses a ${name} array, also when an empty item is next`, () => {
        for (const length of [4, 100]) {
          const { ring, unchanged } = ringOfThree();
          assert.throws(() => call(ring, make(length)), failure('ERR_AGENTWIRE_DETACHED', argument, 'lost its memory'));
          unchanged();
          ring.clear();
          ring.enqueue(new Uint8Array(0));
          assert.throws(() => call(ring, make(length)), failure('ERR_AGENTWIRE_DETACHED', argument));
          assert.equal(ring.size(), 1);
        }
      });
    }

    it(`${use} refuses a view on the ring itself`, () => {
      for (const [offset, length] of [
        [0, 1],
        [0, 64],
        [0, 65],
        [0, 100],
        [4, 4],
        [128, 8],
        [256, 60],
        [396, 1],
        [396, 100],
      ]) {
        const { ring, unchanged } = ringOfThree();
        for (const buffer of [ring.buffer, ZeroCopyRingBuffer.attach(ring.buffer).buffer]) {
          const view = new Uint8Array(buffer, offset, length);
          assert.throws(() => call(ring, view), failure('ERR_AGENTWIRE_OVERLAP', "the ring's own memory"));
          unchanged();
        }
      }
    });

    it(`${use} takes a Buffer, and views on any other memory`, () => {
      for (const value of [Buffer.alloc(3), Buffer.from('abc'), new Uint8Array(new SharedArrayBuffer(64), 5, 3)]) {
        const { ring } = ringOfThree();
        call(ring, value);
        assert.notEqual(ring.size(), 3);
      }
    });
  }

  it('an object that pretends to be a Uint8Array is refused, by agentwire or by the engine', () => {
    const { ring, unchanged } = ringOfThree();
    for (const [, call] of Object.values(uses)) {
      assert.throws(
        () => call(ring, Object.create(Uint8Array.prototype)),
        (error) => error instanceof AgentwireArgumentError || error instanceof TypeError,
      );
    }
    unchanged();
  });
});
