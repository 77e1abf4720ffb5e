/**
 * Eight bytes on their way to or from a number. A DataView of each memory would do as well, but making one takes longer than a small
 * message does, and messages come in memory of their own.
 */
export const scratch = new DataView(new ArrayBuffer(8));
export const scratchBytes = new Uint8Array(scratch.buffer);
