import { types } from 'node:util';
import { BinaryKind, CodecLimit, Tag } from '../generated/layout';
import { type RawBuffer, rawBuffer } from './raw-buffer';
import type { Shape } from './shapes';
import { Slot } from './slot';
import type { Tables } from './tables';
import { isContainer, isDetached, isReadableView, TOO_DEEP, UNSUPPORTED, unsupportedKind } from './unsupported';

/** Thrown (as it is, without a stack) when the memory is full: the caller makes room and encodes again. */
const OVERFLOW = Symbol('no room');

/** True for what the encoder throws when its memory is full. */
export function isOverflow(thrown: unknown): boolean {
  return thrown === OVERFLOW;
}

/** Bytes that any scalar fits into; the limit lies this far before the end of the memory. */
const SCALAR_BYTES = 16;
/** Longer strings are written by the runtime in one call, shorter ones character by character (measured: docs/performance.md). */
const LONGEST_LOOP = 40;
/** Most shapes that one place remembers before it asks the table. */
const MOST_SHAPES = 4;

const notLatin1 = /[^\0-\xff]/;

/**
 * Writes values into memory that it is attached to, per docs/wire-format.md section 2. With tables, shapes and strings that
 * keep coming travel by id; without, the bytes are self-contained.
 *
 * Methods take the position to write at and return the next one, which keeps it in a register. Nothing is allocated.
 */
export class Encoder {
  private bytes: Uint8Array = new Uint8Array(0);
  private buffer: RawBuffer = rawBuffer(new Uint8Array(0));
  private view: DataView = new DataView(new ArrayBuffer(0));
  private limit = 0;
  private depth = 0;

  constructor(private readonly tables: Tables | null) {}

  /** Writes into this memory from now on. */
  attach(memory: Uint8Array): void {
    this.bytes = memory;
    this.buffer = rawBuffer(memory);
    this.view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  }

  /**
   * Writes a whole value at `at`, not beyond `end`: the position behind it. Throws OVERFLOW, UNSUPPORTED or TOO_DEEP, and
   * what a getter of the value throws; then nothing that was written counts.
   */
  writeRoot(value: unknown, at: number, end: number, slot: Slot = new Slot()): number {
    this.limit = end - SCALAR_BYTES;
    this.depth = 0;
    const next = this.writeField(value, at, slot);
    if (next > end) throw OVERFLOW;
    return next;
  }

  /** Writes a value in a place whose history is `slot`. */
  writeField(value: unknown, at: number, slot: Slot): number {
    if (at > this.limit) throw OVERFLOW;
    // Not a switch: V8 compiles `typeof x === 'literal'` to a look at the tag, a switch to a call and comparisons of strings.
    if (typeof value === 'string') return this.writeFieldString(value, at, slot);
    if (typeof value === 'number') return this.writeNumber(value, at);
    if (typeof value === 'object')
      return value === null ? this.writeTag(Tag.Null, at) : this.writeObject(value, at, slot);
    if (typeof value === 'boolean') return this.writeTag(value ? Tag.True : Tag.False, at);
    if (value === undefined) return this.writeTag(Tag.Undefined, at);
    if (typeof value === 'bigint') return this.writeBigInt(value, at);
    throw UNSUPPORTED;
  }

  /** Writes the tag and the id of a shape. */
  writeShapeId(id: number, at: number): number {
    this.bytes[at] = Tag.Shape;
    return this.writeVarint(id, at + 1);
  }

  /** True when own properties are all there is to objects with this prototype, as far as is known. */
  isPlainPrototype(prototype: object | null): boolean {
    return prototype === null || prototype === Object.prototype || plainPrototypes.has(prototype);
  }

  private writeTag(tag: number, at: number): number {
    this.bytes[at] = tag;
    return at + 1;
  }

  private writeVarint(value: number, at: number): number {
    const bytes = this.bytes;
    while (value > 0x7f) {
      bytes[at++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    bytes[at] = value;
    return at + 1;
  }

  private writeNumber(value: number, at: number): number {
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
    this.view.setInt32(at + 1, integer, true);
    return at + 5;
  }

  private writeFloat(tag: number, value: number, at: number): number {
    this.bytes[at] = tag;
    this.view.setFloat64(at + 1, value, true);
    return at + 9;
  }

  private writeBigInt(value: bigint, at: number): number {
    if (value === BigInt.asIntN(64, value)) {
      this.bytes[at] = Tag.BigInt64;
      this.view.setBigInt64(at + 1, value, true);
      return at + 9;
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

  private writeFieldString(value: string, at: number, slot: Slot): number {
    if (this.tables !== null) {
      const id = slot.stringId(value, this.tables.internString);
      if (id !== 0) {
        this.bytes[at] = Tag.StringId;
        return this.writeVarint(id, at + 1);
      }
    }
    return this.writeString(value, at);
  }

  private writeString(value: string, at: number): number {
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

  private writeLongString(value: string, at: number): number {
    const length = value.length;
    this.bytes[at] = Tag.OneByteString;
    const start = this.writeVarint(length, at + 1);
    if (length > LONGEST_LOOP) {
      if (notLatin1.test(value)) return this.writeTwoByteString(value, at);
      this.buffer.latin1Write(value, start, length);
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

  private writeTwoByteString(value: string, at: number): number {
    if (at + 2 * value.length > this.limit) throw OVERFLOW;
    this.bytes[at] = Tag.TwoByteString;
    const start = this.writeVarint(value.length, at + 1);
    this.buffer.ucs2Write(value, start, 2 * value.length);
    return start + 2 * value.length;
  }

  private writeObject(value: object, at: number, slot: Slot): number {
    if (++this.depth > CodecLimit.MaxDepth && isContainer(value)) throw TOO_DEEP;
    let next = -1;
    if (Array.isArray(value)) {
      next = this.writeArray(value, at, slot.element);
    } else {
      // The shape that came here last, which is nearly always the one that comes again.
      if (slot.shape !== null) next = slot.shape.write(value as Record<string, unknown>, at, this);
      if (next < 0) next = this.writeOther(value, at, slot);
    }
    this.depth--;
    return next;
  }

  private writeArray(value: readonly unknown[], at: number, slot: Slot): number {
    const length = value.length;
    if (at + length > this.limit) throw OVERFLOW;
    let next = this.writeHead(Tag.FixArray, CodecLimit.FixArrayMax, Tag.Array, length, at);
    for (let index = 0; index < length; index++) {
      const element = value[index];
      if (element === undefined && !(index in value)) {
        if (next > this.limit) throw OVERFLOW;
        next = this.writeTag(Tag.Hole, next);
      } else {
        next = this.writeField(element, next, slot);
      }
    }
    return next;
  }

  /** An object that is no array and has not the shape that came here last. */
  private writeOther(value: object, at: number, slot: Slot): number {
    const prototype = Object.getPrototypeOf(value);
    if (!this.isPlainPrototype(prototype)) {
      const next = this.writeBuiltIn(value, at, slot);
      if (next >= 0) return next;
      if (isOfUsers(prototype)) plainPrototypes.add(prototype);
    }
    if (this.tables !== null) {
      const shape = this.findShape(value as Record<string, unknown>, slot);
      if (shape !== null) {
        const next = shape.write(value as Record<string, unknown>, at, this);
        if (next >= 0) return next;
      }
    }
    return this.writeInline(value as Record<string, unknown>, at, slot.element);
  }

  /** The shape of an object that the slot did not predict; it is predicted from now on. */
  private findShape(value: Record<string, unknown>, slot: Slot): Shape | null {
    const keys = Object.keys(value);
    const others = slot.others;
    const previous = slot.shape;
    if (others !== null) {
      for (let index = 0; index < others.length; index++) {
        const shape = others[index] as Shape;
        if (!hasKeys(shape, keys)) continue;
        // To the front, and the one that was there into its place.
        others[index] = previous as Shape;
        slot.shape = shape;
        return shape;
      }
    }
    const shape = (this.tables as Tables).shapeOf(keys);
    if (shape === null || shape === previous) return shape;
    slot.shape = shape;
    if (previous !== null) {
      slot.others ??= [];
      if (slot.others.length < MOST_SHAPES) slot.others.push(previous);
      else slot.others[shape.id % MOST_SHAPES] = previous;
    }
    return shape;
  }

  private writeInline(value: Record<string, unknown>, at: number, slot: Slot): number {
    const keys = Object.keys(value);
    if (at + 2 * keys.length > this.limit) throw OVERFLOW;
    let next = this.writeHead(Tag.FixObject, CodecLimit.FixObjectMax, Tag.Object, keys.length, at);
    for (const key of keys) {
      next = this.writeString(key, next);
      next = this.writeField(value[key], next, slot);
    }
    return next;
  }

  /** Writes an object of a built-in class; -1 when it is plain data after all. Throws for what cannot be sent. */
  private writeBuiltIn(value: object, at: number, slot: Slot): number {
    if (ArrayBuffer.isView(value)) {
      // Of a detached buffer a DataView throws where a typed array says that it is empty.
      if (!isReadableView(value)) throw UNSUPPORTED;
      return this.writeBinary(viewKind(value), value.buffer, value.byteOffset, value.byteLength, at);
    }
    if (types.isDate(value)) return this.writeFloat(Tag.Date, value.getTime(), at);
    if (types.isMap(value)) return this.writeMap(value, at, slot);
    if (types.isSet(value)) return this.writeSet(value, at, slot);
    if (types.isArrayBuffer(value)) return this.writeBinary(BinaryKind.ArrayBuffer, value, 0, value.byteLength, at);
    if (unsupportedKind(value) !== undefined) throw UNSUPPORTED;
    return -1;
  }

  private writeMap(value: Map<unknown, unknown>, at: number, slot: Slot): number {
    if (at + 2 * value.size > this.limit) throw OVERFLOW;
    this.bytes[at] = Tag.Map;
    let left = value.size;
    let next = this.writeVarint(left, at + 1);
    for (const [key, entry] of value) {
      if (left-- === 0) throw UNSUPPORTED;
      next = this.writeField(key, next, slot);
      next = this.writeField(entry, next, slot.element);
    }
    // A getter of an entry may have changed the map meanwhile: the count that was written must hold.
    if (left !== 0) throw UNSUPPORTED;
    return next;
  }

  private writeSet(value: Set<unknown>, at: number, slot: Slot): number {
    if (at + value.size > this.limit) throw OVERFLOW;
    this.bytes[at] = Tag.Set;
    let left = value.size;
    let next = this.writeVarint(left, at + 1);
    for (const entry of value) {
      if (left-- === 0) throw UNSUPPORTED;
      next = this.writeField(entry, next, slot.element);
    }
    if (left !== 0) throw UNSUPPORTED;
    return next;
  }

  private writeBinary(kind: number, buffer: ArrayBufferLike, offset: number, length: number, at: number): number {
    if (at + length > this.limit) throw OVERFLOW;
    if (length === 0 && isDetached(buffer)) throw UNSUPPORTED;
    const source = new Uint8Array(buffer, offset, length);
    this.bytes[at] = Tag.Binary;
    this.bytes[at + 1] = kind;
    const start = this.writeVarint(length, at + 2);
    this.bytes.set(source, start);
    return start + length;
  }

  private writeHead(shortTag: number, shortMax: number, longTag: number, count: number, at: number): number {
    if (count <= shortMax) {
      this.bytes[at] = shortTag | count;
      return at + 1;
    }
    this.bytes[at] = longTag;
    return this.writeVarint(count, at + 1);
  }
}

function hasKeys(shape: Shape, keys: readonly string[]): boolean {
  if (shape.keys.length !== keys.length) return false;
  for (let index = 0; index < keys.length; index++) if (shape.keys[index] !== keys[index]) return false;
  return true;
}

/**
 * True for the prototype of a class that was written in JavaScript, and for any realm's Object.prototype. An object made on a built-in prototype
 * (`Object.create(Map.prototype)`) is plain data, but it tells nothing about others with that prototype.
 */
function isOfUsers(prototype: object): boolean {
  if (Object.getPrototypeOf(prototype) === null) return true;
  const maker = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  return typeof maker !== 'function' || !/\{\s*\[native code\]\s*\}$/.test(functionSource.call(maker));
}

const functionSource = Function.prototype.toString;

/** Prototypes of user classes (and of plain objects of other realms) whose instances were found to be plain data. */
const plainPrototypes = new WeakSet<object>();

const viewKinds: Record<string, number> = {
  Int8Array: BinaryKind.Int8Array,
  Uint8Array: BinaryKind.Uint8Array,
  Uint8ClampedArray: BinaryKind.Uint8ClampedArray,
  Int16Array: BinaryKind.Int16Array,
  Uint16Array: BinaryKind.Uint16Array,
  Int32Array: BinaryKind.Int32Array,
  Uint32Array: BinaryKind.Uint32Array,
  Float16Array: BinaryKind.Float16Array,
  Float32Array: BinaryKind.Float32Array,
  Float64Array: BinaryKind.Float64Array,
  BigInt64Array: BinaryKind.BigInt64Array,
  BigUint64Array: BinaryKind.BigUint64Array,
};

const typedArrayTag = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)
  ?.get as (this: unknown) => string | undefined;

/** The kind of a view, of whatever realm or subclass: read from its inner state. */
function viewKind(value: ArrayBufferView): number {
  const name = typedArrayTag.call(value);
  if (name === undefined) return BinaryKind.DataView;
  const kind = viewKinds[name];
  if (kind === undefined) throw UNSUPPORTED;
  return kind;
}
