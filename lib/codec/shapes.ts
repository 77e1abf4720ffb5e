import { mayGenerateCode, propertySource } from './codegen';
import type { Decoder } from './decoder';
import type { Encoder } from './encoder';
import { Slot } from './slot';

/**
 * Writes an object's properties behind a shape's id, when its keys are the shape's: the next position, or -1 when they are
 * not (nothing that was written then counts).
 */
type ShapeWriter = (object: Record<string, unknown>, at: number, encoder: Encoder) => number;
type ShapeReader = (decoder: Decoder) => object;

/** The key list of objects that were made alike, known to the whole process by its id. */
export class Shape {
  readonly write: ShapeWriter;
  readonly read: ShapeReader;

  constructor(
    readonly id: number,
    readonly keys: readonly string[],
  ) {
    const slots = keys.map(() => new Slot());
    this.write = mayGenerateCode ? generateWriter(id, keys, slots) : closeOverWriter(id, keys, slots);
    this.read = mayGenerateCode ? generateReader(keys) : closeOverReader(keys);
  }
}

function generateWriter(id: number, keys: readonly string[], slots: readonly Slot[]): ShapeWriter {
  // The first read narrows the object's hidden class for the optimizer, which then knows the prototype without a call.
  const source = `
    return (object, at, encoder) => {
      const first = object[${JSON.stringify(keys[0])}];
      const prototype = Object.getPrototypeOf(object);
      if (prototype !== objectPrototype && !encoder.isPlainPrototype(prototype)) return -1;
      let index = 0;
      for (const key in object) if (key !== keys[index++]) return -1;
      if (index !== ${keys.length}) return -1;
      at = encoder.writeShapeId(${id}, at);
      at = encoder.writeField(first, at, slots[0]);
      ${keys
        .slice(1)
        .map((key, index) => `at = encoder.writeField(object[${JSON.stringify(key)}], at, slots[${index + 1}]);`)
        .join('\n')}
      return at;
    };`;
  return new Function('keys', 'slots', 'objectPrototype', source)(keys, slots, Object.prototype);
}

function closeOverWriter(id: number, keys: readonly string[], slots: readonly Slot[]): ShapeWriter {
  return (object, at, encoder) => {
    const prototype = Object.getPrototypeOf(object);
    if (prototype !== Object.prototype && !encoder.isPlainPrototype(prototype)) return -1;
    let count = 0;
    for (const key in object) if (key !== keys[count++]) return -1;
    if (count !== keys.length) return -1;
    let next = encoder.writeShapeId(id, at);
    for (let index = 0; index < keys.length; index++) {
      next = encoder.writeField(object[keys[index] as string], next, slots[index] as Slot);
    }
    return next;
  };
}

function generateReader(keys: readonly string[]): ShapeReader {
  const properties = keys.map((key) => `${propertySource(key)}: decoder.read()`).join(', ');
  return new Function('decoder', `return { ${properties} };`) as ShapeReader;
}

function closeOverReader(keys: readonly string[]): ShapeReader {
  return (decoder) => {
    const object = {};
    for (const key of keys) setOwn(object, key, decoder.read());
    return object;
  };
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
