import { Attached } from '../attached';
import { allocateShared, checkInteger, checkSharedBuffer } from '../checks';
import { AgentwireArgumentError, withContext } from '../errors';
import { BloomHash, BloomLayout } from '../generated/layout';
import { native } from '../native';

export interface BloomFilterStats {
  /** Number of bits. */
  size: number;
  /** Bits that each string sets. */
  hashCount: number;
  /** How many bits are 1. */
  bitsSet: number;
  /** Bits that are 1 by all bits, 0 to 1. About a half when the filter has as many items as it expects. */
  utilization: number;
}

/**
 * A set of strings that needs a few bits for each: it never says "no" of a string that was added, and says "perhaps" of one that
 * was not at no more than the rate that was asked for, as long as it has no more items than it expects.
 *
 * Make it in one thread, hand `.buffer` to others (`workerData`, `postMessage`), and `BloomFilter.attach(buffer)` there. Any thread
 * may add and ask at any time.
 *
 * Strings are compared by their UTF-16 code units. The hash has no secret, so that every thread computes the same: whoever may
 * choose the strings can choose some that are taken for known.
 */
export class BloomFilter {
  readonly #native: InstanceType<typeof native.NativeBloom>;
  /** The whole memory, the header included. */
  readonly #words: Int32Array;
  readonly #hashCount: number;
  /** What makes a position of a state: bits / 2^32. */
  readonly #scale: number;
  readonly #bits: number;
  /** How many items it was made for. */
  readonly expectedItems: number;
  /** The rate that was asked for. */
  readonly falsePositiveRate: number;

  /**
   * @param expectedItems how many strings will be added; more are taken, and raise the rate.
   * @param falsePositiveRate how many of the strings that were not added may be taken for known, from 1e-9 to below 1. An item
   * takes 5.4 bits at 10 %, 10.2 bits at 1 % and 15 bits at 0.1 %; 128 MiB are the most.
   */
  constructor(expectedItems?: number, falsePositiveRate?: number);
  constructor(expectedItems: number | Attached = 10_000, falsePositiveRate = 0.01) {
    let memory: Uint8Array;
    if (expectedItems instanceof Attached) {
      memory = expectedItems.memory;
      this.#native = withContext('BloomFilter.attach', () => new native.NativeBloom(memory));
    } else {
      checkRate(falsePositiveRate);
      const most = native.bloomMostItems(falsePositiveRate);
      checkInteger(
        'expectedItems',
        expectedItems,
        1,
        most,
        `as many as 128 MiB hold at a rate of ${falsePositiveRate}`,
      );
      const filter = `new BloomFilter(${expectedItems}, ${falsePositiveRate})`;
      memory = allocateShared(native.bloomBytes(expectedItems, falsePositiveRate), filter);
      this.#native = withContext(filter, () => new native.NativeBloom(memory, expectedItems, falsePositiveRate));
    }
    const geometry = this.#native.geometry;
    this.#bits = geometry.bits;
    this.#hashCount = geometry.hashCount;
    this.#scale = geometry.bits / 2 ** 32;
    this.#words = new Int32Array(memory.buffer);
    this.expectedItems = geometry.expectedItems;
    this.falsePositiveRate = geometry.rate;
  }

  /** The filter in another thread's `.buffer`. */
  static attach(sharedArrayBuffer: SharedArrayBuffer): BloomFilter {
    const attached = new Attached(checkSharedBuffer('BloomFilter', sharedArrayBuffer));
    return new BloomFilter(attached as unknown as number);
  }

  /** The shared memory, for other threads to attach to. */
  get buffer(): SharedArrayBuffer {
    return this.#words.buffer as SharedArrayBuffer;
  }

  /** Adds a string. */
  add(text: string): void {
    if (typeof text !== 'string') throw notText('text', text);
    probe(text, this.#words, this.#hashCount, this.#scale, true);
  }

  /** False only when the string was never added. */
  mightContain(text: string): boolean {
    if (typeof text !== 'string') throw notText('text', text);
    return probe(text, this.#words, this.#hashCount, this.#scale, false);
  }

  /** Adds the strings. One that is none is found before any is added. */
  addBatch(texts: readonly string[]): void {
    checkArray(texts);
    // Read once: a getter may answer differently later.
    texts = [...texts];
    for (let index = 0; index < texts.length; index++) {
      if (typeof texts[index] !== 'string') throw notText(`texts[${index}]`, texts[index]);
    }
    for (const text of texts) probe(text, this.#words, this.#hashCount, this.#scale, true);
  }

  /** For each of the strings, in order: false only when it was never added. */
  mightContainBatch(texts: readonly string[]): boolean[] {
    checkArray(texts);
    const words = this.#words;
    const hashCount = this.#hashCount;
    const scale = this.#scale;
    const answers: boolean[] = [];
    for (let index = 0; index < texts.length; index++) {
      const text = texts[index];
      if (typeof text !== 'string') throw notText(`texts[${index}]`, text);
      answers.push(probe(text, words, hashCount, scale, false));
    }
    return answers;
  }

  /** Forgets all strings, for all threads. Of those that other threads add meanwhile, some may be forgotten too. */
  clear(): void {
    this.#native.clear();
  }

  /** Counts the bits, which takes a while in a large filter: a millisecond for a few MiB. */
  getStats(): BloomFilterStats {
    const bitsSet = this.#native.bitsSet();
    return { size: this.#bits, hashCount: this.#hashCount, bitsSet, utilization: bitsSet / this.#bits };
  }
}

/**
 * Whether all bits of a string are set; sets those that are not, if that is asked for.
 *
 * The hash and the positions are those of `src/bloom/hash.rs`, which says why they are as they are. Both in one function: two
 * numbers cannot be returned without a place to put them.
 */
function probe(text: string, words: Int32Array, hashCount: number, scale: number, adds: boolean): boolean {
  const { length } = text;
  let first = length ^ BloomHash.FirstSeed;
  let second = length ^ BloomHash.SecondSeed;
  for (let index = 0; index < length; index += 2) {
    let word = text.charCodeAt(index);
    if (index + 1 < length) word |= text.charCodeAt(index + 1) << 16;
    first = Math.imul(first ^ word, BloomHash.FirstMultiplier);
    first = (first << BloomHash.FirstRotation) | (first >>> (32 - BloomHash.FirstRotation));
    second = Math.imul(second ^ word, BloomHash.SecondMultiplier);
    second = (second << BloomHash.SecondRotation) | (second >>> (32 - BloomHash.SecondRotation));
  }
  first = (first + second) | 0;
  second = (second + first) | 0;
  first = mix(first);
  second = mix(second);
  first = (first + second) | 0;
  second = (second + first) | 0;

  let isThere = true;
  for (let left = hashCount; left > 0; left--) {
    // Below the number of bits, whatever the state: never outside of the words.
    const position = ((first >>> 0) * scale) | 0;
    const index = (position >>> 5) + BloomLayout.Words / 4;
    // A shift counts modulo 32.
    const mask = 1 << position;
    if (((words[index] as number) & mask) === 0) {
      if (!adds) return false;
      isThere = false;
      Atomics.or(words, index, mask);
    }
    first = (Math.imul(first, BloomHash.NextMultiplier) + second) | 0;
  }
  return isThere;
}

/** MurmurHash3's final mixing. */
function mix(lane: number): number {
  lane = Math.imul(lane ^ (lane >>> 16), BloomHash.FinalMultiplier1);
  lane = Math.imul(lane ^ (lane >>> 13), BloomHash.FinalMultiplier2);
  return lane ^ (lane >>> 16);
}

function checkRate(rate: unknown): void {
  if (typeof rate === 'number' && rate >= 1 / BloomLayout.LowestRateOneIn && rate < 1) return;
  const expected = 'a number from 1e-9 to below 1 (0.01 is one string in a hundred)';
  throw new AgentwireArgumentError('falsePositiveRate', expected, rate);
}

function checkArray(texts: unknown): void {
  if (!Array.isArray(texts)) throw new AgentwireArgumentError('texts', 'an array of strings', texts);
}

function notText(name: string, given: unknown): AgentwireArgumentError {
  return new AgentwireArgumentError(name, 'a string', given);
}
