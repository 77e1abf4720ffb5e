import { AgentwireError } from '../errors';
import { CodecLimit, Frame, MessageHeader } from '../generated/layout';
import { native } from '../native';
import { DirectWriter } from './direct-writer';
import { Encoder } from './encoder';
import { crc32, writeEpoch, writeMessageHeader } from './frame';
import { MOST_BYTES } from './growing-memory';
import { varintBytes, writeVarint } from './primitives/varint';
import { writeUint32 } from './scratch';
import type { CheckedOptions } from './serializer-options';
import { Slot } from './slot';
import type { Tables } from './tables';
import { tooLarge, toValueError } from './unsupported';
import { isOverflow } from './writer';

/** Where a value is written when a message is to be made of it: before it there is room for header, epoch and length. */
export const VALUE_AT = MessageHeader.Bytes + Frame.EpochBytes + CodecLimit.MaxVarintBytes;

/** First size of an encoder's memory, bytes. */
const FIRST_BYTES = 4096;
/** It grows fourfold up to here, then twofold, for with each step the value is encoded anew. */
const FAST_GROWTH_BYTES = 1024 * 1024;
/** Memory up to this size waits with the encoder for its next user. */
const KEPT_BYTES = 256 * 1024;
/** More than any encoder keeps clear at the end of its memory. */
const SLACK = 64;
const empty = new Uint8Array(0);

/** An encoder of a BinaryCodecPool, as its user sees it: of values, without the header of a message. */
export interface PooledEncoder {
  /** The encoded value. */
  encode(value: unknown): Uint8Array;
  /**
   * Writes an encoded value into `target` (over whatever buffer, shared or not) from `offset`: how many bytes. A RangeError with the
   * code `ERR_AGENTWIRE_TOO_LONG` where it does not fit; what is in `target` from `offset` on then does not count.
   */
  encodeInto(value: unknown, target: Uint8Array, offset?: number): number;
}

/**
 * What a serializer writes with: the encoder of values, memory that grows, and the frame around a value. It is one user's from
 * `acquireEncoder` to `releaseEncoder`, so that a getter of a value that is being written, which writes a message itself, gets
 * another.
 */
export class ValueEncoder implements PooledEncoder {
  /** Somebody has it. */
  isOut = false;
  /** It is writing: its user cannot use or release it in a getter of the value. */
  isBusy = false;
  /** Own memory, which only this thread has. */
  memory: Uint8Array = empty;
  /** Where the message ends that `seal` made. */
  sealedEnd = 0;
  /** Bytes of the value after compression; 0 where `seal` did not compress it. */
  compressedBytes = 0;
  /** Bytes of it before that. */
  rawBytes = 0;
  /** Writes into users' memory. */
  readonly direct: DirectWriter;
  private readonly own: Encoder;
  /** The place of the values that `encode` and `encodeInto` get. */
  private readonly slot = new Slot();

  constructor(
    /** The pool that it is of. */
    readonly owner: object,
    tables: Tables | null,
  ) {
    this.own = new Encoder(tables);
    this.direct = new DirectWriter(tables);
  }

  encode(value: unknown): Uint8Array {
    this.begin();
    try {
      const end = this.write(value, 0, this.slot, MOST_BYTES);
      return this.memory.slice(0, end);
    } catch (error) {
      throw toValueError(value, error);
    } finally {
      this.isBusy = false;
    }
  }

  encodeInto(value: unknown, target: Uint8Array, offset = 0): number {
    this.begin();
    try {
      const { direct } = this;
      direct.aim(target, offset);
      const length = direct.write(value, 0, this.slot, MOST_BYTES);
      return length >= 0 ? length : direct.copy(this.memory, 0, this.write(value, 0, this.slot, MOST_BYTES));
    } catch (error) {
      throw toValueError(value, error);
    } finally {
      this.isBusy = false;
    }
  }

  /** Begins a use, which ends with `isBusy = false`. */
  begin(): void {
    if (!this.isOut) throw released('encoder');
    if (this.isBusy) throw busy('encoder');
    this.isBusy = true;
  }

  /**
   * Writes a value at `at` of the own memory, which grows as needed and keeps what is before: the position behind it, where there is
   * room for a checksum. Throws what the encoder throws, but for a lack of room; and ERR_AGENTWIRE_TOO_LARGE.
   */
  write(value: unknown, at: number, slot: Slot, maxBytes: number): number {
    this.own.beginParts();
    return this.append(value, at, slot, maxBytes);
  }

  /** Begins a value that is written in parts: `append`. */
  beginParts(): void {
    this.own.beginParts();
  }

  /**
   * As `write`, for the next part of a value that is written in parts: what earlier parts have defined stays defined. When it throws, it
   * is as if it had not been called.
   */
  append(value: unknown, at: number, slot: Slot, maxBytes: number): number {
    this.reserve(at, maxBytes);
    for (;;) {
      try {
        const end = this.own.writePart(value, at, this.memory.length - Frame.ChecksumBytes, slot);
        if (end - at > maxBytes) throw tooLarge(maxBytes);
        return end;
      } catch (error) {
        if (!isOverflow(error)) throw error;
        if (this.memory.length - at >= maxBytes + SLACK) throw tooLarge(maxBytes);
        this.grow(at, maxBytes);
      }
    }
  }

  /** Sees to it that the own memory has more than `kept` bytes, of which so many stay as they are. */
  reserve(kept: number, maxBytes: number): void {
    if (this.memory.length <= kept + SLACK) this.grow(kept, maxBytes);
  }

  private grow(kept: number, maxBytes: number): void {
    const { length } = this.memory;
    const wanted = Math.max(kept + FIRST_BYTES, length < FAST_GROWTH_BYTES ? 4 * length : 2 * length);
    const memory = new Uint8Array(Math.max(FIRST_BYTES, Math.min(wanted, kept + maxBytes + SLACK)));
    memory.set(this.memory.subarray(0, kept));
    this.memory = memory;
    this.own.attach(memory);
  }

  /**
   * Makes a message of the value from `at` to `end` of the own memory: where it starts. Its end is
   * `sealedEnd`.
   */
  seal(
    type: number,
    flags: number,
    correlationId: bigint | undefined,
    at: number,
    end: number,
    options: CheckedOptions,
  ): number {
    this.compressedBytes = 0;
    const rawLength = end - at;
    this.rawBytes = rawLength;
    if (options.compression !== Frame.None && rawLength >= options.compressionThreshold) {
      const compressed = native.compress(options.compression, this.memory.subarray(at, end));
      if (compressed !== null) {
        // It is smaller, so it fits where the value was.
        this.memory.set(compressed, at);
        this.compressedBytes = compressed.length;
        end = at + compressed.length;
        at -= varintBytes(rawLength);
        writeVarint(rawLength, this.memory, at);
        flags |= options.compression;
      }
    }
    if (options.tables) {
      at -= Frame.EpochBytes;
      writeEpoch(this.memory, at);
      flags |= Frame.Tables;
    }
    if (options.checksum) flags |= Frame.Checksum;
    const sealedEnd = options.checksum ? end + Frame.ChecksumBytes : end;
    const start = at - MessageHeader.Bytes;
    writeMessageHeader(this.memory, start, type, flags, sealedEnd - at, correlationId);
    if (options.checksum) writeUint32(crc32(this.memory, start, end), this.memory, end);
    this.sealedEnd = sealedEnd;
    return start;
  }

  /** Lets go of what the next user does not need, and of large memory. */
  rest(): void {
    if (this.memory.length > KEPT_BYTES) {
      this.memory = empty;
      this.own.attach(empty);
    }
    this.direct.rest();
  }
}

export function released(what: string): AgentwireError {
  return new AgentwireError(
    'ERR_AGENTWIRE_RELEASED',
    `the ${what} was released, and somebody else may have it by now; acquire another, and do not keep one after its release`,
  );
}

export function busy(what: string): AgentwireError {
  return new AgentwireError(
    'ERR_AGENTWIRE_BUSY',
    `the ${what} is in the middle of a value, whose getter uses it again; acquire another there`,
  );
}
