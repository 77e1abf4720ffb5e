import { checkName } from '../checks';
import { AgentwireArgumentError, AgentwireError, AgentwireRangeError, quote, withContext } from '../errors';
import { InternLimit, STATIC_STRINGS } from '../generated/layout';
import { native } from '../native';
import type { BloomFilterStats } from './bloom-filter';

export interface StringPoolStats {
  /** Strings of the pool, from whatever thread, the common ones included. */
  totalStrings: number;
  /** Their mean length, in UTF-16 code units. */
  averageLength: number;
  /** The filter that answers `has` for most strings that are not there, made for 65,536 strings. */
  bloomStats: BloomFilterStats;
  /** Memory of the strings, in bytes, which the threads share. */
  totalBytes: number;
  /** Strings that this object knows, which it finds without asking the others. */
  knownStrings: number;
}

/** Ids of a page, as a power of two. */
const PAGE_BITS = 10;
const PAGE = 1 << PAGE_BITS;
/** Longest name of a shared pool. */
const MOST_NAME_LENGTH = 256;

/**
 * Strings as small numbers. Equal strings have the same id, ids are dense from 1, and an id never changes its meaning: a pool only
 * grows, up to 1,048,576 strings or 128 MiB.
 *
 * `OptimizedStringPool.shared(name)` is the same pool in every thread of the process. Each object keeps what it learnt, so a string
 * that it knows is found without a lock, and one that it meets for the first time costs one call.
 *
 * The first ids, in every pool the same, are those of the 256 strings of the wire format's dictionary ("id", "type", "agent", ...).
 */
export class OptimizedStringPool {
  readonly #native: InstanceType<typeof native.NativeStringPool>;
  readonly #ids = new Map<string, number>();
  /** Strings by id, in pages: the ids that one thread knows may have gaps. */
  readonly #pages: (string | undefined)[][] = [];

  constructor();
  constructor(name?: SharedName) {
    const given = name instanceof SharedName ? name.name : undefined;
    this.#native = withContext('OptimizedStringPool', () => new native.NativeStringPool(given));
    for (let index = 0; index < STATIC_STRINGS.length; index++) this.#learn(STATIC_STRINGS[index] as string, index + 1);
  }

  /**
   * The pool of a name, for all threads of the process. It lives for as long as any thread has an object of it: keep one where ids
   * are kept.
   */
  static shared(name: string): OptimizedStringPool {
    checkName('name', name, MOST_NAME_LENGTH);
    return new (OptimizedStringPool as new (name: SharedName) => OptimizedStringPool)(new SharedName(name));
  }

  /**
   * The id of a string, which is given one if it has none.
   *
   * Throws `ERR_AGENTWIRE_POOL_FULL` when the pool has no room for another string, and a RangeError (`ERR_AGENTWIRE_TOO_LONG`) for
   * more than 65,536 code units. Then nothing has changed, and strings with an id keep it.
   */
  intern(text: string): number {
    const id = this.#ids.get(text);
    return id === undefined ? this.#internUnknown(text) : id;
  }

  #internUnknown(text: string): number {
    checkText(text);
    if (text.length > InternLimit.MaxPooledStringLength) {
      throw new AgentwireRangeError(
        'ERR_AGENTWIRE_TOO_LONG',
        `the string ${quote(text)} has ${text.length} code units, and a string pool takes up to ` +
          `${InternLimit.MaxPooledStringLength}; send long strings as they are`,
      );
    }
    const id = this.#native.intern(text);
    if (id === 0) {
      throw new AgentwireError(
        'ERR_AGENTWIRE_POOL_FULL',
        `the string pool has no room for ${quote(text)}: it holds up to ${InternLimit.MaxPooledStrings.toLocaleString('en')} ` +
          `strings and ${InternLimit.MaxPooledMiB} MiB, and nothing is ever removed; intern strings that come again, and send ` +
          'others (ids, times) as they are',
      );
    }
    // Native's string and not the caller's, which may be a piece of a large one and would keep all of that.
    this.#learn(this.#native.text(id) as string, id);
    return id;
  }

  /** The string of an id; undefined for an id that was never given. */
  getString(id: number): string | undefined {
    if (!Number.isInteger(id)) throw new AgentwireArgumentError('id', 'an id from intern, an integer', id);
    if (id < 1 || id > InternLimit.MaxPooledStrings) return undefined;
    const known = this.#pages[id >>> PAGE_BITS]?.[id & (PAGE - 1)];
    if (known !== undefined) return known;
    const text = this.#native.text(id);
    if (text === null) return undefined;
    this.#learn(text, id);
    return text;
  }

  /** True when the string has an id, from whatever thread. */
  has(text: string): boolean {
    if (this.#ids.has(text)) return true;
    checkText(text);
    return text.length <= InternLimit.MaxPooledStringLength && this.#native.has(text);
  }

  /** Counts, which takes a while in a large pool. */
  getStats(): StringPoolStats {
    const { strings, units, bytes, filterBits, filterHashCount, filterBitsSet } = this.#native.stats();
    return {
      totalStrings: strings,
      averageLength: units / strings,
      bloomStats: {
        size: filterBits,
        hashCount: filterHashCount,
        bitsSet: filterBitsSet,
        utilization: filterBitsSet / filterBits,
      },
      totalBytes: bytes,
      knownStrings: this.#ids.size,
    };
  }

  #learn(text: string, id: number): void {
    const page = id >>> PAGE_BITS;
    while (this.#pages.length <= page) this.#pages.push([]);
    let strings = this.#pages[page];
    if (strings.length === 0) strings = this.#pages[page] = new Array<string | undefined>(PAGE).fill(undefined);
    strings[id & (PAGE - 1)] = text;
    this.#ids.set(text, id);
  }
}

/** Tells the constructor that the pool is shared. */
class SharedName {
  constructor(readonly name: string) {}
}

function checkText(text: unknown): void {
  if (typeof text !== 'string') throw new AgentwireArgumentError('text', 'a string', text);
}
