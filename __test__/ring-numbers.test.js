'use strict';

// Wrong numbers and options of a ring's methods: a typed error that names what was given, and nothing has changed.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireArgumentError, AgentwireRangeError, ZeroCopyRingBuffer } = require('agentwire');

const show = (value) => (typeof value === 'string' ? `'${value}'` : String(value));

/** A ring with three items of 1, 2 and 3 bytes, and a check that they and nothing else are in it. */
function ringOfThree() {
  const ring = new ZeroCopyRingBuffer(8, 132);
  ring.enqueueBatch([1, 2, 3].map((length) => new Uint8Array(length).fill(length)));
  const before = new Uint8Array(ring.buffer).slice();
  return { ring, unchanged: () => assert.deepEqual(new Uint8Array(ring.buffer).slice(), before) };
}

const wrong = (name, value) => (error) => {
  assert.equal(error.constructor, AgentwireArgumentError, error.stack);
  assert.equal(error.code, 'ERR_AGENTWIRE_ARGUMENT');
  assert.ok(error.message.startsWith(name), error.message);
  if (typeof value !== 'object' || value === null) {
    const given = typeof value === 'string' ? `"${value}"` : typeof value === 'function' ? 'a function' : String(value);
    assert.ok(error.message.endsWith(`${given} was given`), error.message);
  }
  return true;
};

const tooLong = (said) => (error) => {
  assert.equal(error.constructor, AgentwireRangeError, error.stack);
  assert.equal(error.code, 'ERR_AGENTWIRE_TOO_LONG');
  assert.match(error.message, said);
  return true;
};

describe('timeouts and signals', () => {
  for (const value of [Number.NaN, -1, Number.NEGATIVE_INFINITY, '5', null, true, 5n, {}, () => {}]) {
    it(`a timeout of ${show(value)} is refused`, async () => {
      const { ring, unchanged } = ringOfThree();
      assert.throws(() => ring.dequeue(value), wrong('timeoutMs', value));
      await assert.rejects(ring.dequeueAsync(value), wrong('timeoutMs', value));
      unchanged();
    });
  }

  for (const value of [{}, 'abort', 5, new AbortController(), new EventTarget(), null]) {
    it(`a signal of ${show(value)} is refused`, async () => {
      const { ring, unchanged } = ringOfThree();
      await assert.rejects(ring.dequeueAsync(10, { signal: value }), wrong('signal', value));
      unchanged();
    });
  }

  for (const value of [null, 5, 'signal']) {
    it(`options of ${show(value)} are refused`, async () => {
      const { ring, unchanged } = ringOfThree();
      await assert.rejects(ring.dequeueAsync(10, value), wrong('options', value));
      unchanged();
    });
  }
});

describe('bounds', () => {
  for (const value of [0, 1.5, -1, Number.NaN, '5', null, Number.NEGATIVE_INFINITY, 5n]) {
    it(`drain takes none of ${show(value)}`, () => {
      const { ring, unchanged } = ringOfThree();
      assert.throws(() => ring.drain(value), wrong('maxItems', value));
      assert.throws(() => ring.drain(1, value), wrong('maxBytes', value));
      unchanged();
    });
  }

  it('drain takes bounds beyond any ring', () => {
    const { ring } = ringOfThree();
    assert.equal(ring.drain(2 ** 53, 2 ** 53).length, 3);
  });

  for (const value of [-1, 4, 1.5, '1', null, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32 + 1]) {
    it(`enqueuePacked takes no count of ${show(value)} for three lengths`, () => {
      const { ring, unchanged } = ringOfThree();
      assert.throws(() => ring.enqueuePacked(new Uint8Array(9), Uint32Array.of(1, 1, 1), value), wrong('count', value));
      unchanged();
    });
  }
});

describe('packed lengths', () => {
  for (const value of [undefined, null, [1, 2], new Uint8Array(4), new Int32Array(4), new Float64Array(4), 'x', 5]) {
    it(`are a Uint32Array, not ${value?.constructor?.name ?? String(value)}`, () => {
      const { ring, unchanged } = ringOfThree();
      assert.throws(() => ring.enqueuePacked(new Uint8Array(8), value), wrong('lengths', value));
      assert.throws(() => ring.drainInto(new Uint8Array(8), value), wrong('lengths', value));
      unchanged();
    });
  }

  it('must not add up to more than the bytes', () => {
    const { ring, unchanged } = ringOfThree();
    for (const lengths of [[9], [4, 5], [0, 8, 1], [100, 100]]) {
      assert.throws(
        () => ring.enqueuePacked(new Uint8Array(8), Uint32Array.from(lengths)),
        tooLong(/add up to \d+ bytes, and bytes has 8/),
      );
    }
    unchanged();
  });

  it('must not be longer than an item', () => {
    const { ring, unchanged } = ringOfThree();
    for (const length of [129, 1000, 2 ** 31, 2 ** 32 - 1]) {
      assert.throws(
        () => ring.enqueuePacked(new Uint8Array(2000), Uint32Array.of(1, length)),
        tooLong(new RegExp(`lengths\\[1\\] has ${length} bytes`)),
      );
    }
    unchanged();
  });

  it('must not lie in the ring when they are written', () => {
    const { ring, unchanged } = ringOfThree();
    for (const [offset, length] of [
      [0, 1],
      [256, 2],
      [384, 100],
    ]) {
      const lengths = new Uint32Array(ring.buffer, offset, length);
      assert.throws(() => ring.drainInto(new Uint8Array(500), lengths), { code: 'ERR_AGENTWIRE_OVERLAP' });
    }
    unchanged();
  });

  it('that have lost their memory are refused', () => {
    const { ring, unchanged } = ringOfThree();
    const lengths = new Uint32Array(4);
    structuredClone(lengths.buffer, { transfer: [lengths.buffer] });
    const refused = { code: 'ERR_AGENTWIRE_DETACHED', message: /^lengths / };
    assert.throws(() => ring.drainInto(new Uint8Array(500), lengths), refused);
    assert.throws(() => ring.enqueuePacked(new Uint8Array(500), lengths), refused);
    unchanged();
  });
});

describe('other arguments', () => {
  for (const value of [undefined, null, 'text', [], {}, new ArrayBuffer(100), new Uint16Array(100)]) {
    it(`recycle and enqueueBatch refuse ${value?.constructor?.name ?? String(value)}`, () => {
      const { ring, unchanged } = ringOfThree();
      assert.throws(() => ring.recycle(value), wrong('item', value));
      if (!Array.isArray(value)) assert.throws(() => ring.enqueueBatch(value), wrong('items', value));
      unchanged();
    });
  }

  it('methods on an object that is no ring throw a TypeError, and nothing else happens', () => {
    const { ring, unchanged } = ringOfThree();
    for (const method of ['enqueue', 'dequeue', 'drain', 'peek', 'size', 'clear', 'claim', 'borrow', 'getStats']) {
      assert.throws(() => ring[method].call({}), TypeError);
      assert.throws(() => ring[method].call(Object.create(ring)), TypeError);
    }
    unchanged();
  });
});

it('an array whose getter uses the ring is read once, and its items stay apart from those of the getter', () => {
  const ring = new ZeroCopyRingBuffer(16, 64);
  const items = [new Uint8Array([1, 1, 1]), null];
  Object.defineProperty(items, 1, {
    get() {
      ring.enqueueBatch([new Uint8Array([9, 9, 9, 9, 9])]);
      return new Uint8Array([2, 2]);
    },
  });
  assert.equal(ring.enqueueBatch(items), 2);
  assert.deepEqual(
    ring.drain().map((item) => [...item]),
    [
      [9, 9, 9, 9, 9],
      [1, 1, 1],
      [2, 2],
    ],
  );
});
