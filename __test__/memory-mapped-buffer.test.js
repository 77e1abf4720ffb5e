'use strict';

// The byte stream, in shared memory and in files alike: what it promises.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireArgumentError, AgentwireClosedError } = require('agentwire');
const { noise } = require('./fixtures/stream.js');
const { bytes, text, refused, kinds } = require('./byte-streams.js');

for (const [kind, make] of Object.entries(kinds)) {
  describe(`a stream ${kind}`, () => {
    it('gives bytes back in the order in which they were written', (t) => {
      const stream = make(t, 100);
      assert.equal(stream.write(bytes('hello ')), true);
      assert.equal(stream.write(bytes('world')), true);
      assert.equal(text(stream.read(8)), 'hello wo');
      assert.equal(stream.read(4), null);
      assert.equal(text(stream.read(3)), 'rld');
      assert.equal(stream.read(1), null);
    });

    it('writes all or nothing', (t) => {
      const stream = make(t, 10);
      assert.equal(stream.write(bytes('1234567')), true);
      assert.equal(stream.write(bytes('abcd')), false);
      assert.equal(stream.getStats().used, 7);
      assert.equal(stream.write(bytes('abc')), true);
      assert.equal(stream.write(bytes('x')), false);
      assert.equal(text(stream.read(10)), '1234567abc');
    });

    it('goes round and round with pieces of every length', (t) => {
      // Short pieces take another way than long ones, and a view in the middle of a buffer another than a fresh array.
      const stream = make(t, 257);
      const random = noise(1);
      let expected = [];
      let next = 0;
      for (let round = 0; round < 5000; round++) {
        const length = Math.floor(random() * 130);
        const room = 257 - expected.length;
        const piece = Uint8Array.from({ length }, () => next++);
        const array = round % 2 ? piece : Buffer.concat([Buffer.alloc(3), piece]).subarray(3);
        assert.equal(stream.write(array), length <= room);
        if (length <= room) expected.push(...piece);
        const wanted = Math.floor(random() * 130);
        assert.equal(stream.getStats().used, expected.length);
        const peeked = stream.peek(wanted);
        const read = stream.read(wanted);
        assert.deepEqual(peeked, read);
        if (wanted > expected.length) {
          assert.equal(read, null);
        } else {
          assert.deepEqual([...read], expected.slice(0, wanted));
          expected = expected.slice(wanted);
        }
      }
    });

    it('reads into memory of the caller as much as there is', (t) => {
      const stream = make(t, 300);
      const target = new Uint8Array(200).fill(0xee);
      assert.equal(stream.readInto(target), 0);
      stream.write(new Uint8Array(250).fill(7));
      assert.equal(stream.readInto(target), 200);
      assert.ok(target.every((byte) => byte === 7));
      target.fill(0xee);
      assert.equal(stream.readInto(target), 50);
      assert.deepEqual([target[49], target[50]], [7, 0xee]);
      assert.equal(stream.readInto(target), 0);
      assert.equal(stream.readInto(new Uint8Array(0)), 0);
    });

    it('gives private copies', (t) => {
      const stream = make(t, 300);
      for (const length of [5, 64, 65, 200]) {
        stream.write(new Uint8Array(length).fill(1));
        const peeked = stream.peek(length);
        const read = stream.read(length);
        assert.ok(read.buffer instanceof ArrayBuffer && peeked.buffer instanceof ArrayBuffer);
        peeked.fill(9);
        stream.write(new Uint8Array(length).fill(2));
        stream.read(length);
        assert.ok(
          read.every((byte) => byte === 1),
          `${length}`,
        );
      }
    });

    it('takes and gives nothing, when asked to', (t) => {
      const stream = make(t, 1);
      assert.equal(stream.write(new Uint8Array(0)), true);
      assert.deepEqual(stream.read(0), new Uint8Array(0));
      assert.deepEqual(stream.peek(0), new Uint8Array(0));
      assert.equal(stream.write(bytes('x')), true);
      assert.equal(stream.write(new Uint8Array(0)), true);
      assert.equal(text(stream.read(1)), 'x');
    });

    it('tells its figures', (t) => {
      const stream = make(t, 200);
      const empty = { capacity: 200, used: 0, available: 200, utilization: 0, totalWritten: 0, totalRead: 0 };
      assert.deepEqual(stream.getStats(), empty);
      stream.write(new Uint8Array(150));
      stream.read(100);
      assert.deepEqual(stream.getStats(), {
        capacity: 200,
        used: 50,
        available: 150,
        utilization: 0.25,
        totalWritten: 150,
        totalRead: 100,
      });
      assert.equal(stream.capacity, 200);
    });

    it('is empty after clear()', (t) => {
      const stream = make(t, 100);
      stream.write(new Uint8Array(70));
      stream.clear();
      assert.equal(stream.getStats().used, 0);
      assert.equal(stream.write(new Uint8Array(100).fill(5)), true);
      assert.deepEqual(stream.read(100), new Uint8Array(100).fill(5));
    });

    it('refuses more than it can ever hold, with nothing written or read', (t) => {
      const stream = make(t, 10);
      stream.write(bytes('abc'));
      for (const length of [11, 64, 65, 10_000]) {
        for (const action of [
          () => stream.write(new Uint8Array(length)),
          () => stream.read(length),
          () => stream.peek(length),
        ]) {
          assert.throws(action, RangeError);
          refused(action, 'ERR_AGENTWIRE_TOO_LONG', `${length} bytes`, '10');
        }
      }
      assert.equal(text(stream.read(3)), 'abc');
      assert.equal(stream.readInto(new Uint8Array(1000)), 0);
    });

    it('refuses arguments of the wrong kind', (t) => {
      const stream = make(t, 100);
      stream.write(bytes('abc'));
      for (const length of [-1, 1.5, Number.NaN, '3', undefined, null, 3n, Number.POSITIVE_INFINITY, 2 ** 53]) {
        for (const action of [() => stream.read(length), () => stream.peek(length)]) {
          assert.throws(action, AgentwireArgumentError, String(length));
          refused(action, 'ERR_AGENTWIRE_ARGUMENT', 'length must be');
        }
      }
      for (const data of [undefined, null, 'abc', [1], new ArrayBuffer(3), new DataView(new ArrayBuffer(3)), {}]) {
        refused(() => stream.write(data), 'ERR_AGENTWIRE_ARGUMENT', 'data must be a Uint8Array');
        refused(() => stream.readInto(data), 'ERR_AGENTWIRE_ARGUMENT', 'target must be a Uint8Array');
      }
      for (const data of [new Uint16Array(3), new Int8Array(3), new Float64Array(20)]) {
        refused(() => stream.write(data), 'ERR_AGENTWIRE_ARGUMENT');
        refused(() => stream.readInto(data), 'ERR_AGENTWIRE_ARGUMENT');
      }
      assert.equal(text(stream.read(3)), 'abc');
    });

    it('refuses an array whose memory is gone', (t) => {
      const stream = make(t, 100);
      for (const length of [10, 90]) {
        const detached = new Uint8Array(length);
        structuredClone(detached, { transfer: [detached.buffer] });
        refused(() => stream.write(detached), 'ERR_AGENTWIRE_DETACHED', 'data');
        refused(() => stream.readInto(detached), 'ERR_AGENTWIRE_DETACHED', 'target');
      }
      assert.equal(stream.getStats().totalWritten, 0);
    });

    it('takes views of shared memory and of buffers that can be resized', (t) => {
      const stream = make(t, 1000);
      for (const length of [20, 300]) {
        const shared = new Uint8Array(new SharedArrayBuffer(length)).fill(3);
        const resizable = new Uint8Array(new ArrayBuffer(length, { maxByteLength: 2 * length })).fill(3);
        for (const array of [shared, resizable]) {
          assert.equal(stream.write(array), true);
          const target = array.slice().fill(0);
          assert.equal(stream.readInto(target), length);
          assert.ok(target.every((byte) => byte === 3));
          stream.write(target);
          array.fill(0);
          assert.equal(stream.readInto(array), length);
          assert.ok(array.every((byte) => byte === 3));
        }
      }
    });

    it('refuses everything after close(), which may be called again', (t) => {
      const stream = make(t, 100);
      stream.write(bytes('abc'));
      stream.close();
      stream.close();
      const calls = {
        write: () => stream.write(bytes('x')),
        writeLong: () => stream.write(new Uint8Array(80)),
        writeTooLong: () => stream.write(new Uint8Array(800)),
        read: () => stream.read(1),
        readLong: () => stream.read(80),
        readTooLong: () => stream.read(800),
        readNothing: () => stream.read(0),
        peek: () => stream.peek(1),
        peekLong: () => stream.peek(80),
        readInto: () => stream.readInto(new Uint8Array(1)),
        getStats: () => stream.getStats(),
        clear: () => stream.clear(),
        flush: () => stream.flush(),
      };
      for (const [name, call] of Object.entries(calls)) {
        assert.throws(call, AgentwireClosedError, name);
        refused(call, 'ERR_AGENTWIRE_CLOSED', 'MemoryMappedBuffer', 'closed');
      }
      assert.equal(stream.capacity, 100);
    });

    it('is closed at the end of its scope', (t) => {
      const stream = make(t, 100);
      stream[Symbol.dispose]();
      assert.throws(() => stream.read(1), AgentwireClosedError);
    });

    it('can be flushed', (t) => {
      const stream = make(t, 100);
      stream.write(bytes('abc'));
      assert.equal(stream.flush(), undefined);
      assert.equal(text(stream.read(3)), 'abc');
    });
  });
}
