import { Attached } from '../attached';
import { allocateShared, checkInteger, checkSharedBuffer } from '../checks';
import { AgentwireArgumentError, AgentwireError, describe, withContext } from '../errors';
import { BufferPoolLimit } from '../generated/layout';
import { native } from '../native';

/** Figures of a buffer pool, of all threads together. They are exact while nobody uses the pool. */
export interface BufferPoolStats {
  /** Bytes of a block. */
  readonly blockSize: number;
  /** How many blocks there are. */
  readonly maxBlocks: number;
  /** Blocks that are held. */
  readonly inUse: number;
  /** Blocks that are not: `maxBlocks - inUse`. */
  readonly free: number;
  /** Of the free ones, those in caches of threads. Any thread that finds no other takes them. */
  readonly cached: number;
  /** Of the free ones, those that nobody ever used: their memory is not committed yet. */
  readonly fresh: number;
  /** How often `acquire` found all blocks held. */
  readonly exhausted: number;
  /** `inUse / maxBlocks`. */
  readonly utilization: number;
  /** BufferPool objects on this memory, in all threads. */
  readonly handles: number;
}

type NativePool = InstanceType<typeof native.NativeBufferPool>;
type PoolFunctions = ReturnType<NativePool['functions']>;

/** Views are kept in pages, so that a pool of which little is used keeps little. */
const PAGE_BITS = 8;
const PAGE = 1 << PAGE_BITS;

/** Gives a class that extends it any object to put its private fields on. */
class Anything {
  constructor(object: object) {
    // biome-ignore lint/correctness/noConstructorReturn: that is what this is for
    return object;
  }
}

/**
 * Which block a view is, written on the view itself where nobody else can: looking there takes a nanosecond, and does not tell
 * a view from its copies. And the view keeps its pool, so that the pool's blocks do not go back while it is in use.
 */
class Place extends Anything {
  readonly #pool: BufferPool;
  readonly #index: number;

  constructor(view: Uint8Array, pool: BufferPool, index: number) {
    super(view);
    this.#pool = pool;
    this.#index = index;
  }

  /** The index of a view that this pool made, or -1. */
  static find(view: Uint8Array | Place, pool: BufferPool): number {
    return #pool in view && view.#pool === pool ? view.#index : -1;
  }
}

/**
 * Blocks of shared memory, all of one size: any thread acquires them, any thread releases them. The blocks lie in one
 * SharedArrayBuffer; which of them are free is kept in native memory, where no write of JavaScript reaches it.
 *
 * ```js
 * const pool = new BufferPool(4096, 1024);
 * new Worker('./worker.js', { workerData: pool.buffer }); // there: BufferPool.attach(workerData)
 * const block = pool.acquire();                           // a Uint8Array, or null when all blocks are held
 * block.set(bytes);
 * worker.postMessage({ block, ticket: pool.ticket(block) });
 * ```
 *
 * **Who holds a block.** It belongs to the BufferPool object that acquired it, until somebody, on any thread, releases it. When
 * that object's thread ends, by `terminate()` too, or the object is garbage-collected with all its views, what it holds
 * goes back to the pool, and what it had in its cache. A thread that is given a block, and wants to keep it beyond the end of the one
 * that acquired it, adopts it by its ticket.
 *
 * **What nobody checks.** A block is plain shared memory. A view that is used after its block was released, or
 * after its owner's thread ended, sees and overwrites what the block's next holder writes. And a block that is released twice
 * while somebody else acquired it in between is taken from him: only a second release of a block that is free is an error.
 *
 * Blocks come with whatever their last holder left in them. Each begins at a multiple of 64 bytes in `buffer`, so that typed arrays
 * of any kind may be made over it, and blocks of different threads never share a cache line.
 */
export class BufferPool {
  /** The pool's memory: hand it to another thread and `attach` there. Writing to it spoils the content of blocks, nothing else. */
  readonly buffer: SharedArrayBuffer;
  /** Bytes of a block. */
  readonly blockSize: number;
  /** How many blocks there are. */
  readonly maxBlocks: number;

  readonly #native: NativePool;
  readonly #acquire: PoolFunctions['acquire'];
  readonly #release: PoolFunctions['release'];
  readonly #indexOf: PoolFunctions['indexOf'];
  readonly #ticket: PoolFunctions['ticket'];
  readonly #adopt: PoolFunctions['adopt'];
  readonly #firstBlock: number;
  readonly #stride: number;
  /** One view for each block, made at its first use. */
  readonly #pages: (Uint8Array | undefined)[][] = [];

  /**
   * Makes a pool.
   *
   * @param blockSize bytes of a block, from 1 to 1 GiB
   * @param maxBlocks how many blocks there are, from 1 to 16,777,216. Their memory is committed as it is first used
   */
  constructor(blockSize: number, maxBlocks: number);
  constructor(blockSize: number | Attached, maxBlocks: number) {
    const memory = blockSize instanceof Attached ? blockSize.memory : make(blockSize, maxBlocks);
    this.#native = withContext('BufferPool', () => new native.NativeBufferPool(memory));
    const { acquire, release, indexOf, ticket, adopt } = this.#native.functions();
    this.#acquire = acquire;
    this.#release = release;
    this.#indexOf = indexOf;
    this.#ticket = ticket;
    this.#adopt = adopt;
    this.#firstBlock = this.#native.firstBlock;
    this.#stride = this.#native.stride;
    this.buffer = memory.buffer as SharedArrayBuffer;
    this.blockSize = this.#native.blockBytes;
    this.maxBlocks = this.#native.blocks;
  }

  /** The pool in the `.buffer` of another thread's BufferPool. Attach once for each thread: every object has a cache of its own. */
  static attach(sharedArrayBuffer: SharedArrayBuffer): BufferPool {
    const memory = checkSharedBuffer('BufferPool', sharedArrayBuffer);
    return new BufferPool(new Attached(memory) as unknown as number, 0);
  }

  /** A block of `blockSize` bytes, or null when all of them are held. The same block is the same view each time. */
  acquire(): Uint8Array | null {
    const index = this.#acquire();
    if (index < 0) return null;
    return this.#pages[index >> PAGE_BITS]?.[index & (PAGE - 1)] ?? this.#makeView(index);
  }

  /**
   * Gives a block back, whoever acquired it: `block` is what `acquire` or `adopt` returned, here or in another thread.
   *
   * @throws AgentwireError ERR_AGENTWIRE_NOT_FROM_POOL when it is no block of this pool, or a part of one;
   * ERR_AGENTWIRE_DOUBLE_RELEASE when it is free already
   */
  release(block: Uint8Array): void {
    const failure = this.#release(this.#find(block));
    if (failure !== undefined) throw alreadyFree('release');
  }

  /**
   * Names this holding of a block: a number to send to the thread that is to adopt it. It is good until the block is
   * released. (It comes again after 2^29 turns of the same block.)
   *
   * @throws AgentwireError ERR_AGENTWIRE_NOT_FROM_POOL as `release`; ERR_AGENTWIRE_DOUBLE_RELEASE when the block is free
   */
  ticket(block: Uint8Array): number {
    const ticket = this.#ticket(this.#find(block));
    if (ticket < 0) throw alreadyFree('ticket');
    return ticket;
  }

  /**
   * Makes a block that another thread acquired this thread's own, so that it outlives the other thread. Returns the block, or
   * null when it went back meanwhile: it was released, or its owner's thread ended.
   *
   * Who had it before may still write into it, and must know that it is his no more.
   */
  adopt(ticket: number): Uint8Array | null {
    if (typeof ticket !== 'number' || !Number.isSafeInteger(ticket) || ticket < 0) {
      throw new AgentwireArgumentError('ticket', 'a number that pool.ticket(block) returned', ticket);
    }
    const index = this.#adopt(ticket);
    if (index < 0) return null;
    return this.#pages[index >> PAGE_BITS]?.[index & (PAGE - 1)] ?? this.#makeView(index);
  }

  /** The pool's figures. */
  getStats(): BufferPoolStats {
    const { blockSize, maxBlocks } = this;
    const stats = this.#native.stats();
    return { blockSize, maxBlocks, ...stats, utilization: stats.inUse / maxBlocks };
  }

  #find(block: Uint8Array): number {
    if (typeof block === 'object' && block !== null) {
      const own = Place.find(block, this);
      if (own >= 0) return own;
      // From another thread, or made over `buffer`: native says what lies where it lies.
      const found = this.#indexOf(block);
      if (found >= 0) return found;
    }
    throw this.#notFromPool(block);
  }

  #notFromPool(block: unknown): AgentwireError {
    const what =
      block instanceof Uint8Array && ArrayBuffer.isView(block)
        ? `a ${block.constructor?.name ?? 'Uint8Array'} of ${block.byteLength} bytes at offset ${block.byteOffset} of its buffer`
        : describe(block);
    return new AgentwireError(
      'ERR_AGENTWIRE_NOT_FROM_POOL',
      `${what} is no block of this pool of ${this.maxBlocks} blocks of ${this.blockSize} bytes; give the whole array that ` +
        'acquire() or adopt() returned, to a BufferPool on the same memory',
    );
  }

  #makeView(index: number): Uint8Array {
    const view = new Uint8Array(this.buffer, this.#firstBlock + index * this.#stride, this.blockSize);
    let page = this.#pages[index >> PAGE_BITS];
    if (page === undefined) {
      page = new Array<Uint8Array | undefined>(PAGE).fill(undefined);
      this.#pages[index >> PAGE_BITS] = page;
    }
    page[index & (PAGE - 1)] = view;
    new Place(view, this, index);
    return view;
  }
}

function make(blockSize: number, maxBlocks: number): Uint8Array {
  checkInteger('blockSize', blockSize, 1, BufferPoolLimit.BlockBytes, 'bytes');
  checkInteger('maxBlocks', maxBlocks, 1, BufferPoolLimit.Blocks);
  const bytes = native.NativeBufferPool.bytesFor(blockSize, maxBlocks);
  const memory = allocateShared(bytes, `A BufferPool of ${maxBlocks} blocks of ${blockSize} bytes`);
  native.NativeBufferPool.format(memory, blockSize, maxBlocks);
  return memory;
}

function alreadyFree(what: string): AgentwireError {
  return new AgentwireError(
    'ERR_AGENTWIRE_DOUBLE_RELEASE',
    `${what}: this block is free: it was released before, or the thread that acquired it has ended (adopt(ticket) keeps a block ` +
      'beyond that); whoever acquires it next has the same bytes',
  );
}
