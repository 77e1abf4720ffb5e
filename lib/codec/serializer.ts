import { AgentwireArgumentError, AgentwireError } from '../errors';
import { Frame, MessageHeader } from '../generated/layout';
import { BinaryCodecPool } from './codec-pool';
import { checkEpoch, checkSize, openPayload, payloadEnd, readMessageHeader } from './frame';
import type { MessageType } from './message-type';
import type { BinaryMessageHeader } from './primitives/message-header';
import { isU64, notU64 } from './primitives/varint';
import { AgentwireDecodeError } from './reader';
import { type CheckedOptions, checkSerializerOptions, type SerializerOptions } from './serializer-options';
import { Slot } from './slot';
import { toValueError } from './unsupported';
import type { BinarySource, ValueDecoder } from './value-decoder';
import { VALUE_AT, type ValueEncoder } from './value-encoder';

/** A message that was read. */
export interface DeserializedMessage<T = unknown> {
  header: BinaryMessageHeader;
  payload: T;
}

/** A message of a batch that was read. What is the batch's and not its own, its header does not have. */
export interface BatchedMessage<T = unknown> {
  header: Pick<BinaryMessageHeader, 'type' | 'timestamp' | 'correlationId'>;
  payload: T;
}

/** What a serializer has done. */
export interface SerializerStats {
  /** Messages that `serialize` and `serializeInto` wrote. */
  messagesSerialized: number;
  /** Their bytes, headers included. */
  bytesSerialized: number;
  /** Messages that `deserialize` and `deserializeBatch` read, those of batches one by one. */
  messagesDeserialized: number;
  /** The bytes of messages and batches that were read, headers included. */
  bytesDeserialized: number;
  /** Messages whose value was written compressed. */
  messagesCompressed: number;
  /** Bytes of their values after compression, divided by those before: the smaller, the better. 1 while there is none. */
  compressionRatio: number;
  /** Calls that threw. */
  errors: number;
}

/**
 * Messages as bytes: a header of 24 bytes and any value that agentwire carries, per docs/wire-format.md section 4. Every JSON value,
 * and bigint, Date, Map, Set, typed arrays and undefined come back as they went in, whatever the type of the message.
 *
 * One serializer reads what any other has written. It belongs to one thread, as JavaScript objects do.
 */
export class OptimizedMessageSerializer {
  readonly #options: CheckedOptions;
  /** Nothing is done to values but encoding them, so they are written where they are to be. */
  readonly #isPlain: boolean;
  readonly #before: number;
  readonly #pool: BinaryCodecPool;
  /** What was seen in messages, by their type. */
  readonly #slots: (Slot | undefined)[] = [];
  #messagesSerialized = 0;
  #bytesSerialized = 0;
  #messagesDeserialized = 0;
  #bytesDeserialized = 0;
  #messagesCompressed = 0;
  #bytesBeforeCompression = 0;
  #bytesAfterCompression = 0;
  #errors = 0;

  constructor(options: SerializerOptions = {}) {
    this.#options = checkSerializerOptions(options, `new ${new.target.name}`);
    const { tables, compression, checksum } = this.#options;
    this.#isPlain = compression === Frame.None && !checksum;
    this.#before = MessageHeader.Bytes + (tables ? Frame.EpochBytes : 0);
    this.#pool = new BinaryCodecPool({ tables });
  }

  /**
   * The bytes of a message that is made now, in an ArrayBuffer of exactly their number. `type` is a MessageType or a number of one's
   * own, up to 255; `correlationId` joins a message with its answer.
   *
   * Throws AgentwireValueError for what no message can carry (`ERR_AGENTWIRE_UNSUPPORTED`, `_CYCLE`, `_TOO_DEEP`, `_TOO_LARGE`),
   * and what a getter of the payload throws.
   */
  serialize(type: MessageType | number, payload: unknown, correlationId?: bigint): ArrayBuffer {
    const encoder = this.#pool.acquireEncoder() as ValueEncoder;
    try {
      checkMessage(type, correlationId);
      encoder.begin();
      const start = this.#writeOwn(encoder, type, payload, correlationId);
      const { sealedEnd } = encoder;
      const buffer = new ArrayBuffer(sealedEnd - start);
      new Uint8Array(buffer).set(encoder.memory.subarray(start, sealedEnd));
      this.#count(encoder, sealedEnd - start);
      return buffer;
    } catch (error) {
      this.#errors += 1;
      throw toValueError(payload, error);
    } finally {
      encoder.isBusy = false;
      this.#pool.releaseEncoder(encoder);
    }
  }

  /**
   * As `serialize`, into `target` (a Uint8Array over whatever buffer, shared or not) from `offset`: how many bytes it took. The fastest
   * way: where messages are neither compressed nor checked, nothing is allocated and nothing copied.
   *
   * Where the message does not fit it throws a RangeError with the code `ERR_AGENTWIRE_TOO_LONG`. Whenever it throws, what `target` holds
   * from `offset` on is no message.
   */
  serializeInto(
    target: Uint8Array,
    offset: number,
    type: MessageType | number,
    payload: unknown,
    correlationId?: bigint,
  ): number {
    const encoder = this.#pool.acquireEncoder() as ValueEncoder;
    try {
      checkMessage(type, correlationId);
      encoder.begin();
      const { direct } = encoder;
      direct.aim(target, offset);
      if (this.#isPlain) {
        const { tables, maxPayloadBytes } = this.#options;
        const before = this.#before;
        const length = direct.write(payload, before, this.#slot(type), maxPayloadBytes);
        if (length >= 0) {
          direct.finish(type, correlationId, length, tables);
          this.#messagesSerialized += 1;
          this.#bytesSerialized += before + length;
          return before + length;
        }
      }
      // Also where room is so little that the encoder, which keeps some clear, does not say whether it is enough.
      const start = this.#writeOwn(encoder, type, payload, correlationId);
      const length = direct.copy(encoder.memory, start, encoder.sealedEnd);
      this.#count(encoder, length);
      return length;
    } catch (error) {
      this.#errors += 1;
      throw toValueError(payload, error);
    } finally {
      encoder.isBusy = false;
      this.#pool.releaseEncoder(encoder);
    }
  }

  /**
   * Reads the message that the bytes begin with; bytes behind it are not looked at. The payload shares no memory with them.
   *
   * For any bytes it returns or throws: AgentwireDecodeError (`ERR_AGENTWIRE_UNDECODABLE`), or an AgentwireError with the code
   * `ERR_AGENTWIRE_CHECKSUM`, `ERR_AGENTWIRE_FOREIGN_TABLES`, `ERR_AGENTWIRE_TOO_LARGE`, `ERR_AGENTWIRE_UNSUPPORTED_COMPRESSION`
   * or, for a batch, `ERR_AGENTWIRE_BATCH`.
   */
  deserialize<T = unknown>(buffer: BinarySource): DeserializedMessage<T> {
    const decoder = this.#acquireDecoder(buffer);
    try {
      const length = decoder.load('buffer', buffer, true);
      const header = readMessageHeader(decoder.view, length);
      if ((header.flags & Frame.Batch) !== 0) throw isBatch();
      const payload = this.#readPayload(decoder, header, length) as T;
      this.#messagesDeserialized += 1;
      this.#bytesDeserialized += MessageHeader.Bytes + header.payloadLength;
      return { header, payload };
    } catch (error) {
      this.#errors += 1;
      throw error;
    } finally {
      this.#pool.releaseDecoder(decoder);
    }
  }

  /**
   * Reads a batch that a BatchMessageSerializer wrote: its messages in their order. Throws as `deserialize` does; for a single
   * message, `ERR_AGENTWIRE_NOT_A_BATCH`.
   */
  deserializeBatch<T = unknown>(buffer: BinarySource): BatchedMessage<T>[] {
    const decoder = this.#acquireDecoder(buffer);
    try {
      const length = decoder.load('buffer', buffer, true);
      const header = readMessageHeader(decoder.view, length);
      if ((header.flags & Frame.Batch) === 0) throw notBatch();
      const messages = messagesOf<T>(this.#readPayload(decoder, header, length));
      this.#messagesDeserialized += messages.length;
      this.#bytesDeserialized += MessageHeader.Bytes + header.payloadLength;
      return messages;
    } catch (error) {
      this.#errors += 1;
      throw error;
    } finally {
      this.#pool.releaseDecoder(decoder);
    }
  }

  /** The pool whose encoders and decoders this serializer works with. */
  getCodecPool(): BinaryCodecPool {
    return this.#pool;
  }

  /** The figures since it was made. */
  getStats(): SerializerStats {
    return {
      messagesSerialized: this.#messagesSerialized,
      bytesSerialized: this.#bytesSerialized,
      messagesDeserialized: this.#messagesDeserialized,
      bytesDeserialized: this.#bytesDeserialized,
      messagesCompressed: this.#messagesCompressed,
      compressionRatio:
        this.#bytesBeforeCompression === 0 ? 1 : this.#bytesAfterCompression / this.#bytesBeforeCompression,
      errors: this.#errors,
    };
  }

  /** Makes the message in the encoder's own memory: where it starts. */
  #writeOwn(encoder: ValueEncoder, type: number, payload: unknown, correlationId: bigint | undefined): number {
    const end = encoder.write(payload, VALUE_AT, this.#slot(type), this.#options.maxPayloadBytes);
    return encoder.seal(type, 0, correlationId, VALUE_AT, end, this.#options);
  }

  #count(encoder: ValueEncoder, bytes: number): void {
    this.#messagesSerialized += 1;
    this.#bytesSerialized += bytes;
    if (encoder.compressedBytes === 0) return;
    this.#messagesCompressed += 1;
    this.#bytesBeforeCompression += encoder.rawBytes;
    this.#bytesAfterCompression += encoder.compressedBytes;
  }

  #slot(type: number): Slot {
    let slot = this.#slots[type];
    if (slot === undefined) {
      slot = new Slot();
      this.#slots[type] = slot;
    }
    return slot;
  }

  #acquireDecoder(buffer: BinarySource): ValueDecoder {
    try {
      return this.#pool.acquireDecoder(buffer) as ValueDecoder;
    } catch (error) {
      this.#errors += 1;
      throw error;
    }
  }

  #readPayload(decoder: ValueDecoder, header: BinaryMessageHeader, length: number): unknown {
    const { memory, view } = decoder;
    const { maxPayloadBytes } = this.#options;
    const flags = header.flags & ~Frame.Batch;
    if (flags === 0 || flags === Frame.Tables) {
      const end = payloadEnd(header, length);
      const start = flags === 0 ? MessageHeader.Bytes : checkEpoch(view, end);
      checkSize(end - start, maxPayloadBytes);
      return decoder.readValue(start, end, flags !== 0);
    }
    const { body, usesTables } = openPayload(header, memory, view, length, maxPayloadBytes);
    return decoder.readFrom(body, 0, body.length, usesTables);
  }
}

export function checkMessage(type: unknown, correlationId: unknown): void {
  if (!isType(type)) {
    throw new AgentwireArgumentError('type', 'a MessageType, or an integer from 0 to 255 of your own', type);
  }
  if (correlationId !== undefined && !isU64(correlationId)) throw notU64('correlationId', correlationId);
}

function isType(value: unknown): value is number {
  return typeof value === 'number' && (value & 0xff) === value && !Object.is(value, -0);
}

/** The messages of a batch's value. */
function messagesOf<T>(value: unknown): BatchedMessage<T>[] {
  if (!Array.isArray(value)) throw new AgentwireDecodeError('a batch whose value is no array', 0);
  return value.map((element: unknown, index) => {
    if (!isBatchElement(element)) {
      throw new AgentwireDecodeError(`message ${index} of the batch is no [type, time, correlation id, payload]`, 0);
    }
    const [type, timestamp, correlationId, payload] = element;
    return { header: { type, timestamp, correlationId: BigInt(correlationId) }, payload: payload as T };
  });
}

/** True for a message of a batch as its value has it. */
export function isBatchElement(element: unknown): element is [number, bigint, bigint | 0, unknown] {
  if (!Array.isArray(element) || element.length !== 4 || !(3 in element)) return false;
  const [type, timestamp, correlationId] = element as unknown[];
  return isType(type) && isU64(timestamp) && (isU64(correlationId) || Object.is(correlationId, 0));
}

function isBatch(): AgentwireError {
  return new AgentwireError(
    'ERR_AGENTWIRE_BATCH',
    'these are the bytes of a batch, not of one message; read them by deserializeBatch',
  );
}

function notBatch(): AgentwireError {
  return new AgentwireError(
    'ERR_AGENTWIRE_NOT_A_BATCH',
    'these are the bytes of one message, not of a batch; read them by deserialize',
  );
}
