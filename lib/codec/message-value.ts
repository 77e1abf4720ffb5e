import { CodecLimit, Tag } from '../generated/layout';
import type { Decoder } from './decoder';
import { EncodedMessage } from './encoded-message';
import type { Encoder } from './encoder';
import type { Slot } from './slot';

// Messages of definitions (tag D8) as everybody reads and writes them. Definitions do it on their own, with the parts that are
// exported here; see `define/`.

/** Reads what follows the tag of a message that starts at `at`, whatever its definition. */
export function readMessage(decoder: Decoder, at: number): EncodedMessage {
  const fingerprint = decoder.readVarint(at);
  const version = readVersion(decoder, at);
  const count = openFields(decoder, at);
  const fields = new Map<number, unknown>();
  let tag = 0;
  for (let left = count; left > 0; left--) {
    tag = readFieldTag(decoder, tag);
    fields.set(tag, decoder.read());
  }
  decoder.leave();
  return new EncodedMessage(fingerprint, version, fields);
}

export function readVersion(decoder: Decoder, at: number): number {
  const version = decoder.readVarint(at);
  if (version === 0) throw decoder.error('a message of version 0, and versions begin at 1', at);
  return version;
}

/** Reads the count of a message's fields and goes into it: the caller reads so many tags and values, and leaves. */
export function openFields(decoder: Decoder, at: number): number {
  const count = decoder.readVarint(at);
  decoder.check(2 * count, at);
  decoder.enter(at);
  return count;
}

/** Reads the tag of a field that follows the field `previous` (0 before the first). */
export function readFieldTag(decoder: Decoder, previous: number): number {
  const at = decoder.at;
  const tag = decoder.readVarint(at);
  if (tag > previous) return tag;
  throw decoder.error(`the field tag ${tag} behind ${previous}, and tags ascend from 1`, at);
}

/** Writes what stands before the fields of a message; it takes 16 bytes at most. */
export function writeMessageHead(
  encoder: Encoder,
  fingerprint: number,
  version: number,
  count: number,
  at: number,
): number {
  let next = encoder.writeTag(Tag.Message, encoder.room(at));
  next = encoder.writeVarint(fingerprint, next);
  next = encoder.writeVarint(version, next);
  return encoder.writeVarint(count, next);
}

/** Writes a message that was read by `readMessage`, or made; `unsupportedKind` has looked at it. Its container is counted by the caller. */
export function writeMessage(encoder: Encoder, message: EncodedMessage, at: number, slot: Slot): number {
  const { fields } = message;
  let next = writeMessageHead(encoder, message.fingerprint, message.version, fields.size, at);
  for (const tag of ascending(fields)) {
    next = encoder.writeVarint(tag, encoder.room(next));
    next = encoder.writeField(fields.get(tag), next, slot.element);
  }
  return next;
}

function ascending(fields: Map<number, unknown>): number[] {
  return [...fields.keys()].sort((a, b) => a - b);
}

/** Reads the tag and the count of an array and goes into it; -1 when no array is there. The caller leaves. */
export function openArray(decoder: Decoder): number {
  const at = decoder.at;
  const tag = decoder.bytes[at] as number;
  let count = tag - Tag.FixArray;
  if (tag === Tag.Array) {
    decoder.at = at + 1;
    count = decoder.readVarint(at);
  } else if (count >= 0 && count <= CodecLimit.FixArrayMax) {
    decoder.at = at + 1;
  } else {
    return -1;
  }
  decoder.check(count, at);
  decoder.enter(at);
  return count;
}
