import { Frame, MessageHeader } from '../generated/layout';
import { type OpenedFrame, openFrame, readMessageHeader as readHeader } from './frame';
import type { BinaryMessageHeader } from './primitives/message-header';

/** Encoded bytes, opened: a value alone, or what a header stands before. */
export interface OpenedBytes extends Omit<OpenedFrame, 'header'> {
  /** The header of a message; null for a value alone. */
  readonly header: BinaryMessageHeader | null;
  /** Where the body begins in the bytes; null where it was compressed, so that an offset in it is none in the bytes. */
  readonly bodyAt: number | null;
}

/** Properties that an object `CF` has at least: so a value never begins as a header does. */
const LEAST_LARGE_OBJECT = 16;

/** True for bytes that begin as a header does, of whatever version; a value never does. */
export function beginsAsMessage(bytes: Uint8Array): boolean {
  return bytes[0] === MessageHeader.Magic && bytes.length > 1 && (bytes[1] as number) < LEAST_LARGE_OBJECT;
}

/** Opens the message, if the bytes are one, and finds the value. Throws as openFrame does. The bytes are no other thread's. */
export function openAny(bytes: Uint8Array): OpenedBytes {
  if (!beginsAsMessage(bytes)) return { header: null, body: bytes, bodyAt: 0, isBatch: false, usesTables: false };
  const opened = openFrame(bytes);
  const isCompressed = (opened.header.flags & Frame.CompressionMask) !== Frame.None;
  return { ...opened, bodyAt: isCompressed ? null : opened.body.byteOffset - bytes.byteOffset };
}

/** True for the header of a batch. */
export function announcesBatch(header: BinaryMessageHeader): boolean {
  return (header.flags & Frame.Batch) !== 0;
}

/** The header alone, of bytes that begin as a message does. */
export function readMessageHeader(bytes: Uint8Array): BinaryMessageHeader {
  return readHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), bytes.length);
}
