import { openedToJSON } from '../codec/codec';
import { announcesBatch, beginsAsMessage, type OpenedBytes, openAny, readMessageHeader } from '../codec/open-any';
import type { BinaryMessageHeader } from '../codec/primitives/message-header';
import { AgentwireDecodeError } from '../codec/reader';
import { AgentwireError } from '../errors';
import { MessageHeader } from '../generated/layout';

/** JSON as JSON.parse gives it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What went wrong: the error, and the bytes that it is about. */
export interface Fault {
  readonly error: AgentwireError;
  /** The bytes that were being read: of the file, or of a payload that was compressed. */
  readonly bytes: Uint8Array;
  /** What is wrong, in them; null where it is the whole message. */
  readonly at: number | null;
  /** They are the file, or a part of it. */
  readonly isOfFile: boolean;
}

/** A message, a batch or a value in a file: as much of it as could be read. */
export interface CapturedItem {
  /** From 1. */
  readonly number: number;
  /** First byte in the file. */
  readonly offset: number;
  /** Bytes that it takes. */
  readonly length: number;
  /** Null for a value, and for a header that cannot be read. */
  readonly header: BinaryMessageHeader | null;
  readonly isBatch: boolean;
  /** The tagged JSON (docs/wire-format.md, section 5) of the value, or of `{header, payload}` or `{header, messages}`; undefined if it cannot be read. */
  readonly content: Json | undefined;
  readonly fault: Fault | null;
}

/** Reads what lies in a file from `offset` on. Behind damage it goes on only where a message begins at the place that the header says. */
export function* capturedItems(file: Uint8Array, offset: number): Generator<CapturedItem> {
  for (let number = 1; offset < file.length; number++) {
    const item = readItem(file, offset, number);
    yield item;
    offset += item.length;
    if (item.fault !== null && !beginsAsMessage(file.subarray(offset))) return;
  }
}

function readItem(file: Uint8Array, offset: number, number: number): CapturedItem {
  const rest = file.subarray(offset);
  let header: BinaryMessageHeader | null = null;
  let opened: OpenedBytes | null = null;
  let content: Json | undefined;
  let fault: Fault | null = null;
  let length = rest.length;
  try {
    if (beginsAsMessage(rest)) {
      header = readMessageHeader(rest);
      length = Math.min(rest.length, MessageHeader.Bytes + header.payloadLength);
    }
    opened = openAny(rest.subarray(0, length));
    content = JSON.parse(openedToJSON(opened, 0)) as Json;
  } catch (error) {
    if (!(error instanceof AgentwireError)) throw error;
    fault = faultOf(error, file, offset, opened);
  }
  return { number, offset, length, header, isBatch: header !== null && announcesBatch(header), content, fault };
}

function faultOf(error: AgentwireError, file: Uint8Array, offset: number, opened: OpenedBytes | null): Fault {
  if (!(error instanceof AgentwireDecodeError)) return { error, bytes: file, at: null, isOfFile: true };
  if (opened !== null && opened.bodyAt === null) {
    return { error, bytes: opened.body, at: error.offset, isOfFile: false };
  }
  return { error, bytes: file, at: offset + error.offset, isOfFile: true };
}
