import { checkName } from '../checks';
import { AgentwireArgumentError, AgentwireError, quote } from '../errors';
import { native } from '../native';
import { BufferPool } from '../pool/buffer-pool';
import { ObjectPool } from '../pool/object-pool';
import { ZeroCopyRingBuffer } from '../ring/zero-copy-ring-buffer';
import { MemoryMappedBuffer } from '../stream/memory-mapped-buffer';
import type { PoolSample } from './sample';

/** What a monitor can watch: how full it is. */
export type Watchable = BufferPool | ObjectPool<object> | ZeroCopyRingBuffer | MemoryMappedBuffer;

/** What is read of it each time. `exhausted` counts from its beginning. */
type Reading = Omit<PoolSample, 'name'>;

const LONGEST_NAME = 256;
/** The memory for messages of all buses, which is always watched. */
const MESSAGES = 'messages';

/** Pools, rings and streams that a monitor was told to watch, and the memory for messages. */
export class WatchedPools {
  private readonly watched = new Map<string, () => Reading>();
  private exhausted = new Map<string, number>();

  /** Watches it until the returned function is called. */
  watch(pool: Watchable, name: string): () => void {
    // Exports are UTF-8, in which two names with halves of pairs would be one, and a scraper refuses a text that has a series twice.
    checkName('name', name, LONGEST_NAME);
    if (name === MESSAGES || this.watched.has(name)) {
      throw new AgentwireError(
        'ERR_AGENTWIRE_ARGUMENT',
        `something is watched under the name ${quote(name)} already; choose another one`,
      );
    }
    const read = readerOf(pool);
    this.watched.set(name, read);
    this.exhausted.set(name, read().exhausted);
    return () => {
      if (this.watched.get(name) === read) this.watched.delete(name);
    };
  }

  look(): PoolSample[] {
    const before = this.exhausted;
    this.exhausted = new Map();
    const samples = [{ name: MESSAGES, ...messages() }];
    for (const [name, read] of this.watched) {
      let reading: Reading;
      try {
        reading = read();
      } catch {
        // It was closed: nobody watches it any more.
        this.watched.delete(name);
        continue;
      }
      this.exhausted.set(name, reading.exhausted);
      samples.push({ name, ...reading, exhausted: Math.max(0, reading.exhausted - (before.get(name) ?? 0)) });
    }
    return samples;
  }
}

function messages(): Reading {
  const { inUse, capacity } = native.messageMemory();
  return { kind: 'messages', inUse, capacity, utilization: inUse / capacity, exhausted: 0 };
}

function readerOf(pool: Watchable): () => Reading {
  if (pool instanceof BufferPool) {
    return () => {
      const { inUse, maxBlocks, utilization, exhausted } = pool.getStats();
      return { kind: 'buffer-pool', inUse, capacity: maxBlocks, utilization, exhausted };
    };
  }
  if (pool instanceof ObjectPool) {
    return () => {
      // It is never out of objects; but one that it had to make was not there.
      const { inUse, maxPoolSize, created } = pool.getStats();
      const utilization = maxPoolSize === 0 ? 0 : Math.min(1, inUse / maxPoolSize);
      return { kind: 'object-pool', inUse, capacity: maxPoolSize, utilization, exhausted: created };
    };
  }
  if (pool instanceof ZeroCopyRingBuffer) {
    return () => {
      const { currentSize, capacity, utilization } = pool.getStats();
      return { kind: 'ring', inUse: currentSize, capacity: capacity - 1, utilization, exhausted: 0 };
    };
  }
  if (pool instanceof MemoryMappedBuffer) {
    return () => {
      const { used, capacity, utilization } = pool.getStats();
      return { kind: 'stream', inUse: used, capacity, utilization, exhausted: 0 };
    };
  }
  throw new AgentwireArgumentError('pool', 'a BufferPool, ObjectPool, ZeroCopyRingBuffer or MemoryMappedBuffer', pool);
}
