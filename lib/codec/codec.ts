import { checkInteger, isWellFormed, refuseUnknown } from '../checks';
import { AgentwireArgumentError, AgentwireError, withContext } from '../errors';
import { MessageHeader } from '../generated/layout';
import { native } from '../native';
import { type AnyBytes, anyBytes } from './any-bytes';
import { Decoder } from './decoder';
import { AgentwireJsonError } from './json-error';
import { type OpenedBytes, openAny } from './open-any';
import { type BinaryMessageHeader, checkHeader, writeHeaderFields } from './primitives/message-header';
import { AgentwireDecodeError } from './reader';
import { decodeSelfContained, encodeSelfContained } from './self-contained';
import { isBatchElement } from './serializer';
import { threadTables } from './thread-tables';

/** A message as `codec.decode` gives it. */
export interface DecodedMessage {
  readonly header: BinaryMessageHeader;
  readonly payload: unknown;
}

/** A batch of messages as `codec.decode` gives it. */
export interface DecodedBatch {
  readonly header: BinaryMessageHeader;
  readonly messages: readonly {
    readonly header: Pick<BinaryMessageHeader, 'type' | 'timestamp' | 'correlationId'>;
    readonly payload: unknown;
  }[];
}

/** How `codec.toJSON` writes. */
export interface ToJSONOptions {
  /** Spaces for each level, 0 to 10; 0, the default, writes one line. */
  readonly indent?: number;
}

/** How `codec.fromJSON` reads. */
export interface FromJSONOptions {
  /** Takes tagged objects as plain ones: for text with such keys that `toJSON` did not write. */
  readonly plain?: boolean;
  /** Gives a message of this type (0 to 255) instead of a value alone. */
  readonly type?: number;
  /** Of that message; 0n unless given. */
  readonly correlationId?: bigint;
}

/** Tools and bridges on encoded bytes. Bytes are a value alone, or a message or batch with its header. */
export interface Codec {
  /** The bytes of a value, self-contained. Throws AgentwireValueError for what cannot be sent. */
  readonly encode: (value: unknown) => Uint8Array;
  /** The value; of a message `{header, payload}`, of a batch `{header, messages}`. Throws AgentwireDecodeError. */
  readonly decode: (bytes: AnyBytes) => unknown;
  /** Checks bytes without making values of them. Throws AgentwireDecodeError: what is wrong, and where. */
  readonly validate: (bytes: AnyBytes) => void;
  /** True for bytes that `validate` finds nothing wrong with. */
  readonly isValid: (bytes: AnyBytes) => boolean;
  /**
   * What is at a field path (`data.items[0].name`, `["a.b"]`) of a value, or of a message's payload, without decoding the rest; undefined
   * where there is nothing. Throws AgentwireArgumentError for what is no path, AgentwireDecodeError for bytes that lead nowhere.
   */
  readonly get: (bytes: AnyBytes, path: string) => unknown;
  /** What `decode` gives as JSON text; what JSON cannot say as tagged objects (docs/wire-format.md, section 5). */
  readonly toJSON: (bytes: AnyBytes, options?: ToJSONOptions) => string;
  /** The bytes of the value that a text says, as `toJSON` wrote it or as any JSON. Throws AgentwireJsonError. */
  readonly fromJSON: (text: string, options?: FromJSONOptions) => Uint8Array;
}

/** What Rust found: an error of the bytes. */
interface Fault {
  readonly message: string;
  readonly offset: number;
}

function decode(bytes: AnyBytes): unknown {
  const opened = openAny(anyBytes('bytes', bytes));
  const { header } = opened;
  const value = located(opened, () => decodeBody(opened));
  if (header === null) return value;
  if (!opened.isBatch) return { header, payload: value } satisfies DecodedMessage;
  return { header, messages: batchMessages(opened, value) } satisfies DecodedBatch;
}

function decodeBody({ body, usesTables }: OpenedBytes): unknown {
  return usesTables ? new Decoder(threadTables()).decode(body) : decodeSelfContained(body);
}

/** An error in the body is one at an offset of the bytes. */
function located<T>({ bodyAt }: OpenedBytes, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (bodyAt === 0 || !(error instanceof AgentwireDecodeError)) throw error;
    throw decodeError({ message: error.message.replace(/ \(at byte \d+\)$/, ''), offset: error.offset }, bodyAt);
  }
}

function batchMessages({ bodyAt }: OpenedBytes, value: unknown): DecodedBatch['messages'] {
  if (Array.isArray(value) && value.every(isBatchElement)) {
    return value.map(([type, timestamp, correlationId, payload]) => ({
      header: { type, timestamp, correlationId: BigInt(correlationId) },
      payload,
    }));
  }
  const expected = 'an array of [type, timestamp, correlation id, payload]';
  throw decodeError({ message: `expected a batch, ${expected}, found another value`, offset: 0 }, bodyAt);
}

function validate(bytes: AnyBytes): void {
  check(anyBytes('bytes', bytes));
}

function isValid(bytes: AnyBytes): boolean {
  const plain = anyBytes('bytes', bytes);
  try {
    check(plain);
    return true;
  } catch (error) {
    if (error instanceof AgentwireError) return false;
    throw error;
  }
}

function check(bytes: Uint8Array): void {
  const { body, usesTables, isBatch, bodyAt } = openAny(bytes);
  const fault = native.findFault(body, usesTables, isBatch);
  if (fault != null) throw decodeError(fault, bodyAt);
}

function get(bytes: AnyBytes, path: string): unknown {
  if (typeof path !== 'string' || !isWellFormed(path)) {
    // Half of a surrogate pair in a key is written as `["\\ud800"]`.
    throw new AgentwireArgumentError('path', 'a field path, such as data.items[0].name', path);
  }
  const { body, usesTables, bodyAt } = openAny(anyBytes('bytes', bytes));
  const found = withContext('codec.get', () => native.valueAtPath(body, usesTables, path));
  if (found === null) return undefined;
  if (!(found instanceof Uint8Array)) throw decodeError(found, bodyAt);
  return decodeSelfContained(found);
}

function toJSON(bytes: AnyBytes, options: ToJSONOptions = {}): string {
  checkOptions('codec.toJSON', options, ['indent']);
  const { indent = 0 } = options;
  checkInteger('indent', indent, 0, 10, 'spaces');
  return openedToJSON(openAny(anyBytes('bytes', bytes)), indent);
}

/** The text of bytes that were opened. Throws AgentwireDecodeError. */
export function openedToJSON({ header, body, usesTables, isBatch, bodyAt }: OpenedBytes, indent: number): string {
  const encodedHeader = header === null ? null : encodeSelfContained(header);
  const text = withContext('codec.toJSON', () => native.valueToJson(body, usesTables, indent, encodedHeader, isBatch));
  if (typeof text !== 'string') throw decodeError(text, bodyAt);
  return text;
}

function fromJSON(text: string, options: FromJSONOptions = {}): Uint8Array {
  if (typeof text !== 'string') throw new AgentwireArgumentError('text', 'a string of JSON', text);
  checkOptions('codec.fromJSON', options, ['plain', 'type', 'correlationId']);
  const { plain = false, type, correlationId } = options;
  if (typeof plain !== 'boolean') throw new AgentwireArgumentError('plain', 'a boolean', plain);
  if (type === undefined && correlationId !== undefined) {
    throw new AgentwireArgumentError('correlationId', 'left out, or given with the type of a message', correlationId);
  }
  // Before the text is read: a wrong type is no matter of the text.
  if (type !== undefined) checkHeader(headerOf(type, 0, correlationId));
  const value = native.valueFromJson(wellFormed(text), plain);
  if (!(value instanceof Uint8Array)) {
    throw new AgentwireJsonError(value.message, value.line, columnIn(text, value.line, value.column));
  }
  return type === undefined ? value : withHeader(headerOf(type, value.length, correlationId), value);
}

function headerOf(type: number, payloadLength: number, correlationId = 0n): BinaryMessageHeader {
  const timestamp = BigInt(Date.now()) * 1_000_000n;
  return checkHeader({ type, payloadLength, timestamp, correlationId });
}

function withHeader(header: BinaryMessageHeader, payload: Uint8Array): Uint8Array {
  const message = new Uint8Array(MessageHeader.Bytes + payload.length);
  writeHeaderFields(new DataView(message.buffer), 0, header);
  message.set(payload, MessageHeader.Bytes);
  return message;
}

const escapeOrHalf = /\\[\s\S]|[\ud800-\udfff]/gu;

/**
 * JSON.parse takes half of a surrogate pair as a character of a string, and UTF-8, as which text goes to Rust, cannot say it: it
 * goes as an escape. Behind a backslash it is an error, and anywhere outside of a string too, escaped or not.
 */
function wellFormed(text: string): string {
  if (isWellFormed(text)) return text;
  return text.replace(escapeOrHalf, (found) => (found[0] === '\\' ? found : `\\u${found.charCodeAt(0).toString(16)}`));
}

/** A column of the text whose column in what `wellFormed` made of it is known: there half of a pair takes six characters. */
function columnIn(text: string, line: number, column: number): number {
  if (isWellFormed(text)) return column;
  const units = text.split('\n')[line - 1] ?? '';
  let left = column - 1;
  let at = 0;
  for (const character of units) {
    left -= wellFormed(character).length;
    if (left < 0) break;
    at += character.length;
  }
  return at + 1;
}

function decodeError({ message, offset }: Fault, bodyAt: number | null): AgentwireDecodeError {
  if (bodyAt === null)
    return new AgentwireDecodeError(`${message}, in the payload as it was before compression`, offset);
  return new AgentwireDecodeError(message, bodyAt + offset);
}

function checkOptions(where: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new AgentwireArgumentError('options', `an object with ${known.join(', ')}`, options);
  }
  refuseUnknown(options, known, where);
}

/** Encoded bytes for tools and bridges: made, read, checked, and turned into JSON text and back. */
export const codec: Codec = Object.freeze({
  encode: (value: unknown) => encodeSelfContained(value),
  decode,
  validate,
  isValid,
  get,
  toJSON,
  fromJSON,
});
