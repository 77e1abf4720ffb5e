import { checkBytes, checkInteger } from '../../checks';
import { AgentwireRangeError, quote } from '../../errors';
import type { EncodedMessage } from '../encoded-message';
import { decodeSelfContained, encodeSelfContained } from '../self-contained';
import { AgentwireValueError } from '../unsupported';
import { checkAgain } from './compatibility';
import { readBytes, writeBytes, writeInto } from './engine';
import type { Codec, Plan } from './plan';
import { problemIn } from './problem';
import { makeReader } from './read';
import { toDecodeError } from './trouble';
import type { FieldSpecs, GivenOf } from './types';
import type { unknownFields } from './unknown-fields';
import { makeWriter } from './write';

/** A message as it was read: it may have brought fields that the definition does not know. */
export type Decoded<Read> = Read & { readonly [unknownFields]?: ReadonlyMap<number, unknown> };

/**
 * A kind of message, made by `defineMessage`. `Read` is what reading gives, `Given` what writing takes: with readonly arrays, which may be
 * left out, as fields with a default may.
 */
export class MessageDefinition<Read, Given = GivenOf<Read>> {
  /** Name of the message, the same in all versions. */
  readonly name: string;
  readonly version: number;
  /** The fields, as they were given. Frozen. */
  readonly fields: FieldSpecs;
  /** CRC-32 of the name, which stands in the bytes. */
  readonly fingerprint: number;
  /** @internal */
  readonly plan: Plan;
  /** @internal */
  readonly codec: Codec;

  /** @internal */
  constructor(plan: Plan, fields: FieldSpecs) {
    this.name = plan.name;
    this.version = plan.version;
    this.fields = fields;
    this.fingerprint = plan.fingerprint;
    this.plan = plan;
    this.codec = lazyCodec(plan);
    Object.freeze(this);
  }

  /**
   * Writes a message: bytes that stand for themselves, in any process. Throws AgentwireValueError, which names the property, when
   * it is no message of this definition.
   */
  encode(message: Given): Uint8Array {
    try {
      return writeBytes(this.codec.write, message, this.fingerprint);
    } catch (error) {
      throw this.#explain(message, error);
    }
  }

  /**
   * Writes a message into `target` at `offset`: how many bytes it takes. Throws as `encode` does, and AgentwireRangeError when
   * there is no room. Nothing is written then.
   */
  encodeInto(message: Given, target: Uint8Array, offset = 0): number {
    if (!(ArrayBuffer.isView(target) && target instanceof Uint8Array)) checkBytes('target', target);
    checkInteger('offset', offset, 0, target.length, 'the length of target');
    let written: number;
    try {
      written = writeInto(this.codec.write, message, this.fingerprint, target, offset);
    } catch (error) {
      checkBytes('target', target);
      throw this.#explain(message, error);
    }
    if (written >= 0) return written;
    checkBytes('target', target);
    const room = target.length - offset;
    throw new AgentwireRangeError(
      'ERR_AGENTWIRE_TOO_LONG',
      `message ${quote(this.name)}: it takes ${-written} bytes, and target has ${room} at offset ${offset}; pass a larger one`,
    );
  }

  /**
   * Reads the message that fills `bytes`. Messages of other versions are read too: fields that they lack are absent, or have their
   * default, or are empty arrays; fields that this version does not have are kept under `unknownFields`, and written back by
   * `encode`. Throws AgentwireDecodeError, which names the field.
   */
  decode(bytes: Uint8Array): Decoded<Read> {
    if (!(bytes instanceof Uint8Array)) checkBytes('bytes', bytes);
    // First: a function that names the type of a field may read messages itself.
    this.#link();
    try {
      return readBytes(this.codec.read, bytes, this.fingerprint) as Decoded<Read>;
    } catch (error) {
      // Whatever went wrong for an array without memory.
      checkBytes('bytes', bytes);
      throw toDecodeError(error, this.name);
    }
  }

  /** Throws AgentwireDecodeError unless `decode` would read the bytes. */
  validate(bytes: Uint8Array): void {
    this.decode(bytes);
  }

  /** True for what `encode` takes. */
  is(value: unknown): value is Given {
    this.#link();
    return problemIn(this.plan, value) === undefined;
  }

  /** The value itself, when `encode` takes it. Else throws AgentwireValueError, which names the property and what is wrong with it. */
  check(value: unknown): Given {
    this.#link();
    const problem = problemIn(this.plan, value);
    if (problem !== undefined) throw problem;
    return value as Given;
  }

  /** A message as a part of another value: of a payload on the bus, or of a field of type `any`. */
  wrap(message: Given): EncodedMessage {
    return decodeSelfContained(this.encode(message)) as EncodedMessage;
  }

  /** The message in what `wrap` gave, wherever it has been since. Throws as `decode` does. */
  unwrap(encoded: EncodedMessage): Decoded<Read> {
    return this.decode(encodeSelfContained(encoded));
  }

  /** Compiles the definition, and finds out whether it can be. */
  #link(): void {
    link(this.plan, this.codec);
  }

  #explain(message: unknown, thrown: unknown): unknown {
    // Symbols are what the encoder throws on the hot path; what else comes is an error already.
    if (typeof thrown !== 'symbol') return thrown;
    return (
      problemIn(this.plan, message) ??
      new AgentwireValueError(
        'ERR_AGENTWIRE_UNSUPPORTED',
        `message ${quote(this.name)}: it changed while it was encoded; send data without side effects`,
        '$',
      )
    );
  }
}

const linked = new WeakSet<Codec>();

function link(plan: Plan, codec: Codec): void {
  if (linked.has(codec)) return;
  checkAgain(plan);
  // Both first: if one cannot be made, the next use tries again, and says the same.
  const write = makeWriter(plan);
  const read = makeReader(plan);
  codec.write = write;
  codec.read = read;
  linked.add(codec);
}

/** Compiles at the first use: definitions that refer to one another are all there by then. */
function lazyCodec(plan: Plan): Codec {
  const codec: Codec = {
    write: (value, fingerprint, at, encoder) => {
      link(plan, codec);
      return codec.write(value, fingerprint, at, encoder);
    },
    read: (from, fingerprint) => {
      link(plan, codec);
      return codec.read(from, fingerprint);
    },
  };
  return codec;
}
