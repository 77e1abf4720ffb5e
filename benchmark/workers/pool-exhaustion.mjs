// One of several threads that take blocks of a buffer pool until there are none left, and give them back.
import { parentPort, workerData } from 'node:worker_threads';
import { BufferPool } from '../../index.mjs';

const { buffers, number: thread, progress } = workerData;
/** By name: one pool that is exhausted again and again, and one that never is. */
const pools = Object.fromEntries(Object.entries(buffers).map(([name, buffer]) => [name, BufferPool.attach(buffer)]));
/** A byte that says whose block it is. */
const mark = thread + 1;
let held = [];

const acts = {
  /** Takes all that can be had; none may be in other hands. */
  take({ pool: name, most = Number.POSITIVE_INFINITY }) {
    const pool = pools[name];
    let isExhausted = false;
    while (held.length < most) {
      const block = pool.acquire();
      if (block === null) {
        isExhausted = true;
        break;
      }
      block.fill(mark);
      held.push(block);
      progress[thread]++;
    }
    return { taken: held.length, isExhausted };
  },
  give({ pool: name }) {
    const spoilt = held.filter((block) => block.some((byte) => byte !== mark)).length;
    for (const block of held) pools[name].release(block);
    held = [];
    return { spoilt };
  },
  /** ns for a block taken, written to and given back, while the other threads do the same. */
  time({ pool: name, repeats }) {
    const pool = pools[name];
    const start = process.hrtime.bigint();
    for (let index = 0; index < repeats; index++) {
      const block = pool.acquire();
      block[0] = mark;
      pool.release(block);
    }
    progress[thread]++;
    return { ns: Number(process.hrtime.bigint() - start) / repeats };
  },
};

parentPort.on('message', ({ act, order }) => parentPort.postMessage(acts[act](order)));
parentPort.postMessage('ready');
