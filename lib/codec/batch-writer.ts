import { AgentwireError } from '../errors';
import { CodecLimit, Tag } from '../generated/layout';
import { varintBytes, writeVarint } from './primitives/varint';
import { writeBigUint64 } from './scratch';
import type { Slot } from './slot';
import { writeNow } from './timestamp';
import { TOO_DEEP, tooLarge, toValueError } from './unsupported';
import { VALUE_AT, type ValueEncoder } from './value-encoder';

/** Where the messages of a batch begin: before them there is room for the head of the array, at most six bytes. */
const MESSAGES_AT = VALUE_AT + 8;
const MOST_HEAD_BYTES = 6;
/** The containers that a batch puts around a payload: the array of messages, and the message. */
const AROUND = 2;
const FIRST_BEYOND_I64 = 2n ** 63n;

/**
 * The value of a batch as it grows in an encoder's memory: one array, whose head is written when it is complete and ends where the
 * messages begin.
 */
export class BatchWriter {
  count = 0;
  private end = MESSAGES_AT;

  constructor(
    readonly encoder: ValueEncoder,
    private readonly maxBytes: number,
  ) {
    // Of an empty batch there are bytes too.
    encoder.reserve(MESSAGES_AT, maxBytes);
    encoder.beginParts();
  }

  /** Writes a message behind the others. When it throws, the batch is as it was. */
  add(type: number, payload: unknown, correlationId: bigint, slot: Slot): void {
    const at = this.end;
    const payloadAt = at + prefixBytes(type, correlationId);
    const end = this.append(payload, payloadAt, slot);
    this.writePrefix(at, type, correlationId);
    this.end = end;
    this.count += 1;
  }

  /** Writes the head of the array: where the value starts. */
  finish(): number {
    const { memory } = this.encoder;
    if (this.count <= CodecLimit.FixArrayMax) {
      const at = MESSAGES_AT - 1;
      memory[at] = Tag.FixArray | this.count;
      return at;
    }
    const at = MESSAGES_AT - 1 - varintBytes(this.count);
    memory[at] = Tag.Array;
    writeVarint(this.count, memory, at + 1);
    return at;
  }

  /** Where the value ends. */
  get valueEnd(): number {
    return this.end;
  }

  /**
   * Writes the payload as the next part of the one value that the batch is.
   *
   * It is written within two arrays, so that it counts how deep it lies; their heads are overwritten by the rest of the message.
   */
  private append(payload: unknown, at: number, slot: Slot): number {
    const left = this.maxBytes - MOST_HEAD_BYTES - (at - MESSAGES_AT);
    try {
      if (left <= 0) throw this.full();
      return this.encoder.append([[payload]], at - AROUND, slot, left + AROUND);
    } catch (thrown) {
      throw this.explained(payload, thrown);
    }
  }

  private explained(payload: unknown, thrown: unknown): unknown {
    const error = toValueError(payload, thrown) as { code?: unknown } | null | undefined;
    if (error?.code === 'ERR_AGENTWIRE_TOO_LARGE') return this.count > 0 ? this.full() : tooLarge(this.maxBytes);
    if (thrown !== TOO_DEEP || error?.code !== 'ERR_AGENTWIRE_UNSUPPORTED') return error;
    return new AgentwireError(
      'ERR_AGENTWIRE_TOO_DEEP',
      `a message of a batch may be nested ${CodecLimit.MaxDepth - AROUND} deep, and this one is nested deeper; flatten it, or ` +
        'serialize it by itself',
    );
  }

  private full(): AgentwireError {
    return new AgentwireError(
      'ERR_AGENTWIRE_TOO_LARGE',
      `with this message the batch would take more than ${this.maxBytes.toLocaleString('en')} bytes; flush() it first`,
    );
  }

  /** Writes an array of four up to its last element: type, time and correlation id. */
  private writePrefix(at: number, type: number, correlationId: bigint): void {
    const { memory } = this.encoder;
    memory[at++] = Tag.FixArray | 4;
    if (type > CodecLimit.FixIntMax) {
      memory[at++] = Tag.Int16;
      memory[at++] = type;
      memory[at++] = 0;
    } else {
      memory[at++] = type;
    }
    memory[at] = Tag.BigInt64;
    writeNow(memory, at + 1);
    at += 9;
    if (correlationId === 0n) {
      memory[at] = 0;
    } else if (isI64(correlationId)) {
      memory[at] = Tag.BigInt64;
      writeBigUint64(correlationId, memory, at + 1);
    } else {
      memory[at] = Tag.BigInt;
      memory[at + 1] = 0;
      memory[at + 2] = 8;
      writeBigUint64(correlationId, memory, at + 3);
    }
  }
}

/** Bytes of a message before its payload. */
function prefixBytes(type: number, correlationId: bigint): number {
  const typeBytes = type > CodecLimit.FixIntMax ? 3 : 1;
  return 1 + typeBytes + 9 + (correlationId === 0n ? 1 : isI64(correlationId) ? 9 : 11);
}

function isI64(unsigned: bigint): boolean {
  return unsigned < FIRST_BEYOND_I64;
}
