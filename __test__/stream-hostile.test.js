'use strict';

// Somebody who writes over the byte stream's memory. AGENTWIRE_SEED=S repeats a run.

const assert = require('node:assert/strict');
const path = require('node:path');
const { after, describe, it } = require('node:test');
const { MemoryMappedBuffer } = require('agentwire');
const { tempFolder, Thread } = require('./helpers.js');
const { noise, scribbleFile } = require('./fixtures/stream.js');
const { HEADER_BYTES, WRITTEN, READ, bytes, text, runStream } = require('./byte-streams.js');

const seed = Number(process.env.AGENTWIRE_SEED ?? Date.now() % 2 ** 32);

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
