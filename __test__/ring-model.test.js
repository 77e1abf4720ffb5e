'use strict';

// A ring does what a plain array would do, whatever it is asked for in whatever order. AGENTWIRE_FUZZ_RUNS=N runs N sequences.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const fc = require('fast-check');
const { ZeroCopyRingBuffer } = require('agentwire');

const runs = process.env.AGENTWIRE_FUZZ_RUNS ? Number(process.env.AGENTWIRE_FUZZ_RUNS) : 5000;
const mostBytes = 132;

const item = (length, seed) => Uint8Array.from({ length }, (_, index) => (seed * 31 + index * 7) & 0xff);
const pick = (list, number) => list[number % list.length];

/** A ring as an array of entries: `{bytes}` is an item, `{bytes: null}` a claim, `{bytes: undefined}` an abandoned one. */
class Model {
  constructor(capacity) {
    this.capacity = capacity;
    /** From the oldest slot that is not free to the newest. */
    this.slots = [];
    this.claims = [];
    this.borrowed = [];
  }

  /** Slots that are taken out stay in use until the ones before them in the ring are free: only the next claim sees that. */
  get isFull() {
    const used = this.slots.length + this.gone();
    return used >= this.capacity - 1;
  }

  /** Slots behind the front that a producer cannot pass: from the oldest borrowed one on. */
  gone() {
    return this.borrowed.length === 0 ? 0 : this.taken - Math.min(...this.borrowed.map(({ number }) => number));
  }

  taken = 0;

  put(bytes) {
    if (this.isFull) return null;
    const slot = { bytes };
    this.slots.push(slot);
    return slot;
  }

  skip() {
    while (this.slots.length > 0 && this.slots[0].bytes === undefined) this.drop();
  }

  drop() {
    this.taken += 1;
    return this.slots.shift();
  }

  front() {
    this.skip();
    return this.slots[0]?.bytes ?? null;
  }

  take() {
    const bytes = this.front();
    if (bytes !== null) this.drop();
    return bytes;
  }
}

const length = fc.oneof(
  fc.integer({ min: 0, max: mostBytes }),
  fc.constantFrom(0, 1, 4, 63, 64, 65, mostBytes, mostBytes + 1),
);
const number = fc.nat(1000);

const commands = {
  enqueue: fc.tuple(length, number),
  dequeue: fc.tuple(),
  dequeueInto: fc.tuple(length),
  batch: fc.tuple(fc.array(length, { maxLength: 12 }), number),
  packed: fc.tuple(fc.array(length, { maxLength: 12 }), number),
  drain: fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 600 })),
  drainInto: fc.tuple(fc.nat(12), fc.nat(600)),
  peek: fc.tuple(),
  clear: fc.tuple(),
  claim: fc.tuple(),
  commit: fc.tuple(number, fc.nat(mostBytes)),
  abandon: fc.tuple(number),
  borrow: fc.tuple(),
  release: fc.tuple(number),
};

/** Each does the same to both and compares. */
const perform = {
  enqueue(ring, model, size, seed) {
    const bytes = item(size, seed);
    if (size > mostBytes) assert.throws(() => ring.enqueue(bytes), { code: 'ERR_AGENTWIRE_TOO_LONG' });
    else assert.equal(ring.enqueue(bytes), model.put(bytes) !== null);
  },
  dequeue: (ring, model) => assert.deepEqual(ring.dequeue(), model.take()),
  dequeueInto(ring, model, size) {
    const target = new Uint8Array(size);
    const expected = model.front();
    if (expected !== null && expected.length > size) {
      assert.throws(() => ring.dequeueInto(target), { code: 'ERR_AGENTWIRE_TOO_LONG' });
      return;
    }
    assert.equal(ring.dequeueInto(target), expected?.length ?? -1);
    if (expected !== null) assert.deepEqual(target.subarray(0, expected.length), model.take());
  },
  batch(ring, model, sizes, seed) {
    const items = sizes.map((size, index) => item(size, seed + index));
    if (sizes.some((size) => size > mostBytes)) {
      assert.throws(() => ring.enqueueBatch(items), { code: 'ERR_AGENTWIRE_TOO_LONG' });
      return;
    }
    assert.equal(ring.enqueueBatch(items), items.filter((bytes) => model.put(bytes) !== null).length);
  },
  packed(ring, model, sizes, seed) {
    const items = sizes.map((size, index) => item(size, seed + index));
    const all = Uint8Array.from(items.flatMap((bytes) => [...bytes]));
    if (sizes.some((size) => size > mostBytes)) {
      assert.throws(() => ring.enqueuePacked(all, Uint32Array.from(sizes)), { code: 'ERR_AGENTWIRE_TOO_LONG' });
      return;
    }
    const expected = items.filter((bytes) => model.put(bytes) !== null).length;
    assert.equal(ring.enqueuePacked(all, Uint32Array.from(sizes)), expected);
  },
  drain(ring, model, most, mostBytes) {
    const expected = [];
    let room = mostBytes;
    while (expected.length < most) {
      const next = model.front();
      if (next === null || (next.length > room && expected.length > 0)) break;
      room -= next.length;
      expected.push(model.take());
      if (room < 0) break;
    }
    assert.deepEqual(ring.drain(most, mostBytes), expected);
  },
  drainInto(ring, model, most, room) {
    const bytes = new Uint8Array(room);
    const lengths = new Uint32Array(most);
    const first = most === 0 ? null : model.front();
    if (first !== null && first.length > room) {
      assert.throws(() => ring.drainInto(bytes, lengths), { code: 'ERR_AGENTWIRE_TOO_LONG' });
      return;
    }
    const count = ring.drainInto(bytes, lengths);
    let end = 0;
    for (let index = 0; index < count; index += 1) {
      assert.deepEqual(bytes.subarray(end, end + lengths[index]), model.take());
      end += lengths[index];
    }
    if (count === most) return;
    const next = model.front();
    assert.ok(next === null || end + next.length > room, 'as many as fit');
  },
  peek: (ring, model) => assert.deepEqual(ring.peek(), model.front()),
  clear(ring, model) {
    let expected = 0;
    for (; model.slots.length > 0 && model.slots[0].bytes !== null; expected += 1) model.drop();
    // Abandoned slots count, as they do in size().
    assert.equal(ring.clear(), expected);
  },
  claim(ring, model) {
    const claim = ring.claim();
    const slot = model.put(null);
    assert.equal(claim === null, slot === null);
    if (claim !== null) model.claims.push({ claim, slot });
  },
  commit(ring, model, which, size) {
    if (model.claims.length === 0) return;
    const open = pick(model.claims, which);
    model.claims.splice(model.claims.indexOf(open), 1);
    open.slot.bytes = item(size, which);
    open.claim.bytes.set(open.slot.bytes);
    open.claim.commit(size);
    assert.throws(() => open.claim.commit(size), { code: 'ERR_AGENTWIRE_DOUBLE_RELEASE' });
    assert.equal(ring.buffer, open.claim.bytes.buffer);
  },
  abandon(_ring, model, which) {
    if (model.claims.length === 0) return;
    const open = pick(model.claims, which);
    model.claims.splice(model.claims.indexOf(open), 1);
    open.slot.bytes = undefined;
    open.claim.abandon();
  },
  borrow(ring, model) {
    const borrowed = ring.borrow();
    const expected = model.front();
    assert.equal(borrowed === null, expected === null);
    if (borrowed === null) return;
    model.borrowed.push({ borrowed, bytes: expected, number: model.taken });
    model.take();
    assert.deepEqual(borrowed.bytes.slice(), expected);
  },
  release(_ring, model, which) {
    if (model.borrowed.length === 0) return;
    const { borrowed, bytes } = model.borrowed.splice(which % model.borrowed.length, 1)[0];
    assert.deepEqual(borrowed.bytes.slice(), bytes);
    borrowed.release();
  },
};

const command = fc.oneof(...Object.entries(commands).map(([name, values]) => values.map((given) => ({ name, given }))));

it('behaves as an array does', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 14 }), fc.array(command, { maxLength: 60 }), (capacity, sequence) => {
      const ring = new ZeroCopyRingBuffer(capacity, mostBytes + 4);
      const attached = ZeroCopyRingBuffer.attach(ring.buffer);
      const model = new Model(capacity);
      for (const [step, { name, given }] of sequence.entries()) {
        perform[name](step % 3 === 0 ? attached : ring, model, ...given);
        // Abandoned slots that nobody has come across count until somebody does.
        assert.ok(ring.size() === model.slots.length, `${ring.size()} items, ${model.slots.length} expected`);
        assert.equal(ring.isEmpty(), model.slots.length === 0);
        assert.equal(ring.isFull(), model.slots.length === capacity - 1);
      }
      assert.deepEqual(ring.getStats().damaged, 0);
    }),
    { numRuns: runs },
  );
  t.diagnostic(`${runs} sequences`);
});
