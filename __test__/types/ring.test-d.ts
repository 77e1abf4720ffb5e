// What only the compiler checks: the types of the ring, from the root and from the sub-path.
import type * as root from 'agentwire';
import {
  type BorrowedItem,
  type DequeueAsyncOptions,
  globalMessageBuffer,
  type RingClaim,
  type RingStats,
  ZeroCopyRingBuffer,
} from 'agentwire/zero-copy-structures';

const ring: ZeroCopyRingBuffer = new ZeroCopyRingBuffer();
const same: root.ZeroCopyRingBuffer = new ZeroCopyRingBuffer(16, 64);
const attached: ZeroCopyRingBuffer = ZeroCopyRingBuffer.attach(ring.buffer);
const shared: SharedArrayBuffer = ring.buffer;
const isIn: boolean = ring.enqueue(Buffer.from('bytes'));
const count: number =
  ring.enqueueBatch([new Uint8Array(1)]) + ring.enqueuePacked(new Uint8Array(1), new Uint32Array(1), 1);
const item: Uint8Array | null = ring.dequeue(5) ?? ring.peek();
const options: DequeueAsyncOptions = { signal: new AbortController().signal };
const pending: Promise<Uint8Array | null> = ring.dequeueAsync(Number.POSITIVE_INFINITY, options);
const length: number = ring.dequeueInto(new Uint8Array(1)) + ring.drainInto(new Uint8Array(1), new Uint32Array(1));
const items: Uint8Array[] = ring.drain(1, 2);
const claim: RingClaim | null = ring.claim();
claim?.bytes.fill(1);
claim?.commit(1);
claim?.abandon();
const borrowed: BorrowedItem | null = ring.borrow();
borrowed?.release();
const isTaken: boolean = item !== null && ring.recycle(item);
const stats: RingStats = globalMessageBuffer.getStats();
const figures: number =
  stats.capacity + stats.itemSize + stats.currentSize + stats.utilization + stats.damaged + stats.blockedConsumers;
const isFull: boolean = ring.isFull() && ring.isEmpty() && ring.size() + ring.clear() > 0;

// @ts-expect-error An item may be missing.
ring.dequeue().length;
// @ts-expect-error A claim may be missing.
ring.claim().commit();
// @ts-expect-error Items are bytes.
ring.enqueue('text');
// @ts-expect-error Items are bytes, not words.
ring.enqueue(new Uint16Array(1));
// @ts-expect-error A ring lies in shared memory.
ZeroCopyRingBuffer.attach(new ArrayBuffer(8));
// @ts-expect-error A ring is attached to by its buffer alone.
new ZeroCopyRingBuffer(undefined, undefined, new Uint8Array(1));
// @ts-expect-error No such option.
ring.dequeueAsync(1, { sgnal: undefined });

export { attached, count, figures, isFull, isIn, isTaken, items, length, pending, same, shared };
