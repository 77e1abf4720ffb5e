import { types } from 'node:util';
import { checkInteger, refuseUnknown } from '../checks';
import { AgentwireArgumentError, AgentwireError, fromNative } from '../errors';
import { CodecLimit, Frame, MessageHeader } from '../generated/layout';
import { native } from '../native';
import { MOST_BYTES } from './growing-memory';
import { bytesOf } from './primitives/memory';
import { type BinaryMessageHeader, readHeaderFields } from './primitives/message-header';
import { readVarint, varintBytes } from './primitives/varint';
import { AgentwireDecodeError } from './reader';
import { writeBigUint64, writeUint32 } from './scratch';
import { writeNow } from './timestamp';

// A message as bytes, per docs/wire-format.md section 4: what lies between its first byte and its value. Rust has the same in
// src/codec/frame.rs, and looks for what is wrong in the same order.

/** The CRC-32 of the bytes from `start` to `end`, which no other thread may write. */
export const { crc32 } = native.frameFunctions();

/** What a reader takes. */
export interface FrameLimits {
  /** Largest value, in bytes before compression. Default: 64 MiB. */
  maxPayloadBytes?: number | undefined;
}

/** A message whose value has not been looked at yet. */
export interface OpenedFrame {
  header: BinaryMessageHeader;
  /** The encoded value: a view of the bytes that were given, or bytes of its own where they were compressed or shared. */
  body: Uint8Array;
  /** The value is a batch. */
  isBatch: boolean;
  /** The value refers to the tables of this process; where it does not, ids in it are an error. */
  usesTables: boolean;
}

const frameLimits = ['maxPayloadBytes'];

/**
 * Opens the message that the bytes begin with; bytes behind it are not looked at. For any bytes it returns or throws:
 * AgentwireDecodeError (`ERR_AGENTWIRE_UNDECODABLE`), whose offset is from the first byte of the header, or an AgentwireError with
 * the code `ERR_AGENTWIRE_CHECKSUM`, `ERR_AGENTWIRE_FOREIGN_TABLES`, `ERR_AGENTWIRE_TOO_LARGE` or
 * `ERR_AGENTWIRE_UNSUPPORTED_COMPRESSION`. No more than the limit is ever allocated.
 */
export function openFrame(bytes: Uint8Array, limits: FrameLimits = {}): OpenedFrame {
  if (typeof limits !== 'object' || limits === null) throw new AgentwireArgumentError('limits', 'an object', limits);
  refuseUnknown(limits, frameLimits, 'openFrame');
  const memory = privateMessage(bytesOf('bytes', bytes));
  const view = new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
  const header = readMessageHeader(view, memory.length);
  return openPayload(header, memory, view, memory.length, checkMaxPayloadBytes(limits.maxPayloadBytes));
}

export function checkMaxPayloadBytes(given: unknown): number {
  if (given === undefined) return Frame.DefaultMaxBytes;
  return checkInteger('maxPayloadBytes', given, 1, MOST_BYTES, 'bytes');
}

/** The bytes of a message where no other thread writes them, so that what was checked stays as it is. */
export function privateMessage(bytes: Uint8Array): Uint8Array {
  if (!types.isSharedArrayBuffer(bytes.buffer)) return bytes;
  const length = bytes.length < MessageHeader.Bytes ? bytes.length : MessageHeader.Bytes + payloadLengthOf(bytes);
  return bytes.slice(0, length);
}

/** What the header says of the payload's length, read by bytes. */
export function payloadLengthOf(bytes: Uint8Array): number {
  const byte = (index: number): number => bytes[MessageHeader.PayloadLengthAt + index] as number;
  return byte(0) + (byte(1) << 8) + (byte(2) << 16) + byte(3) * 0x100_0000;
}

/** Writes the header of a message that is made now. */
export function writeMessageHeader(
  bytes: Uint8Array,
  at: number,
  type: number,
  flags: number,
  payloadLength: number,
  correlationId: bigint | undefined,
): void {
  bytes[at] = MessageHeader.Magic;
  bytes[at + MessageHeader.VersionAt] = MessageHeader.Version;
  bytes[at + MessageHeader.TypeAt] = type;
  bytes[at + MessageHeader.FlagsAt] = flags;
  writeUint32(payloadLength, bytes, at + MessageHeader.PayloadLengthAt);
  writeNow(bytes, at + MessageHeader.TimestampAt);
  if (correlationId === undefined) {
    writeUint32(0, bytes, at + MessageHeader.CorrelationIdAt);
    writeUint32(0, bytes, at + MessageHeader.CorrelationIdAt + 4);
  } else {
    writeBigUint64(correlationId, bytes, at + MessageHeader.CorrelationIdAt);
  }
}

/** The header of the message that the first `length` bytes of the memory begin with. */
export function readMessageHeader(view: DataView, length: number): BinaryMessageHeader {
  if (length < MessageHeader.Bytes) throw cutShort('the header of a message', MessageHeader.Bytes, length, 0);
  return readHeaderFields(view, 0);
}

/** Opens the payload behind a header that was read. The memory is nobody else's. */
export function openPayload(
  header: BinaryMessageHeader,
  memory: Uint8Array,
  view: DataView,
  length: number,
  maxBytes: number,
): OpenedFrame {
  const { flags } = header;
  const compression = flags & Frame.CompressionMask;
  checkFlags(flags);
  let end = payloadEnd(header, length);
  if ((flags & Frame.Checksum) !== 0) end = checkChecksum(memory, view, end);
  const usesTables = (flags & Frame.Tables) !== 0;
  const start = usesTables ? checkEpoch(view, end) : MessageHeader.Bytes;
  let body: Uint8Array;
  if (compression === Frame.None) {
    checkSize(end - start, maxBytes);
    body = memory.subarray(start, end);
  } else {
    body = decompressed(compression, memory, start, end, maxBytes);
  }
  return { header, body, isBatch: (flags & Frame.Batch) !== 0, usesTables };
}

function checkFlags(flags: number): void {
  if ((flags & Frame.Reserved) !== 0) {
    throw new AgentwireDecodeError(
      `a message with the flags 0x${flags.toString(16)}, of which this agentwire does not know 0x${(flags & Frame.Reserved).toString(16)}; ` +
        'use the one that wrote it',
      MessageHeader.FlagsAt,
    );
  }
  if ((flags & Frame.CompressionMask) === Frame.Snappy) throw snappy('the message is compressed with Snappy');
}

/** For a compression that has a number and nothing else. */
export function snappy(what: string): AgentwireError {
  return new AgentwireError(
    'ERR_AGENTWIRE_UNSUPPORTED_COMPRESSION',
    `${what}, which agentwire does not support; use CompressionType.LZ4 (as fast) or CompressionType.ZSTD (smaller)`,
  );
}

/** Where the payload ends, which must be there. */
export function payloadEnd(header: BinaryMessageHeader, length: number): number {
  const end = MessageHeader.Bytes + header.payloadLength;
  if (end > length) {
    throw cutShort(
      'the payload of the message',
      header.payloadLength,
      length - MessageHeader.Bytes,
      MessageHeader.Bytes,
    );
  }
  return end;
}

/** Where the message ends without its checksum, which must be that of its bytes. */
function checkChecksum(memory: Uint8Array, view: DataView, end: number): number {
  const covered = end - Frame.ChecksumBytes;
  if (covered < MessageHeader.Bytes) {
    throw cutShort('the checksum', Frame.ChecksumBytes, end - MessageHeader.Bytes, MessageHeader.Bytes);
  }
  const carried = view.getUint32(covered, true);
  const computed = crc32(memory, 0, covered);
  if (carried === computed) return covered;
  throw new AgentwireError(
    'ERR_AGENTWIRE_CHECKSUM',
    `the message carries the checksum 0x${hex(carried, 8)}, and its bytes have 0x${hex(computed, 8)}: they were changed on their ` +
      'way; have it sent again',
  );
}

let epochLow = 0;
let epochHigh = 0;
let isEpochKnown = false;

function learnEpoch(): void {
  [epochLow, epochHigh] = native.tablesEpoch() as [number, number];
  isEpochKnown = true;
}

/** Writes the number that names this process's tables. */
export function writeEpoch(bytes: Uint8Array, at: number): void {
  if (!isEpochKnown) learnEpoch();
  writeUint32(epochLow, bytes, at);
  writeUint32(epochHigh, bytes, at + 4);
}

/** Where the value starts behind an epoch, which must be this process's. */
export function checkEpoch(view: DataView, end: number): number {
  const at = MessageHeader.Bytes;
  if (end - at < Frame.EpochBytes) throw cutShort('the epoch of the tables', Frame.EpochBytes, end - at, at);
  if (!isEpochKnown) learnEpoch();
  const low = view.getUint32(at, true);
  const high = view.getUint32(at + 4, true);
  if (low === epochLow && high === epochHigh) return at + Frame.EpochBytes;
  throw new AgentwireError(
    'ERR_AGENTWIRE_FOREIGN_TABLES',
    `the message refers to the tables of another process, or of an earlier run: it names the epoch 0x${hex(high, 8)}${hex(low, 8)}, ` +
      `and this process has 0x${hex(epochHigh, 8)}${hex(epochLow, 8)}; write what leaves the process with {tables: false}, which is ` +
      'the default',
  );
}

export function checkSize(bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return;
  throw new AgentwireError(
    'ERR_AGENTWIRE_TOO_LARGE',
    `the value of the message takes ${bytes.toLocaleString('en')} bytes, and this reader takes up to ` +
      `${maxBytes.toLocaleString('en')}; where the sender is to be trusted, raise maxPayloadBytes`,
  );
}

function decompressed(
  compression: number,
  memory: Uint8Array,
  start: number,
  end: number,
  maxBytes: number,
): Uint8Array {
  const rawLength = readVarint(memory, start, end, 'the length before compression');
  if (rawLength > CodecLimit.MaxVarint) throw new AgentwireDecodeError('a varint that is too large', start);
  const at = start + varintBytes(rawLength);
  checkSize(rawLength, maxBytes);
  try {
    return native.decompress(compression, memory.subarray(at, end), rawLength);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code !== 'ERR_AGENTWIRE_UNDECODABLE') throw fromNative(error, 'the compressed value');
    throw new AgentwireDecodeError(`the compressed value: ${message}`, at);
  }
}

function cutShort(what: string, needed: number, left: number, at: number): AgentwireDecodeError {
  return new AgentwireDecodeError(
    `${what} takes ${needed.toLocaleString('en')} bytes, and ${left.toLocaleString('en')} are there; give all the bytes that were ` +
      'written',
    at,
  );
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
