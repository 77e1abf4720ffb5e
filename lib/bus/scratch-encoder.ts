import { Encoder } from '../codec/encoder';
import type { Tables } from '../codec/tables';
import { tooLarge } from '../codec/unsupported';
import { AgentwireError } from '../errors';
import { Bus } from '../generated/layout';

/** First size of the memory, bytes. It grows fourfold as needed. */
const FIRST_BYTES = 16 * Bus.InlinePayloadBytes;
/** Memory that is kept for the next value, bytes. */
const KEPT_BYTES = 1024 * 1024;

const noBytes = new Uint8Array(0);

/** Encodes what is handed to native as bytes of its own: payloads that do not fit into a record, and answers. */
export class ScratchEncoder {
  private readonly encoder: Encoder;
  private kept: Uint8Array = noBytes;
  private isBusy = false;

  constructor(tables: Tables) {
    this.encoder = new Encoder(tables);
  }

  /**
   * Has `write` write at the start of memory that grows as needed, and gives `use` what was written, for as long as it runs. `write`
   * returns where it ended, or -1 for a lack of room. Throws ERR_AGENTWIRE_TOO_LARGE, and ERR_AGENTWIRE_REENTRANT from within `write`.
   */
  encode<T>(write: (encoder: Encoder, memory: Uint8Array) => number, use: (bytes: Uint8Array) => T): T {
    // A getter of the value got here: what is being written must stay as it is.
    if (this.isBusy) throw reentrant();
    this.isBusy = true;
    let memory = this.kept.length > 0 ? this.kept : new Uint8Array(FIRST_BYTES);
    this.kept = noBytes;
    try {
      for (;;) {
        this.encoder.attach(memory);
        const end = write(this.encoder, memory);
        if (end >= 0) return use(memory.subarray(0, end));
        if (memory.length >= Bus.MaxPayloadBytes) throw tooLarge(Bus.MaxPayloadBytes);
        memory = new Uint8Array(Math.min(4 * memory.length, Bus.MaxPayloadBytes));
      }
    } finally {
      this.isBusy = false;
      if (memory.length <= KEPT_BYTES) this.kept = memory;
      else this.encoder.attach(noBytes);
    }
  }
}

/** Somebody got to the bus while a value is being encoded. */
export function reentrant(): AgentwireError {
  return new AgentwireError(
    'ERR_AGENTWIRE_REENTRANT',
    'a bus was used from a getter of a value that is being published; use it before or after',
  );
}
