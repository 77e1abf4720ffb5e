import type { Decoder } from '../codec/decoder';

/** Checked mode: what several handlers share is frozen, so that one that writes to it gets a TypeError. */
const isChecked = process.env.AGENTWIRE_CHECKED === '1';

/** The payload of one message for all subscriptions of this thread with `shared: true`: decoded for the first of them. */
export class SharedValue {
  private isDecoded = false;
  private value: unknown;

  read(decoder: Decoder, start: number, end: number): unknown {
    if (!this.isDecoded) {
      this.value = decoder.readRoot(start, end);
      if (isChecked) freeze(this.value);
      this.isDecoded = true;
    }
    return this.value;
  }
}

/** Freezes a value and what is in it. Bytes cannot be frozen, nor what a Map, a Set or a Date holds. */
function freeze(value: unknown): void {
  const pending = [value];
  for (let next = pending.pop(); next !== undefined || pending.length > 0; next = pending.pop()) {
    if (typeof next !== 'object' || next === null || ArrayBuffer.isView(next)) continue;
    Object.freeze(next);
    if (next instanceof Map) pending.push(...next.keys(), ...next.values());
    else if (next instanceof Set) pending.push(...next);
    else pending.push(...Object.values(next));
  }
}
