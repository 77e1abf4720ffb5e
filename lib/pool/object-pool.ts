import { checkInteger, refuseUnknown } from '../checks';
import { AgentwireArgumentError, AgentwireError } from '../errors';

export interface ObjectPoolOptions {
  /**
   * Remembers which objects are out, and refuses a second release of one and the release of a stranger. Default: true when the
   * environment variable AGENTWIRE_CHECKED is 1.
   */
  checked?: boolean;
}

/**
 * The figures of a pool. created = inUse + totalCached + dropped, but for objects that were released without having been
 * acquired, which only checked mode notices.
 */
export interface ObjectPoolStats {
  /** Objects that wait for their next user behind the thread cache. */
  globalPoolSize: number;
  /** The newest of those that wait: the next to be handed out, at most `threadCacheSize`. */
  threadCacheCount: number;
  /** All that wait: globalPoolSize + threadCacheCount, at most `maxPoolSize`. */
  totalCached: number;
  /** As it was made: the most that wait. */
  maxPoolSize: number;
  /** Calls of `acquire` that returned an object. */
  acquired: number;
  /** Calls of `release` that took one back. */
  released: number;
  /** Objects that the factory made; the other acquires were served from the pool. */
  created: number;
  /** acquired - released. */
  inUse: number;
  /** Objects that the pool let go of: it was full, `reset` threw, or `clear()` was called. */
  dropped: number;
}

/** Most objects that a pool may be asked to keep. */
const MOST_OBJECTS = 2 ** 30;

const poolOptions = ['checked'];

/**
 * Objects that are used again rather than collected. It belongs to one thread, as JavaScript objects do: each thread makes its
 * own.
 *
 * One list holds what waits, the last released on top, which is the first to be handed out again, for it is still in the
 * processor's cache. The newest `threadCacheSize` of the list are what the figures call the thread cache.
 */
export class ObjectPool<T extends object> {
  readonly #factory: () => T;
  readonly #reset: (object: T) => void;
  readonly #maxPoolSize: number;
  readonly #threadCacheSize: number;
  readonly #check: ReleaseCheck | undefined;
  #waiting: T[] = [];
  #acquired = 0;
  #released = 0;
  #created = 0;

  /**
   * `factory` makes an object when none waits. `reset` gets each object that is released, before the next user does; what it
   * throws comes out of `release`, and the object is not used again.
   */
  constructor(
    factory: () => T,
    reset: (object: T) => void,
    maxPoolSize = 1000,
    threadCacheSize = 64,
    options: ObjectPoolOptions = {},
  ) {
    if (typeof factory !== 'function') throw new AgentwireArgumentError('factory', 'a function', factory);
    if (typeof reset !== 'function') throw new AgentwireArgumentError('reset', 'a function', reset);
    this.#factory = factory;
    this.#reset = reset;
    this.#maxPoolSize = checkInteger('maxPoolSize', maxPoolSize, 0, MOST_OBJECTS, 'objects');
    this.#threadCacheSize = checkInteger('threadCacheSize', threadCacheSize, 0, MOST_OBJECTS, 'objects');
    this.#check = isChecked(options) ? new ReleaseCheck() : undefined;
  }

  /** An object that nobody else has: the last that was released, or a new one. What the factory throws comes out. */
  acquire(): T {
    const object = this.#waiting.pop() ?? this.#create();
    this.#acquired += 1;
    if (this.#check !== undefined) this.#check.giveOut(object);
    return object;
  }

  /** Takes an object back. The caller must not use it any more. */
  release(object: T): void {
    if (typeof object !== 'object' || object === null) refuseUnlessFunction(object);
    if (this.#check !== undefined) this.#check.takeBack(object);
    this.#released += 1;
    const reset = this.#reset;
    reset(object);
    // Looked at after reset, which may itself use the pool.
    const waiting = this.#waiting;
    if (waiting.length < this.#maxPoolSize) waiting.push(object);
  }

  /** The figures at this moment. */
  getStats(): ObjectPoolStats {
    const totalCached = this.#waiting.length;
    const threadCacheCount = Math.min(totalCached, this.#threadCacheSize);
    const inUse = this.#acquired - this.#released;
    return {
      globalPoolSize: totalCached - threadCacheCount,
      threadCacheCount,
      totalCached,
      maxPoolSize: this.#maxPoolSize,
      acquired: this.#acquired,
      released: this.#released,
      created: this.#created,
      inUse,
      dropped: this.#created - inUse - totalCached,
    };
  }

  /** Lets go of the objects that wait. Those in use may still be released. */
  clear(): void {
    this.#waiting = [];
  }

  #create(): T {
    const factory = this.#factory;
    const object = factory();
    if (!isObject(object)) throw new AgentwireArgumentError('factory', 'a function that returns an object', object);
    this.#created += 1;
    return object;
  }
}

/** What checked mode remembers. Weakly: who forgets to release must not fill the memory. */
class ReleaseCheck {
  /** Every object that was handed out once. */
  readonly #known = new WeakSet<object>();
  /** Those that are out now. */
  readonly #out = new WeakSet<object>();

  giveOut(object: object): void {
    this.#known.add(object);
    this.#out.add(object);
  }

  takeBack(object: object): void {
    if (this.#out.delete(object)) return;
    if (this.#known.has(object)) {
      throw new AgentwireError(
        'ERR_AGENTWIRE_DOUBLE_RELEASE',
        'the object was released before and has not been acquired since; somebody else may have it by now. Release each ' +
          'object once, and do not keep it after that',
      );
    }
    throw new AgentwireError(
      'ERR_AGENTWIRE_NOT_FROM_POOL',
      'the object was never handed out by this pool; release it to the pool, and in the thread, that it was acquired from',
    );
  }
}

function isChecked(options: ObjectPoolOptions): boolean {
  if (typeof options !== 'object' || options === null)
    throw new AgentwireArgumentError('options', 'an object', options);
  refuseUnknown(options, poolOptions, 'new ObjectPool');
  const { checked = process.env['AGENTWIRE_CHECKED'] === '1' } = options;
  if (typeof checked !== 'boolean') throw new AgentwireArgumentError('checked', 'true or false', checked);
  return checked;
}

function isObject(value: unknown): boolean {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function refuseUnlessFunction(object: unknown): void {
  if (typeof object !== 'function') throw new AgentwireArgumentError('object', 'an object of this pool', object);
}
