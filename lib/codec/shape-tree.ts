import { CodecLimit, Tag } from '../generated/layout';
import { Shape } from './shapes';
import { Writer } from './writer';

/** Nodes that a thread keeps between messages; with more the tree starts anew. */
const MOST_NODES = 16_384;

/**
 * The beginning of a list of keys; a list that objects have is a shape. Encoder and decoder walk the same tree, key by key: one
 * by strings, the other by the bytes of keys, mostly without making strings of them.
 */
class ShapeNode {
  /** The objects with the keys from the root to here. */
  shape: Shape | null = null;
  private children: Map<string, ShapeNode> | null = null;
  /** Where there are several children: those whose key is one byte, by that byte. */
  private shortChildren: (ShapeNode | undefined)[] | null = null;
  /** The child that was taken last, which is nearly always the one that is taken next. */
  private last: ShapeNode | null = null;

  constructor(
    private readonly tree: ShapeTree,
    private readonly parent: ShapeNode | null,
    private readonly key: string,
    /** The key as it stands in the bytes. */
    private readonly encoded: Uint8Array,
  ) {}

  /** The child of a key; null when the key is one of those before it. */
  child(key: string): ShapeNode | null {
    const last = this.last;
    if (last !== null && last.key === key) return last;
    const child = this.children?.get(key) ?? this.addChild(key);
    if (child !== null) this.last = child;
    return child;
  }

  private addChild(key: string): ShapeNode | null {
    if (this.isRepeated(key)) return null;
    const child = new ShapeNode(this.tree, this, key, encodeKey(key));
    this.tree.nodes++;
    // The first child is predicted without a list of children.
    if (this.last !== null) {
      if (this.children === null) this.list(this.last);
      this.list(child);
    }
    return child;
  }

  private list(child: ShapeNode): void {
    this.children ??= new Map();
    this.children.set(child.key, child);
    if (child.encoded.length > 1) return;
    this.shortChildren ??= [];
    this.shortChildren[child.encoded[0] as number] = child;
  }

  /** The child whose key stands at `at`, if that is one byte, or the child that was taken last; else null. */
  predicted(bytes: Uint8Array, at: number, end: number): ShapeNode | null {
    const last = this.last;
    if (last === null) return null;
    const encoded = last.encoded;
    const length = encoded.length;
    if (at + length > end) return null;
    const first = bytes[at] as number;
    if (first !== encoded[0]) return first < Tag.FixString ? (this.shortChildren?.[first] ?? null) : null;
    for (let index = 1; index < length; index++) if (bytes[at + index] !== encoded[index]) return null;
    return last;
  }

  /** Bytes of its key. */
  get encodedLength(): number {
    return this.encoded.length;
  }

  /** The shape of the keys from the root to here. */
  toShape(): Shape {
    this.shape ??= this.makeShape();
    return this.shape;
  }

  private isRepeated(key: string): boolean {
    for (let node: ShapeNode | null = this; node !== null && node.parent !== null; node = node.parent) {
      if (node.key === key) return true;
    }
    return false;
  }

  private makeShape(): Shape {
    const path: ShapeNode[] = [];
    for (let node: ShapeNode = this; node.parent !== null; node = node.parent) path.push(node);
    path.reverse();
    const keys = path.map((node) => node.key);
    return new Shape(keys, this.tree.generation);
  }
}

/** All shapes that a thread knows. */
class ShapeTree {
  nodes = 0;
  generation = 0;
  root = this.plant();

  private plant(): ShapeNode {
    return new ShapeNode(this, null, '', new Uint8Array(0));
  }

  /** Forgets everything when ever-new keys have filled the tree. Shapes that somebody has go on serving him. */
  trim(): void {
    if (this.nodes <= MOST_NODES) return;
    this.nodes = 0;
    this.generation++;
    this.root = this.plant();
  }
}

export type { ShapeNode, ShapeTree };
export const shapeTree = new ShapeTree();

/** The shape of an object's keys; null for keys that make none: too many of them, none, or one that is too long. */
export function shapeOf(keys: readonly string[]): Shape | null {
  const count = keys.length;
  if (count === 0 || count > CodecLimit.MaxShapeKeys) return null;
  let node = shapeTree.root;
  for (let index = 0; index < count; index++) {
    const key = keys[index] as string;
    if (key.length > CodecLimit.MaxShapeKeyLength) return null;
    const child = node.child(key);
    if (child === null) return null;
    node = child;
  }
  return node.toShape();
}

const keyWriter = new Writer();
/** The longest key with its tag and length. */
const keyMemory = new Uint8Array(2 * CodecLimit.MaxShapeKeyLength + 64);

/** Keys of one byte as they stand in bytes: the same for every node. */
const shortKeys = Array.from({ length: CodecLimit.StaticShortKeys }, (_, number) => Uint8Array.of(number));

/** A key as it stands in bytes. */
function encodeKey(key: string): Uint8Array {
  keyWriter.attach(keyMemory);
  const length = keyWriter.writeKey(key, 0);
  return length === 1 ? (shortKeys[keyMemory[0] as number] ?? keyMemory.slice(0, 1)) : keyMemory.slice(0, length);
}

/** The bytes that define the shape of these keys in a value: tag, count and keys. */
export function encodeHead(keys: readonly string[]): Uint8Array {
  // A varint: at most 128 keys.
  const count = keys.length <= 0x7f ? [keys.length] : [(keys.length & 0x7f) | 0x80, keys.length >> 7];
  return Uint8Array.of(Tag.DefineShape, ...count, ...keys.flatMap((key) => [...encodeKey(key)]));
}
