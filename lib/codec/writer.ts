import { CodecLimit, Tag } from '../generated/layout';
import { staticNumber } from './dictionary';
import { latin1Write, ucs2Write } from './raw-buffer';
import { scratch, scratchBytes } from './scratch';

/** Thrown (as it is, without a stack) when the memory is full: the caller makes room and encodes again. */
export const OVERFLOW = Symbol('no room');

/** True for what the encoder throws when its memory is full. */
export function isOverflow(thrown: unknown): boolean {
  return thrown === OVERFLOW;
}

/** Bytes that any scalar fits into; the limit lies this far before the end of the memory. */
export const SCALAR_BYTES = 16;
/** Longer strings are written by the runtime in one call, shorter ones character by character (measured: docs/measuring.md). */
const LONGEST_LOOP = 40;
const notLatin1 = /[^\0-\xff]/;

/**
 * Writes scalars into memory that it is attached to, per docs/wire-format.md section 2: what the Encoder makes values of.
 *
 * Methods take the position to write at and return the next one, which keeps it in a register. Nothing is allocated.
 */
export class Writer {
  /** The attached memory. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where a scalar may begin at the latest. */
  protected limit = 0;

  /** Writes into this memory from now on. */
  attach(memory: Uint8Array): void {
    this.bytes = memory;
    this.limit = memory.length - SCALAR_BYTES;
  }

  /** Gives `at` back when a scalar, or `length` bytes, have room there. */
  room(at: number, length = 0): number {
    if (at + length > this.limit) throw OVERFLOW;
    return at;
  }

  writeTag(tag: number, at: number): number {
    this.bytes[at] = tag;
    return at + 1;
  }

  writeVarint(value: number, at: number): number {
    const bytes = this.bytes;
    while (value > 0x7f) {
      bytes[at++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    bytes[at] = value;
    return at + 1;
  }

  writeNumber(value: number, at: number): number {
    const integer = value | 0;
    // -0 equals 0 but is not the integer 0.
    if (integer !== value || (value === 0 && 1 / value < 0)) return this.writeFloat(Tag.Float64, value, at);
    const bytes = this.bytes;
    if (integer >= -CodecLimit.NegativeFixIntCount && integer <= CodecLimit.FixIntMax) {
      bytes[at] = integer;
      return at + 1;
    }
    if (integer >= -0x80 && integer <= 0x7f) {
      bytes[at] = Tag.Int8;
      bytes[at + 1] = integer;
      return at + 2;
    }
    if (integer >= -0x8000 && integer <= 0x7fff) {
      bytes[at] = Tag.Int16;
      bytes[at + 1] = integer;
      bytes[at + 2] = integer >> 8;
      return at + 3;
    }
    bytes[at] = Tag.Int32;
    bytes[at + 1] = integer;
    bytes[at + 2] = integer >> 8;
    bytes[at + 3] = integer >> 16;
    bytes[at + 4] = integer >> 24;
    return at + 5;
  }

  protected writeFloat(tag: number, value: number, at: number): number {
    this.bytes[at] = tag;
    // V8 keeps the bits that a NaN was read with, and the format has one NaN.
    scratch.setFloat64(0, Number.isNaN(value) ? Number.NaN : value, true);
    return this.fromScratch(at + 1);
  }

  private fromScratch(at: number): number {
    const bytes = this.bytes;
    bytes[at] = scratchBytes[0] as number;
    bytes[at + 1] = scratchBytes[1] as number;
    bytes[at + 2] = scratchBytes[2] as number;
    bytes[at + 3] = scratchBytes[3] as number;
    bytes[at + 4] = scratchBytes[4] as number;
    bytes[at + 5] = scratchBytes[5] as number;
    bytes[at + 6] = scratchBytes[6] as number;
    bytes[at + 7] = scratchBytes[7] as number;
    return at + 8;
  }

  writeBigInt(value: bigint, at: number): number {
    if (value === BigInt.asIntN(64, value)) {
      this.bytes[at] = Tag.BigInt64;
      scratch.setBigInt64(0, value, true);
      return this.fromScratch(at + 1);
    }
    const hex = (value < 0n ? -value : value).toString(16);
    const length = (hex.length + 1) >> 1;
    if (at + length > this.limit) throw OVERFLOW;
    this.bytes[at] = Tag.BigInt;
    this.bytes[at + 1] = value < 0n ? 1 : 0;
    const start = this.writeVarint(length, at + 2);
    for (let index = 0; index < length; index++) {
      const end = hex.length - 2 * index;
      this.bytes[start + index] = Number.parseInt(hex.slice(Math.max(0, end - 2), end), 16);
    }
    return start + length;
  }

  protected writeString(value: string, at: number): number {
    const length = value.length;
    if (at + length > this.limit) throw OVERFLOW;
    if (length > CodecLimit.FixStringMax) return this.writeLongString(value, at);
    const bytes = this.bytes;
    let seen = 0;
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index);
      seen |= unit;
      bytes[at + 1 + index] = unit;
    }
    if (seen > 0xff) return this.writeTwoByteString(value, at);
    bytes[at] = Tag.FixString | length;
    return at + 1 + length;
  }

  protected writeLongString(value: string, at: number): number {
    const length = value.length;
    this.bytes[at] = Tag.OneByteString;
    const start = this.writeVarint(length, at + 1);
    if (length > LONGEST_LOOP) {
      if (notLatin1.test(value)) return this.writeTwoByteString(value, at);
      latin1Write.call(this.bytes, value, start, length);
      return start + length;
    }
    let seen = 0;
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index);
      seen |= unit;
      this.bytes[start + index] = unit;
    }
    return seen > 0xff ? this.writeTwoByteString(value, at) : start + length;
  }

  protected writeTwoByteString(value: string, at: number): number {
    if (at + 2 * value.length > this.limit) throw OVERFLOW;
    this.bytes[at] = Tag.TwoByteString;
    const start = this.writeVarint(value.length, at + 1);
    ucs2Write.call(this.bytes, value, start, 2 * value.length);
    return start + 2 * value.length;
  }

  /** Writes a string as an object's key: one of the dictionary by its number. */
  writeKey(key: string, at: number): number {
    const number = staticNumber(key);
    if (number < 0) return this.writeString(key, at);
    if (number < CodecLimit.StaticShortKeys) return this.writeTag(number, at);
    return this.writeStaticString(number, at);
  }

  protected writeStaticString(number: number, at: number): number {
    this.bytes[at] = Tag.StaticString;
    this.bytes[at + 1] = number;
    return at + 2;
  }

  writeHead(shortTag: number, shortMax: number, longTag: number, count: number, at: number): number {
    if (count <= shortMax) {
      this.bytes[at] = shortTag | count;
      return at + 1;
    }
    this.bytes[at] = longTag;
    return this.writeVarint(count, at + 1);
  }
}
