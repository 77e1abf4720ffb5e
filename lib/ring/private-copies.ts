/** Arrays up to this size live on V8's own heap, without a buffer of their own until somebody asks for it. */
export const MOST_ON_HEAP = 64;

/** Buffers that wait to be used again. */
const MOST_IN_STOCK = 64;

/** `ArrayBuffer.prototype.transfer`, which Node 20 lacks. */
interface Transferable extends ArrayBuffer {
  transfer?(): ArrayBuffer;
  readonly resizable?: boolean;
}

/**
 * Where the private copies come from that `dequeue` hands out.
 *
 * Each copy has an ArrayBuffer to itself, so whatever its owner does with it (write beyond the item through `.buffer`, transfer
 * it to another thread) reaches nobody else. A small copy (up to 64 bytes) is made on V8's heap, for 50 ns. A larger one takes a
 * buffer of its own, 500 ns and more, unless an earlier one was given back: `recycle` moves the memory out of the old
 * ArrayBuffer into a new one (`ArrayBuffer.prototype.transfer`), which leaves every view that its owner still has empty.
 */
export class PrivateCopies {
  private readonly stock: Uint8Array[] = [];
  /** Buffers that are larger than the item in them. */
  private readonly larger = new WeakSet<ArrayBufferLike>();

  /** A copy of the first bytes of `scratch`. */
  of(scratch: Uint8Array, length: number): Uint8Array {
    if (length <= MOST_ON_HEAP || this.stock.length === 0) return scratch.slice(0, length);
    const spare = this.stock.pop() as Uint8Array;
    if (spare.length < length) return scratch.slice(0, length);
    spare.set(length === scratch.length ? scratch : scratch.subarray(0, length));
    if (spare.length === length) return spare;
    this.larger.add(spare.buffer);
    return new Uint8Array(spare.buffer, 0, length);
  }

  /** Takes the memory of a copy back. False when it has none of its own, or Node.js cannot move it (before version 22). */
  recycle(item: Uint8Array): boolean {
    const buffer = item.buffer as Transferable;
    if (item.length <= MOST_ON_HEAP || this.stock.length >= MOST_IN_STOCK) return false;
    if (!(buffer instanceof ArrayBuffer) || buffer.transfer === undefined || buffer.resizable) return false;
    if (item.byteOffset !== 0 || (item.length !== buffer.byteLength && !this.larger.has(buffer))) return false;
    this.stock.push(new Uint8Array(buffer.transfer()));
    return true;
  }
}
