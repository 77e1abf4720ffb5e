'use strict';

// Items that are written and read where they lie: claim, commit, abandon; borrow, release.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { BorrowedItem, RingClaim, ZeroCopyRingBuffer } = require('agentwire');

const bytes = (text) => new Uint8Array(Buffer.from(text));
const text = (item) => (item === null ? null : Buffer.from(item).toString());
const ended = { name: 'AgentwireError', code: 'ERR_AGENTWIRE_DOUBLE_RELEASE', message: /ended already/ };

describe('a claim', () => {
  it('hands an item on that was written in place', () => {
    const ring = new ZeroCopyRingBuffer(4, 16);
    const claim = ring.claim();
    assert.ok(claim instanceof RingClaim);
    assert.equal(claim.bytes.length, 12);
    assert.equal(claim.bytes.buffer, ring.buffer);
    claim.bytes.set(bytes('hello'));
    assert.equal(ring.dequeue(), null);
    claim.commit(5);
    assert.equal(text(ring.dequeue()), 'hello');
    const whole = ring.claim();
    whole.bytes.fill(7);
    whole.commit();
    assert.deepEqual(ring.dequeue(), new Uint8Array(12).fill(7));
    ring.claim().commit(0);
    assert.equal(ring.dequeue().length, 0);
  });

  it('takes a place of its own: consumers wait behind it, whatever way they take', () => {
    const ring = new ZeroCopyRingBuffer(8, 16);
    ring.enqueue(bytes('a'));
    const claim = ring.claim();
    ring.enqueue(bytes('c'));
    assert.equal(ring.size(), 3);
    assert.equal(text(ring.dequeue()), 'a');
    const target = new Uint8Array(12);
    assert.deepEqual(
      [ring.dequeue(), ring.dequeue(1), ring.peek(), ring.borrow(), ring.dequeueInto(target), ring.clear()],
      [null, null, null, null, -1, 0],
    );
    assert.deepEqual(ring.drain(), []);
    assert.equal(ring.drainInto(target, new Uint32Array(4)), 0);
    claim.bytes.set(bytes('b'));
    claim.commit(1);
    assert.deepEqual(ring.drain().map(text), ['b', 'c']);
  });

  it('that is abandoned is passed over, whatever way consumers take', async () => {
    const ways = {
      dequeue: (ring) => text(ring.dequeue()),
      'dequeue with a timeout': (ring) => text(ring.dequeue(1000)),
      dequeueAsync: async (ring) => text(await ring.dequeueAsync()),
      dequeueInto: (ring) => {
        const target = new Uint8Array(12);
        return text(target.subarray(0, ring.dequeueInto(target)));
      },
      drain: (ring) => text(ring.drain()[0]),
      peek: (ring) => text(ring.peek()),
      borrow: (ring) => {
        const item = ring.borrow();
        const found = text(item.bytes.slice());
        item.release();
        return found;
      },
      clear: (ring) => ring.clear() && 'next',
    };
    for (const [name, take] of Object.entries(ways)) {
      const ring = new ZeroCopyRingBuffer(6, 16);
      const claims = [ring.claim(), ring.claim(), ring.claim()];
      ring.enqueue(bytes('next'));
      for (const claim of claims) claim.abandon();
      assert.equal(await take(ring), 'next', name);
      assert.equal(ring.dequeue() === null, name !== 'peek', name);
      assert.equal(ring.size(), 0, name);
      assert.equal(ring.getStats().damaged, 0, name);
    }
  });

  it('that is abandoned is passed over, also with a million others', () => {
    const ring = new ZeroCopyRingBuffer(1_200_000, 8);
    for (const take of [(ring) => ring.dequeue(), (ring) => ring.peek()]) {
      const claims = [];
      for (let claim = ring.claim(); claim !== null; claim = ring.claim()) claims.push(claim);
      const last = claims.pop();
      for (const claim of claims) claim.abandon();
      last.commit(3);
      assert.equal(take(ring).length, 3);
      ring.clear();
    }
  });

  it('is null when the ring is full, and takes room like an item', () => {
    const ring = new ZeroCopyRingBuffer(3, 16);
    const claims = [ring.claim(), ring.claim()];
    assert.equal(ring.claim(), null);
    assert.equal(ring.enqueue(bytes('x')), false);
    assert.equal(ring.isFull(), true);
    for (const claim of claims) claim.abandon();
    assert.equal(ring.dequeue(), null);
    assert.equal(ring.enqueueBatch([bytes('x'), bytes('y'), bytes('z')]), 2);
  });

  it('may be ended in any order; items keep the order of the claims', () => {
    const ring = new ZeroCopyRingBuffer(6, 16);
    const claims = ['a', 'b', 'c', 'd'].map((name) => {
      const claim = ring.claim();
      claim.bytes.set(bytes(name));
      return claim;
    });
    claims[3].commit(1);
    claims[1].abandon();
    claims[2].commit(1);
    assert.equal(ring.dequeue(), null);
    claims[0].commit(1);
    assert.deepEqual(ring.drain().map(text), ['a', 'c', 'd']);
  });

  it('ends once: the second end is an error and changes nothing', () => {
    const ring = new ZeroCopyRingBuffer(4, 16);
    for (const [first, expected] of [
      ['commit', 1],
      ['abandon', 0],
    ]) {
      const claim = ring.claim();
      claim[first]();
      // The slot may be in other hands now.
      for (const second of ['commit', 'abandon', 'commit']) assert.throws(() => claim[second](), ended);
      assert.equal(ring.drain().length, expected);
    }
  });

  it('stays open after a commit of an impossible length', () => {
    const ring = new ZeroCopyRingBuffer(4, 16);
    const claim = ring.claim();
    for (const length of [-1, 13, 1.5, Number.NaN, '5', null, 2 ** 32, 2 ** 32 + 1]) {
      assert.throws(() => claim.commit(length), {
        name: 'AgentwireRangeError',
        code: 'ERR_AGENTWIRE_TOO_LONG',
        message: /still open/,
      });
    }
    assert.equal(ring.dequeue(), null);
    claim.commit(1);
    assert.equal(ring.dequeue().length, 1);
  });
});

describe('a borrowed item', () => {
  it('is read where it lies, and nobody else gets it', () => {
    const ring = new ZeroCopyRingBuffer(4, 16);
    assert.equal(ring.borrow(), null);
    ring.enqueueBatch([bytes('first'), bytes('second')]);
    const item = ring.borrow();
    assert.ok(item instanceof BorrowedItem);
    assert.equal(item.bytes.buffer, ring.buffer);
    assert.equal(text(item.bytes), 'first');
    assert.equal(text(ring.dequeue()), 'second');
    assert.equal(text(item.bytes), 'first');
    item.release();
  });

  it('keeps its slot until it is released: producers that come around find the ring full', () => {
    const ring = new ZeroCopyRingBuffer(4, 16);
    ring.enqueueBatch([bytes('a'), bytes('b'), bytes('c')]);
    const item = ring.borrow();
    assert.deepEqual([ring.enqueue(bytes('d')), ring.enqueueBatch([bytes('d')]), ring.claim()], [false, 0, null]);
    assert.deepEqual(ring.drain().map(text), ['b', 'c']);
    assert.deepEqual([ring.enqueue(bytes('d')), ring.isEmpty(), text(item.bytes)], [false, true, 'a']);
    item.release();
    assert.equal(ring.enqueueBatch([bytes('d'), bytes('e'), bytes('f'), bytes('g')]), 3);
    assert.deepEqual(ring.drain().map(text), ['d', 'e', 'f']);
  });

  it('may be released in any order', () => {
    const ring = new ZeroCopyRingBuffer(4, 16);
    for (let round = 0; round < 5; round += 1) {
      ring.enqueueBatch([bytes('a'), bytes('b'), bytes('c')]);
      const items = [ring.borrow(), ring.borrow(), ring.borrow()];
      assert.deepEqual(
        items.map((item) => text(item.bytes)),
        ['a', 'b', 'c'],
      );
      items[2].release();
      items[0].release();
      items[1].release();
      assert.equal(ring.size(), 0);
    }
  });

  it('is released once: the second release is an error and changes nothing', () => {
    const ring = new ZeroCopyRingBuffer(2, 16);
    ring.enqueue(bytes('a'));
    const item = ring.borrow();
    item.release();
    ring.enqueue(bytes('b'));
    assert.throws(() => item.release(), ended);
    assert.equal(ring.enqueue(bytes('c')), false);
    assert.equal(text(ring.dequeue()), 'b');
  });

  it('of no bytes is one as well', () => {
    const ring = new ZeroCopyRingBuffer(2, 16);
    ring.enqueue(new Uint8Array(0));
    const item = ring.borrow();
    assert.equal(item.bytes.length, 0);
    assert.equal(ring.enqueue(bytes('x')), false);
    item.release();
    assert.equal(ring.enqueue(bytes('x')), true);
  });
});
