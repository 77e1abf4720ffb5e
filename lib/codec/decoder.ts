import { CodecLimit, Tag } from '../generated/layout';
import { staticString } from './dictionary';
import { readOneByteKey } from './key-cache';
import { readMessage } from './message-value';
import { type AgentwireDecodeError, Reader } from './reader';
import { type ShapeNode, shapeTree } from './shape-tree';
import { type Shape, setOwn } from './shapes';
import { shortReaders } from './short-strings';
import type { Tables } from './tables';

/** Most local shapes that are kept from one value to the next, which writes over them. */
const MOST_KEPT_SHAPES = 64;
/** Most elements that an array has room for before they are read. */
const MOST_RESERVED = 1024;

/**
 * Reads values from memory that it is attached to, per docs/wire-format.md section 2. For any bytes it returns a value or throws
 * AgentwireDecodeError, in time and memory bounded by their number.
 *
 * Scalars are read without a check of the end, which a typed array makes harmless; the check comes once, when the value ends.
 * Counts and lengths are checked before anything is made of them.
 */
export class Decoder extends Reader {
  private depth = 0;
  /** Local shapes of the value that is being read, by number; and how many. What lies beyond is of an earlier value. */
  private readonly localShapes: Shape[] = [];
  private localShapeCount = 0;

  constructor(private readonly tables: Tables | null) {
    super();
  }

  /** Reads the value that fills `memory`. */
  decode(memory: Uint8Array): unknown {
    this.attach(memory);
    return this.readRoot(0, memory.length);
  }

  /** Reads the value that fills the bytes from `start` to `end` of the attached memory. */
  readRoot(start: number, end: number): unknown {
    this.begin(start, end);
    const value = this.read();
    this.finish();
    return value;
  }

  /** Starts a whole value, which is read by the methods below. */
  begin(start: number, end: number): void {
    this.start = start;
    this.at = start;
    this.end = end;
    this.depth = 0;
    this.localShapeCount = 0;
    if (this.localShapes.length > MOST_KEPT_SHAPES) this.localShapes.length = 0;
    this.windowEnd = 0;
    if (end > this.bytes.length || start >= end) throw this.error('no value', start);
  }

  /** Checks that the value ended where its bytes end. */
  finish(): void {
    const { at, end } = this;
    if (at === end) return;
    throw this.error(at > end ? 'the value is cut short' : 'bytes are left behind the value', Math.min(at, end));
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
    if (tag < Tag.FixObject) return this.readArray(tag & CodecLimit.FixArrayMax, at);
    switch (tag) {
      case Tag.OneByteString:
        return this.readOneByteString(at);
      case Tag.Shape:
        return this.readShape(at);
      case Tag.StringId:
        return this.readStringId(at);
      case Tag.StaticString:
        return this.readStaticString(at);
      case Tag.DefineShape:
        return this.readDefinition(at);
      case Tag.LocalShape:
        return this.readLocalShape(at);
      case Tag.Float64:
        this.need(8, at);
        this.at = at + 9;
        return this.readFloat64(at + 1);
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
        return ((this.bytes[at + 1] as number) << 24) >> 24;
      case Tag.Int16:
        this.need(2, at);
        this.at = at + 3;
        return (((this.bytes[at + 1] as number) | ((this.bytes[at + 2] as number) << 8)) << 16) >> 16;
      case Tag.Int32:
        this.need(4, at);
        this.at = at + 5;
        return this.readInt32(at + 1);
      default:
        return this.readRare(tag, at);
    }
  }

  private readRare(tag: number, at: number): unknown {
    if (tag >= Tag.NegativeFixInt) return tag - 0x100;
    if (tag < Tag.Null) return this.readObject(tag & CodecLimit.FixObjectMax, at);
    switch (tag) {
      case Tag.TwoByteString:
        return this.readTwoByteString(at);
      case Tag.Array:
        return this.readArray(this.readVarint(at), at);
      case Tag.Object:
        return this.readLongObject(at);
      case Tag.Map:
        return this.readMap(this.readVarint(at), at);
      case Tag.Set:
        return this.readSet(this.readVarint(at), at);
      case Tag.Binary:
        return this.readBinary(at);
      case Tag.Date:
        this.need(8, at);
        this.at = at + 9;
        return new Date(this.readFloat64(at + 1));
      case Tag.BigInt64:
        this.need(8, at);
        this.at = at + 9;
        return this.readBigInt64(at + 1);
      case Tag.BigInt:
        return this.readBigInt(at);
      case Tag.Message:
        return readMessage(this, at);
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
    return this.readValues(shape, at);
  }

  private readLocalShape(at: number): unknown {
    const number = this.readVarint(at);
    if (number >= this.localShapeCount) {
      throw this.error(`the local shape ${number}, which is not defined before it`, at);
    }
    return this.readValues(this.localShapes[number] as Shape, at);
  }

  private readDefinition(at: number): unknown {
    const count = this.readVarint(at);
    if (count === 0 || count > CodecLimit.MaxShapeKeys) {
      throw this.error(`a shape of ${count} keys, which has 1 to ${CodecLimit.MaxShapeKeys}`, at);
    }
    this.check(2 * count, at);
    shapeTree.trim();
    let node = shapeTree.root;
    for (let index = 0; index < count; index++) {
      const next = node.predicted(this.bytes, this.at, this.end);
      if (next !== null) this.at += next.encodedLength;
      node = next ?? this.readShapeKey(node);
    }
    const shape = node.toShape();
    this.localShapes[this.localShapeCount++] = shape;
    return this.readValues(shape, at);
  }

  /** A key that the tree did not predict behind those before it. */
  private readShapeKey(node: ShapeNode): ShapeNode {
    const at = this.at;
    const key = this.readKey();
    if (key.length > CodecLimit.MaxShapeKeyLength) {
      throw this.error(`a shape's key of more than ${CodecLimit.MaxShapeKeyLength} code units`, at);
    }
    const child = node.child(key);
    if (child === null) throw this.error('a key that came before', at);
    return child;
  }

  /** The values of an object, in the order of its shape's keys. */
  private readValues(shape: Shape, at: number): unknown {
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

  private readStaticString(at: number): string {
    this.need(1, at);
    return staticString(this.bytes[this.at++] as number);
  }

  /** The key of an object: a string, or one byte for a string of the dictionary. */
  private readKey(): string {
    const at = this.at;
    const tag = this.bytes[at] as number;
    if (tag < Tag.FixString) {
      if (at >= this.end) throw this.error('the value is cut short', at);
      this.at = at + 1;
      return staticString(tag);
    }
    if (tag < Tag.FixArray || tag === Tag.OneByteString) {
      this.at = at + 1;
      const length = tag < Tag.FixArray ? tag & CodecLimit.FixStringMax : this.readVarint(at);
      this.check(length, at);
      const start = this.at;
      this.at = start + length;
      return readOneByteKey(this.bytes, start, length);
    }
    // What else may stand here holds no other values.
    if (!isString(tag)) throw this.error('a key that is no string', at);
    return this.read() as string;
  }

  private readArray(count: number, at: number): unknown[] {
    this.check(count, at);
    this.enter(at);
    // A count is only a claim: 128 arrays within one another may each claim all the bytes that are left.
    const array: unknown[] = count <= MOST_RESERVED ? new Array(count) : [];
    for (let index = 0; index < count; index++) {
      if (this.bytes[this.at] !== Tag.Hole || this.at >= this.end) array[index] = this.read();
      else this.at++;
    }
    // Only when it ends in a hole: setting the length takes as long as several elements.
    if (array.length !== count) array.length = count;
    this.depth--;
    return array;
  }

  private readLongObject(at: number): object {
    const count = this.readVarint(at);
    if (count < CodecLimit.LongObjectMin) {
      throw this.error(
        `a count of ${count} behind the tag of large objects, which have ${CodecLimit.LongObjectMin} or more`,
        at,
      );
    }
    return this.readObject(count, at);
  }

  private readObject(count: number, at: number): object {
    this.check(2 * count, at);
    this.enter(at);
    const object = count > CodecLimit.MaxShapeKeys ? this.readManyKeys(count, at) : this.readFewKeys(count);
    this.depth--;
    return object;
  }

  private readFewKeys(count: number): object {
    const object = {};
    for (let index = 0; index < count; index++) {
      const at = this.at;
      const key = this.readKey();
      if (Object.hasOwn(object, key)) throw this.error('a key that came before', at);
      setOwn(object, key, this.read());
    }
    return object;
  }

  private readManyKeys(count: number, at: number): object {
    // Without a prototype every key is assigned as its own, and the engine begins with the hash table that so many keys end in.
    const object: Record<string, unknown> = Object.create(null);
    for (let index = 0; index < count; index++) {
      const key = this.readKey();
      object[key] = this.read();
    }
    if (Object.keys(object).length !== count) throw this.error('a key that came before', at);
    return Object.setPrototypeOf(object, Object.prototype);
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

  enter(at: number): void {
    if (++this.depth > CodecLimit.MaxDepth) throw this.error(`nested more than ${CodecLimit.MaxDepth} deep`, at);
  }

  leave(): void {
    this.depth--;
  }

  private unknownId(what: string, id: number, at: number): AgentwireDecodeError {
    return this.error(
      this.tables === null
        ? `a ${what} by id in bytes that should be self-contained`
        : `the ${what} id ${id}, which was never given`,
      at,
    );
  }
}

/** True for a string other than a one-byte one. */
function isString(tag: number): boolean {
  return tag === Tag.TwoByteString || tag === Tag.StringId || tag === Tag.StaticString;
}
