'use strict';

// BufferPool: blocks of shared memory that any thread acquires and releases.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireArgumentError, AgentwireError, BufferPool } = require('agentwire');
const { stall, Thread, turn, waitUntil } = require('./helpers.js');

const headerBytes = 128;

/** Acquires until the pool is dry. */
function acquireAll(pool) {
  const blocks = [];
  for (let block = pool.acquire(); block !== null; block = pool.acquire()) blocks.push(block);
  return blocks;
}

function assertAllFree(pool) {
  const { inUse, free, cached } = pool.getStats();
  assert.deepEqual({ inUse, free }, { inUse: 0, free: pool.maxBlocks });
  assert.ok(cached <= free);
  const blocks = acquireAll(pool);
  const offsets = new Set(blocks.map((block) => block.byteOffset));
  assert.equal(offsets.size, pool.maxBlocks, 'every block is there, once');
  for (const block of blocks) pool.release(block);
}

/** A thread that has attached to the pool, as `state.pool`. */
async function startThread(t, pool) {
  const thread = await Thread.start(t);
  await thread.run(({ agentwire, state }, buffer) => {
    state.pool = agentwire.BufferPool.attach(buffer);
    state.held = [];
  }, pool.buffer);
  return thread;
}

/** To be run by a thread: collects, and lets finalizers run. */
function collectGarbage({ require }) {
  require('node:v8').setFlagsFromString('--expose-gc');
  require('node:vm').runInNewContext('gc')();
  return new Promise((resolve) => setImmediate(resolve));
}

const throwsCode = (action, code, message = /./) => {
  assert.throws(action, (error) => {
    assert.ok(error instanceof AgentwireError, String(error.stack));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
};

describe('a buffer pool in one thread', () => {
  for (const [blockSize, maxBlocks] of [
    [1, 1],
    [64, 3],
    [100, 7],
    [4096, 600],
  ]) {
    it(`gives each of ${maxBlocks} blocks of ${blockSize} bytes once, then null`, () => {
      const pool = new BufferPool(blockSize, maxBlocks);
      assert.deepEqual([pool.blockSize, pool.maxBlocks], [blockSize, maxBlocks]);
      assert.ok(pool.buffer instanceof SharedArrayBuffer);
      const blocks = acquireAll(pool);
      assert.equal(blocks.length, maxBlocks);
      const stride = Math.ceil(blockSize / 64) * 64;
      assert.equal(pool.buffer.byteLength, headerBytes + stride * maxBlocks);
      const offsets = blocks.map((block) => block.byteOffset).sort((a, b) => a - b);
      assert.deepEqual(
        offsets,
        blocks.map((_, index) => headerBytes + index * stride),
      );
      for (const [index, block] of blocks.entries()) {
        assert.equal(block.constructor, Uint8Array);
        assert.equal(block.buffer, pool.buffer);
        assert.equal(block.length, blockSize);
        block.fill(index + 1);
      }
      for (const [index, block] of blocks.entries()) assert.ok(block.every((byte) => byte === ((index + 1) & 255)));
      assert.equal(pool.acquire(), null);
      for (const block of blocks) assert.equal(pool.release(block), undefined);
      assertAllFree(pool);
    });
  }

  it('gives the same block as the same view', () => {
    const pool = new BufferPool(64, 4);
    const blocks = new Set(acquireAll(pool));
    for (const block of blocks) pool.release(block);
    assert.deepEqual(new Set(acquireAll(pool)), blocks);
    for (const block of acquireAll(pool)) assert.ok(blocks.has(block));
  });

  it('counts', () => {
    const pool = new BufferPool(100, 10);
    const zero = { blockSize: 100, maxBlocks: 10, inUse: 0, free: 10, cached: 0, fresh: 10, exhausted: 0 };
    assert.deepEqual(pool.getStats(), { ...zero, utilization: 0, handles: 1 });
    const blocks = [pool.acquire(), pool.acquire(), pool.acquire()];
    assert.deepEqual([pool.getStats().inUse, pool.getStats().free, pool.getStats().utilization], [3, 7, 0.3]);
    blocks.push(...acquireAll(pool));
    assert.equal(pool.acquire(), null);
    const dry = pool.getStats();
    assert.deepEqual([dry.inUse, dry.free, dry.fresh, dry.exhausted, dry.utilization], [10, 0, 0, 2, 1]);
    for (const block of blocks) pool.release(block);
    const idle = pool.getStats();
    assert.deepEqual([idle.inUse, idle.free, idle.exhausted], [0, 10, 2]);
  });

  it('is dry for as long as all blocks are held, and no longer', () => {
    const pool = new BufferPool(64, 2);
    const [first, second] = acquireAll(pool);
    for (let i = 0; i < 1000; i += 1) {
      assert.equal(pool.acquire(), null);
      pool.release(first);
      assert.equal(pool.acquire(), first);
    }
    pool.release(second);
    assert.equal(pool.acquire(), second);
  });

  it('has as many pools on the same memory as one likes', () => {
    const pool = new BufferPool(64, 8);
    const other = BufferPool.attach(pool.buffer);
    assert.deepEqual([other.blockSize, other.maxBlocks, other.getStats().handles], [64, 8, 2]);
    const block = pool.acquire();
    block.fill(9);
    assert.equal(other.getStats().inUse, 1);
    // The other's view of the same block is another object.
    other.release(block);
    throwsCode(() => pool.release(block), 'ERR_AGENTWIRE_DOUBLE_RELEASE');
    const blocks = [...acquireAll(other), ...acquireAll(pool)];
    assert.equal(blocks.length, 8);
    for (const held of blocks) pool.release(held);
    assertAllFree(other);
  });

  it('takes back a view that was made over its memory, if it is exactly a block', () => {
    const pool = new BufferPool(100, 4);
    const block = pool.acquire();
    pool.release(new Uint8Array(pool.buffer, block.byteOffset, 100));
    const again = pool.acquire();
    pool.release(Buffer.from(pool.buffer, again.byteOffset, 100));
    assertAllFree(pool);
  });

  it('takes a block back once', () => {
    const pool = new BufferPool(64, 4);
    const block = pool.acquire();
    pool.release(block);
    for (let i = 0; i < 3; i += 1)
      throwsCode(() => pool.release(block), 'ERR_AGENTWIRE_DOUBLE_RELEASE', /this block is free/);
    throwsCode(() => pool.ticket(block), 'ERR_AGENTWIRE_DOUBLE_RELEASE');
    assertAllFree(pool);
  });

  it('begins with all blocks free when nobody has it any more', async (t) => {
    const thread = await Thread.start(t);
    // A pool that lives and dies elsewhere, with blocks held; only its memory comes here.
    const buffer = await thread.run(({ agentwire }) => {
      const pool = new agentwire.BufferPool(64, 4);
      pool.acquire().fill(7);
      return pool.buffer;
    });
    await thread.terminate();
    const pool = BufferPool.attach(buffer);
    const { handles, fresh, inUse } = pool.getStats();
    assert.deepEqual([handles, fresh, inUse], [1, 4, 0]);
    assertAllFree(pool);
  });
});

describe('a buffer pool of several threads', () => {
  it('gives no block to two of them, and gets all back', async (t) => {
    const pool = new BufferPool(256, 100);
    const threads = await Promise.all([1, 2, 3, 4].map(() => startThread(t, pool)));
    const work = ({ state: { pool } }, id, rounds) => {
      // Numbers that look random, the same in every run.
      let seed = id * 7919;
      const below = (bound) => {
        seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
        return (seed >>> 8) % bound;
      };
      const held = [];
      const counts = { acquired: 0, released: 0, dry: 0 };
      for (let round = 0; round < rounds; round += 1) {
        if (below(2) === 0) {
          const block = pool.acquire();
          if (block === null) {
            counts.dry += 1;
            continue;
          }
          counts.acquired += 1;
          const pattern = (id << 6) | (round & 63);
          block.fill(pattern);
          held.push({ block, pattern });
        } else if (held.length > 0) {
          const [{ block, pattern }] = held.splice(below(held.length), 1);
          if (!block.every((byte) => byte === (pattern & 255))) throw new Error('somebody else wrote into a block');
          pool.release(block);
          counts.released += 1;
        }
      }
      for (const { block, pattern } of held) {
        if (!block.every((byte) => byte === (pattern & 255))) throw new Error('somebody else wrote into a block');
        pool.release(block);
        counts.released += 1;
      }
      return counts;
    };
    const results = await Promise.all(threads.map((thread, id) => thread.run(work, id, 30_000)));
    const total = (key) => results.reduce((sum, counts) => sum + counts[key], 0);
    assert.ok(total('acquired') > 10_000);
    assert.equal(total('acquired'), total('released'));
    assert.equal(pool.getStats().exhausted, total('dry'));
    assert.equal(pool.getStats().handles, 5);
    assertAllFree(pool);
  });

  it('takes back from one thread what another one acquired', async (t) => {
    const pool = new BufferPool(64, 40);
    const thread = await startThread(t, pool);
    for (let round = 0; round < 20; round += 1) {
      const blocks = acquireAll(pool);
      assert.equal(blocks.length, 40);
      for (const [index, block] of blocks.entries()) block.fill(index);
      await thread.run(({ state: { pool } }, blocks) => {
        for (const [index, block] of blocks.entries()) {
          if (block[63] !== index) throw new Error('not the same bytes');
          pool.release(block);
        }
      }, blocks);
      assert.equal(pool.getStats().inUse, 0);
      throwsCode(() => pool.release(blocks[0]), 'ERR_AGENTWIRE_DOUBLE_RELEASE');
    }
    assertAllFree(pool);
  });

  it('finds what lies in the cache of a thread that does nothing', async (t) => {
    const pool = new BufferPool(64, 300);
    const thread = await startThread(t, pool);
    await thread.run(({ state: { pool } }) => {
      const blocks = [];
      for (let i = 0; i < 300; i += 1) blocks.push(pool.acquire());
      for (const block of blocks) pool.release(block);
    });
    assert.ok(pool.getStats().cached > 0);
    const stalled = await stall(thread);
    assert.equal(acquireAll(pool).length, 300);
    assert.equal(pool.getStats().cached, 0);
    await stalled.release();
    assert.equal(await thread.run(({ state: { pool } }) => pool.acquire()), null);
  });

  for (const how of ['terminate', 'exit', 'throw']) {
    it(`gets the blocks of a thread that dies: ${how}`, async (t) => {
      const pool = new BufferPool(64, 200);
      const threads = [];
      for (let i = 0; i < 3; i += 1) {
        const thread = await Thread.start(t, { stderr: true });
        threads.push(thread);
        const held = await thread.run(({ agentwire, state }, buffer) => {
          state.pool = agentwire.BufferPool.attach(buffer);
          state.held = Array.from({ length: 60 }, () => state.pool.acquire());
          // Some lie in its cache.
          for (const block of state.held.splice(0, 20)) state.pool.release(block);
          return state.held.length;
        }, pool.buffer);
        assert.equal(held, 40);
      }
      assert.deepEqual([pool.getStats().inUse, pool.getStats().handles], [120, 4]);
      for (const thread of threads) {
        if (how === 'terminate') await thread.terminate();
        else thread.start(how === 'exit' ? () => process.exit() : () => setImmediate(() => null.nothing));
        await thread.exited;
      }
      const { inUse, free, cached, handles } = pool.getStats();
      assert.deepEqual({ inUse, free, cached, handles }, { inUse: 0, free: 200, cached: 0, handles: 1 });
      assertAllFree(pool);
    });
  }

  it('gets everything back from threads that are terminated in the midst of their work', async (t) => {
    const pool = new BufferPool(64, 64);
    for (let round = 0; round < 10; round += 1) {
      const threads = await Promise.all([1, 2].map(() => startThread(t, pool)));
      const began = new Int32Array(new SharedArrayBuffer(4));
      for (const thread of threads) {
        thread.start(({ state: { pool } }, began) => {
          const held = [];
          for (let i = 0; ; i += 1) {
            if (i === 1000) Atomics.add(began, 0, 1);
            if (i % 3 !== 2) held.push(pool.acquire());
            else if (held.length > 40) for (const block of held.splice(0)) if (block !== null) pool.release(block);
          }
        }, began);
      }
      await waitUntil(() => Atomics.load(began, 0) === 2, 'the threads to work');
      await Promise.all(threads.map((thread) => thread.terminate()));
      assertAllFree(pool);
    }
  });

  it('gets the blocks of a pool object that was collected', async (t) => {
    const pool = new BufferPool(64, 50);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire }, buffer) => {
      const own = agentwire.BufferPool.attach(buffer);
      for (let i = 0; i < 10; i += 1) own.acquire();
      own.release(own.acquire());
    }, pool.buffer);
    await waitUntil(async () => {
      await thread.run(collectGarbage);
      return pool.getStats().handles === 1;
    }, 'the collection');
    assertAllFree(pool);
  });

  it('keeps a pool object for as long as one of its views is in use', async (t) => {
    const pool = new BufferPool(64, 50);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, buffer) => {
      state.block = agentwire.BufferPool.attach(buffer).acquire();
    }, pool.buffer);
    for (let i = 0; i < 5; i += 1) await thread.run(collectGarbage);
    assert.deepEqual([pool.getStats().handles, pool.getStats().inUse], [2, 1]);
    await thread.run(({ state }) => {
      state.block = null;
    });
    await waitUntil(async () => {
      await thread.run(collectGarbage);
      return pool.getStats().handles === 1;
    }, 'the collection');
    assertAllFree(pool);
  });
});

describe('a ticket', () => {
  it('lets a block outlive the thread that acquired it', async (t) => {
    const pool = new BufferPool(64, 10);
    const thread = await startThread(t, pool);
    const sent = await thread.run(({ state: { pool, held } }) => {
      const block = pool.acquire().fill(42);
      held.push(block, pool.acquire());
      return { block, ticket: pool.ticket(block), lost: pool.ticket(held[1]) };
    });
    assert.equal(pool.getStats().inUse, 2);
    const mine = pool.adopt(sent.ticket);
    assert.deepEqual([mine.byteOffset, mine.length], [sent.block.byteOffset, 64]);
    assert.equal(mine.buffer, pool.buffer);
    await thread.terminate();
    assert.equal(pool.getStats().inUse, 1, 'the other one went back');
    assert.equal(pool.adopt(sent.lost), null);
    assert.ok(mine.every((byte) => byte === 42));
    assert.ok(!acquireAll(pool).includes(mine));
    pool.release(mine);
    assert.equal(pool.adopt(sent.ticket), null);
  });

  it('goes from thread to thread', async (t) => {
    const pool = new BufferPool(64, 10);
    const threads = await Promise.all([1, 2, 3].map(() => startThread(t, pool)));
    let ticket = pool.ticket(pool.acquire().fill(0));
    for (let hop = 1; hop <= 30; hop += 1) {
      const thread = threads[hop % 3];
      ticket = await thread.run(
        ({ state: { pool, held } }, ticket, hop) => {
          const block = pool.adopt(ticket);
          if (block[0] !== hop - 1) throw new Error('not the same bytes');
          held[0] = block.fill(hop);
          return pool.ticket(block);
        },
        ticket,
        hop,
      );
    }
    await Promise.all(threads.slice(1).map((thread) => thread.terminate()));
    assert.equal(pool.getStats().inUse, 1, 'the last one has it');
    await threads[0].terminate();
    assertAllFree(pool);
  });

  it('is good for one holding', () => {
    const pool = new BufferPool(64, 1);
    const tickets = new Set();
    for (let i = 0; i < 100; i += 1) {
      const block = pool.acquire();
      for (const old of tickets) assert.equal(pool.adopt(old), null);
      const ticket = pool.ticket(block);
      assert.ok(Number.isSafeInteger(ticket));
      assert.equal(pool.ticket(block), ticket);
      assert.equal(pool.adopt(ticket), block);
      tickets.add(ticket);
      pool.release(block);
    }
    assert.equal(tickets.size, 100);
    assertAllFree(pool);
  });

  it('cannot be forged into anything but a block that is held', () => {
    const pool = new BufferPool(64, 4);
    const block = pool.acquire();
    const real = pool.ticket(block);
    for (const forged of [0, 1, 3, 4, 2 ** 25, 2 ** 32, real + 1, real + 2 ** 24, 2 ** 53 - 1]) {
      assert.equal(pool.adopt(forged), null);
    }
    for (const wrong of [
      -1,
      -real,
      0.5,
      real + 0.5,
      2 ** 53,
      1e300,
      Number.NaN,
      Infinity,
      -Infinity,
      '1',
      1n,
      null,
      undefined,
      {},
    ]) {
      throwsCode(() => pool.adopt(wrong), 'ERR_AGENTWIRE_ARGUMENT', /ticket must be/);
    }
    assert.equal(pool.adopt(real), block);
    assert.equal(pool.getStats().inUse, 1);
  });
});

describe('memory that is scribbled over', () => {
  it('spoils the content of blocks and nothing else', async (t) => {
    const pool = new BufferPool(64, 64);
    const threads = await Promise.all([1, 2].map(() => startThread(t, pool)));
    const scribbler = await Thread.start(t);
    const stop = new Int32Array(new SharedArrayBuffer(8));
    const scribbling = scribbler.run(
      (_tools, buffer, stop) => {
        const bytes = new Uint8Array(buffer);
        for (let i = 1; Atomics.load(stop, 0) === 0; i += 1) {
          bytes.fill(i & 255);
          Atomics.store(stop, 1, i);
        }
      },
      pool.buffer,
      stop,
    );
    await waitUntil(() => Atomics.load(stop, 1) > 0, 'the scribbler');
    const work = ({ state: { pool } }) => {
      let acquired = 0;
      for (let round = 0; round < 500; round += 1) {
        const blocks = [];
        for (let i = 0; i < 20; i += 1) blocks.push(pool.acquire());
        for (const block of blocks) {
          acquired += 1;
          if (pool.adopt(pool.ticket(block)) !== block) throw new Error('another block');
          block.fill(round);
          pool.release(block);
        }
        if (new Set(blocks).size !== 20) throw new Error('the same block twice');
      }
      return acquired;
    };
    assert.deepEqual(await Promise.all(threads.map((thread) => thread.run(work))), [10_000, 10_000]);
    // A thread that comes later finds the pool by its memory, whatever is written there.
    const late = await startThread(t, pool);
    assert.equal(await late.run(({ state: { pool } }) => pool.maxBlocks), 64);
    Atomics.store(stop, 0, 1);
    await scribbling;
    assertAllFree(pool);
  });

  it('is no pool any more when nobody has it', async (t) => {
    const thread = await Thread.start(t);
    const buffer = await thread.run(({ agentwire }) => new agentwire.BufferPool(64, 4).buffer);
    await thread.terminate();
    new Uint8Array(buffer).fill(255);
    throwsCode(() => BufferPool.attach(buffer), 'ERR_AGENTWIRE_FOREIGN_MEMORY');
  });
});

describe('bad input', () => {
  const sizes = [0, -1, 0.5, Number.NaN, Infinity, '64', 64n, null, undefined, {}, 2 ** 53];
  it('sizes that cannot be', () => {
    for (const wrong of [...sizes, 2 ** 30 + 1]) {
      throwsCode(
        () => new BufferPool(wrong, 4),
        'ERR_AGENTWIRE_ARGUMENT',
        /blockSize must be an integer from 1 to 1,073,741,824 \(bytes\)/,
      );
    }
    for (const wrong of [...sizes, 2 ** 24 + 1]) {
      throwsCode(
        () => new BufferPool(64, wrong),
        'ERR_AGENTWIRE_ARGUMENT',
        /maxBlocks must be an integer from 1 to 16,777,216/,
      );
    }
    assert.throws(() => BufferPool(64, 4), TypeError);
  });

  it('more than the machine has', () => {
    for (const [blockSize, maxBlocks] of [
      [2 ** 30, 2 ** 24],
      [2 ** 24, 2 ** 24],
    ]) {
      throwsCode(() => new BufferPool(blockSize, maxBlocks), 'ERR_AGENTWIRE_OUT_OF_MEMORY', /ask for less/);
    }
  });

  it('attach to what is no pool', () => {
    const pool = new BufferPool(64, 4);
    for (const wrong of [new ArrayBuffer(512), new Uint8Array(pool.buffer), pool, null, undefined, 1, 'buffer', {}]) {
      throwsCode(() => BufferPool.attach(wrong), 'ERR_AGENTWIRE_ARGUMENT', /the \.buffer of a BufferPool/);
    }
    for (const length of [0, 8, 127, 128, 384, 4096]) {
      const code = length === 0 ? /ERR_AGENTWIRE_(ARGUMENT|FOREIGN_MEMORY)/ : /ERR_AGENTWIRE_FOREIGN_MEMORY/;
      assert.throws(() => BufferPool.attach(new SharedArrayBuffer(length)), { name: 'AgentwireError', code });
    }
    const header = new Uint8Array(pool.buffer, 0, headerBytes);
    // A copy of a pool's memory is a pool of its own; another length is not, nor are other numbers.
    const copy = (length, change = () => {}) => {
      const buffer = new SharedArrayBuffer(length);
      const bytes = new Uint8Array(buffer);
      bytes.set(header);
      change(new DataView(buffer));
      return buffer;
    };
    const length = pool.buffer.byteLength;
    assert.equal(BufferPool.attach(copy(length)).getStats().free, 4);
    const spoilt = [
      copy(length + 64),
      copy(length - 64),
      copy(length, (view) => view.setUint8(0, 0)),
      copy(length, (view) => view.setUint32(8, 2, true)),
      copy(length, (view) => view.setUint32(12, 0, true)),
      copy(length, (view) => view.setUint32(12, 0xffffffff, true)),
      copy(length, (view) => view.setUint32(16, 5, true)),
      copy(length, (view) => view.setUint32(16, 0xffffffff, true)),
    ];
    for (const buffer of spoilt) throwsCode(() => BufferPool.attach(buffer), 'ERR_AGENTWIRE_FOREIGN_MEMORY');
  });

  it('attach to memory that grows', (t) => {
    const growable = new SharedArrayBuffer(512, { maxByteLength: 1024 });
    if (growable.growable !== true) return t.skip('this Node.js has no growable SharedArrayBuffers');
    throwsCode(() => BufferPool.attach(growable), 'ERR_AGENTWIRE_ARGUMENT', /fixed length/);
  });

  it('release of what is no block of this pool', () => {
    const pool = new BufferPool(100, 4);
    const other = new BufferPool(100, 4);
    const block = pool.acquire();
    const foreign = other.acquire();
    const detached = new Uint8Array(100);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    const wrong = [
      foreign,
      new Uint8Array(100),
      new Uint8Array(0),
      Buffer.alloc(100),
      detached,
      block.subarray(0, 99),
      block.subarray(1),
      block.slice(),
      new Uint8Array(pool.buffer),
      new Uint8Array(pool.buffer, 0, 100),
      new Uint8Array(pool.buffer, block.byteOffset, 101),
      new Uint8Array(pool.buffer, block.byteOffset + 1, 100),
      new Int8Array(pool.buffer, block.byteOffset, 100),
      new Uint8ClampedArray(pool.buffer, block.byteOffset, 100),
      new DataView(pool.buffer, block.byteOffset, 100),
      new Proxy(block, {}),
      Object.create(block),
      { byteOffset: block.byteOffset, buffer: pool.buffer, length: 100 },
      pool.buffer,
      null,
      undefined,
      0,
      'block',
      () => {},
    ];
    for (const value of wrong) {
      throwsCode(() => pool.release(value), 'ERR_AGENTWIRE_NOT_FROM_POOL', /is no block of this pool/);
      throwsCode(() => pool.ticket(value), 'ERR_AGENTWIRE_NOT_FROM_POOL');
    }
    assert.deepEqual([pool.getStats().inUse, other.getStats().inUse], [1, 1]);
    pool.release(block);
    other.release(foreign);
    // A block that nobody ever acquired.
    const fresh = new Uint8Array(other.buffer, headerBytes + 3 * 128, 100);
    throwsCode(() => other.release(fresh), 'ERR_AGENTWIRE_DOUBLE_RELEASE');
  });

  it('errors have their class', () => {
    assert.throws(() => new BufferPool(0, 1), AgentwireArgumentError);
  });

  it('more handles than there may be', async () => {
    const pool = new BufferPool(64, 4);
    const handles = [];
    throwsCode(
      () => {
        for (let i = 0; i < 2000; i += 1) handles.push(BufferPool.attach(pool.buffer));
      },
      'ERR_AGENTWIRE_TOO_MANY_HANDLES',
      /1023 handles/,
    );
    assert.equal(handles.length, 1022);
    const block = handles[1000].acquire();
    handles[0].release(block);
    await turn();
    assert.equal(pool.getStats().inUse, 0);
  });
});
