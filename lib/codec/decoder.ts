import { AgentwireError } from '../errors';
import { BinaryKind, CodecLimit, Tag } from '../generated/layout';
import { type RawBuffer, rawBuffer } from './raw-buffer';
import { setOwn } from './shapes';
import { shortReaders } from './short-strings';
import type { Tables } from './tables';

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
 * Reads values from memory that it is attached to, per docs/wire-format.md section 2. For any bytes it returns a value or throws
 * AgentwireDecodeError, in time and memory bounded by their number.
 *
 * Scalars are read without a check of the end, which a typed array makes harmless; the check comes once, when the value ends.
 * Counts and lengths are checked before anything is made of them.
 */
export class Decoder {
  private bytes: Uint8Array = new Uint8Array(0);
  private buffer: RawBuffer = rawBuffer(new Uint8Array(0));
  private view: DataView = new DataView(new ArrayBuffer(0));
  private start = 0;
  private at = 0;
  private end = 0;
  private depth = 0;

  constructor(private readonly tables: Tables | null) {}

  /** Reads from this memory from now on. */
  attach(memory: Uint8Array): void {
    this.bytes = memory;
    this.buffer = rawBuffer(memory);
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  /** Reads the value that fills `memory`. */
  decode(memory: Uint8Array): unknown {
    this.attach(memory);
    return this.readRoot(0, memory.length);
  }

  /** Reads the value that fills the bytes from `start` to `end` of the attached memory. */
  readRoot(start: number, end: number): unknown {
    this.start = start;
    this.at = start;
    this.end = end;
    this.depth = 0;
    if (end > this.bytes.length || start >= end) throw this.error('no value', start);
    const value = this.read();
    if (this.at !== end) {
      throw this.error(
        this.at > end ? 'the value is cut short' : 'bytes are left behind the value',
        Math.min(this.at, end),
      );
    }
    return value;
  }

  /** Reads the next value. */
  read(): unknown {
    const at = this.at;
    const tag = this.bytes[at] as number;
    if (tag < Tag.FixString) {
      this.at = at + 1;
      return tag;
    }
    if (tag < Tag.FixArray) {
      const length = tag & CodecLimit.FixStringMax;
      const next = at + 1 + length;
      if (next > this.end) throw this.error('a string is longer than the bytes that are left', at);
      this.at = next;
      return (shortReaders[length] as (bytes: Uint8Array, at: number) => string)(this.bytes, at + 1);
    }
    this.at = at + 1;
    switch (tag) {
      case Tag.Shape:
        return this.readShape(at);
      case Tag.StringId:
        return this.readStringId(at);
      case Tag.Float64:
        this.need(8, at);
        this.at = at + 9;
        return this.view.getFloat64(at + 1, true);
      case Tag.Null:
        return null;
      case Tag.Undefined:
        return undefined;
      case Tag.False:
        return false;
      case Tag.True:
        return true;
      case Tag.Int8:
        this.need(1, at);
        this.at = at + 2;
        return this.view.getInt8(at + 1);
      case Tag.Int16:
        this.need(2, at);
        this.at = at + 3;
        return this.view.getInt16(at + 1, true);
      case Tag.Int32:
        this.need(4, at);
        this.at = at + 5;
        return this.view.getInt32(at + 1, true);
      default:
        return this.readRare(tag, at);
    }
  }

  private readRare(tag: number, at: number): unknown {
    if (tag >= Tag.NegativeFixInt) return tag - 0x100;
    if (tag < Tag.FixObject) return this.readArray(tag & CodecLimit.FixArrayMax, at);
    if (tag < Tag.Null) return this.readObject(tag & CodecLimit.FixObjectMax, at);
    switch (tag) {
      case Tag.OneByteString:
        return this.readOneByteString(at);
      case Tag.TwoByteString:
        return this.readTwoByteString(at);
      case Tag.Array:
        return this.readArray(this.readVarint(at), at);
      case Tag.Object:
        return this.readObject(this.readVarint(at), at);
      case Tag.Map:
        return this.readMap(this.readVarint(at), at);
      case Tag.Set:
        return this.readSet(this.readVarint(at), at);
      case Tag.Binary:
        return this.readBinary(at);
      case Tag.Date:
        this.need(8, at);
        this.at = at + 9;
        return new Date(this.view.getFloat64(at + 1, true));
      case Tag.BigInt64:
        this.need(8, at);
        this.at = at + 9;
        return this.view.getBigInt64(at + 1, true);
      case Tag.BigInt:
        return this.readBigInt(at);
      case Tag.Hole:
        throw this.error('a hole outside of an array', at);
      default:
        if (at >= this.end) throw this.error('the value is cut short', at);
        throw this.error(`the reserved tag 0x${tag.toString(16)}`, at);
    }
  }

  private readShape(at: number): unknown {
    const id = this.readVarint(at);
    const shape = this.tables?.shape(id);
    if (shape === undefined) throw this.unknownId('shape', id, at);
    this.check(shape.keys.length, at);
    this.enter(at);
    const object = shape.read(this);
    this.depth--;
    return object;
  }

  private readStringId(at: number): string {
    const id = this.readVarint(at);
    const text = this.tables?.string(id);
    if (text === undefined) throw this.unknownId('string', id, at);
    return text;
  }

  private readArray(count: number, at: number): unknown[] {
    this.check(count, at);
    this.enter(at);
    const array: unknown[] = [];
    for (let index = 0; index < count; index++) {
      if (this.bytes[this.at] === Tag.Hole && this.at < this.end) {
        this.at++;
        array.length = index + 1;
      } else {
        array[index] = this.read();
      }
    }
    this.depth--;
    return array;
  }

  private readObject(count: number, at: number): object {
    this.check(2 * count, at);
    this.enter(at);
    const object = {};
    for (let index = 0; index < count; index++) {
      const keyAt = this.at;
      const key = this.read();
      if (typeof key !== 'string') throw this.error('a key that is no string', keyAt);
      if (Object.hasOwn(object, key)) throw this.error('a key that came before', keyAt);
      setOwn(object, key, this.read());
    }
    this.depth--;
    return object;
  }

  private readMap(count: number, at: number): Map<unknown, unknown> {
    this.check(2 * count, at);
    this.enter(at);
    const map = new Map<unknown, unknown>();
    for (let index = 0; index < count; index++) {
      const key = this.read();
      map.set(key, this.read());
    }
    this.depth--;
    return map;
  }

  private readSet(count: number, at: number): Set<unknown> {
    this.check(count, at);
    this.enter(at);
    const set = new Set<unknown>();
    for (let index = 0; index < count; index++) set.add(this.read());
    this.depth--;
    return set;
  }

  private readBinary(at: number): unknown {
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

  private readBigInt(at: number): bigint {
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

  private readOneByteString(at: number): string {
    const length = this.readVarint(at);
    this.check(length, at);
    const start = this.at;
    this.at = start + length;
    return this.buffer.latin1Slice(start, start + length);
  }

  private readTwoByteString(at: number): string {
    const length = this.readVarint(at);
    this.check(2 * length, at);
    const start = this.at;
    this.at = start + 2 * length;
    return this.buffer.ucs2Slice(start, start + 2 * length);
  }

  /** Reads a varint; `at` is where the value starts that it belongs to. */
  private readVarint(at: number): number {
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
  private check(count: number, at: number): void {
    if (count > this.end - this.at) throw this.error('a count that is larger than the bytes that are left', at);
  }

  /** Checks that the `count` bytes behind a tag are there. */
  private need(count: number, at: number): void {
    if (at + count >= this.end) throw this.error('the value is cut short', at);
  }

  private enter(at: number): void {
    if (++this.depth > CodecLimit.MaxDepth) throw this.error(`nested more than ${CodecLimit.MaxDepth} deep`, at);
  }

  private unknownId(what: string, id: number, at: number): AgentwireDecodeError {
    return this.error(
      this.tables === null
        ? `a ${what} by id in bytes that should be self-contained`
        : `the ${what} id ${id}, which was never given`,
      at,
    );
  }

  private error(message: string, at: number): AgentwireDecodeError {
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
