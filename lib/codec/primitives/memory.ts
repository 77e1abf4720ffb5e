import { types } from 'node:util';
import { checkBytes, isGone, lostMemory } from '../../checks';
import { AgentwireArgumentError } from '../../errors';
import { AgentwireDecodeError } from '../reader';
import { isDetached } from '../unsupported';

/** The inner state of views, of which a subclass may say what it likes. */
interface ViewState {
  readonly bufferOf: (this: ArrayBufferView) => ArrayBufferLike;
  readonly byteOffsetOf: (this: ArrayBufferView) => number;
  readonly byteLengthOf: (this: ArrayBufferView) => number;
}

export const ofTypedArray = viewState(Object.getPrototypeOf(Uint8Array.prototype));
export const ofDataView = viewState(DataView.prototype);
export const { bufferOf, byteOffsetOf, byteLengthOf } = ofTypedArray;

function viewState(prototype: object): ViewState {
  const getter = (name: string) => Object.getOwnPropertyDescriptor(prototype, name)?.get;
  const [bufferOf, byteOffsetOf, byteLengthOf] = ['buffer', 'byteOffset', 'byteLength'].map(getter);
  return { bufferOf, byteOffsetOf, byteLengthOf } as unknown as ViewState;
}

/** The bytes that an array has now, as a plain Uint8Array whose length does not follow its buffer. */
export function bytesOf(name: string, array: unknown): Uint8Array {
  const bytes = checkBytes(name, array);
  return new Uint8Array(bufferOf.call(bytes), byteOffsetOf.call(bytes), byteLengthOf.call(bytes));
}

/** The bytes of an array or of a whole buffer. */
export function bytesOfSource(name: string, source: unknown): Uint8Array {
  if (!types.isAnyArrayBuffer(source)) {
    if (ArrayBuffer.isView(source) && source instanceof Uint8Array) return bytesOf(name, source);
    throw new AgentwireArgumentError(name, 'a Uint8Array, an ArrayBuffer or a SharedArrayBuffer', source);
  }
  if (isDetached(source)) throw lostMemory(name);
  // With its length, or the array would follow a buffer that is resized.
  return new Uint8Array(source, 0, source.byteLength);
}

/** For a read of more bytes than there are, or from memory that is gone. */
export function pastEnd(bytes: Uint8Array, what: string, at: number, needed: number, left: number): Error {
  if (isGone(bytes)) return lostMemory('source');
  return new AgentwireDecodeError(
    `${what} takes ${needed.toLocaleString('en')} bytes, and ${left.toLocaleString('en')} are left; give all the bytes that were written`,
    at,
  );
}

/** A function that a caller gave. */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw new AgentwireArgumentError(name, 'a function', value);
}
