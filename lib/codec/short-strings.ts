import { CodecLimit } from '../generated/layout';
import { mayGenerateCode } from './codegen';

type ShortReader = (bytes: Uint8Array, at: number) => string;

/**
 * Readers of one-byte strings by length, 0 to 31. `String.fromCharCode` with every character as an argument is compiled to
 * plain stores: 13 ns for 8 characters and 38 for 27, where a call into the runtime costs 55 whatever the length.
 */
export const shortReaders: readonly ShortReader[] = Array.from({ length: CodecLimit.FixStringMax + 1 }, (_, length) =>
  mayGenerateCode ? generate(length) : closeOver(length),
);

function generate(length: number): ShortReader {
  if (length === 0) return () => '';
  const characters = Array.from({ length }, (_, index) => `bytes[at + ${index}]`).join(', ');
  return new Function('fromCharCode', `return (bytes, at) => fromCharCode(${characters});`)(String.fromCharCode);
}

function closeOver(length: number): ShortReader {
  return (bytes, at) => String.fromCharCode.apply(null, bytes.subarray(at, at + length) as unknown as number[]);
}
