import { type BinaryMessageHeader, HEADER_BYTES, HEADER_MAGIC, readHeaderFields } from './primitives/message-header';
import { AgentwireDecodeError } from './reader';

/** Encoded bytes, opened: a value alone, or what a header stands before. */
export interface OpenedBytes {
  /** The header of a message; null for a value alone. */
  readonly header: BinaryMessageHeader | null;
  /** The value, uncompressed. */
  readonly body: Uint8Array;
  /** Where the body begins in the bytes; null where it was compressed, so that an offset in it is none in the bytes. */
  readonly bodyAt: number | null;
  /** The body is a batch: an array of messages. */
  readonly isBatch: boolean;
  /** The body refers to the tables of this process. */
  readonly usesTables: boolean;
}

/** Flag of a header, docs/wire-format.md section 4. */
const BATCH = 1 << 4;
/** Properties that an object `CF` has at least: so a value never begins as a header does. */
const LEAST_LARGE_OBJECT = 16;

/** True for bytes that begin as a header does, of whatever version; a value never does. */
export function beginsAsMessage(bytes: Uint8Array): boolean {
  return bytes[0] === HEADER_MAGIC && bytes.length > 1 && (bytes[1] as number) < LEAST_LARGE_OBJECT;
}

/** True for the header of a batch. */
export function announcesBatch(header: BinaryMessageHeader): boolean {
  return (header.flags & BATCH) !== 0;
}

/** Reads the header of a message, if the bytes are one, and finds the value. */
export function openAny(bytes: Uint8Array): OpenedBytes {
  if (!beginsAsMessage(bytes)) return { header: null, body: bytes, bodyAt: 0, isBatch: false, usesTables: false };
  const header = readMessageHeader(bytes);
  const left = bytes.length - HEADER_BYTES;
  if (header.payloadLength > left) {
    throw cutShort('the payload of the message', header.payloadLength, left, HEADER_BYTES);
  }
  if ((header.flags & ~BATCH) !== 0) {
    const flags = header.flags.toString(2).padStart(8, '0');
    throw new AgentwireDecodeError(`the flags 0b${flags} are of a form that this version does not read`, 3);
  }
  const body = bytes.subarray(HEADER_BYTES, HEADER_BYTES + header.payloadLength);
  return { header, body, bodyAt: HEADER_BYTES, isBatch: announcesBatch(header), usesTables: false };
}

/** The header alone, of bytes that begin as a message does. */
export function readMessageHeader(bytes: Uint8Array): BinaryMessageHeader {
  if (bytes.length < HEADER_BYTES) {
    throw cutShort('the header of a message', HEADER_BYTES, bytes.length, 0);
  }
  return readHeaderFields(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
}

function cutShort(what: string, needed: number, left: number, at: number): AgentwireDecodeError {
  const [takes, are] = [needed.toLocaleString('en'), left.toLocaleString('en')];
  return new AgentwireDecodeError(
    `${what} takes ${takes} bytes, and ${are} are there; give all the bytes that were written`,
    at,
  );
}
