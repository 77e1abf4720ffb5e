import { types } from 'node:util';
import { checkInteger, lostMemory } from '../checks';
import { type AgentwireError, AgentwireRangeError } from '../errors';
import { Frame, MessageHeader } from '../generated/layout';
import { Encoder } from './encoder';
import { writeEpoch, writeMessageHeader } from './frame';
import { bufferOf, byteLengthOf, byteOffsetOf, bytesOf } from './primitives/memory';
import type { Slot } from './slot';
import type { Tables } from './tables';
import { tooLarge } from './unsupported';
import { isOverflow } from './writer';

/**
 * An ArrayBuffer of a user's that is larger is not kept in mind between two calls: it would not be collected. Shared memory is, for it
 * belongs to rings and pools, which last.
 */
const REMEMBERED_BYTES = 1024 * 1024;

const empty = new Uint8Array(0);
const emptyView = new DataView(empty.buffer);

/**
 * Writes into memory of users: `aim` at a place, then `write` and `finish`, or `copy`. What lies where is kept in mind from call to call,
 * so that nothing is allocated for a target that comes again, nor for another one over the same buffer.
 */
export class DirectWriter {
  /** Made when it is first needed. */
  private encoder: Encoder | null = null;
  /** The array that was given last, of which it is known where it lies. */
  private target: Uint8Array = empty;
  private targetLength = 0;
  /** Where its first byte is in `memory`, which is all of its buffer. */
  private start = 0;
  private buffer: ArrayBufferLike | null = null;
  private isShared = false;
  private memory: Uint8Array = empty;
  private view: DataView = emptyView;
  /** The place in `memory` that was aimed at, and how many bytes of the target there are from it on. */
  private at = 0;
  private room = 0;

  constructor(private readonly tables: Tables | null) {}

  /** Looks where `target` lies, and that `offset` is in it. */
  aim(target: Uint8Array, offset: number): void {
    // Of a buffer that was transferred or has shrunk, the array over all of it has no length any more.
    if (target !== this.target || target.length !== this.targetLength || this.memory.length === 0) this.attach(target);
    checkInteger('offset', offset, 0, this.targetLength, 'bytes');
    this.at = this.start + offset;
    this.room = this.targetLength - offset;
  }

  private attach(target: Uint8Array): void {
    bytesOf('target', target);
    const buffer = bufferOf.call(target);
    const { byteLength } = buffer;
    if (buffer !== this.buffer || byteLength !== this.memory.length) {
      // With its length, or the array would follow a buffer that is resized.
      this.memory = new Uint8Array(buffer, 0, byteLength);
      this.view = new DataView(buffer, 0, byteLength);
      this.buffer = buffer;
      this.isShared = types.isSharedArrayBuffer(buffer);
      this.encoder ??= new Encoder(this.tables);
      this.encoder.attach(this.memory);
    }
    this.target = target;
    this.targetLength = byteLengthOf.call(target);
    this.start = byteOffsetOf.call(target);
  }

  /**
   * Writes a value straight into the target, `before` bytes behind the place that was aimed at: its length, or -1 when there may be
   * too little room. What was written behind that place then does not count.
   */
  write(value: unknown, before: number, slot: Slot, maxBytes: number): number {
    if (this.room <= before) return -1;
    const at = this.at + before;
    try {
      const end = (this.encoder as Encoder).writeRoot(value, at, this.at + this.room, slot);
      if (end - at > maxBytes) throw tooLarge(maxBytes);
      if (this.isGone()) throw this.lost();
      return end - at;
    } catch (error) {
      if (isOverflow(error)) return -1;
      // A getter of the value may have transferred the target.
      if (this.isGone()) throw this.lost();
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
      writeEpoch(this.view, this.at + MessageHeader.Bytes);
    }
    writeMessageHeader(this.view, this.at, type, flags, payloadLength, correlationId);
  }

  /** Copies the bytes from `start` to `end` of other memory to the place that was aimed at: how many. */
  copy(from: Uint8Array, start: number, end: number): number {
    const length = end - start;
    const { room } = this;
    if (room > 0 && this.isGone()) throw this.lost();
    if (length > room) {
      throw new AgentwireRangeError(
        'ERR_AGENTWIRE_TOO_LONG',
        `${length.toLocaleString('en')} bytes are to be written, and target has ${room.toLocaleString('en')} from the offset on; ` +
          'nothing was written. Give it a larger target',
      );
    }
    this.memory.set(from.subarray(start, end), this.at);
    return length;
  }

  /** Lets go of memory that should be collected when its owner does. */
  rest(): void {
    if (this.memory.length > REMEMBERED_BYTES && !this.isShared) this.forget();
  }

  private isGone(): boolean {
    return this.memory[this.at] === undefined;
  }

  private lost(): AgentwireError {
    this.forget();
    return lostMemory('target');
  }

  private forget(): void {
    this.target = empty;
    this.targetLength = 0;
    this.buffer = null;
    this.memory = empty;
    this.view = emptyView;
    this.encoder?.attach(empty);
  }
}
