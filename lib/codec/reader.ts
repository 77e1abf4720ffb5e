import { AgentwireError } from '../errors';
import { BinaryKind, CodecLimit } from '../generated/layout';
import { latin1Slice, ucs2Slice } from './raw-buffer';
import { scratch, scratchBytes } from './scratch';

/** Bytes that are no value: where, and what is wrong. */
export class AgentwireDecodeError extends AgentwireError {
  constructor(
    message: string,
    /** Offset from the start of the value. */
    readonly offset: number,
  ) {
    super('ERR_AGENTWIRE_UNDECODABLE', `${message} (at byte ${offset})`);
  }
}

/**
 * In values of at least this many bytes, strings of 32 to LONGEST_PART characters are cut out of a string that holds so many bytes: a call
 * into the runtime for each takes four times as long. The engine keeps the whole for as long as it keeps a part, so it is small.
 */
const WINDOW = 1024;
const LONGEST_PART = 256;

/**
 * Reads scalars from memory that it is attached to, per docs/wire-format.md section 2: what the Decoder makes values of.
 *
 * Counts and lengths are checked before anything is made of them.
 */
export class Reader {
  /** The attached memory. */
  bytes: Uint8Array = new Uint8Array(0);
  /** A piece of the memory as a string, of which strings are parts. */
  private window = '';
  private windowStart = 0;
  protected windowEnd = 0;
  protected start = 0;
  /** Where the next value starts. */
  at = 0;
  protected end = 0;

  /** Reads from this memory from now on. */
  attach(memory: Uint8Array): void {
    this.bytes = memory;
  }

  protected readInt32(at: number): number {
    const bytes = this.bytes;
    return (
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    );
  }

  protected readFloat64(at: number): number {
    this.toScratch(at);
    return scratch.getFloat64(0, true);
  }

  protected readBigInt64(at: number): bigint {
    this.toScratch(at);
    return scratch.getBigInt64(0, true);
  }

  private toScratch(at: number): void {
    const bytes = this.bytes;
    scratchBytes[0] = bytes[at] as number;
    scratchBytes[1] = bytes[at + 1] as number;
    scratchBytes[2] = bytes[at + 2] as number;
    scratchBytes[3] = bytes[at + 3] as number;
    scratchBytes[4] = bytes[at + 4] as number;
    scratchBytes[5] = bytes[at + 5] as number;
    scratchBytes[6] = bytes[at + 6] as number;
    scratchBytes[7] = bytes[at + 7] as number;
  }

  protected readBinary(at: number): unknown {
    const kind = this.bytes[this.at++] as number;
    const length = this.readVarint(at);
    this.check(length, at);
    const view = binaryViews[kind];
    if (view === undefined) throw this.error(`the unknown kind ${kind} of binary`, at);
    if (length % view.elementBytes !== 0)
      throw this.error(`a binary whose ${length} bytes are no whole number of elements`, at);
    const start = this.at;
    this.at = start + length;
    const copy = new Uint8Array(length);
    copy.set(this.bytes.subarray(start, start + length));
    return view.over(copy.buffer);
  }

  protected readBigInt(at: number): bigint {
    const sign = this.bytes[this.at++] as number;
    const length = this.readVarint(at);
    this.check(length, at);
    const start = this.at;
    this.at = start + length;
    if (sign > 1) throw this.error(`the sign ${sign} of a bigint, which is 0 or 1`, at);
    if (length === 0 || this.bytes[this.at - 1] === 0) throw this.error('the magnitude of a bigint ends in zero', at);
    const hex = Buffer.from(this.bytes.subarray(start, this.at)).reverse().toString('hex');
    const magnitude = BigInt(`0x${hex}`);
    return sign === 1 ? -magnitude : magnitude;
  }

  protected readOneByteString(at: number): string {
    const length = this.readVarint(at);
    this.check(length, at);
    const start = this.at;
    this.at = start + length;
    if (length > LONGEST_PART || this.end - this.start < WINDOW)
      return latin1Slice.call(this.bytes, start, start + length);
    if (start < this.windowStart || this.at > this.windowEnd) this.moveWindow(start);
    return this.window.substring(start - this.windowStart, this.at - this.windowStart);
  }

  private moveWindow(start: number): void {
    this.windowStart = start;
    this.windowEnd = Math.min(start + WINDOW, this.end);
    this.window = latin1Slice.call(this.bytes, start, this.windowEnd);
  }

  protected readTwoByteString(at: number): string {
    const length = this.readVarint(at);
    this.check(2 * length, at);
    const start = this.at;
    this.at = start + 2 * length;
    return ucs2Slice.call(this.bytes, start, start + 2 * length);
  }

  /** Reads a varint; `at` is where the value starts that it belongs to. */
  readVarint(at: number): number {
    const first = this.bytes[this.at++] as number;
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let scale = 0x80;
    for (let count = 1; count < CodecLimit.MaxVarintBytes; count++) {
      const byte = this.at < this.end ? (this.bytes[this.at] as number) : 0x100;
      if (byte === 0x100) throw this.error('the value is cut short', at);
      this.at++;
      value += (byte & 0x7f) * scale;
      scale *= 0x80;
      if (byte < 0x80) {
        if (byte === 0) throw this.error('a varint that is not the shortest', at);
        if (value > CodecLimit.MaxVarint) throw this.error('a varint that is too large', at);
        return value;
      }
    }
    throw this.error('a varint that is too large', at);
  }

  /** Checks that `count` more bytes are there, as many things at least need. */
  check(count: number, at: number): void {
    if (count > this.end - this.at) throw this.error('a count that is larger than the bytes that are left', at);
  }

  /** Checks that the `count` bytes behind a tag are there. */
  protected need(count: number, at: number): void {
    if (at + count >= this.end) throw this.error('the value is cut short', at);
  }

  error(message: string, at: number): AgentwireDecodeError {
    return new AgentwireDecodeError(message, at - this.start);
  }
}

interface BinaryView {
  elementBytes: number;
  over(buffer: ArrayBuffer): unknown;
}

const binaryViews: Record<number, BinaryView | undefined> = {
  [BinaryKind.ArrayBuffer]: { elementBytes: 1, over: (buffer) => buffer },
  [BinaryKind.DataView]: { elementBytes: 1, over: (buffer) => new DataView(buffer) },
};

type TypedArrayConstructor = { BYTES_PER_ELEMENT: number; new (buffer: ArrayBuffer): unknown };
const constructors: [number, TypedArrayConstructor | undefined][] = [
  [BinaryKind.Int8Array, Int8Array],
  [BinaryKind.Uint8Array, Uint8Array],
  [BinaryKind.Uint8ClampedArray, Uint8ClampedArray],
  [BinaryKind.Int16Array, Int16Array],
  [BinaryKind.Uint16Array, Uint16Array],
  [BinaryKind.Int32Array, Int32Array],
  [BinaryKind.Uint32Array, Uint32Array],
  [BinaryKind.Float32Array, Float32Array],
  [BinaryKind.Float64Array, Float64Array],
  [BinaryKind.BigInt64Array, BigInt64Array],
  [BinaryKind.BigUint64Array, BigUint64Array],
  // Newer runtimes only: elsewhere such a value is refused as of unknown kind.
  [BinaryKind.Float16Array, (globalThis as { Float16Array?: TypedArrayConstructor }).Float16Array],
];
for (const [kind, Constructor] of constructors) {
  if (Constructor === undefined) continue;
  binaryViews[kind] = { elementBytes: Constructor.BYTES_PER_ELEMENT, over: (buffer) => new Constructor(buffer) };
}
