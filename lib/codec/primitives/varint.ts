import { checkBytes, checkInteger } from '../../checks';
import { AgentwireArgumentError, AgentwireRangeError } from '../../errors';
import { AgentwireDecodeError } from '../reader';
import { bytesOf, pastEnd } from './memory';

/** Bytes of the longest varint of a number, which has 53 bits, and of a bigint, which has 64. */
const MOST_NUMBER_BYTES = 8;
const MOST_BIGINT_BYTES = 10;

const MOST_NUMBER = Number.MAX_SAFE_INTEGER;
const MOST_NUMBER_AS_BIGINT = BigInt(MOST_NUMBER);

/** A value that was read, and how many bytes it took. */
export interface VarintResult<T> {
  value: T;
  bytesRead: number;
}

/**
 * Integers in one to ten bytes: unsigned LEB128 as in DWARF and WebAssembly, seven bits a byte from the lowest, the top bit set
 * in all bytes but the last. A number goes up to 2^53 - 1, a bigint to 2^64 - 1.
 *
 * A value has one form only, the shortest; a longer one is an error when read. The signed forms map 0, -1, 1, -2, 2 ... to
 * 0, 1, 2, 3, 4 ... (the zigzag of Protocol Buffers), so that small negative integers are short too.
 */
export class VarintEncoder {
  /** The bytes of a value. */
  static encode(value: number | bigint): Uint8Array;
  /** Writes a value into `target`: how many bytes it took. Nothing is written where it does not fit. */
  static encode(value: number | bigint, target: Uint8Array, offset?: number): number;
  static encode(value: number | bigint, target?: Uint8Array, offset = 0): Uint8Array | number {
    return typeof value === 'bigint'
      ? encode(checkU64('value', value), target, offset)
      : encode(checkNumber('value', value), target, offset);
  }

  /** The bytes of a bigint. */
  static encodeBigInt(value: bigint): Uint8Array {
    return encode(checkU64('value', value), undefined, 0) as Uint8Array;
  }

  /** Reads a number. */
  static decode(source: Uint8Array, offset = 0): VarintResult<number> {
    const value = readVarint(checkSource(source, offset), offset, source.length, 'a varint');
    return { value, bytesRead: varintBytes(value) };
  }

  /** Reads a bigint. */
  static decodeBigInt(source: Uint8Array, offset = 0): VarintResult<bigint> {
    const value = readVarintBigInt(checkSource(source, offset), offset, source.length, 'a varint');
    return { value, bytesRead: varintBigIntBytes(value) };
  }

  /** How many bytes a value takes. */
  static size(value: number | bigint): number {
    return typeof value === 'bigint'
      ? varintBigIntBytes(checkU64('value', value))
      : varintBytes(checkNumber('value', value));
  }

  /** The bytes of a value that may be negative: a safe integer, or a bigint of 64 bits. */
  static encodeSigned(value: number | bigint): Uint8Array;
  static encodeSigned(value: number | bigint, target: Uint8Array, offset?: number): number;
  static encodeSigned(value: number | bigint, target?: Uint8Array, offset = 0): Uint8Array | number {
    return encode(zigzag(value), target, offset);
  }

  /** Reads a number that `encodeSigned` wrote. */
  static decodeSigned(source: Uint8Array, offset = 0): VarintResult<number> {
    const { value, bytesRead } = VarintEncoder.decodeSignedBigInt(source, offset);
    if (value > MOST_NUMBER_AS_BIGINT || value < -MOST_NUMBER_AS_BIGINT) {
      throw new AgentwireDecodeError(`the varint ${value} is no safe integer; decodeSignedBigInt reads it`, offset);
    }
    return { value: Number(value), bytesRead };
  }

  /** Reads a bigint that `encodeSigned` wrote. */
  static decodeSignedBigInt(source: Uint8Array, offset = 0): VarintResult<bigint> {
    const { value, bytesRead } = VarintEncoder.decodeBigInt(source, offset);
    return { value: (value >> 1n) ^ -(value & 1n), bytesRead };
  }

  /** How many bytes `encodeSigned` takes for a value. */
  static sizeSigned(value: number | bigint): number {
    return varintBigIntBytes(zigzag(value));
  }
}

function encode(value: number | bigint, target: Uint8Array | undefined, offset: number): Uint8Array | number {
  const size = typeof value === 'bigint' ? varintBigIntBytes(value) : varintBytes(value);
  const memory = target === undefined ? new Uint8Array(size) : bytesOf('target', target);
  checkInteger('offset', offset, 0, memory.length);
  if (size > memory.length - offset) {
    throw new AgentwireRangeError(
      'ERR_AGENTWIRE_TOO_LONG',
      `${value} takes ${size} bytes as a varint, and target has ${memory.length - offset} from offset ${offset}; nothing was ` +
        'written. Give it a larger target',
    );
  }
  if (typeof value === 'bigint') writeVarintBigInt(value, memory, offset);
  else writeVarint(value, memory, offset);
  return target === undefined ? memory : size;
}

function zigzag(value: number | bigint): bigint {
  const isFit = typeof value === 'bigint' ? BigInt.asIntN(64, value) === value : Number.isSafeInteger(value);
  if (!isFit) throw new AgentwireArgumentError('value', 'a safe integer, or a bigint of 64 bits', value);
  const wide = BigInt(value);
  return wide < 0n ? -2n * wide - 1n : 2n * wide;
}

function checkSource(source: Uint8Array, offset: number): Uint8Array {
  const bytes = checkBytes('source', source);
  checkInteger('offset', offset, 0, bytes.length);
  return bytes;
}

function checkNumber(name: string, value: unknown): number {
  if (isVarint(value)) return value;
  throw notVarint(name, value);
}

function checkU64(name: string, value: unknown): bigint {
  if (isU64(value)) return value;
  throw notU64(name, value);
}

/** True for a number that a varint can be. */
export function isVarint(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && Number.isSafeInteger(value);
}

/** True for a bigint of 64 bits without a sign. */
export function isU64(value: unknown): value is bigint {
  return typeof value === 'bigint' && BigInt.asUintN(64, value) === value;
}

export function notVarint(name: string, given: unknown): AgentwireArgumentError {
  return new AgentwireArgumentError(name, 'an integer from 0 to 2^53 - 1', given);
}

export function notU64(name: string, given: unknown): AgentwireArgumentError {
  return new AgentwireArgumentError(name, 'a bigint from 0 to 2^64 - 1', given);
}

/** Bytes of a number's varint. As a value has one form only, this is also how many a varint took that was read. */
export function varintBytes(value: number): number {
  if (value < 2 ** 7) return 1;
  if (value < 2 ** 14) return 2;
  if (value < 2 ** 21) return 3;
  if (value < 2 ** 28) return 4;
  if (value < 2 ** 35) return 5;
  if (value < 2 ** 42) return 6;
  return value < 2 ** 49 ? 7 : 8;
}

/** Bytes of a bigint's varint. */
export function varintBigIntBytes(value: bigint): number {
  if (value <= MOST_NUMBER_AS_BIGINT) return varintBytes(Number(value));
  if (value < 1n << 56n) return 8;
  return value < 1n << 63n ? 9 : 10;
}

/** Writes a number that was checked to memory that has room: the position behind it. */
export function writeVarint(value: number, bytes: Uint8Array, at: number): number {
  // Bit operations see the lowest 32 bits, which is enough for the seven that are wanted but not for the shift.
  while (value > 0x7fff_ffff) {
    bytes[at++] = (value & 0x7f) | 0x80;
    value = Math.floor(value / 0x80);
  }
  while (value > 0x7f) {
    bytes[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  bytes[at] = value;
  return at + 1;
}

/** Writes a bigint that was checked to memory that has room: the position behind it. */
export function writeVarintBigInt(value: bigint, bytes: Uint8Array, at: number): number {
  if (value <= MOST_NUMBER_AS_BIGINT) return writeVarint(Number(value), bytes, at);
  // Arithmetic of numbers from here: 28 bits, 28 bits and up to 8.
  const low = Number(value & 0xfff_ffffn);
  const middle = Number((value >> 28n) & 0xfff_ffffn);
  const high = Number(value >> 56n);
  for (let index = 0; index < 4; index++) {
    bytes[at + index] = (low >>> (7 * index)) | 0x80;
    bytes[at + 4 + index] = (middle >>> (7 * index)) | 0x80;
  }
  if (high !== 0) return writeVarint(high, bytes, at + 8);
  bytes[at + 7] = middle >>> 21;
  return at + 8;
}

/** Reads a number that ends before `end`. What it took is `varintBytes` of it. */
export function readVarint(bytes: Uint8Array, at: number, end: number, what: string): number {
  let value = 0;
  let scale = 1;
  for (let count = 0; count < MOST_NUMBER_BYTES; count++) {
    const byte = at + count < end ? bytes[at + count] : undefined;
    if (byte === undefined) throw cutShort(bytes, what, at, count);
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) {
      if (byte === 0 && count > 0) throw notShortest(what, at);
      // Rounding does not bring a sum from above the limit below it.
      if (value > MOST_NUMBER) throw tooLarge(what, '2^53 - 1', at);
      return value;
    }
    scale *= 0x80;
  }
  throw tooLarge(what, '2^53 - 1', at);
}

/** Reads a bigint that ends before `end`. What it took is `varintBigIntBytes` of it. */
export function readVarintBigInt(bytes: Uint8Array, at: number, end: number, what: string): bigint {
  let low = 0;
  let middle = 0;
  let high = 0;
  for (let count = 0; count < MOST_BIGINT_BYTES; count++) {
    const byte = at + count < end ? bytes[at + count] : undefined;
    if (byte === undefined) throw cutShort(bytes, what, at, count);
    const bits = byte & 0x7f;
    if (count < 4) low |= bits << (7 * count);
    else if (count < 8) middle |= bits << (7 * (count - 4));
    else high |= bits << (7 * (count - 8));
    if (byte < 0x80) {
      if (byte === 0 && count > 0) throw notShortest(what, at);
      if (high > 0xff) throw tooLarge(what, '2^64 - 1', at);
      // Up to 49 bits fit a number.
      if (count < 7) return BigInt(low + middle * 2 ** 28);
      return (BigInt(high) << 56n) | (BigInt(middle) << 28n) | BigInt(low);
    }
  }
  throw tooLarge(what, '2^64 - 1', at);
}

function cutShort(bytes: Uint8Array, what: string, at: number, left: number): Error {
  return pastEnd(bytes, left === 0 ? what : `${what} goes on: it`, at, left + 1, left);
}

function notShortest(what: string, at: number): AgentwireDecodeError {
  return new AgentwireDecodeError(`${what} is not in its shortest form, the only one that is written`, at);
}

function tooLarge(what: string, most: string, at: number): AgentwireDecodeError {
  return new AgentwireDecodeError(`${what} is larger than ${most}, or has no end`, at);
}
