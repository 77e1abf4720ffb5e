import { mayGenerateCode, propertySource } from './codegen';
import type { Decoder } from './decoder';
import type { Encoder } from './encoder';
import { encodeHead } from './shape-tree';
import { Slot } from './slot';

/** An object of a shape is met so often before slots are made for its places. */
const FAMILIAR_AFTER = 3;
/** Code is generated for a shape when so many objects of it were written, or read. */
const GENERATED_AFTER = 8;

/**
 * Writes an object when its keys are the shape's: the next position, or -1 when they are not (nothing that was written then
 * counts).
 */
type ShapeWriter = (this: Shape, object: Record<string, unknown>, at: number, encoder: Encoder) => number;
type ShapeReader = (this: Shape, decoder: Decoder) => object;

let messages = 0;

/** A number for a value that is being written, which no other has in this thread. */
export function nextMessage(): number {
  return ++messages;
}

/** The key list of objects that were made alike. */
export class Shape {
  /** Its id in the whole process; 0 while it has none. */
  id = 0;
  /** Numbers of the channels for which the table did not take it. */
  refusedBy: Set<number> | null = null;
  /** Objects of this shape that were written to a reader of the tables while it had no id. */
  sightings = 0;
  /** The value in which it was defined last, and its number there. */
  message = 0;
  localNumber = 0;
  write: ShapeWriter = writeByKeys;
  read: ShapeReader = readByKeys;
  /** Objects that were written and read by the list of keys. */
  written = 0;
  wasRead = 0;
  private met = 0;
  private places: Slot[] | null = null;
  private definition: Uint8Array | null = null;

  constructor(
    readonly keys: readonly string[],
    /** The generation of the tree that it is in: it serves only while that is the tree's. */
    readonly generation: number,
  ) {}

  /** The bytes that define it in a value: tag, count and keys. */
  get head(): Uint8Array {
    this.definition ??= encodeHead(this.keys);
    return this.definition;
  }

  /** Counts a meeting; true when objects of this shape keep coming. */
  isFamiliar(): boolean {
    return this.met >= FAMILIAR_AFTER || ++this.met >= FAMILIAR_AFTER;
  }

  /** What was seen in the places of this shape. */
  get slots(): readonly Slot[] {
    this.places ??= this.keys.map(() => new Slot());
    return this.places;
  }

  /** Writes an object that is known to have this shape's keys, all of whose values stand in one place. */
  writeKeyByKey(object: Record<string, unknown>, at: number, encoder: Encoder, place: Slot): number {
    let next = encoder.writeShapeHead(this, at);
    // Forgotten since it was found: a getter of another value encoded ever-new keys.
    if (next < 0) next = encoder.defineShape(this, at);
    for (const key of this.keys) next = encoder.writeField(object[key], next, place);
    return next;
  }
}

function generateWriter(shape: Shape, keys: readonly string[]): ShapeWriter {
  // The first read narrows the object's hidden class for the optimizer, which then knows the prototype without a call.
  const source = `
    return (object, at, encoder) => {
      const first = object[${JSON.stringify(keys[0])}];
      const prototype = Object.getPrototypeOf(object);
      if (prototype !== objectPrototype && !encoder.isPlainPrototype(prototype)) return -1;
      let index = 0;
      for (const key in object) if (key !== keys[index++]) return -1;
      if (index !== ${keys.length}) return -1;
      at = encoder.writeShapeHead(shape, at);
      if (at < 0) return -1;
      at = encoder.writeField(first, at, slots[0]);
      ${keys
        .slice(1)
        .map((key, index) => `at = encoder.writeField(object[${JSON.stringify(key)}], at, slots[${index + 1}]);`)
        .join('\n')}
      return at;
    };`;
  return new Function('shape', 'keys', 'slots', 'objectPrototype', source)(shape, keys, shape.slots, Object.prototype);
}

/** Does what generated code does, from the list of keys; and has code generated when that pays. */
function writeByKeys(this: Shape, object: Record<string, unknown>, at: number, encoder: Encoder): number {
  const { keys } = this;
  if (++this.written === GENERATED_AFTER && mayGenerateCode) {
    this.write = generateWriter(this, keys);
    return this.write(object, at, encoder);
  }
  const prototype = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && !encoder.isPlainPrototype(prototype)) return -1;
  let count = 0;
  for (const key in object) if (key !== keys[count++]) return -1;
  if (count !== keys.length) return -1;
  let next = encoder.writeShapeHead(this, at);
  if (next < 0) return -1;
  const { slots } = this;
  for (let index = 0; index < keys.length; index++) {
    next = encoder.writeField(object[keys[index] as string], next, slots[index] as Slot);
  }
  return next;
}

function generateReader(keys: readonly string[]): ShapeReader {
  const properties = keys.map((key) => `${propertySource(key)}: decoder.read()`).join(', ');
  return new Function('decoder', `return { ${properties} };`) as ShapeReader;
}

/** Does what generated code does, from the list of keys; and has code generated when that pays. */
function readByKeys(this: Shape, decoder: Decoder): object {
  const { keys } = this;
  if (++this.wasRead === GENERATED_AFTER && mayGenerateCode) {
    this.read = generateReader(keys);
    return this.read(decoder);
  }
  const object = {};
  for (const key of keys) setOwn(object, key, decoder.read());
  return object;
}

/** Sets an own property, whatever its name. */
export function setOwn(object: object, key: string, value: unknown): void {
  // `in`: what Object.prototype has must be defined, not assigned, for it may have a setter or be frozen.
  if (key in object) {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    (object as Record<string, unknown>)[key] = value;
  }
}
