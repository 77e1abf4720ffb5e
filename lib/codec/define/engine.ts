import { types } from 'node:util';
import { Decoder } from '../decoder';
import { copyOf, withWritten } from '../growing-memory';
import type { MessageReader, MessageWriter } from './plan';

/** A message as bytes. */
export function writeBytes(write: MessageWriter, message: unknown, fingerprint: number): Uint8Array {
  return withWritten((encoder) => write(message, fingerprint, 0, encoder), copyOf);
}

/** Writes a message into `target` at `offset`: how many bytes it takes, negative when there is no room for them. */
export function writeInto(
  write: MessageWriter,
  message: unknown,
  fingerprint: number,
  target: Uint8Array,
  offset: number,
): number {
  return withWritten(
    (encoder) => write(message, fingerprint, 0, encoder),
    (memory, length) => {
      if (length > target.length - offset) return -length;
      // It throws for a target without memory, which a getter of the message may have taken away; storing would do nothing.
      target.set(memory.subarray(0, length), offset);
      return length;
    },
  );
}

/** Messages up to here are copied before they are read: attaching a decoder to their memory takes longer. */
const COPIED_BYTES = 4096;
/** Stands behind a copy: no value begins with it, and no varint ends. */
const GUARD = 0xdf;

const copies = new Uint8Array(COPIED_BYTES + 1);
const ofCopies = new Decoder(null);
ofCopies.attach(copies);
const ofOthers = new Decoder(null);
const nothing = new Uint8Array(0);

/** Reads the message that fills `bytes`. */
export function readBytes(read: MessageReader, bytes: Uint8Array, fingerprint: number): object {
  const { length } = bytes;
  let decoder = ofCopies;
  if (length <= COPIED_BYTES) {
    copies.set(bytes);
    copies[length] = GUARD;
  } else {
    decoder = ofOthers;
    // Another thread may write shared memory meanwhile.
    decoder.attach(types.isSharedArrayBuffer(bytes.buffer) ? bytes.slice() : bytes);
  }
  try {
    decoder.begin(0, length);
    const message = read(decoder, fingerprint);
    decoder.finish();
    return message;
  } finally {
    if (decoder === ofOthers) decoder.attach(nothing);
  }
}
