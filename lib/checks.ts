import { types } from 'node:util';
import { AgentwireArgumentError, AgentwireError, describe } from './errors';

/** An integer within bounds, both included. */
export function checkInteger(name: string, value: unknown, least: number, most: number, unit = ''): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  const range = `an integer from ${least.toLocaleString('en')} to ${most.toLocaleString('en')}`;
  throw new AgentwireArgumentError(name, unit === '' ? range : `${range} (${unit})`, value);
}

/** True without half of a surrogate pair, which UTF-8 cannot say: two such strings would be one to the native part. */
export function isWellFormed(text: string): boolean {
  return !/[\ud800-\udfff]/u.test(text);
}

/** What people call a thing that threads find by its name: 1 to `longest` characters, which UTF-8 can say. */
export function checkName(argument: string, value: unknown, longest: number): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= longest && isWellFormed(value)) return value;
  const expected = `a string of 1 to ${longest} characters without half a surrogate pair`;
  throw new AgentwireArgumentError(argument, expected, value);
}

/** Milliseconds to wait: any number from 0; Infinity waits for ever. */
export function checkTimeout(name: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw new AgentwireArgumentError(name, 'a number of milliseconds from 0 (Infinity waits for ever)', value);
}

/** A Uint8Array (a Buffer is one) whose bytes are still there. */
export function checkBytes(name: string, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array && ArrayBuffer.isView(value))) {
    throw new AgentwireArgumentError(name, 'a Uint8Array', value);
  }
  // Whatever its length says: see lostMemory.
  if (isGone(value)) throw lostMemory(name);
  return value;
}

/**
 * For an array that lost its memory. Optimised code of Node 20 may still see the old length of such an array at one place and 0 at
 * the next; so who got fewer bytes from it than he expected, or none, looks again.
 */
export function lostMemory(name: string): AgentwireError {
  return new AgentwireError(
    'ERR_AGENTWIRE_DETACHED',
    `${name} has lost its memory: its buffer was transferred to another thread, or resized; nothing was read or written`,
  );
}

const { at } = Uint8Array.prototype;

/** True for an array without memory: methods of typed arrays throw for it. */
export function isGone(array: Uint8Array | Uint32Array): boolean {
  try {
    at.call(array, 0);
    return false;
  } catch {
    return true;
  }
}

/** A SharedArrayBuffer of fixed length, as `.buffer` of the thing that is attached to. */
export function checkSharedBuffer(what: string, value: unknown): Uint8Array {
  // Whatever its prototype says.
  if (!types.isSharedArrayBuffer(value)) {
    throw new AgentwireArgumentError(
      `${what}.attach(sharedArrayBuffer)`,
      `the .buffer of a ${what}, a SharedArrayBuffer`,
      value,
    );
  }
  // Node 20 has growable buffers; the types that we compile against do not.
  if ((value as { growable?: boolean }).growable === true) {
    const expected = 'a SharedArrayBuffer of fixed length, not a growable one';
    throw new AgentwireArgumentError(`${what}.attach(sharedArrayBuffer)`, expected, value);
  }
  if (value.byteLength === 0) {
    throw new AgentwireError('ERR_AGENTWIRE_FOREIGN_MEMORY', `${what}.attach: the SharedArrayBuffer has no bytes`);
  }
  return new Uint8Array(value);
}

/** Shared memory of that many bytes. It takes address space now, and memory as it is touched. */
export function allocateShared(bytes: number, what: string): Uint8Array {
  try {
    return new Uint8Array(new SharedArrayBuffer(bytes));
  } catch (cause) {
    throw new AgentwireError(
      'ERR_AGENTWIRE_OUT_OF_MEMORY',
      `${what} would take ${bytes.toLocaleString('en')} bytes of shared memory, more than this machine or Node.js gives ` +
        `in one piece (${describe((cause as Error).message)}); ask for less`,
      { cause },
    );
  }
}

/** Refuses an option that is not known, rather than have it do nothing. */
export function refuseUnknown(options: object, known: readonly string[], where: string): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key) || (options as Record<string, unknown>)[key] === undefined) continue;
    throw new AgentwireError(
      'ERR_AGENTWIRE_UNKNOWN_OPTION',
      `${where} does not know the option "${key}" in this version; it knows ${known.join(', ')}`,
    );
  }
}
