import { Decoder } from './decoder';
import { copyOf, MOST_BYTES, withWritten } from './growing-memory';
import { Slot } from './slot';
import { toValueError } from './unsupported';

/** The place of all values that are encoded here. */
const slot = new Slot();
const decoder = new Decoder(null);
const nothing = new Uint8Array(0);

/** Encodes a value without reference to this process's tables: the bytes may leave the process. */
export function encodeSelfContained(value: unknown, maxBytes = MOST_BYTES): Uint8Array {
  try {
    return withWritten((encoder) => encoder.writeField(value, 0, slot), copyOf, maxBytes);
  } catch (error) {
    throw toValueError(value, error);
  }
}

/** Decodes a value that does not refer to tables. Throws ERR_AGENTWIRE_UNDECODABLE. */
export function decodeSelfContained(bytes: Uint8Array): unknown {
  try {
    return decoder.decode(bytes);
  } finally {
    decoder.attach(nothing);
  }
}
