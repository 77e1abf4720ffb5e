import { types } from 'node:util';
import { BinaryKind, CodecLimit, Tag } from '../generated/layout';
import { staticNumber } from './dictionary';
import { EncodedMessage } from './encoded-message';
import { writeMessage } from './message-value';
import { ofDataView, ofTypedArray } from './primitives/memory';
import { shapeOf, shapeTree } from './shape-tree';
import { nextMessage, type Shape } from './shapes';
import { Slot } from './slot';
import { TableChannel } from './table-channel';
import type { Tables } from './tables';
import { isContainer, isDetached, isReadableView, TOO_DEEP, UNSUPPORTED, unsupportedKind } from './unsupported';
import { OVERFLOW, SCALAR_BYTES, Writer } from './writer';

/**
 * Writes values into memory that it is attached to, per docs/wire-format.md section 2. With tables, shapes and strings that
 * keep coming travel by id; without, the bytes are self-contained.
 *
 * Methods take the position to write at and return the next one, which keeps it in a register. Nothing is allocated.
 */
export class Encoder extends Writer {
  private depth = 0;
  /** False while Object.prototype has enumerable properties: `for in` then says more of an object than its own keys. */
  private mayPredict = true;
  /** The value that is being written, among all that this thread ever wrote. */
  private message = 0;
  /** Local shapes that it has defined. */
  private localShapes = 0;
  /** Those that the part of it which is being written has defined. */
  private readonly definedByPart: Shape[] = [];
  private inParts = false;

  /** Whose values these are: what they bring into the tables counts against its quota. */
  channel = TableChannel.serializer;

  constructor(private readonly tables: Tables | null) {
    super();
  }

  /**
   * Writes a whole value at `at`, not beyond `end`: the position behind it. Throws OVERFLOW, UNSUPPORTED or TOO_DEEP, and
   * what a getter of the value throws; then nothing that was written counts.
   */
  writeRoot(value: unknown, at: number, end: number, slot: Slot = new Slot()): number {
    this.begin(end);
    return this.finish(this.writeField(value, at, slot), end);
  }

  /** Starts a whole value that is written by the methods below, not beyond `end`. */
  begin(end: number): void {
    shapeTree.trim();
    this.mayPredict = !hasEnumerables(Object.prototype);
    this.message = nextMessage();
    this.localShapes = 0;
    this.inParts = false;
    this.limit = end - SCALAR_BYTES;
    this.depth = 0;
  }

  /** Ends it at `next`, and gives that back. */
  finish(next: number, end: number): number {
    if (next > end) throw OVERFLOW;
    return next;
  }

  /** Starts a whole value whose parts come one by one, with other values of other encoders between them: `writePart`. */
  beginParts(): void {
    this.begin(0);
    this.inParts = true;
  }

  /** Writes a part of the value that was begun, as `writeRoot` does. When it throws, it is as if it had not been called. */
  writePart(value: unknown, at: number, end: number, slot: Slot): number {
    const { localShapes } = this;
    this.definedByPart.length = 0;
    this.limit = end - SCALAR_BYTES;
    this.depth = 0;
    try {
      return this.finish(this.writeField(value, at, slot), end);
    } catch (error) {
      for (const shape of this.definedByPart) shape.message = 0;
      this.localShapes = localShapes;
      throw error;
    }
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

  /** Writes what stands before the values of an object with this shape; -1 when the shape was forgotten and must be found anew. */
  writeShapeHead(shape: Shape, at: number): number {
    if (this.tables !== null) {
      const id = shape.id !== 0 ? shape.id : this.tables.admit(shape, this.channel);
      if (id > 0) {
        this.bytes[at] = Tag.Shape;
        return this.writeVarint(id, at + 1);
      }
    }
    if (shape.message === this.message) {
      this.bytes[at] = Tag.LocalShape;
      return this.writeVarint(shape.localNumber, at + 1);
    }
    return shape.generation === shapeTree.generation ? this.defineShape(shape, at) : -1;
  }

  /** Writes the keys of a shape, which has a number in this value from now on. */
  defineShape(shape: Shape, at: number): number {
    const head = shape.head;
    const length = head.length;
    if (at + length > this.limit) throw OVERFLOW;
    const bytes = this.bytes;
    for (let index = 0; index < length; index++) bytes[at + index] = head[index] as number;
    shape.message = this.message;
    shape.localNumber = this.localShapes++;
    if (this.inParts) this.definedByPart.push(shape);
    return at + length;
  }

  /** True when own properties are all there is to objects with this prototype, as far as is known. */
  isPlainPrototype(prototype: object | null): boolean {
    return prototype === null || prototype === Object.prototype || plainPrototypes.has(prototype);
  }

  writeFieldString(value: string, at: number, slot: Slot): number {
    if (this.tables !== null) {
      const id = slot.stringId(value, this.tables, this.channel);
      if (id !== 0) {
        this.bytes[at] = Tag.StringId;
        return this.writeVarint(id, at + 1);
      }
    } else {
      const number = staticNumber(value);
      if (number >= 0) return this.writeStaticString(number, at);
    }
    return this.writeString(value, at);
  }

  private writeObject(value: object, at: number, slot: Slot): number {
    if (++this.depth > CodecLimit.MaxDepth && isContainer(value)) throw TOO_DEEP;
    let next = -1;
    if (Array.isArray(value)) {
      next = this.writeArray(value, at, slot.element);
    } else {
      // The shape that came here last, which is nearly always the one that comes again.
      if (slot.shape !== null && this.mayPredict) next = slot.shape.write(value as Record<string, unknown>, at, this);
      if (next < 0) next = this.writeOther(value, at, slot);
    }
    this.depth--;
    return next;
  }

  /** Goes into a container, whose end is told by `leave`. */
  enter(): void {
    if (++this.depth > CodecLimit.MaxDepth) throw TOO_DEEP;
  }

  leave(): void {
    this.depth--;
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
    const keys = Object.keys(value);
    const shape = shapeOf(keys);
    if (shape === null) return this.writeInline(value as Record<string, unknown>, keys, at, slot.element);
    if (shape.isFamiliar() && this.mayPredict) {
      slot.shape = shape;
      const next = shape.write(value as Record<string, unknown>, at, this);
      if (next >= 0) return next;
    }
    // Met for the first times, and perhaps the last: nothing is learnt about its places. Or it has more than its own keys.
    return shape.writeKeyByKey(value as Record<string, unknown>, at, this, slot.element);
  }

  /** An object whose keys make no shape. */
  private writeInline(value: Record<string, unknown>, keys: readonly string[], at: number, slot: Slot): number {
    if (at + 2 * keys.length > this.limit) throw OVERFLOW;
    let next = this.writeHead(Tag.FixObject, CodecLimit.FixObjectMax, Tag.Object, keys.length, at);
    for (const key of keys) {
      next = this.writeKey(key, next);
      next = this.writeField(value[key], next, slot);
    }
    return next;
  }

  /** Writes an object of a built-in class; -1 when it is plain data after all. Throws for what cannot be sent. */
  private writeBuiltIn(value: object, at: number, slot: Slot): number {
    if (ArrayBuffer.isView(value)) {
      // Of a detached buffer a DataView throws where a typed array says that it is empty.
      if (!isReadableView(value)) throw UNSUPPORTED;
      return this.writeView(value, at);
    }
    if (types.isDate(value)) return this.writeFloat(Tag.Date, value.getTime(), at);
    if (types.isMap(value)) return this.writeMap(value, at, slot);
    if (types.isSet(value)) return this.writeSet(value, at, slot);
    if (types.isArrayBuffer(value)) return this.writeBinary(BinaryKind.ArrayBuffer, value, 0, value.byteLength, at);
    if (unsupportedKind(value) !== undefined) throw UNSUPPORTED;
    if (value instanceof EncodedMessage) return writeMessage(this, value, at, slot);
    return -1;
  }

  private writeView(view: ArrayBufferView, at: number): number {
    const kind = viewKind(view);
    // A subclass may say what it likes of itself; these read the inner state.
    const { bufferOf, byteOffsetOf, byteLengthOf } = kind === BinaryKind.DataView ? ofDataView : ofTypedArray;
    return this.writeBinary(kind, bufferOf.call(view), byteOffsetOf.call(view), byteLengthOf.call(view), at);
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
}

/**
 * True for the prototype of a class that was written in JavaScript, and for any realm's Object.prototype, when objects with it have no
 * enumerable properties but their own. An object made on a built-in prototype (`Object.create(Map.prototype)`), or on that of a class that
 * extends a built-in one, is plain data, but it tells nothing about others with that prototype.
 */
function isOfUsers(prototype: object): boolean {
  if (hasEnumerables(prototype)) return false;
  for (let each = prototype, next: object | null; ; each = next) {
    next = Object.getPrototypeOf(each);
    if (next === null) return true;
    const maker = Object.getOwnPropertyDescriptor(each, 'constructor')?.value;
    if (typeof maker === 'function' && /\{\s*\[native code\]\s*\}$/.test(functionSource.call(maker))) return false;
  }
}

function hasEnumerables(object: object): boolean {
  for (const _key in object) return true;
  return false;
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
