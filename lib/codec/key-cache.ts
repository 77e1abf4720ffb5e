import { CodecLimit } from '../generated/layout';
import { latin1Slice } from './raw-buffer';

/** Keys that a thread remembers. */
const ENTRIES = 1024;
/** Bytes of an entry. */
const ENTRY_BYTES = CodecLimit.MaxShapeKeyLength;

/** What is remembered, from the first key on: their bytes, their lengths and the keys. */
let memory: Uint8Array = new Uint8Array(0);
let lengths: Uint8Array = memory;
let texts: string[] = [];

/**
 * The one-byte string at `at`, to be used as a key. The engine keeps one copy of each key and looks for it (100 ns) whenever a new string
 * is used as one; a string that served before is that copy.
 */
export function readOneByteKey(bytes: Uint8Array, at: number, length: number): string {
  if (length === 0) return '';
  if (length > ENTRY_BYTES) return latin1Slice.call(bytes, at, at + length);
  if (texts.length === 0) makeRoom();
  // Keys that are numbered differ at the end, those that belong together at the front.
  const last = at + length - 1;
  const mixed =
    (bytes[at] as number) * 31 +
    (bytes[at + (length >> 1)] as number) * 131 +
    (bytes[last] as number) * 521 +
    (bytes[last - (length > 1 ? 1 : 0)] as number) * 61 +
    length * 257;
  const entry = mixed & (ENTRIES - 1);
  const start = entry * ENTRY_BYTES;
  let same = 0;
  if (lengths[entry] === length) while (same < length && memory[start + same] === bytes[at + same]) same++;
  if (same === length) return texts[entry] as string;
  const text = latin1Slice.call(bytes, at, at + length);
  // Scribbled shared memory may have changed meanwhile: what is remembered is the text itself.
  for (let index = 0; index < length; index++) memory[start + index] = text.charCodeAt(index);
  lengths[entry] = length;
  texts[entry] = text;
  return text;
}

function makeRoom(): void {
  memory = new Uint8Array(ENTRIES * ENTRY_BYTES);
  lengths = new Uint8Array(ENTRIES);
  texts = new Array<string>(ENTRIES).fill('');
}
