// Threads that share one pool of buffers: workers fill blocks, the main thread reads them in place. Run: node examples/buffer-pool.mjs
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { BufferPool } from 'agentwire';

const frames = 1000;

if (isMainThread) {
  const pool = new BufferPool(64 * 1024, 16);
  const workers = ['north', 'south'].map(
    (name) => new Worker(new URL(import.meta.url), { workerData: { name, buffer: pool.buffer } }),
  );
  const bytes = new Map();
  for (const worker of workers) {
    worker.on('message', ({ name, block }) => {
      bytes.set(name, (bytes.get(name) ?? 0) + block[block.length - 1]);
      pool.release(block); // acquired there, released here: nothing was copied
    });
  }
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  for (const [name, sum] of bytes) console.log(`${name}: ${frames} frames, checksum ${sum}`);
  const { maxBlocks, blockSize, inUse, fresh, exhausted } = pool.getStats();
  console.log(`${maxBlocks} blocks of ${blockSize / 1024} KiB: ${maxBlocks - fresh} were used, ${inUse} are held`);
  console.log(`a worker found the pool dry ${exhausted > 0 ? 'now and then' : 'never'}, and waited a turn`);
} else {
  const { name, buffer } = workerData;
  const pool = BufferPool.attach(buffer);
  for (let frame = 0; frame < frames; frame += 1) {
    let block = pool.acquire();
    while (block === null) {
      await new Promise((resolve) => setImmediate(resolve)); // dry: the main thread has not kept up
      block = pool.acquire();
    }
    block.fill(frame);
    // What this thread holds goes back when it ends, so the last frames stay until they were read.
    parentPort.postMessage({ name, block });
  }
  while (pool.getStats().inUse > 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
