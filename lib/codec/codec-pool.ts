import { refuseUnknown } from '../checks';
import { AgentwireArgumentError, AgentwireError } from '../errors';
import { OptimizedStringPool, type StringPoolStats } from '../intern/string-pool';
import { threadTables } from './thread-tables';
import { type BinarySource, type PooledDecoder, ValueDecoder } from './value-decoder';
import { busy, type PooledEncoder, ValueEncoder } from './value-encoder';

/** Most encoders, and most decoders, that wait for their next user. */
const MOST_WAITING = 8;

/** The figures of the encoders or the decoders of a pool. */
export interface CodecFigures {
  /** That were made; the other acquires got one that waited. */
  created: number;
  /** Calls of `acquire...`, by users and by the serializer that works with the pool. */
  acquired: number;
  /** Calls of `release...` that took one back. */
  released: number;
  /** Those that wait for their next user, at most 8. */
  waiting: number;
}

export interface CodecPoolStats {
  encoderPool: CodecFigures;
  decoderPool: CodecFigures;
  stringPool: StringPoolStats;
}

export interface CodecPoolOptions {
  /** As of a serializer: its encoders write shapes and strings that keep coming as ids. Default: false. */
  tables?: boolean | undefined;
}

/**
 * Encoders and decoders that are used again, with the memory that they have grown. A serializer works with those of its own pool
 * (`getCodecPool()`), so who acquires one gets the very kind, or waits for none: when all are in use, another is made.
 *
 * One that is never released is collected as any object is. The release of one that is not out, or is of another pool, and the use of one
 * that was released are errors.
 */
export class BinaryCodecPool {
  readonly #usesTables: boolean;
  readonly #encoders: ValueEncoder[] = [];
  readonly #decoders: ValueDecoder[] = [];
  #encodersCreated = 0;
  #encodersAcquired = 0;
  #encodersReleased = 0;
  #decodersCreated = 0;
  #decodersAcquired = 0;
  #decodersReleased = 0;
  #stringPool: OptimizedStringPool | undefined;

  constructor(options: CodecPoolOptions = {}) {
    if (typeof options !== 'object' || options === null)
      throw new AgentwireArgumentError('options', 'an object', options);
    refuseUnknown(options, ['tables'], 'new BinaryCodecPool');
    const { tables = false } = options;
    if (typeof tables !== 'boolean') throw new AgentwireArgumentError('tables', 'true or false', tables);
    this.#usesTables = tables;
  }

  /** An encoder that nobody else has. */
  acquireEncoder(): PooledEncoder {
    const encoder = this.#encoders.pop() ?? this.#makeEncoder();
    this.#encodersAcquired += 1;
    encoder.isOut = true;
    return encoder;
  }

  /** Takes an encoder back. It must not be used any more. */
  releaseEncoder(encoder: PooledEncoder): void {
    if (!(encoder instanceof ValueEncoder))
      throw new AgentwireArgumentError('encoder', 'one of acquireEncoder()', encoder);
    if (encoder.owner !== this) throw notFromPool('encoder');
    if (!encoder.isOut) throw doubleRelease('encoder');
    if (encoder.isBusy) throw busy('encoder');
    encoder.isOut = false;
    this.#encodersReleased += 1;
    encoder.rest();
    if (this.#encoders.length < MOST_WAITING) this.#encoders.push(encoder);
  }

  /** A decoder of these bytes that nobody else has. */
  acquireDecoder(buffer: BinarySource): PooledDecoder {
    const decoder = this.#decoders.pop() ?? this.#makeDecoder();
    try {
      decoder.use(buffer);
    } catch (error) {
      this.#decoders.push(decoder);
      throw error;
    }
    this.#decodersAcquired += 1;
    decoder.isOut = true;
    return decoder;
  }

  /** Takes a decoder back, and lets go of its bytes. It must not be used any more. */
  releaseDecoder(decoder: PooledDecoder): void {
    if (!(decoder instanceof ValueDecoder))
      throw new AgentwireArgumentError('decoder', 'one of acquireDecoder()', decoder);
    if (decoder.owner !== this) throw notFromPool('decoder');
    if (!decoder.isOut) throw doubleRelease('decoder');
    decoder.isOut = false;
    this.#decodersReleased += 1;
    decoder.rest();
    if (this.#decoders.length < MOST_WAITING) this.#decoders.push(decoder);
  }

  /** A pool of strings for whoever wants small numbers for them. It is made when it is first asked for; messages do not need it. */
  getStringPool(): OptimizedStringPool {
    this.#stringPool ??= new OptimizedStringPool();
    return this.#stringPool;
  }

  /** The figures at this moment. */
  getStats(): CodecPoolStats {
    return {
      encoderPool: {
        created: this.#encodersCreated,
        acquired: this.#encodersAcquired,
        released: this.#encodersReleased,
        waiting: this.#encoders.length,
      },
      decoderPool: {
        created: this.#decodersCreated,
        acquired: this.#decodersAcquired,
        released: this.#decodersReleased,
        waiting: this.#decoders.length,
      },
      stringPool: this.getStringPool().getStats(),
    };
  }

  #makeEncoder(): ValueEncoder {
    this.#encodersCreated += 1;
    return new ValueEncoder(this, this.#usesTables ? threadTables() : null);
  }

  #makeDecoder(): ValueDecoder {
    this.#decodersCreated += 1;
    return new ValueDecoder(this, threadTables, this.#usesTables);
  }
}

function doubleRelease(what: string): AgentwireError {
  return new AgentwireError(
    'ERR_AGENTWIRE_DOUBLE_RELEASE',
    `the ${what} was released before and has not been acquired since; release each ${what} once, and do not keep it after that`,
  );
}

function notFromPool(what: string): AgentwireError {
  return new AgentwireError(
    'ERR_AGENTWIRE_NOT_FROM_POOL',
    `the ${what} was handed out by another pool; release it to the pool that it was acquired from`,
  );
}
