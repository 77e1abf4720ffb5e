import { AgentwireError, AgentwireRangeError } from '../errors';

/** What a slot that is held open goes back to. */
export interface SlotOwner {
  commit(id: number, length: number): void;
  abandon(id: number): void;
  release(id: number): void;
}

/**
 * A slot of the ring that this thread writes in place.
 *
 * Consumers wait behind it until `commit` or `abandon`, so hold it briefly. When the thread ends, or the claim and the ring are
 * collected, the slot is abandoned and consumers pass over it. After either, `bytes` still shows the slot, which belongs to
 * others then: do not touch it any more.
 */
export class RingClaim {
  #owner: SlotOwner | undefined;
  readonly #id: number;
  /** The slot: as many bytes as an item may have. What was there before is still in it. */
  readonly bytes: Uint8Array;

  /** @internal */
  constructor(owner: SlotOwner, id: number, bytes: Uint8Array) {
    this.#owner = owner;
    this.#id = id;
    this.bytes = bytes;
  }

  /** Hands the first `length` bytes on as an item. */
  commit(length: number = this.bytes.length): void {
    if (!Number.isInteger(length) || length < 0 || length > this.bytes.length) {
      throw new AgentwireRangeError(
        'ERR_AGENTWIRE_TOO_LONG',
        `commit(length) takes 0 to ${this.bytes.length} bytes; ${length} was given, and the claim is still open`,
      );
    }
    this.#end('committed').commit(this.#id, length);
  }

  /** Gives the slot up: nobody gets an item from it. */
  abandon(): void {
    this.#end('abandoned').abandon(this.#id);
  }

  #end(how: string): SlotOwner {
    const owner = this.#owner;
    if (owner === undefined) throw ended('claim', how);
    this.#owner = undefined;
    return owner;
  }
}

/**
 * An item that this thread reads where it lies.
 *
 * Nobody else gets it, and the slot is not used again until `release`; producers that come around to it find the ring full. When
 * the thread ends it is released. After that `bytes` shows what others write into the slot: copy what you want to keep.
 */
export class BorrowedItem {
  #owner: SlotOwner | undefined;
  readonly #id: number;
  /** The item's bytes, in the ring itself. */
  readonly bytes: Uint8Array;

  /** @internal */
  constructor(owner: SlotOwner, id: number, bytes: Uint8Array) {
    this.#owner = owner;
    this.#id = id;
    this.bytes = bytes;
  }

  /** Lets the slot be used again. */
  release(): void {
    const owner = this.#owner;
    if (owner === undefined) throw ended('item', 'released');
    this.#owner = undefined;
    owner.release(this.#id);
  }
}

function ended(what: string, how: string): AgentwireError {
  return new AgentwireError(
    'ERR_AGENTWIRE_DOUBLE_RELEASE',
    `this ${what} has ended already and cannot be ${how}: its slot belongs to others now`,
  );
}
