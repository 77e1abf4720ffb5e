// What only the compiler checks: the types of a buffer pool.
import { BufferPool, type BufferPoolStats } from 'agentwire';

const pool: BufferPool = new BufferPool(4096, 16);
const buffer: SharedArrayBuffer = pool.buffer;
const attached: BufferPool = BufferPool.attach(buffer);
const block: Uint8Array | null = attached.acquire();
if (block !== null) {
  const ticket: number = pool.ticket(block);
  const adopted: Uint8Array | null = pool.adopt(ticket);
  pool.release(adopted ?? block);
}
const stats: BufferPoolStats = pool.getStats();
const utilization: number = stats.utilization;

// @ts-expect-error A pool that is dry gives null, which is to be checked before it is used.
pool.acquire().fill(0);
// @ts-expect-error A pool has a number of blocks.
new BufferPool(4096);
// @ts-expect-error Only shared memory is attached to.
BufferPool.attach(new Uint8Array(8));
// @ts-expect-error A block is an array, not its index.
pool.release(0);
// @ts-expect-error The figures are to be read.
stats.inUse = 0;
// @ts-expect-error So are the pool's sizes.
pool.blockSize = 1;

export { utilization };
