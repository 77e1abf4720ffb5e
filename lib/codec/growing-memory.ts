import { Encoder } from './encoder';
import { tooLarge } from './unsupported';
import { isOverflow } from './writer';

/** First size of the memory that values are written in, bytes. It doubles as needed, and is let go when it grew past the second. */
const FIRST_BYTES = 4096;
const KEPT_BYTES = 1024 * 1024;
/** Most bytes of a value. */
export const MOST_BYTES = 0x7fff_ffff;

/** An encoder of self-contained values and the memory that it is attached to. */
interface Engine {
  readonly encoder: Encoder;
  memory: Uint8Array;
}

/** The engine that is not in use. A getter of a value may encode another one, which then gets an engine of its own. */
let idle: Engine | undefined;

function attached(encoder: Encoder, memory: Uint8Array): Engine {
  encoder.attach(memory);
  return { encoder, memory };
}

/**
 * Has `write` write a value at 0 of memory that grows as needed, and gives `use` what was written. Throws what `write` throws, but for a
 * lack of room, and ERR_AGENTWIRE_TOO_LARGE.
 */
export function withWritten<T>(
  write: (encoder: Encoder) => number,
  use: (memory: Uint8Array, length: number) => T,
  maxBytes = MOST_BYTES,
): T {
  let engine = idle ?? attached(new Encoder(null), new Uint8Array(FIRST_BYTES));
  idle = undefined;
  try {
    for (;;) {
      const { encoder, memory } = engine;
      try {
        encoder.begin(memory.length);
        const length = encoder.finish(write(encoder), memory.length);
        if (length > maxBytes) throw tooLarge(maxBytes);
        return use(memory, length);
      } catch (error) {
        if (!isOverflow(error)) throw error;
        if (memory.length >= maxBytes) throw tooLarge(maxBytes);
        engine = attached(encoder, new Uint8Array(Math.min(2 * memory.length, MOST_BYTES)));
      }
    }
  } finally {
    if (engine.memory.length <= KEPT_BYTES) idle = engine;
  }
}

/** A copy of what was written. */
export function copyOf(memory: Uint8Array, length: number): Uint8Array {
  return memory.slice(0, length);
}
