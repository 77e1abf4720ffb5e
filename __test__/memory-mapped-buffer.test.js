'use strict';

// The byte stream, in shared memory and in files: what it promises, between threads, across restarts and kills, and with
// somebody who writes over its memory.

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { after, describe, it } = require('node:test');
const {
  AgentwireArgumentError,
  AgentwireClosedError,
  AgentwireError,
  AgentwireRangeError,
  MemoryMappedBuffer,
} = require('agentwire');
const { fixture, runNode, tempFolder, Thread, waitUntil } = require('./helpers.js');
const { noise, recordOf, scribbleFile, verify } = require('./fixtures/stream.js');

const HEADER_BYTES = 4096;
const WRITTEN = 128;
const READ = 256;

const bytes = (text) => Buffer.from(text);
const text = (read) => (read === null ? null : Buffer.from(read).toString());

/** Starts fixtures/stream.js; resolves when it says that it is ready. */
async function startStream(t, ...args) {
  const child = spawn(process.execPath, [fixture('stream.js'), ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  t.after(() => child.kill('SIGKILL'));
  const ready = once(child.stdout, 'data');
  return { child, ended, ready };
}

/** Runs fixtures/stream.js to its end, which must be a good one: what it printed. */
async function runStream(...args) {
  const { code, signal, stdout, stderr } = await runNode([fixture('stream.js'), ...args.map(String)]);
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, `${args.join(' ')}: ${stdout}`);
  return stdout;
}

/** A typed error with that code and a message that has all the parts. */
function refused(action, code, ...parts) {
  assert.throws(action, (error) => {
    assert.equal(error.code, code, error.stack);
    assert.ok(error instanceof AgentwireError || error instanceof AgentwireRangeError);
    for (const part of parts) assert.ok(error.message.includes(part), `"${part}" in: ${error.message}`);
    return true;
  });
}

/** The same stream in memory and in a file. */
const kinds = {
  'in shared memory': (_t, capacity) => new MemoryMappedBuffer(capacity),
  'in a file': (t, capacity) => {
    const stream = MemoryMappedBuffer.open(path.join(tempFolder(t), 'stream'), capacity);
    t.after(() => stream.close());
    return stream;
  },
};

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

describe('a stream in shared memory', () => {
  it('has 64 MiB if not told otherwise, and memory as it is touched', () => {
    const before = process.memoryUsage().rss;
    const stream = new MemoryMappedBuffer();
    assert.equal(stream.capacity, 64 * 2 ** 20);
    assert.equal(stream.buffer.byteLength, HEADER_BYTES + stream.capacity);
    assert.equal(stream.path, undefined);
    stream.write(bytes('abc'));
    assert.ok(process.memoryUsage().rss - before < 32 * 2 ** 20);
  });

  it('refuses a capacity that cannot be', () => {
    for (const capacity of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 41, '100', null, 5n, {}]) {
      assert.throws(() => new MemoryMappedBuffer(capacity), AgentwireArgumentError, String(capacity));
      refused(() => new MemoryMappedBuffer(capacity), 'ERR_AGENTWIRE_ARGUMENT', 'capacity must be an integer from 1');
    }
    // Either there is so much address space, or an error that says what to do.
    try {
      new MemoryMappedBuffer(2 ** 40);
    } catch (error) {
      assert.equal(error.code, 'ERR_AGENTWIRE_OUT_OF_MEMORY');
    }
  });

  it('is found by attach(), also more than once', () => {
    const stream = new MemoryMappedBuffer(100);
    const attached = MemoryMappedBuffer.attach(stream.buffer);
    assert.equal(attached.buffer, stream.buffer);
    assert.equal(attached.capacity, 100);
    stream.write(bytes('to the other'));
    assert.equal(text(attached.read(12)), 'to the other');
    attached.write(bytes('and back'));
    attached.close();
    assert.equal(text(stream.read(8)), 'and back');
  });

  it('refuses to attach to what is no stream', () => {
    for (const buffer of [undefined, null, 5, 'x', {}, new ArrayBuffer(5000), new Uint8Array(5000)]) {
      refused(() => MemoryMappedBuffer.attach(buffer), 'ERR_AGENTWIRE_ARGUMENT', '.buffer of a MemoryMappedBuffer');
    }
    for (const length of [0, 1, 4095, 4096, 5000]) {
      const foreign = new SharedArrayBuffer(length);
      refused(() => MemoryMappedBuffer.attach(foreign), 'ERR_AGENTWIRE_FOREIGN_MEMORY', 'MemoryMappedBuffer.attach');
    }
    const growable = new SharedArrayBuffer(5000, { maxByteLength: 6000 });
    refused(() => MemoryMappedBuffer.attach(growable), 'ERR_AGENTWIRE_ARGUMENT', 'fixed length');
  });

  it('refuses to attach to a stream that was copied to memory of another size, or changed', () => {
    const { buffer } = new MemoryMappedBuffer(100);
    for (const length of [buffer.byteLength - 1, buffer.byteLength + 1]) {
      const copy = new SharedArrayBuffer(length);
      new Uint8Array(copy).set(new Uint8Array(buffer).subarray(0, length));
      refused(() => MemoryMappedBuffer.attach(copy), 'ERR_AGENTWIRE_FOREIGN_MEMORY');
    }
    const copyWith = (offset, value) => {
      const copy = new SharedArrayBuffer(buffer.byteLength);
      new Uint8Array(copy).set(new Uint8Array(buffer));
      new Uint8Array(copy)[offset] = value;
      return copy;
    };
    assert.equal(MemoryMappedBuffer.attach(copyWith(2000, 1)).capacity, 100);
    refused(() => MemoryMappedBuffer.attach(copyWith(8, 9)), 'ERR_AGENTWIRE_FOREIGN_MEMORY', 'version 9');
    refused(() => MemoryMappedBuffer.attach(copyWith(16, 99)), 'ERR_AGENTWIRE_FOREIGN_MEMORY', 'changed');
    refused(() => MemoryMappedBuffer.attach(copyWith(0, 0)), 'ERR_AGENTWIRE_FOREIGN_MEMORY');
  });

  it('refuses its own bytes', () => {
    const stream = new MemoryMappedBuffer(1000);
    stream.write(new Uint8Array(10));
    const { buffer } = stream;
    const own = [
      new Uint8Array(buffer),
      new Uint8Array(buffer, 0, 8),
      new Uint8Array(buffer, 0, 64),
      new Uint8Array(buffer, 5, 20),
      new Uint8Array(buffer, HEADER_BYTES, 10),
      new Uint8Array(buffer, HEADER_BYTES + 500, 200),
    ];
    for (const view of own.map((array) => array.subarray(0, 900))) {
      refused(() => stream.write(view), 'ERR_AGENTWIRE_OVERLAP', 'slice()');
      refused(() => stream.readInto(view), 'ERR_AGENTWIRE_OVERLAP', 'slice()');
    }
    assert.equal(stream.getStats().used, 10);
    // What only looks like the header is data.
    const alike = new Uint8Array(buffer, 0, 8).slice();
    assert.equal(stream.write(alike), true);
    stream.read(10);
    assert.deepEqual(stream.read(8), alike);
  });

  it('says that it is damaged, and is repaired by clear()', () => {
    const stream = new MemoryMappedBuffer(100);
    const positions = new BigUint64Array(stream.buffer, 0, HEADER_BYTES / 8);
    const wrong = [
      [0n, 1n],
      [101n, 0n],
      [2n ** 64n - 1n, 2n ** 64n - 1n],
      [5n, 2n ** 64n - 1n],
    ];
    for (const [written, read] of wrong) {
      positions[WRITTEN / 8] = written;
      positions[READ / 8] = read;
      for (const call of [
        () => stream.write(bytes('x')),
        () => stream.read(1),
        () => stream.read(80),
        () => stream.peek(1),
        () => stream.readInto(new Uint8Array(1)),
        () => stream.getStats(),
      ]) {
        refused(call, 'ERR_AGENTWIRE_DAMAGED', 'clear()');
      }
      stream.clear();
      assert.equal(stream.write(bytes('sound')), true);
      assert.equal(text(stream.read(5)), 'sound');
    }
  });

  it('goes with its last handle, and memory that comes to the same place holds no old stream', async () => {
    for (let round = 0; round < 200; round++) {
      const stream = new MemoryMappedBuffer(1 + (round % 50));
      assert.equal(stream.capacity, 1 + (round % 50));
      MemoryMappedBuffer.attach(stream.buffer).close();
      if (round % 2) stream.close();
      if (round % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  });
});

/** A thread's part of a stream of noise; resolves with a checksum of what it wrote or read. */
const writeNoise = async ({ agentwire, require }, source, total) => {
  const { createHash } = require('node:crypto');
  const stream =
    typeof source === 'string'
      ? agentwire.MemoryMappedBuffer.open(source)
      : agentwire.MemoryMappedBuffer.attach(source);
  const hash = createHash('sha1');
  const pool = require('node:crypto').randomBytes(100_000);
  let left = total;
  while (left > 0) {
    const length = Math.min(
      left,
      Math.random() < 0.5 ? Math.ceil(Math.random() * 64) : Math.ceil(Math.random() * 5000),
    );
    const start = Math.floor(Math.random() * (pool.length - length));
    const piece =
      Math.random() < 0.5 ? pool.subarray(start, start + length) : new Uint8Array(pool.subarray(start, start + length));
    while (!stream.write(piece)) await new Promise((resolve) => setImmediate(resolve));
    hash.update(piece);
    left -= length;
  }
  stream.close();
  return hash.digest('hex');
};

const readNoise = async ({ agentwire, require }, source, total) => {
  const stream =
    typeof source === 'string'
      ? agentwire.MemoryMappedBuffer.open(source)
      : agentwire.MemoryMappedBuffer.attach(source);
  const hash = require('node:crypto').createHash('sha1');
  const target = new Uint8Array(7000);
  let left = total;
  while (left > 0) {
    let bytes;
    if (Math.random() < 0.5) {
      bytes = target.subarray(0, stream.readInto(target));
    } else {
      bytes = stream.read(Math.min(left, Math.ceil(Math.random() * 300))) ?? [];
    }
    if (bytes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    else hash.update(bytes);
    left -= bytes.length;
  }
  stream.close();
  return hash.digest('hex');
};

describe('between threads', () => {
  for (const [kind, make] of Object.entries(kinds)) {
    it(`carries a stream ${kind}, byte by byte`, async (t) => {
      const stream = make(t, 100_003);
      const source = stream.buffer ?? stream.path;
      const [writer, reader] = await Promise.all([Thread.start(t), Thread.start(t)]);
      const total = 24 * 2 ** 20;
      const [sent, received] = await Promise.all([
        writer.run(writeNoise, source, total),
        reader.run(readNoise, source, total),
      ]);
      assert.equal(received, sent);
      assert.deepEqual([stream.getStats().used, stream.getStats().totalRead], [0, total]);
    });
  }

  it('outlives a thread that ends in the middle', async (t) => {
    for (const make of Object.values(kinds)) {
      const stream = make(t, 50_000);
      const source = stream.buffer ?? stream.path;
      for (let round = 0; round < 5; round++) {
        const thread = await Thread.start(t);
        thread.start(({ agentwire }, source) => {
          const { MemoryMappedBuffer } = agentwire;
          const stream =
            typeof source === 'string' ? MemoryMappedBuffer.open(source) : MemoryMappedBuffer.attach(source);
          const piece = new Uint8Array(1000);
          for (let index = 0; ; index = (index + 1) % 256) {
            piece.fill(index);
            stream.write(piece);
          }
        }, source);
        await waitUntil(() => stream.getStats().used > 0, 'the thread to write');
        await thread.terminate();
        for (;;) {
          const piece = stream.read(1000);
          if (piece === null) break;
          assert.ok(
            piece.every((byte) => byte === piece[0]),
            'torn',
          );
        }
        assert.equal(stream.getStats().used, 0, 'whole pieces');
      }
      assert.equal(stream.write(bytes('sound')), true);
    }
  });
});

describe('a stream in a file', () => {
  it('survives the end of the process that wrote it', async (t) => {
    const file = path.join(tempFolder(t), 'stream');
    assert.equal(await runStream('write', file, 1000, 'one '), 'true');
    assert.equal(await runStream('write', file, 1000, 'two'), 'true');
    assert.equal(await runStream('open', file), 'opened with 7');
    const stream = MemoryMappedBuffer.open(file);
    assert.equal(stream.capacity, 1000);
    assert.equal(text(stream.read(7)), 'one two');
    stream.close();
    assert.equal(await runStream('open', file), 'opened with 0');
  });

  it('has an absolute path and no buffer', (t) => {
    const folder = tempFolder(t);
    const stream = MemoryMappedBuffer.open(path.relative(process.cwd(), path.join(folder, 'stream')), 100);
    assert.equal(stream.path, path.join(folder, 'stream'));
    assert.equal(stream.buffer, undefined);
    assert.equal(fs.statSync(stream.path).size, HEADER_BYTES + 100);
    stream.close();
  });

  it('has 64 MiB if not told otherwise', (t) => {
    const stream = MemoryMappedBuffer.open(path.join(tempFolder(t), 'stream'));
    assert.equal(stream.capacity, 64 * 2 ** 20);
    stream.close();
  });

  it('is the same for every handle of the process, and closed with the last', async (t) => {
    const file = path.join(tempFolder(t), 'stream');
    const first = MemoryMappedBuffer.open(file, 100);
    const second = MemoryMappedBuffer.open(file);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, file) => {
      state.stream = agentwire.MemoryMappedBuffer.open(file);
      state.stream.write(Buffer.from('shared'));
    }, file);
    first.close();
    assert.equal(text(second.read(6)), 'shared');
    second.close();
    assert.equal(await runStream('open', file), 'ERR_AGENTWIRE_FILE_IN_USE');
    await thread.terminate();
    assert.equal(await runStream('open', file), 'opened with 0');
  });

  it('is refused to other processes while it is open, until its process is killed', async (t) => {
    const file = path.join(tempFolder(t), 'stream');
    const { child, ended, ready } = await startStream(t, 'hold', file);
    await ready;
    refused(() => MemoryMappedBuffer.open(file), 'ERR_AGENTWIRE_FILE_IN_USE', file, 'another process');
    child.kill('SIGKILL');
    await ended;
    const stream = MemoryMappedBuffer.open(file);
    assert.equal(text(stream.read(4)), 'held');
    stream.close();
  });

  it('refuses a path and a capacity that cannot be', (t) => {
    for (const wrong of [undefined, null, '', 5, 'a\0b', {}, Buffer.from('x')]) {
      refused(() => MemoryMappedBuffer.open(wrong), 'ERR_AGENTWIRE_ARGUMENT', 'path must be');
    }
    const file = path.join(tempFolder(t), 'stream');
    for (const capacity of [0, -1, 1.5, Number.NaN, 2 ** 41, '5', null]) {
      refused(() => MemoryMappedBuffer.open(file, capacity), 'ERR_AGENTWIRE_ARGUMENT', 'capacity must be');
    }
    assert.equal(fs.existsSync(file), false);
  });

  it('refuses what is no file', (t) => {
    const folder = tempFolder(t);
    refused(() => MemoryMappedBuffer.open(folder), 'ERR_AGENTWIRE_NOT_A_FILE', folder);
    refused(() => MemoryMappedBuffer.open(path.join(folder, 'no', 'stream')), 'ERR_AGENTWIRE_NO_FOLDER', 'create it');
    if (process.platform === 'win32') return;
    refused(() => MemoryMappedBuffer.open('/dev/null'), 'ERR_AGENTWIRE_NOT_A_FILE', '/dev/null');
    const pipe = path.join(folder, 'pipe');
    if (spawnSync('mkfifo', [pipe]).status === 0) {
      refused(() => MemoryMappedBuffer.open(pipe), 'ERR_AGENTWIRE_NOT_A_FILE', pipe);
    } else t.diagnostic('skipped: no mkfifo here');
  });

  it('refuses files that hold no stream, or a broken one, and leaves them as they are', (t) => {
    const file = path.join(tempFolder(t), 'stream');
    const made = MemoryMappedBuffer.open(file, 1000);
    made.write(bytes('abc'));
    made.close();
    const sound = fs.readFileSync(file);
    const changed = (offset, ...values) => {
      const copy = Buffer.from(sound);
      copy.set(values, offset);
      return copy;
    };
    const cases = [
      ['ERR_AGENTWIRE_FOREIGN_FILE', bytes('some text'), 'something else'],
      ['ERR_AGENTWIRE_FOREIGN_FILE', Buffer.alloc(10_000), 'something else'],
      ['ERR_AGENTWIRE_FOREIGN_FILE', changed(1, 0), 'something else'],
      ['ERR_AGENTWIRE_FILE_TRUNCATED', sound.subarray(0, 20), '20'],
      ['ERR_AGENTWIRE_FILE_TRUNCATED', sound.subarray(0, HEADER_BYTES), `${HEADER_BYTES + 1000}`],
      ['ERR_AGENTWIRE_FILE_TRUNCATED', sound.subarray(0, -1), `${HEADER_BYTES + 999}`],
      ['ERR_AGENTWIRE_FILE_VERSION', changed(8, 2), 'version 2'],
      ['ERR_AGENTWIRE_DAMAGED', changed(16, 0xe7), 'header'],
      ['ERR_AGENTWIRE_DAMAGED', changed(25, sound[25] ^ 1), 'header'],
      ['ERR_AGENTWIRE_DAMAGED', changed(READ, 4), 'positions'],
      ['ERR_AGENTWIRE_DAMAGED', changed(WRITTEN, 0, 0, 0, 0, 0, 1), 'positions'],
    ];
    for (const [code, content, part] of cases) {
      fs.writeFileSync(file, content);
      refused(() => MemoryMappedBuffer.open(file), code, file, part);
      assert.ok(fs.readFileSync(file).equals(content), `${code}: the file was changed`);
    }
    fs.writeFileSync(file, sound);
    refused(() => MemoryMappedBuffer.open(file, 999), 'ERR_AGENTWIRE_FILE_CAPACITY', '1000', '999', file);
    const stream = MemoryMappedBuffer.open(file, 1000);
    assert.equal(text(stream.read(3)), 'abc');
    refused(() => MemoryMappedBuffer.open(file, 999), 'ERR_AGENTWIRE_FILE_CAPACITY', '1000', '999');
    stream.close();
  });

  it('takes an empty file for a new one, and one that is too long for what its header says', (t) => {
    const file = path.join(tempFolder(t), 'stream');
    fs.writeFileSync(file, '');
    const made = MemoryMappedBuffer.open(file, 100);
    made.write(bytes('abc'));
    made.close();
    fs.appendFileSync(file, 'more');
    const stream = MemoryMappedBuffer.open(file);
    assert.equal(stream.capacity, 100);
    assert.equal(text(stream.read(3)), 'abc');
    stream.close();
    assert.ok(fs.readFileSync(file).subarray(-4).equals(bytes('more')));
  });

  it('tells a full disk and a read-only one when it is opened, never later', (t) => {
    const folder = tempFolder(t);
    const { status, stdout, stderr, error } = spawnSync(
      'unshare',
      ['-rm', process.execPath, fixture('stream.js'), 'mounts', folder],
      { encoding: 'utf8' },
    );
    if (error || (status !== 0 && /unshare|mount:/.test(stderr))) {
      return t.skip(`no file system can be mounted here: ${error?.message ?? stderr.trim().split('\n')[0]}`);
    }
    assert.equal(status, 0, stderr);
    const results = JSON.parse(stdout);
    assert.match(results.tooLarge, /^ERR_AGENTWIRE_DISK_FULL .*no room.*free some/);
    assert.deepEqual(results.leftAfterTooLarge, []);
    assert.equal(results.fits, true);
    assert.match(results.second, /^ERR_AGENTWIRE_DISK_FULL /);
    assert.match(results.fill, /^ENOSPC/);
    assert.equal(results.whenFull, true);
    assert.match(results.readOnly, /^ERR_AGENTWIRE_FILE_PERMISSION .*[Rr]ead-only/);
    assert.match(results.newOnReadOnly, /^ERR_AGENTWIRE_FILE_PERMISSION /);
  });

  it('tells missing permission', async (t) => {
    if (process.platform === 'win32') return t.skip('no permission bits here');
    const folder = tempFolder(t);
    const file = path.join(folder, 'stream');
    MemoryMappedBuffer.open(file, 1000).close();
    fs.chmodSync(file, 0o444);
    fs.chmodSync(folder, 0o555);
    const printed = await runStream('forbidden', file, folder);
    fs.chmodSync(folder, 0o755);
    assert.match(printed, /^(ERR_AGENTWIRE_FILE_PERMISSION .*allow both.*\n){2}$/);
  });
});

/** More rounds: AGENTWIRE_KILL_ROUNDS=2000. */
const killRounds = Number(process.env.AGENTWIRE_KILL_ROUNDS ?? 200);
const seed = Number(process.env.AGENTWIRE_SEED ?? Date.now() % 2 ** 32);

describe('a process that is killed', () => {
  const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  /** Starts a child and kills it at a random moment: in the middle of its work, or (rarely) while it starts. */
  async function startAndKill(t, random, ...args) {
    const { child, ended, ready } = await startStream(t, ...args);
    if (random() < 0.15) await sleep(random() * 100);
    else {
      await Promise.race([ready, ended]);
      await sleep(random() * 6);
    }
    child.kill('SIGKILL');
    assert.deepEqual(await ended, { code: null, signal: 'SIGKILL' });
  }

  it(`leaves exactly what it had committed, ${killRounds} times`, async (t) => {
    t.diagnostic(`AGENTWIRE_SEED=${seed}`);
    const folder = tempFolder(t);
    const records = [];
    // Two at a time, each with a file of its own.
    const chain = async (name, rounds) => {
      const random = noise(seed + rounds);
      const file = path.join(folder, name);
      const notesFile = `${file}.notes`;
      const first = MemoryMappedBuffer.open(file, 65_537);
      first.write(recordOf(0));
      first.close();
      fs.writeFileSync(notesFile, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]));
      const notes = fs.openSync(notesFile, 'r+');
      for (let round = 0; round < rounds; round++) {
        const batch = random() < 0.5 ? 1 : 50;
        await startAndKill(t, random, 'records', file, notesFile, batch);
        const stream = MemoryMappedBuffer.open(file);
        const found = verify(stream, notes, batch);
        stream.close();
        // As the next one goes on from here.
        const note = Buffer.alloc(8);
        note.writeUInt32LE(found.next, 0);
        note.writeUInt32LE(found.first, 4);
        fs.writeSync(notes, note, 0, 8, 0);
        if (round === rounds - 1) records.push(found.next);
      }
      fs.closeSync(notes);
    };
    await Promise.all([chain('one', Math.ceil(killRounds / 2)), chain('two', Math.floor(killRounds / 2))]);
    t.diagnostic(`${records.join(' + ')} records`);
    assert.ok(
      records.every((count) => count > killRounds),
      'the children wrote between the kills',
    );
  });

  it('leaves a file that can be opened, or none, when it was just making it', async (t) => {
    t.diagnostic(`AGENTWIRE_SEED=${seed}`);
    const random = noise(seed);
    const folder = tempFolder(t);
    const file = path.join(folder, 'stream');
    const states = { none: 0, empty: 0, unfinished: 0, complete: 0 };
    for (let round = 0; round < Math.ceil(killRounds / 5); round++) {
      await startAndKill(t, random, 'create', file, Math.floor(random() * 2 ** 32));
      assert.ok(
        fs.readdirSync(folder).every((name) => name === 'stream'),
        'something was left behind',
      );
      if (!fs.existsSync(file)) states.none += 1;
      else if (fs.statSync(file).size === 0) states.empty += 1;
      else if (fs.readFileSync(file).subarray(1, 7).toString() === 'AGWNEW') states.unfinished += 1;
      else states.complete += 1;
      const stream = MemoryMappedBuffer.open(file);
      stream.clear();
      assert.equal(stream.write(bytes('x')), true);
      stream.close();
      fs.rmSync(file);
    }
    t.diagnostic(`found: ${JSON.stringify(states)}`);
  });
});

describe('somebody who writes over the memory', () => {
  /** A thread that does everything that can be done with a stream; what errors it saw. */
  const use = ({ agentwire }, source, seed, calls) => {
    const { MemoryMappedBuffer, AgentwireError } = agentwire;
    const open = () =>
      typeof source === 'string' ? MemoryMappedBuffer.open(source) : MemoryMappedBuffer.attach(source);
    let state = seed;
    const random = (most) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * most);
    };
    const stream = open();
    const target = new Uint8Array(3000);
    const errors = {};
    let good = 0;
    for (let call = 0; call < calls; call++) {
      try {
        switch (random(8)) {
          case 0:
          case 1:
            stream.write(target.subarray(0, random(1500)));
            break;
          case 2:
            stream.write(new Uint8Array(random(64)));
            break;
          case 3:
            stream.read(random(1500));
            break;
          case 4:
            stream.read(random(64));
            break;
          case 5:
            stream.readInto(target);
            break;
          case 6:
            stream.peek(random(1500));
            break;
          default:
            stream.getStats();
            if (random(50) === 0) open().close();
        }
        good += 1;
      } catch (error) {
        if (!(error instanceof AgentwireError)) throw error;
        errors[error.code] = (errors[error.code] ?? 0) + 1;
        if (random(20) === 0) stream.clear();
      }
    }
    stream.close();
    return { errors, good };
  };

  /** Three threads use the stream while `scribble` is called again and again. */
  async function storm(t, source, scribble) {
    const threads = await Promise.all([Thread.start(t), Thread.start(t)]);
    let running = threads.length;
    const results = threads.map((thread, index) =>
      thread.run(use, source, seed + index, 50_000).finally(() => {
        running -= 1;
      }),
    );
    while (running > 0) await scribble();
    for (const { errors, good } of await Promise.all(results)) {
      t.diagnostic(`${good} calls went well; ${JSON.stringify(errors)}`);
      assert.ok(good > 0);
      for (const code of Object.keys(errors)) assert.match(code, /^ERR_AGENTWIRE_(DAMAGED|FOREIGN_MEMORY)$/);
    }
  }

  it('of a SharedArrayBuffer gets wrong data and typed errors, nothing worse', async (t) => {
    t.diagnostic(`AGENTWIRE_SEED=${seed}`);
    const stream = new MemoryMappedBuffer(2000);
    const memory = new Uint8Array(stream.buffer);
    const words = new BigUint64Array(stream.buffer, 0, HEADER_BYTES / 8);
    const random = noise(seed);
    const scribble = async () => {
      for (let i = 0; i < 5000; i++) {
        memory[Math.floor(random() * memory.length)] = random() * 256;
        const word = random() < 0.5 ? WRITTEN / 8 : READ / 8;
        // Positions that are nearly right do more harm than noise.
        if (random() < 0.3) words[word] += BigInt(Math.floor(random() * 4000) - 2000);
        else if (random() < 0.1)
          words[word] = BigInt(Math.floor(random() * 2 ** 32)) << BigInt(Math.floor(random() * 33));
        if (random() < 0.1) memory.fill(random() * 256, 0, Math.floor(random() * 300));
      }
      await new Promise((resolve) => setImmediate(resolve));
    };
    await storm(t, stream.buffer, scribble);
    stream.clear();
    assert.equal(stream.write(bytes('sound')), true);
    assert.equal(text(stream.read(5)), 'sound');
  });

  it('of a file gets wrong data and typed errors, nothing worse', async (t) => {
    t.diagnostic(`AGENTWIRE_SEED=${seed}`);
    const file = path.join(tempFolder(t), 'stream');
    const stream = MemoryMappedBuffer.open(file, 2000);
    after(() => stream.close());
    let times = 0;
    const scribble = async () => {
      times += 1;
      scribbleFile(file, seed + times, 1000);
      await new Promise((resolve) => setImmediate(resolve));
    };
    // Another process does it too, beside this one.
    const other = runStream('scribble', file, seed, 200_000);
    await storm(t, file, scribble);
    await other;
    stream.clear();
    assert.equal(stream.write(bytes('sound')), true);
    assert.equal(text(stream.read(5)), 'sound');
  });
});
