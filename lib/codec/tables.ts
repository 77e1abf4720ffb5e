import { native } from '../native';
import { decodeSelfContained, encodeSelfContained } from './self-contained';
import { shapeOf } from './shape-tree';
import type { Shape } from './shapes';
import type { TableChannel } from './table-channel';

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

  /** The id of a string, or 0 when the table is full, or takes no more from this channel. */
  internString(text: string, channel: TableChannel): number {
    const encoded = encodeSelfContained(text);
    const id = native.internString(channel.number, encoded);
    // A copy: the string may be a part of a long one, which the engine keeps for as long as its part.
    if (id !== 0) this.strings[id] ??= decodeSelfContained(encoded) as string;
    return id;
  }

  /** The id of a shape that has none: asked for when its objects keep coming. 0 while it has none. */
  admit(shape: Shape, { number: channel }: TableChannel): number {
    if (++shape.sightings < SHAPE_SIGHTINGS) return 0;
    // By this channel alone: another one may be admitted, or may have been.
    if (shape.refusedBy?.has(channel)) return 0;
    shape.id = native.internShape(channel, encodeSelfContained(shape.keys));
    if (shape.id === 0) {
      shape.refusedBy ??= new Set();
      shape.refusedBy.add(channel);
    } else {
      this.shapes[shape.id] ??= shape;
    }
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
