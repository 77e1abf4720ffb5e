import { types } from 'node:util';
import { AgentwireArgumentError } from '../errors';
import { bytesOfSource } from './primitives/memory';
import { isReadableView } from './unsupported';

/** Bytes as tools are given them: any view, or a whole buffer. */
export type AnyBytes = ArrayBufferView | ArrayBuffer | SharedArrayBuffer;

/** The bytes as a Uint8Array; a copy where other threads could write them meanwhile. */
export function anyBytes(name: string, source: unknown): Uint8Array {
  if (!ArrayBuffer.isView(source) && !types.isAnyArrayBuffer(source)) {
    throw new AgentwireArgumentError(name, 'a Uint8Array, another view, an ArrayBuffer or a SharedArrayBuffer', source);
  }
  const bytes = ArrayBuffer.isView(source) && !types.isUint8Array(source) ? view(name, source) : source;
  const plain = bytesOfSource(name, bytes);
  return types.isSharedArrayBuffer(plain.buffer) ? plain.slice() : plain;
}

function view(name: string, source: ArrayBufferView): Uint8Array {
  // An empty buffer that was transferred is told by bytesOfSource.
  if (!isReadableView(source)) return bytesOfSource(name, source.buffer).subarray(0, 0);
  return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
}
