/**
 * Eight bytes on their way to or from a number. A DataView of each memory would do as well, but making one takes longer than a small
 * message does, and messages come in memory of their own.
 */
export const scratch = new DataView(new ArrayBuffer(8));
export const scratchBytes = new Uint8Array(scratch.buffer);

/** Writes an unsigned integer of 32 bits, little-endian. */
export function writeUint32(value: number, bytes: Uint8Array, at: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Writes an unsigned bigint of 64 bits, little-endian. */
export function writeBigUint64(value: bigint, bytes: Uint8Array, at: number): void {
  scratch.setBigUint64(0, value, true);
  for (let index = 0; index < 8; index++) bytes[at + index] = scratchBytes[index] as number;
}
