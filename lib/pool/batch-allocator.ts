import { checkInteger } from '../checks';
import { AgentwireError, describe } from '../errors';

/** The figures of a batch allocator. */
export interface BatchAllocatorStats {
  /** Bytes of each buffer. */
  bufferSize: number;
  /** Most buffers that are kept for the next batch. */
  batchSize: number;
  /** Buffers handed out since the last `reset()`. */
  allocated: number;
  /** Buffers that the allocator holds: those of this batch, and those that the next allocations hand out again. */
  kept: number;
  /** Bytes of those. */
  keptBytes: number;
  /** Buffers made since the beginning; every other allocation handed out an old one. */
  created: number;
  /** Kept buffers that had lost their memory, such as by a transfer, and were replaced. They are part of `created`. */
  replaced: number;
}

const MOST_BYTES = 2 ** 32;
const MOST_BUFFERS = 2 ** 30;

/**
 * Buffers of one size for work that comes in batches: each `allocate()` hands out another one, and `reset()` at the end of the
 * batch makes all of them available again, in the same order. No buffer is handed out twice without a `reset()` between.
 *
 * Buffers are made when they are first asked for. Those of a batch beyond `batchSize` are made each time and left to the
 * collector.
 *
 * A new buffer holds zeros, one that is used again what its last user left in it: filling 8 KiB with zeros makes an allocation
 * ten times as expensive, and most users write over them anyway. `new Uint8Array(buffer).fill(0)` does it where it matters.
 */
export class BatchAllocator {
  readonly #bufferSize: number;
  readonly #batchSize: number;
  readonly #kept: ArrayBuffer[] = [];
  #allocated = 0;
  #created = 0;
  #replaced = 0;

  constructor(bufferSize = 8192, batchSize = 1000) {
    this.#bufferSize = checkInteger('bufferSize', bufferSize, 1, MOST_BYTES, 'bytes');
    this.#batchSize = checkInteger('batchSize', batchSize, 1, MOST_BUFFERS, 'buffers');
  }

  /** A buffer of `bufferSize` bytes that was not handed out since the last `reset()`. */
  allocate(): ArrayBuffer {
    const index = this.#allocated;
    const buffer = index < this.#kept.length ? this.#reuse(index) : this.#add();
    this.#allocated += 1;
    return buffer;
  }

  /** Ends the batch. Its buffers must not be used any more: the next allocations hand them out again. */
  reset(): void {
    this.#allocated = 0;
  }

  /** The figures at this moment. */
  getStats(): BatchAllocatorStats {
    const kept = this.#kept.length;
    return {
      bufferSize: this.#bufferSize,
      batchSize: this.#batchSize,
      allocated: this.#allocated,
      kept,
      keptBytes: kept * this.#bufferSize,
      created: this.#created,
      replaced: this.#replaced,
    };
  }

  #reuse(index: number): ArrayBuffer {
    const old = this.#kept[index];
    // A buffer that was transferred has no bytes left.
    if (old.byteLength === this.#bufferSize) return old;
    const buffer = this.#create();
    this.#replaced += 1;
    this.#kept[index] = buffer;
    return buffer;
  }

  #add(): ArrayBuffer {
    const buffer = this.#create();
    if (this.#kept.length < this.#batchSize) this.#kept.push(buffer);
    return buffer;
  }

  #create(): ArrayBuffer {
    let buffer: ArrayBuffer;
    try {
      buffer = new ArrayBuffer(this.#bufferSize);
    } catch (cause) {
      throw new AgentwireError(
        'ERR_AGENTWIRE_OUT_OF_MEMORY',
        `a buffer of ${this.#bufferSize.toLocaleString('en')} bytes could not be had: ${this.#allocated.toLocaleString('en')} ` +
          `were handed out since the last reset() (${describe((cause as Error).message)}); reset() more often, or ask for ` +
          'smaller ones',
        { cause },
      );
    }
    this.#created += 1;
    return buffer;
  }
}
