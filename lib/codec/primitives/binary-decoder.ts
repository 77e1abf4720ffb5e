import { isUtf8 } from 'node:buffer';
import { types } from 'node:util';
import { checkInteger } from '../../checks';
import { AgentwireError, describe } from '../../errors';
import { MessageHeader } from '../../generated/layout';
import { type RawBuffer, rawBuffer } from '../raw-buffer';
import { AgentwireDecodeError } from '../reader';
import { shortReaders } from '../short-strings';
import { bytesOfSource, checkFunction, pastEnd } from './memory';
import { type BinaryMessageHeader, readHeaderFields } from './message-header';
import { readVarint, readVarintBigInt, varintBigIntBytes, varintBytes } from './varint';

/**
 * Reads what a BinaryEncoder wrote, per docs/wire-format.md section 3: the same kinds in the same order.
 *
 * For any bytes a read gives a value or throws; then the position stays where it was. A count or a length is believed only where
 * the bytes are there. The source is not copied: who writes to it meanwhile changes what is read, and nothing worse.
 */
export class BinaryDecoder {
  #bytes!: Uint8Array;
  #view!: DataView;
  /** Made when the first long string comes. */
  #buffer: RawBuffer | null = null;
  #isShared = false;
  #at = 0;
  #end = 0;
  /** How many arrays and maps are being read. */
  #open = 0;

  constructor(source: Uint8Array | ArrayBuffer | SharedArrayBuffer) {
    this.attach(source);
  }

  /** Reads from the beginning of other memory from now on. */
  attach(source: Uint8Array | ArrayBuffer | SharedArrayBuffer): void {
    this.#refuseInside('attach');
    const bytes = bytesOfSource('source', source);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#buffer = null;
    this.#isShared = types.isSharedArrayBuffer(bytes.buffer);
    this.#at = 0;
    this.#end = bytes.length;
  }

  /** Reads again from this position. */
  reset(position = 0): void {
    this.#refuseInside('reset');
    this.#at = checkInteger('position', position, 0, this.#end, 'bytes from the start');
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#at;
  }

  /** Bytes that are left. */
  remaining(): number {
    return this.#end - this.#at;
  }

  /** True while there is anything left. */
  hasMore(): boolean {
    return this.#at < this.#end;
  }

  /** Passes over so many bytes. */
  skip(count: number): void {
    checkInteger('skip(count)', count, 0, Number.MAX_SAFE_INTEGER, 'bytes');
    if (count > 0) this.#take(count, 'skip(count)');
  }

  readU8(): number {
    return this.#view.getUint8(this.#take(1, 'a u8'));
  }

  readU16(): number {
    return this.#view.getUint16(this.#take(2, 'a u16'), true);
  }

  readU32(): number {
    return this.#view.getUint32(this.#take(4, 'a u32'), true);
  }

  readU64(): bigint {
    return this.#view.getBigUint64(this.#take(8, 'a u64'), true);
  }

  readI8(): number {
    return this.#view.getInt8(this.#take(1, 'an i8'));
  }

  readI16(): number {
    return this.#view.getInt16(this.#take(2, 'an i16'), true);
  }

  readI32(): number {
    return this.#view.getInt32(this.#take(4, 'an i32'), true);
  }

  readI64(): bigint {
    return this.#view.getBigInt64(this.#take(8, 'an i64'), true);
  }

  /** An integer from 0 to 2^53 - 1. */
  readVarint(): number {
    const value = readVarint(this.#bytes, this.#at, this.#end, 'a varint');
    this.#at += varintBytes(value);
    return value;
  }

  /** A bigint from 0 to 2^64 - 1. */
  readVarintBigInt(): bigint {
    const value = readVarintBigInt(this.#bytes, this.#at, this.#end, 'a varint');
    this.#at += varintBigIntBytes(value);
    return value;
  }

  readF32(): number {
    return this.#view.getFloat32(this.#take(4, 'an f32'), true);
  }

  readF64(): number {
    return this.#view.getFloat64(this.#take(8, 'an f64'), true);
  }

  /** True or false: a byte that is neither 0 nor 1 is an error. */
  readBool(): boolean {
    const at = this.#take(1, 'a bool');
    const byte = this.#bytes[at];
    if (byte < 2) return byte === 1;
    this.#at = at;
    throw new AgentwireDecodeError(`a bool is 0 or 1, and this is ${byte}`, at);
  }

  /** A string. Bytes that are no UTF-8 are an error. */
  readString(): string {
    const at = this.#at;
    const start = this.#readLength(at, 'a string');
    const end = this.#at;
    try {
      return this.#readText(start, end);
    } catch (error) {
      this.#at = at;
      throw error;
    }
  }

  /** Bytes: a copy that belongs to the caller, never shared. */
  readBytes(): Uint8Array {
    const start = this.#readLength(this.#at, 'an array of bytes');
    return this.#bytes.slice(start, this.#at);
  }

  /** So many bytes that `writeRaw` wrote: a copy, as of `readBytes`. */
  readRaw(length: number): Uint8Array {
    checkInteger('readRaw(length)', length, 0, Number.MAX_SAFE_INTEGER, 'bytes');
    if (length === 0) return new Uint8Array(0);
    const at = this.#take(length, 'readRaw(length)');
    return this.#bytes.slice(at, at + length);
  }

  /** An array: `readItem` reads each item, which is a byte at least. */
  readArray<T>(readItem: (decoder: this) => T): T[] {
    checkFunction('readItem', readItem);
    const start = this.#at;
    this.#open += 1;
    try {
      const count = this.#readCount('an array', 1);
      const items: T[] = [];
      for (let index = 0; index < count; index++) {
        const before = this.#at;
        items.push(readItem(this));
        this.#checkRead('readItem', before);
      }
      return items;
    } catch (error) {
      this.#at = start;
      throw error;
    } finally {
      this.#open -= 1;
    }
  }

  /** A map: `readKey` and `readValue` read each entry. Of a key that comes twice the last value stays. */
  readMap<K, V>(readKey: (decoder: this) => K, readValue: (decoder: this) => V): Map<K, V> {
    checkFunction('readKey', readKey);
    checkFunction('readValue', readValue);
    const start = this.#at;
    this.#open += 1;
    try {
      const count = this.#readCount('a map', 2);
      const map = new Map<K, V>();
      for (let index = 0; index < count; index++) {
        const before = this.#at;
        const key = readKey(this);
        this.#checkRead('readKey', before);
        const between = this.#at;
        map.set(key, readValue(this));
        this.#checkRead('readValue', between);
      }
      return map;
    } catch (error) {
      this.#at = start;
      throw error;
    } finally {
      this.#open -= 1;
    }
  }

  /** The header of a message. Whether its payload is there, is not looked at. */
  readHeader(): BinaryMessageHeader {
    const at = this.#take(MessageHeader.Bytes, 'a header');
    try {
      return readHeaderFields(this.#view, at);
    } catch (error) {
      this.#at = at;
      throw error;
    }
  }

  /** Goes past so many bytes, at least one, which are there: where they begin. */
  #take(count: number, what: string): number {
    const at = this.#at;
    // The second for memory that is gone, whatever its length says: see lostMemory.
    if (count > this.#end - at || this.#bytes[at] === undefined) {
      throw pastEnd(this.#bytes, what, at, count, this.#end - at);
    }
    this.#at = at + count;
    return at;
  }

  /** Reads the length of the thing at `at`, and goes past it: where its bytes begin. */
  #readLength(at: number, what: string): number {
    const length = readVarint(this.#bytes, at, this.#end, `the length of ${what}`);
    const start = at + varintBytes(length);
    if (length > this.#end - start) throw pastEnd(this.#bytes, what, start, length, this.#end - start);
    this.#at = start + length;
    return start;
  }

  #readCount(what: string, leastBytes: number): number {
    const at = this.#at;
    const count = readVarint(this.#bytes, at, this.#end, `the count of ${what}`);
    const start = at + varintBytes(count);
    if (count * leastBytes > this.#end - start) {
      throw pastEnd(
        this.#bytes,
        `${what} of ${count.toLocaleString('en')}, at the least,`,
        start,
        count * leastBytes,
        this.#end - start,
      );
    }
    this.#at = start;
    return count;
  }

  #readText(start: number, end: number): string {
    const bytes = this.#bytes;
    const length = end - start;
    if (length < shortReaders.length) {
      let seen = 0;
      for (let index = start; index < end; index++) seen |= bytes[index];
      if (seen < 0x80) return shortReaders[length](bytes, start);
    }
    // The runtime looks at the bytes twice: they must not change between.
    if (this.#isShared) return readUtf8(rawBuffer(bytes.slice(start, end)), 0, length, start);
    this.#buffer ??= rawBuffer(bytes);
    return readUtf8(this.#buffer, start, end, start);
  }

  #checkRead(name: string, before: number): void {
    if (this.#at > before) return;
    const message = `${name} read nothing for an entry, and must read what was written for it, a byte at least`;
    throw new AgentwireError('ERR_AGENTWIRE_ARGUMENT', message);
  }

  #refuseInside(method: string): void {
    if (this.#open === 0) return;
    throw new AgentwireError(
      'ERR_AGENTWIRE_REENTRANT',
      `${method}() was called by a callback of readArray or readMap; throw from it instead, and the position is where it was`,
    );
  }
}

/** Reads UTF-8; `at` is for the error. */
function readUtf8(buffer: RawBuffer, start: number, end: number, at: number): string {
  let text: string;
  try {
    text = buffer.utf8Slice(start, end);
  } catch (cause) {
    const reason = describe((cause as Error).message);
    throw new AgentwireDecodeError(
      `a string of ${(end - start).toLocaleString('en')} bytes is too long here (${reason})`,
      at,
    );
  }
  // What is wrong comes out as this character, which may also have been written.
  if (text.includes('\ufffd') && !isUtf8(buffer.subarray(start, end))) {
    throw new AgentwireDecodeError('a string is no valid UTF-8; writeString writes nothing else', at);
  }
  return text;
}
