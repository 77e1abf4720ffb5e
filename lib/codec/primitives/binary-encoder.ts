import { checkInteger, isGone, lostMemory } from '../../checks';
import { AgentwireArgumentError, AgentwireError, AgentwireRangeError, describe } from '../../errors';
import { MessageHeader } from '../../generated/layout';
import { type RawBuffer, rawBuffer } from '../raw-buffer';
import { bytesOf, checkFunction } from './memory';
import { type BinaryMessageHeaderInput, checkHeader, writeHeaderFields } from './message-header';
import {
  isU64,
  isVarint,
  notU64,
  notVarint,
  varintBigIntBytes,
  varintBytes,
  writeVarint,
  writeVarintBigInt,
} from './varint';

/** The most that an encoder can be allowed to hold, and what it is allowed by default. */
const MOST_BYTES = 0x7fff_ffff;
const DEFAULT_MOST_BYTES = 2 ** 30;
/** Longer strings are written by the runtime, shorter ones character by character. */
const LONGEST_LOOP = 40;
/** Longer arrays of bytes are copied by the runtime. */
const LONGEST_BYTES_LOOP = 16;

/** JavaScript has it since Node 20, the library that we compile against does not. */
const isWellFormed = (String.prototype as { isWellFormed?: () => boolean }).isWellFormed as (this: string) => boolean;
const loneSurrogate = /\p{Surrogate}/u;

/**
 * Writes primitive values one behind the other, per docs/wire-format.md section 3, into memory of its own that grows as needed.
 * What was written says nothing of its types: a reader reads the same kinds in the same order.
 *
 * Every argument is checked. A call that throws has written nothing, nor has a `writeArray` or `writeMap` whose callback threw.
 */
export class BinaryEncoder {
  readonly #initialCapacity: number;
  readonly #mostBytes: number;
  #bytes!: Uint8Array;
  #buffer!: RawBuffer;
  #view!: DataView;
  #length = 0;
  /** How many arrays and maps are being written. */
  #open = 0;

  /** Bytes to begin with, and the most that it may grow to. */
  constructor(initialCapacity = 1024, maximumCapacity = DEFAULT_MOST_BYTES) {
    this.#mostBytes = checkInteger('maximumCapacity', maximumCapacity, 1, MOST_BYTES, 'bytes');
    this.#initialCapacity = checkInteger('initialCapacity', initialCapacity, 1, this.#mostBytes, 'bytes');
    this.#moveTo(this.#allocate(initialCapacity));
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Forgets what was written. The memory stays, for what is written next. */
  reset(): void {
    if (this.#open > 0) {
      throw new AgentwireError(
        'ERR_AGENTWIRE_REENTRANT',
        'reset() was called by a callback of writeArray or writeMap; throw from it instead, and what they wrote is taken back',
      );
    }
    if (isGone(this.#bytes)) this.#moveTo(this.#allocate(this.#initialCapacity));
    this.#length = 0;
  }

  /** What was written: a copy that belongs to the caller. The encoder stays as it is; `reset()` begins anew. */
  finish(): Uint8Array {
    this.#checkMemory();
    return this.#bytes.slice(0, this.#length);
  }

  /** What was written, without a copy: valid until the next call that writes, or `reset()`. */
  view(): Uint8Array {
    this.#checkMemory();
    return this.#bytes.subarray(0, this.#length);
  }

  /** An integer of 8 bits without a sign. */
  writeU8(value: number): void {
    if (typeof value !== 'number' || (value & 0xff) !== value) throw notInteger('writeU8', 0, 0xff, value);
    const at = this.#reserve(1);
    this.#bytes[at] = value;
    this.#length = at + 1;
  }

  /** An integer of 16 bits without a sign. */
  writeU16(value: number): void {
    if (typeof value !== 'number' || (value & 0xffff) !== value) throw notInteger('writeU16', 0, 0xffff, value);
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
    this.#length = at + 2;
  }

  /** An integer of 32 bits without a sign. */
  writeU32(value: number): void {
    if (typeof value !== 'number' || value >>> 0 !== value) throw notInteger('writeU32', 0, 0xffff_ffff, value);
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
    this.#length = at + 4;
  }

  /** A bigint of 64 bits without a sign. */
  writeU64(value: bigint): void {
    if (!isU64(value)) throw notU64('writeU64(value)', value);
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, value, true);
    this.#length = at + 8;
  }

  /** An integer of 8 bits. */
  writeI8(value: number): void {
    if (typeof value !== 'number' || (value << 24) >> 24 !== value) throw notInteger('writeI8', -0x80, 0x7f, value);
    const at = this.#reserve(1);
    this.#bytes[at] = value;
    this.#length = at + 1;
  }

  /** An integer of 16 bits. */
  writeI16(value: number): void {
    if (typeof value !== 'number' || (value << 16) >> 16 !== value) {
      throw notInteger('writeI16', -0x8000, 0x7fff, value);
    }
    const at = this.#reserve(2);
    this.#view.setInt16(at, value, true);
    this.#length = at + 2;
  }

  /** An integer of 32 bits. */
  writeI32(value: number): void {
    if (typeof value !== 'number' || (value | 0) !== value) {
      throw notInteger('writeI32', -0x8000_0000, 0x7fff_ffff, value);
    }
    const at = this.#reserve(4);
    this.#view.setInt32(at, value, true);
    this.#length = at + 4;
  }

  /** A bigint of 64 bits. */
  writeI64(value: bigint): void {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) {
      throw new AgentwireArgumentError('writeI64(value)', 'a bigint from -2^63 to 2^63 - 1', value);
    }
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, value, true);
    this.#length = at + 8;
  }

  /** An integer from 0 to 2^53 - 1 in one to eight bytes. */
  writeVarint(value: number): void {
    if (!isVarint(value)) throw notVarint('writeVarint(value)', value);
    const at = this.#reserve(varintBytes(value));
    this.#length = writeVarint(value, this.#bytes, at);
  }

  /** A bigint from 0 to 2^64 - 1 in one to ten bytes. */
  writeVarintBigInt(value: bigint): void {
    if (!isU64(value)) throw notU64('writeVarintBigInt(value)', value);
    const at = this.#reserve(varintBigIntBytes(value));
    this.#length = writeVarintBigInt(value, this.#bytes, at);
  }

  /** The float of 32 bits next to a number. A finite number beyond the floats is refused, as it would become infinite. */
  writeF32(value: number): void {
    if (typeof value !== 'number' || (!Number.isFinite(Math.fround(value)) && Number.isFinite(value))) {
      throw new AgentwireArgumentError('writeF32(value)', 'a number that a float of 32 bits can hold', value);
    }
    const at = this.#reserve(4);
    // A NaN has many forms, and the processor's need not be the one that is written everywhere else.
    if (Number.isNaN(value)) this.#view.setUint32(at, 0x7fc0_0000, true);
    else this.#view.setFloat32(at, value, true);
    this.#length = at + 4;
  }

  /** A number. */
  writeF64(value: number): void {
    if (typeof value !== 'number') throw new AgentwireArgumentError('writeF64(value)', 'a number', value);
    const at = this.#reserve(8);
    if (Number.isNaN(value)) {
      this.#view.setUint32(at, 0, true);
      this.#view.setUint32(at + 4, 0x7ff8_0000, true);
    } else {
      this.#view.setFloat64(at, value, true);
    }
    this.#length = at + 8;
  }

  /** True or false. */
  writeBool(value: boolean): void {
    if (typeof value !== 'boolean') throw new AgentwireArgumentError('writeBool(value)', 'true or false', value);
    const at = this.#reserve(1);
    this.#bytes[at] = value ? 1 : 0;
    this.#length = at + 1;
  }

  /**
   * A string: its length in bytes as a varint, then UTF-8. Half of a surrogate pair has no form in UTF-8, and a string that has
   * one is refused rather than changed.
   */
  writeString(value: string): void {
    if (typeof value !== 'string') throw new AgentwireArgumentError('writeString(value)', 'a string', value);
    if (value.length > LONGEST_LOOP || !this.#writeAscii(value)) this.#writeUtf8(value);
  }

  /** Bytes: how many as a varint, then the bytes. */
  writeBytes(value: Uint8Array): void {
    this.#writeBytes(bytesOf('writeBytes(value)', value), true);
  }

  /** Bytes and nothing else: the reader must know how many there are. */
  writeRaw(value: Uint8Array): void {
    this.#writeBytes(bytesOf('writeRaw(value)', value), false);
  }

  /**
   * An array: how many items as a varint, then what `writeItem` writes for each, which must be a byte at least. (A reader takes
   * a count as true only where there are as many bytes.)
   */
  writeArray<T>(items: readonly T[], writeItem: (item: T, encoder: this) => void): void {
    if (!Array.isArray(items)) throw new AgentwireArgumentError('writeArray(items)', 'an array', items);
    checkFunction('writeItem', writeItem);
    const start = this.#length;
    const count = items.length;
    this.#open += 1;
    try {
      this.writeVarint(count);
      for (let index = 0; index < count; index++) {
        const before = this.#length;
        writeItem(items[index], this);
        this.#checkWritten('writeItem', before);
      }
      if (items.length !== count) throw changed('writeArray(items)');
    } catch (error) {
      this.#length = start;
      throw error;
    } finally {
      this.#open -= 1;
    }
  }

  /** A map, or an array of [key, value] pairs: how many as a varint, then key and value of each, at least a byte each. */
  writeMap<K, V>(
    map: ReadonlyMap<K, V> | readonly (readonly [K, V])[],
    writeKey: (key: K, encoder: this) => void,
    writeValue: (value: V, encoder: this) => void,
  ): void {
    if (!(map instanceof Map || Array.isArray(map))) {
      throw new AgentwireArgumentError('writeMap(map)', 'a Map or an array of [key, value] pairs', map);
    }
    checkFunction('writeKey', writeKey);
    checkFunction('writeValue', writeValue);
    const start = this.#length;
    this.#open += 1;
    try {
      let left = map instanceof Map ? map.size : map.length;
      this.writeVarint(left);
      for (const entry of map) {
        // A callback that adds to the map would never come to its end.
        if (left-- === 0) throw changed('writeMap(map)');
        if (!Array.isArray(entry) || entry.length !== 2) {
          throw new AgentwireArgumentError('writeMap(map)', 'a Map or an array of [key, value] pairs', entry);
        }
        const before = this.#length;
        writeKey(entry[0], this);
        this.#checkWritten('writeKey', before);
        const between = this.#length;
        writeValue(entry[1], this);
        this.#checkWritten('writeValue', between);
      }
      if (left !== 0) throw changed('writeMap(map)');
    } catch (error) {
      this.#length = start;
      throw error;
    } finally {
      this.#open -= 1;
    }
  }

  /** The header of a message: 24 bytes. */
  writeHeader(header: BinaryMessageHeaderInput): void {
    const fields = checkHeader(header);
    const at = this.#reserve(MessageHeader.Bytes);
    writeHeaderFields(this.#view, at, fields);
    this.#length = at + MessageHeader.Bytes;
  }

  /** Writes a short string whose characters are all ASCII; false (and nothing is written) for others. */
  #writeAscii(value: string): boolean {
    const length = value.length;
    const at = this.#reserve(length + 1);
    const bytes = this.#bytes;
    let seen = 0;
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index);
      seen |= unit;
      bytes[at + 1 + index] = unit;
    }
    if (seen > 0x7f) return false;
    bytes[at] = length;
    this.#length = at + 1 + length;
    return true;
  }

  #writeUtf8(value: string): void {
    if (!isWellFormed.call(value)) {
      throw new AgentwireArgumentError(
        'writeString(value)',
        `well-formed (half of a surrogate pair stands at index ${value.search(loneSurrogate)}, which UTF-8 cannot carry)`,
        value,
      );
    }
    const length = Buffer.byteLength(value, 'utf8');
    const at = this.#reserve(varintBytes(length) + length);
    const start = writeVarint(length, this.#bytes, at);
    this.#buffer.utf8Write(value, start, length);
    this.#length = start + length;
  }

  #writeBytes(value: Uint8Array, hasLength: boolean): void {
    const length = value.length;
    const at = this.#reserve((hasLength ? varintBytes(length) : 0) + length);
    const start = hasLength ? writeVarint(length, this.#bytes, at) : at;
    if (length > LONGEST_BYTES_LOOP) this.#bytes.set(value, start);
    else for (let index = 0; index < length; index++) this.#bytes[start + index] = value[index];
    this.#length = start + length;
  }

  /** Sees to it that so many bytes have room: where they begin. */
  #reserve(count: number): number {
    const at = this.#length;
    // The second for memory that a user of view() transferred away, whatever its length says: see lostMemory.
    if (at + count > this.#bytes.length || (count > 0 && this.#bytes[at] === undefined)) this.#grow(count);
    return at;
  }

  #grow(count: number): void {
    this.#checkMemory();
    const needed = this.#length + count;
    if (needed > this.#mostBytes) {
      throw new AgentwireRangeError(
        'ERR_AGENTWIRE_TOO_LARGE',
        `${count.toLocaleString('en')} more bytes would make ${needed.toLocaleString('en')}, and this encoder holds at most ` +
          `${this.#mostBytes.toLocaleString('en')} (maximumCapacity); they were not written. Make it with a larger ` +
          'maximumCapacity, or finish() and reset() more often',
      );
    }
    const memory = this.#allocate(Math.min(this.#mostBytes, Math.max(needed, 2 * this.#bytes.length)));
    memory.set(this.#bytes.subarray(0, this.#length));
    this.#moveTo(memory);
  }

  #allocate(bytes: number): Uint8Array {
    try {
      return new Uint8Array(bytes);
    } catch (cause) {
      throw new AgentwireError(
        'ERR_AGENTWIRE_OUT_OF_MEMORY',
        `an encoder's ${bytes.toLocaleString('en')} bytes could not be had (${describe((cause as Error).message)}); finish() and ` +
          'reset() more often',
        { cause },
      );
    }
  }

  #moveTo(memory: Uint8Array): void {
    this.#bytes = memory;
    this.#buffer = rawBuffer(memory);
    this.#view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  #checkMemory(): void {
    if (isGone(this.#bytes)) throw lostMemory('the encoder, whose memory view() gave out and reset() makes anew,');
  }

  #checkWritten(name: string, before: number): void {
    if (this.#length > before) return;
    const message = `${name} wrote nothing for an entry, and must write a byte at least (a bool, where nothing else is to tell)`;
    throw new AgentwireError('ERR_AGENTWIRE_ARGUMENT', message);
  }
}

function notInteger(name: string, least: number, most: number, given: unknown): AgentwireArgumentError {
  const range = `an integer from ${least.toLocaleString('en')} to ${most.toLocaleString('en')}`;
  return new AgentwireArgumentError(`${name}(value)`, range, given);
}

function changed(what: string): AgentwireError {
  return new AgentwireError('ERR_AGENTWIRE_ARGUMENT', `${what} changed while it was written; write a copy of it`);
}
