import { Decoder } from './decoder';
import { Encoder } from './encoder';
import { tooLarge, toValueError } from './unsupported';
import { isOverflow } from './writer';

/** First size of the scratch memory, bytes. It doubles as needed, and is let go when it grew past the second. */
const SCRATCH_BYTES = 4096;
const KEPT_SCRATCH_BYTES = 1024 * 1024;

const encoder = new Encoder(null);
const decoder = new Decoder(null);
let scratch: Uint8Array = new Uint8Array(0);

/** Encodes a value without reference to this process's tables: the bytes may leave the process. */
export function encodeSelfContained(value: unknown, maxBytes = 0x7fff_ffff): Uint8Array {
  return encodeGrowing(encoder, value, maxBytes);
}

/** Decodes a value that does not refer to tables. Throws ERR_AGENTWIRE_UNDECODABLE. */
export function decodeSelfContained(bytes: Uint8Array): unknown {
  return decoder.decode(bytes);
}

/** Encodes into scratch memory that grows as needed; the bytes are a copy. */
export function encodeGrowing(into: Encoder, value: unknown, maxBytes: number): Uint8Array {
  let size = Math.max(scratch.length, SCRATCH_BYTES);
  for (;;) {
    if (scratch.length < size) scratch = new Uint8Array(size);
    const memory = scratch;
    // A getter of the value may encode too: it must not write into the same memory.
    scratch = new Uint8Array(0);
    try {
      into.attach(memory);
      const end = into.writeRoot(value, 0, memory.length);
      if (end > maxBytes) throw tooLarge(maxBytes);
      return memory.slice(0, end);
    } catch (error) {
      if (!isOverflow(error)) throw toValueError(value, error);
      if (memory.length > maxBytes) throw tooLarge(maxBytes);
      size = memory.length * 2;
    } finally {
      if (memory.length <= KEPT_SCRATCH_BYTES) scratch = memory;
      else into.attach(new Uint8Array(0));
    }
  }
}
