/** The sub-path `agentwire/zero-copy-structures`: the names of the module that it takes the place of. */
import { ZeroCopyRingBuffer } from '../ring/zero-copy-ring-buffer';
import { MemoryMappedBuffer } from '../stream/memory-mapped-buffer';
import { lazily } from './lazily';

export { BatchAllocator, type BatchAllocatorStats } from '../pool/batch-allocator';
export { BufferPool, type BufferPoolStats } from '../pool/buffer-pool';
export { ObjectPool, type ObjectPoolOptions, type ObjectPoolStats } from '../pool/object-pool';
export { BorrowedItem, RingClaim } from '../ring/in-place';
export { type DequeueAsyncOptions, type RingStats, ZeroCopyRingBuffer } from '../ring/zero-copy-ring-buffer';
export { MemoryMappedBuffer, type MemoryMappedBufferStats } from '../stream/memory-mapped-buffer';
export type { AbortSignalLike } from '../wait/abort';

/** This thread's ring of the default size, made when it is first used. Other threads attach to its `.buffer`. */
export const globalMessageBuffer: ZeroCopyRingBuffer = lazily(
  ZeroCopyRingBuffer.prototype,
  () => new ZeroCopyRingBuffer(),
);

/** This thread's byte stream of the default size, made when it is first used. Other threads attach to its `.buffer`. */
export const globalStreamBuffer: MemoryMappedBuffer = lazily(
  MemoryMappedBuffer.prototype,
  () => new MemoryMappedBuffer(),
);
