/** Methods that Node's Buffer has always had and its types leave out: they take no name of an encoding to look up first. */
export interface RawBuffer extends Buffer {
  latin1Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number, length: number): number;
  ucs2Write(text: string, offset: number, length: number): number;
  utf8Write(text: string, offset: number, length: number): number;
}

/** The same memory as a Buffer. */
export function rawBuffer(memory: Uint8Array): RawBuffer {
  return Buffer.from(memory.buffer, memory.byteOffset, memory.byteLength) as unknown as RawBuffer;
}

/** The same methods for any Uint8Array as `this`: they look at nothing but its memory. */
export const { latin1Slice, ucs2Slice, latin1Write, ucs2Write } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  ucs2Slice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, offset: number, length: number): number;
  ucs2Write(this: Uint8Array, text: string, offset: number, length: number): number;
};
