import { CodecLimit, InternLimit } from '../generated/layout';
import { native } from '../native';
import { decodeSelfContained, encodeSelfContained } from './self-contained';
import { Shape } from './shapes';

/** A shape is admitted to the process-wide table when this thread met it so often. */
const SHAPE_SIGHTINGS = 3;
/** Most key lists that are watched for their next sighting; then watching starts anew. */
const WATCHED_SHAPES = 4096;

/**
 * This thread's private cache of the process-wide tables of strings and shapes. The tables only grow, so an entry never
 * changes and the cache is never invalidated. A miss costs one crossing, a hit none.
 */
export class Tables {
  private readonly strings: (string | undefined)[] = [];
  private readonly shapes: (Shape | undefined)[] = [];
  /** By joined keys: a shape, or how often it was met. */
  private readonly shapesByKeys = new Map<string, Shape | null>();
  private watched = new Map<string, number>();

  /** The string of an id, or undefined for an id that was never given. */
  string(id: number): string | undefined {
    return this.strings[id] ?? this.fetchString(id);
  }

  /** The shape of an id, or undefined for an id that was never given. */
  shape(id: number): Shape | undefined {
    return this.shapes[id] ?? this.fetchShape(id);
  }

  /** The id of a string, or 0 when the table is full. */
  readonly internString = (text: string): number => {
    const id = native.internString(encodeSelfContained(text));
    if (id !== 0) this.strings[id] = text;
    return id;
  };

  /** The shape of an object's keys, once they were met often enough; null while they travel inline. */
  shapeOf(keys: readonly string[]): Shape | null {
    if (keys.length === 0 || keys.length > CodecLimit.MaxShapeKeys) return null;
    for (const key of keys) if (key.length > InternLimit.MaxInternedStringLength) return null;
    const joined = keys.join('\0');
    const known = this.shapesByKeys.get(joined);
    // A key may hold the separator itself, so the keys are compared too.
    if (known !== undefined) return known !== null && sameKeys(known.keys, keys) ? known : null;
    const sightings = (this.watched.get(joined) ?? 0) + 1;
    if (sightings < SHAPE_SIGHTINGS) {
      if (this.watched.size >= WATCHED_SHAPES) this.watched = new Map();
      this.watched.set(joined, sightings);
      return null;
    }
    this.watched.delete(joined);
    const id = native.internShape(encodeSelfContained(keys));
    // A refusal (the table is full) is remembered while there is room, so that it is not asked for again and again.
    const shape = id === 0 ? null : this.remember(id, keys);
    if (shape !== null || this.shapesByKeys.size < WATCHED_SHAPES) this.shapesByKeys.set(joined, shape);
    return shape;
  }

  private fetchString(id: number): string | undefined {
    const encoded = native.internedString(id);
    if (encoded === null) return undefined;
    const text = decodeSelfContained(encoded) as string;
    this.strings[id] = text;
    return text;
  }

  private fetchShape(id: number): Shape | undefined {
    const encoded = native.internedShape(id);
    if (encoded === null) return undefined;
    return this.remember(id, decodeSelfContained(encoded) as string[]);
  }

  /** One Shape object for an id, so that reading and writing share what they learn. */
  private remember(id: number, keys: readonly string[]): Shape {
    const shape = this.shapes[id] ?? new Shape(id, keys);
    this.shapes[id] = shape;
    return shape;
  }
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((key, index) => key === b[index]);
}
