import { createRequire } from 'node:module';
import { mediansOf } from '../beside.mjs';
import { timeBeside } from '../clock.mjs';
import { nanoseconds } from '../stats.mjs';

const { BufferPool, ObjectPool } = createRequire(import.meta.url)('../../index.js');

const BLOCK_BYTES = 4096;
const BLOCKS = 256;

/** Row 8: an object or a block of memory, taken, touched and given back. */
export async function pools(run) {
  return [await objects(run), await blocks(run)];
}

class Task {
  id = 0;
  name = '';
  next = null;
}

async function objects(run) {
  const pool = new ObjectPool(
    () => new Task(),
    (task) => {
      task.id = 0;
      task.name = '';
      task.next = null;
    },
  );
  let sum = 0;
  const { pooled, made } = await timeBeside(
    run,
    'row 8, objects',
    {
      pooled(count) {
        for (let index = 0; index < count; index++) {
          const task = pool.acquire();
          task.id = index;
          sum += task.id;
          pool.release(task);
        }
      },
      // What the pool saves: an object that the collector has to clear away. It is kept for a moment, or none would be made.
      made(count) {
        const recent = new Array(1024).fill(null);
        for (let index = 0; index < count; index++) {
          const task = new Task();
          task.id = index;
          sum += task.id;
          recent[index & 1023] = task;
        }
      },
    },
    { repeats: run.pick(1_000_000, 5_000_000, 10_000_000) },
  );
  const { created, acquired } = pool.getStats();
  if (created !== 1 || sum < acquired) throw new Error('the object pool did not hand out what it was given');
  run.say(`row 8: objects ${nanoseconds(pooled)}, new ones ${nanoseconds(made)}`);
  return {
    row: '8',
    work: 'object pool, one thread: acquire + release',
    figure: nanoseconds(pooled),
    peer: `new object ${nanoseconds(made)}`,
    ratio: `${(pooled / made).toFixed(2)} x`,
    must: { text: '< 1 us', ok: pooled < 1000 },
    aim: { text: '15 ns', ok: pooled <= 15 },
  };
}

/** Two threads at once, each with blocks of its own in hand: ns for each of them, the slower one. */
async function blocks({ pair, pick, beside }) {
  const work = 'buffer pool, two threads at once: acquire + release';
  // One pool for all rounds, as a program has one: see docs/measuring.md for what several cost.
  const { buffer } = new BufferPool(BLOCK_BYTES, BLOCKS);
  const options = { transports: ['agentwire'], rounds: pick(3, 5, 7), text: nanoseconds };
  const seen = await beside('row 8, blocks', options, async () => {
    const gate = new SharedArrayBuffer(4);
    const repeats = pick(1_000_000, 2_000_000, 5_000_000);
    const { publisher, subscriber, spoilt } = await pair.round({ buffer, gate, repeats });
    if (spoilt !== 0) throw new Error('a block was in two hands');
    return Math.max(publisher, subscriber);
  });
  const { agentwire: ns } = mediansOf(seen);
  return {
    row: '8',
    work,
    figure: nanoseconds(ns),
    peer: '-',
    ratio: '',
    must: { text: '< 1 us', ok: ns < 1000 },
    aim: { text: '60 ns', ok: ns <= 60 },
  };
}
