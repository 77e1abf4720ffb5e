// One of two threads that use the same buffer pool at the same time.
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

const { BufferPool } = createRequire(import.meta.url)('../../index.js');
const { role } = workerData;
const mark = role === 'publisher' ? 1 : 2;

/** Takes a block, marks it, looks whether the mark is still there, and gives it back: how often it was not. */
function use(pool, repeats) {
  let spoilt = 0;
  for (let index = 0; index < repeats; index++) {
    const block = pool.acquire();
    block[0] = mark;
    block[block.length - 1] = index;
    if (block[0] !== mark || block[block.length - 1] !== (index & 255)) spoilt++;
    pool.release(block);
  }
  return spoilt;
}

let pool;
parentPort.on('message', ({ buffer, gate, repeats }) => {
  pool ??= BufferPool.attach(buffer);
  const arrived = new Int32Array(gate);
  if (role === 'subscriber') parentPort.postMessage('listening');
  let spoilt = use(pool, repeats / 10);
  // Both begin at the same moment. Whoever is first waits asleep, for a machine of one core.
  if (Atomics.add(arrived, 0, 1) === 0) Atomics.wait(arrived, 0, 1);
  else Atomics.notify(arrived, 0);
  const start = process.hrtime.bigint();
  spoilt += use(pool, repeats);
  const end = process.hrtime.bigint();
  parentPort.postMessage({ [role]: Number(end - start) / repeats, start, end, spoilt });
});
parentPort.postMessage('ready');
