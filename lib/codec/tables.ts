import { native } from '../native';
import { decodeSelfContained, encodeSelfContained } from './self-contained';
import { shapeOf } from './shape-tree';
import type { Shape } from './shapes';

/** A shape is admitted to the process-wide table when this thread wrote so many objects of it. */
const SHAPE_SIGHTINGS = 3;

/**
 * This thread's private cache of the process-wide tables of strings and shapes. The tables only grow, so an entry never
 * changes and the cache is never invalidated. A miss costs one crossing, a hit none.
 */
export class Tables {
  private readonly strings: (string | undefined)[] = [];
  private readonly shapes: (Shape | undefined)[] = [];

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

  /** The id of a shape that has none: asked for when its objects keep coming. 0 for not yet, -1 when the table does not take it. */
  admit(shape: Shape): number {
    if (++shape.sightings < SHAPE_SIGHTINGS) return 0;
    shape.id = native.internShape(encodeSelfContained(shape.keys)) || -1;
    if (shape.id > 0) this.shapes[shape.id] ??= shape;
    return shape.id;
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
    // The table has only keys that make a shape.
    const shape = shapeOf(decodeSelfContained(encoded) as string[]) as Shape;
    shape.id = id;
    this.shapes[id] = shape;
    return shape;
  }
}
