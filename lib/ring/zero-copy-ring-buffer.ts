import { Attached } from '../attached';
import {
  allocateShared,
  checkBytes,
  checkInteger,
  checkSharedBuffer,
  checkTimeout,
  isGone,
  lostMemory,
} from '../checks';
import { AgentwireArgumentError, AgentwireError, AgentwireRangeError, withContext } from '../errors';
import { RingLimit, RingResult } from '../generated/layout';
import { native } from '../native';
import type { AbortSignalLike } from '../wait/abort';
import type { ThreadBell } from '../wait/thread-bell';
import { AsyncConsumers } from './async-consumers';
import { BorrowedItem, RingClaim } from './in-place';
import { MOST_ON_HEAP, PrivateCopies } from './private-copies';

export interface RingStats {
  /** As it was made: one more than the items that it holds. */
  capacity: number;
  /** As it was made: four more than the bytes of an item. */
  itemSize: number;
  /** Items that are there, claimed slots included. */
  currentSize: number;
  /** Items that are there by items that it holds, 0 to 1. */
  utilization: number;
  /** Items put in since the ring was made, slots that were abandoned included. */
  enqueued: number;
  /** Items taken out since the ring was made, by whatever way. */
  dequeued: number;
  /** Items with an impossible length that were passed over: somebody has written over the shared memory. */
  damaged: number;
  /** Threads that are blocked in `dequeue`. */
  blockedConsumers: number;
}

export interface DequeueAsyncOptions {
  /** Ends the wait: the promise rejects with the signal's reason. */
  signal?: AbortSignalLike | undefined;
}

/** Bytes through which batches go, and at least one item. */
const BATCH_BYTES = 256 * 1024;
/** Items of a batch that cross at once. */
const BATCH_ITEMS = 4096;
/** Two numbers behind the item in the scratch: where a slot is, and how long its item. */
const SCRATCH_WORDS = 16;
/** The ring's first byte: the A of AWRG. */
const FIRST_BYTE = 0x41;
/** Longest that a blocked thread stays in native code, so that `terminate()` reaches it. */
const SLICE_MS = 10;

type Functions = ReturnType<InstanceType<typeof native.NativeRing>['functions']>;

/**
 * A bounded ring of items for any number of producers and consumers in any threads, over one SharedArrayBuffer.
 *
 * Make it in one thread, hand `.buffer` to others (`workerData`, `postMessage`), and `ZeroCopyRingBuffer.attach(buffer)` there.
 * First in, first out; each item goes to one consumer. It holds `capacity - 1` items of up to `itemSize - 4` bytes. Memory is
 * committed as slots are touched, so a large ring that stays nearly empty is small.
 *
 * A thread that ends at any moment leaves a ring that works.
 */
export class ZeroCopyRingBuffer {
  readonly #memory: Uint8Array;
  readonly #native: InstanceType<typeof native.NativeRing>;
  readonly #mostBytes: number;
  readonly #capacity: number;
  readonly #enqueue: Functions['enqueue'];
  readonly #enqueueScratch: Functions['enqueueScratch'];
  readonly #enqueuePacked: Functions['enqueuePacked'];
  readonly #dequeueInto: Functions['dequeueInto'];
  readonly #dequeueToScratch: Functions['dequeueToScratch'];
  readonly #drainInto: Functions['drainInto'];
  readonly #size: Functions['size'];
  readonly #functions: Functions;
  readonly #copies = new PrivateCopies();
  readonly #consumers = new AsyncConsumers({
    dequeue: () => this.#dequeueNow(),
    callForItem: (bell: ThreadBell) => this.#native.callForItem(bell.native),
  });
  /** Where native puts one item; made with the first use. */
  #scratch: Uint8Array | undefined;
  #scratchWords: Float64Array | undefined;
  #batch: { bytes: Uint8Array; lengths: Uint32Array } | undefined;

  /**
   * @param capacity 2 to 2^28: one more than the items that the ring holds.
   * @param itemSize bytes of the largest item, and four for its length: a multiple of four, 8 to 2^30.
   */
  constructor(capacity?: number, itemSize?: number);
  constructor(capacity: number | Attached = 65_536, itemSize = 8192) {
    if (capacity instanceof Attached) {
      const { memory } = capacity;
      this.#memory = memory;
      this.#native = withContext('ZeroCopyRingBuffer.attach', () => new native.NativeRing(memory));
    } else {
      const ring = `new ZeroCopyRingBuffer(${String(capacity)}, ${String(itemSize)})`;
      checkInteger(
        'capacity',
        capacity,
        RingLimit.LeastCapacity,
        RingLimit.MostCapacity,
        'one more than the items it holds',
      );
      checkInteger(
        'itemSize',
        itemSize,
        RingLimit.LeastItemSize,
        RingLimit.MostItemSize,
        "bytes, four of them for the item's length",
      );
      if (itemSize % 4 !== 0) throw new AgentwireArgumentError('itemSize', 'a multiple of four', itemSize);
      this.#memory = allocateShared(native.ringBytes(capacity, itemSize), ring);
      this.#native = withContext(ring, () => new native.NativeRing(this.#memory, capacity, itemSize));
    }
    const geometry = this.#native.geometry;
    this.#capacity = geometry.capacity;
    this.#mostBytes = geometry.itemSize - RingLimit.LengthBytes;
    this.#functions = this.#native.functions();
    this.#enqueue = this.#functions.enqueue;
    this.#enqueueScratch = this.#functions.enqueueScratch;
    this.#enqueuePacked = this.#functions.enqueuePacked;
    this.#dequeueInto = this.#functions.dequeueInto;
    this.#dequeueToScratch = this.#functions.dequeueToScratch;
    this.#drainInto = this.#functions.drainInto;
    this.#size = this.#functions.size;
  }

  /** The ring in another thread's `.buffer`. */
  static attach(sharedArrayBuffer: SharedArrayBuffer): ZeroCopyRingBuffer {
    const attached = new Attached(checkSharedBuffer('ZeroCopyRingBuffer', sharedArrayBuffer));
    return new ZeroCopyRingBuffer(attached as unknown as number);
  }

  /** The shared memory, for other threads to attach to. */
  get buffer(): SharedArrayBuffer {
    return this.#memory.buffer as SharedArrayBuffer;
  }

  /**
   * Puts a copy of the bytes in. False when the ring is full.
   *
   * Throws a RangeError (`ERR_AGENTWIRE_TOO_LONG`) for more than `itemSize - 4` bytes; then nothing was written.
   */
  enqueue(data: Uint8Array): boolean {
    let result: number;
    if (ArrayBuffer.isView(data) && data instanceof Uint8Array && data.length <= MOST_ON_HEAP && data.length > 0) {
      if (this.#isOwn(data)) throw this.#error(RingResult.Overlap);
      const scratch = this.#scratch ?? this.#scratchMemory();
      const { length } = data;
      try {
        scratch.set(data);
      } catch {
        checkBytes('data', data);
        // Optimised code may see the length that an array had before it lost its memory.
        throw lostMemory('data');
      }
      result = this.#enqueueScratch(length);
    } else {
      result = this.#enqueue(data);
    }
    return result === 1 ? true : result === RingResult.Full ? false : this.#enqueueUnusual(data, result);
  }

  /** An empty item, or an error. */
  #enqueueUnusual(data: Uint8Array, result: number): boolean {
    checkBytes('data', data);
    if (result === RingResult.NoBytes) result = this.#enqueue();
    if (result === 1) return true;
    if (result === RingResult.Full) return false;
    throw this.#error(result, data.length);
  }

  /** Puts copies of the items in, in order, as many as there is room for: how many. Bad items are found before any goes in. */
  enqueueBatch(items: readonly Uint8Array[]): number {
    if (!Array.isArray(items)) throw new AgentwireArgumentError('items', 'an array of Uint8Arrays', items);
    // Read once: a getter may answer differently later, or use the ring.
    items = [...items];
    for (let index = 0; index < items.length; index++) {
      const item: unknown = items[index];
      if (!(ArrayBuffer.isView(item) && item instanceof Uint8Array) || item.length === 0)
        checkBytes(`items[${index}]`, item);
      else if (item.length > this.#mostBytes) throw this.#tooLong(item.length, `items[${index}]`);
      else if (this.#isOwn(item)) throw this.#error(RingResult.Overlap);
    }
    const { bytes, lengths } = this.#batchMemory();
    let done = 0;
    while (done < items.length) {
      let count = 0;
      let end = 0;
      while (done + count < items.length && count < lengths.length) {
        const item = items[done + count] as Uint8Array;
        const { length } = item;
        if (end + length > bytes.length) break;
        try {
          bytes.set(item, end);
        } catch {
          throw lostMemory(`items[${done + count}]`);
        }
        lengths[count] = length;
        end += length;
        count += 1;
      }
      const taken = this.#enqueuePacked(bytes, lengths, count);
      if (taken < 0) throw this.#error(taken);
      done += taken;
      if (taken < count) break;
    }
    return done;
  }

  /**
   * True for a view on the ring's own memory.
   *
   * A small array lives on V8's heap until somebody asks for its buffer, which costs more than the whole call. Such an array begins
   * at 0, where the ring has its magic number.
   */
  #isOwn(data: Uint8Array): boolean {
    return (
      (data.byteOffset !== 0 || data.length > MOST_ON_HEAP || data[0] === FIRST_BYTE) &&
      data.buffer === this.#memory.buffer
    );
  }

  /**
   * The cheapest way in: items that lie one behind the other in `bytes`, with their lengths in `lengths`. How many went in.
   *
   * @param count how many of the lengths count; all by default.
   */
  enqueuePacked(bytes: Uint8Array, lengths: Uint32Array, count: number = lengths?.length): number {
    checkBytes('bytes', bytes);
    checkLengths(lengths);
    checkInteger('count', count, 0, lengths.length);
    let sum = 0;
    for (let index = 0; index < count; index++) {
      const length = lengths[index] as number;
      if (length > this.#mostBytes) throw this.#tooLong(length, `the item of lengths[${index}]`);
      sum += length;
    }
    if (sum > bytes.length) {
      throw new AgentwireRangeError(
        'ERR_AGENTWIRE_TOO_LONG',
        `the lengths add up to ${sum} bytes, and bytes has ${bytes.length}`,
      );
    }
    const result = this.#enqueuePacked(bytes, lengths, count);
    if (result < 0) throw this.#error(result);
    return result;
  }

  /**
   * Takes the next item out: a private copy. Null when there is none; with a timeout it blocks the thread until there is one, for
   * at most so many milliseconds (Infinity: for ever).
   */
  dequeue(timeoutMs = 0): Uint8Array | null {
    if (timeoutMs === 0) return this.#dequeueNow();
    const end = performance.now() + checkTimeout('timeoutMs', timeoutMs);
    const scratch = this.#scratchMemory();
    for (;;) {
      const left = end - performance.now();
      const length = this.#functions.waitToScratch(left > SLICE_MS ? SLICE_MS : Math.max(0, left));
      if (length >= 0) return this.#copies.of(scratch, length);
      if (length !== RingResult.Empty) throw this.#error(length);
      if (left <= 0) return null;
    }
  }

  #dequeueNow(): Uint8Array | null {
    const scratch = this.#scratch ?? this.#scratchMemory();
    const length = this.#dequeueToScratch();
    if (length >= 0) return this.#copies.of(scratch, length);
    if (length === RingResult.Empty) return null;
    throw this.#error(length);
  }

  /**
   * Takes the next item out without blocking: null when none came within so many milliseconds. Calls of one thread are served in
   * their order. A pending call keeps the event loop alive.
   */
  async dequeueAsync(
    timeoutMs = Number.POSITIVE_INFINITY,
    options: DequeueAsyncOptions = {},
  ): Promise<Uint8Array | null> {
    checkTimeout('timeoutMs', timeoutMs);
    if (typeof options !== 'object' || options === null)
      throw new AgentwireArgumentError('options', 'an object', options);
    const { signal } = options;
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      throw new AgentwireArgumentError('signal', 'an AbortSignal', signal);
    }
    return this.#consumers.next(timeoutMs, signal);
  }

  /**
   * Copies the next item to the start of `target`: how many bytes, or -1 when there is none.
   *
   * Throws a RangeError (`ERR_AGENTWIRE_TOO_LONG`) when the item is longer than the target; then it stays in the ring.
   */
  dequeueInto(target: Uint8Array): number {
    // An empty item would go into an array without memory.
    if (target?.length === 0) checkBytes('target', target);
    const length = this.#dequeueInto(target);
    if (length > 0 || length === RingResult.Empty) return length;
    return this.#dequeuedUnusual(target, length);
  }

  #dequeuedUnusual(target: Uint8Array, result: number): number {
    checkBytes('target', target);
    if (result >= 0) return result;
    if (result !== RingResult.TooLong) throw this.#error(result);
    throw new AgentwireRangeError(
      'ERR_AGENTWIRE_TOO_LONG',
      `the next item is longer than the target of ${target.length} bytes and stays in the ring; ${this.#mostBytes} bytes hold any`,
    );
  }

  /**
   * Takes items out, as many as there are within the bounds: views over one buffer that belongs to the caller (more when
   * there are more than 256 KiB). At least one item when there is one, whatever `maxBytes` says.
   */
  drain(maxItems = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY): Uint8Array[] {
    checkBound('maxItems', maxItems);
    checkBound('maxBytes', maxBytes);
    const { bytes, lengths } = this.#batchMemory();
    const items: Uint8Array[] = [];
    let left = maxBytes;
    // What comes in meanwhile may wait for the next call.
    const most = Math.min(maxItems, this.#capacity);
    while (items.length < most) {
      const target = left < bytes.length ? bytes.subarray(0, left) : bytes;
      const count = this.#drainInto(target, lengths, Math.min(most - items.length, lengths.length));
      if (count === RingResult.Empty) break;
      if (count === RingResult.TooLong) {
        const item = items.length === 0 ? this.#dequeueNow() : null;
        if (item !== null) items.push(item);
        break;
      }
      // What was taken before is not lost: the damage shows in the next call.
      if (count < 0 && items.length > 0) break;
      if (count < 0) throw this.#error(count);
      left -= appendViews(items, bytes, lengths, count);
      if (count < lengths.length && left === Number.POSITIVE_INFINITY && this.#size() === 0) break;
    }
    return items;
  }

  /**
   * The cheapest way out: items one behind the other at the start of `bytes`, their lengths in `lengths`: how many, 0 when there
   * are none.
   *
   * Throws a RangeError (`ERR_AGENTWIRE_TOO_LONG`) when not even the first fits; then it stays in the ring.
   */
  drainInto(bytes: Uint8Array, lengths: Uint32Array): number {
    checkBytes('bytes', bytes);
    checkLengths(lengths);
    const count = this.#drainInto(bytes, lengths, lengths.length);
    if (count > 0) return count;
    if (count === 0 || count === RingResult.Empty) return 0;
    return this.#dequeuedUnusual(bytes, count);
  }

  /** A private copy of the next item, which stays in the ring; null when there is none. */
  peek(): Uint8Array | null {
    const scratch = this.#scratchMemory();
    const length = this.#functions.peekToScratch();
    if (length >= 0) return this.#copies.of(scratch, length);
    if (length === RingResult.Empty) return null;
    throw this.#error(length);
  }

  /**
   * Claims a slot to write an item where it will lie, without a copy; null when the ring is full. End it with `commit` or `abandon`:
   * consumers wait behind it.
   */
  claim(): RingClaim | null {
    const words = this.#wordsOfScratch();
    const id = this.#functions.claim();
    if (id === RingResult.Full) return null;
    if (id < 0) throw this.#error(id);
    return new RingClaim(this.#slots, id, this.#view(words));
  }

  /** Takes the next item out and lends it where it lies, without a copy; null when there is none. End it with `release`. */
  borrow(): BorrowedItem | null {
    const words = this.#wordsOfScratch();
    const id = this.#functions.take();
    if (id === RingResult.Empty) return null;
    if (id < 0) throw this.#error(id);
    return new BorrowedItem(this.#slots, id, this.#view(words));
  }

  /**
   * Gives the memory of an item from `dequeue` back, for a later one: it saves the allocation, half a microsecond for 512 bytes. The item
   * and all views on its buffer become empty, so that nobody can reach what comes next. False when there was nothing to gain: items
   * up to 64 bytes, items that `drain` gave together, and before Node.js 22, which cannot move a buffer's memory.
   */
  recycle(item: Uint8Array): boolean {
    if (!(item instanceof Uint8Array)) throw new AgentwireArgumentError('item', 'an item from dequeue', item);
    return this.#copies.recycle(item);
  }

  /** Items that are there. */
  size(): number {
    return this.#size();
  }

  isEmpty(): boolean {
    return this.#size() === 0;
  }

  isFull(): boolean {
    return this.#size() >= this.#capacity - 1;
  }

  /**
   * Drops the items that are there: how many, slots included that were abandoned. Safe while others use the ring. Stops at a slot
   * that somebody has claimed.
   */
  clear(): number {
    const dropped = this.#functions.clear();
    if (dropped < 0) throw this.#error(dropped);
    return dropped;
  }

  getStats(): RingStats {
    const { items, enqueued, dequeued, damaged, sleepers } = this.#native.stats();
    return {
      capacity: this.#capacity,
      itemSize: this.#mostBytes + RingLimit.LengthBytes,
      currentSize: items,
      utilization: items / (this.#capacity - 1),
      enqueued,
      dequeued,
      damaged,
      blockedConsumers: sleepers,
    };
  }

  /** What claims and borrowed items go back to. Keeps the ring alive. */
  readonly #slots = {
    commit: (id: number, length: number): void => {
      const result = this.#functions.commit(id, length);
      if (result < 0) throw this.#error(result);
    },
    abandon: (id: number): void => {
      this.#functions.abandon(id);
    },
    release: (id: number): void => {
      this.#functions.release(id);
    },
  };

  /** The bytes of the slot that native has just noted in the scratch. */
  #view([offset, length]: Float64Array): Uint8Array {
    return new Uint8Array(this.#memory.buffer, offset, length);
  }

  #scratchMemory(): Uint8Array {
    if (this.#scratch === undefined) {
      const itemBytes = Math.max(MOST_ON_HEAP, Math.ceil(this.#mostBytes / 8) * 8);
      const memory = allocateShared(itemBytes + SCRATCH_WORDS, 'the copy of an item');
      this.#native.setScratch(memory);
      this.#scratchWords = new Float64Array(memory.buffer, itemBytes, 2);
      this.#scratch = memory;
    }
    return this.#scratch;
  }

  #wordsOfScratch(): Float64Array {
    this.#scratchMemory();
    return this.#scratchWords as Float64Array;
  }

  #batchMemory(): { bytes: Uint8Array; lengths: Uint32Array } {
    this.#batch ??= {
      bytes: allocateShared(Math.max(BATCH_BYTES, this.#mostBytes), 'a batch'),
      lengths: new Uint32Array(new SharedArrayBuffer(4 * BATCH_ITEMS)),
    };
    return this.#batch;
  }

  #tooLong(length: number, what = 'the item'): AgentwireRangeError {
    return new AgentwireRangeError(
      'ERR_AGENTWIRE_TOO_LONG',
      `${what} has ${length} bytes, and an item of this ring has at most ${this.#mostBytes} (itemSize ${this.#mostBytes + 4}); ` +
        'nothing was written. Make the ring with a larger itemSize, or send the item in pieces',
    );
  }

  #error(result: number, length = 0): Error {
    switch (result) {
      case RingResult.TooLong:
        return this.#tooLong(length);
      case RingResult.Damaged:
        return new AgentwireError(
          'ERR_AGENTWIRE_DAMAGED',
          "the ring's shared memory has been written over, and cannot be used any more; make a new ring, and find who writes into its .buffer",
        );
      case RingResult.Overlap:
        return new AgentwireError(
          'ERR_AGENTWIRE_OVERLAP',
          "the bytes lie in the ring's own memory, which changes while they are copied; give a copy (bytes.slice())",
        );
      case RingResult.NotBytes:
        return new AgentwireArgumentError('data', 'a Uint8Array', 'something else');
      default:
        return new AgentwireError(
          'ERR_AGENTWIRE_INTERNAL',
          `the ring answered ${result}; this is a bug, please report it`,
        );
    }
  }
}

/** Copies what lies in `bytes` into one buffer and appends a view for each item: how many bytes. */
function appendViews(items: Uint8Array[], bytes: Uint8Array, lengths: Uint32Array, count: number): number {
  let total = 0;
  for (let index = 0; index < count; index++) total += lengths[index] as number;
  const slab = new ArrayBuffer(total);
  new Uint8Array(slab).set(bytes.subarray(0, total));
  let offset = 0;
  for (let index = 0; index < count; index++) {
    const length = lengths[index] as number;
    items.push(new Uint8Array(slab, offset, length));
    offset += length;
  }
  return total;
}

function checkLengths(lengths: unknown): void {
  if (!(lengths instanceof Uint32Array && ArrayBuffer.isView(lengths))) {
    throw new AgentwireArgumentError('lengths', 'a Uint32Array', lengths);
  }
  if (isGone(lengths)) throw lostMemory('lengths');
}

function checkBound(name: string, value: unknown): void {
  if (value === Number.POSITIVE_INFINITY || (typeof value === 'number' && Number.isInteger(value) && value >= 1))
    return;
  throw new AgentwireArgumentError(name, 'an integer from 1', value);
}
