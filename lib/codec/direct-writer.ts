import { checkBytes, checkInteger, lostMemory } from '../checks';
import { AgentwireRangeError } from '../errors';
import { Frame, MessageHeader } from '../generated/layout';
import { Encoder } from './encoder';
import { writeEpoch, writeMessageHeader } from './frame';
import { byteLengthOf } from './primitives/memory';
import type { Slot } from './slot';
import type { Tables } from './tables';
import { tooLarge } from './unsupported';
import { isOverflow } from './writer';

const empty = new Uint8Array(0);

/** Writes into memory of users: `aim` at a place, then `write` and `finish`, or `copy`. Nothing is allocated. */
export class DirectWriter {
  private readonly encoder: Encoder;
  private target: Uint8Array = empty;
  /** The place in the target that was aimed at, and how many bytes there are from it on. */
  private at = 0;
  private room = 0;

  constructor(tables: Tables | null) {
    this.encoder = new Encoder(tables);
  }

  /** Begins a use of `target`, which must have the place `offset`. */
  aim(target: Uint8Array, offset: number): void {
    // Whether its memory is still there is looked at when it was written to, or here where it has none.
    if (!(target instanceof Uint8Array && ArrayBuffer.isView(target)) || target.length === 0)
      checkBytes('target', target);
    // A subclass may say what it likes of its length.
    const length = byteLengthOf.call(target);
    checkInteger('offset', offset, 0, length, 'bytes');
    this.target = target;
    this.at = offset;
    this.room = length - offset;
  }

  /**
   * Writes a value straight into the target, `before` bytes behind the place that was aimed at: its length, or -1 when there may be
   * too little room. What was written behind that place then does not count.
   */
  write(value: unknown, before: number, slot: Slot, maxBytes: number): number {
    if (this.room <= before) return -1;
    const at = this.at + before;
    try {
      this.encoder.attach(this.target);
      const end = this.encoder.writeRoot(value, at, this.at + this.room, slot);
      if (end - at > maxBytes) throw tooLarge(maxBytes);
      if (this.isLost()) throw lostMemory('target');
      return end - at;
    } catch (error) {
      if (isOverflow(error)) return -1;
      // A getter of the value may have transferred the target.
      if (this.isLost()) throw lostMemory('target');
      throw error;
    }
  }

  /** Writes the header, and the epoch, before a value that was written. */
  finish(type: number, correlationId: bigint | undefined, valueLength: number, usesTables: boolean): void {
    let flags = 0;
    let payloadLength = valueLength;
    if (usesTables) {
      flags = Frame.Tables;
      payloadLength += Frame.EpochBytes;
      writeEpoch(this.target, this.at + MessageHeader.Bytes);
    }
    writeMessageHeader(this.target, this.at, type, flags, payloadLength, correlationId);
  }

  /** Copies the bytes from `start` to `end` of other memory to the place that was aimed at: how many. */
  copy(from: Uint8Array, start: number, end: number): number {
    const length = end - start;
    const { room } = this;
    if (room > 0 && this.isLost()) throw lostMemory('target');
    if (length > room) throw noRoom(length, room);
    Uint8Array.prototype.set.call(this.target, from.subarray(start, end), this.at);
    return length;
  }

  /** Lets go of the user's memory. */
  rest(): void {
    if (this.target === empty) return;
    this.target = empty;
    this.encoder.attach(empty);
  }

  /** The target was transferred away, or has shrunk: the last byte that it had is not there any more. */
  private isLost(): boolean {
    return this.target[this.at + this.room - 1] === undefined;
  }
}

function noRoom(length: number, room: number): AgentwireRangeError {
  return new AgentwireRangeError(
    'ERR_AGENTWIRE_TOO_LONG',
    `${length.toLocaleString('en')} bytes are to be written, and target has ${room.toLocaleString('en')} from the offset on; ` +
      'nothing was written. Give it a larger target',
  );
}
