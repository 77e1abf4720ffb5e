import { writeUint32 } from './scratch';

// Nanoseconds since the Unix epoch without a bigint: such a number needs 61 bits, so there are two halves. They are worked out once
// in a while; in between, the nanoseconds that have passed are added.

/** Nanoseconds after which the system's clock is looked at again. Half of what 32 bits hold, so that a sum carries once. */
const TRUSTED_NS = 2e9;
/** The system's clock tells whole milliseconds; where ours is further off than that, somebody has set it. */
const MOST_DIFFERENCE_MS = 2;

const LOW = 0x1_0000_0000;

const { performance } = globalThis;
let baseLow = 0;
let baseHigh = 0;
/** What `performance.now()` was then. It tells fractions of a microsecond, but does not notice that the system's clock was set. */
let baseSince = Number.NaN;

/** Writes the time as a u64: that of the system's clock, to the microsecond, which does not go back unless that clock is set. */
export function writeNow(bytes: Uint8Array, at: number): void {
  const since = performance.now();
  let passed = (since - baseSince) * 1e6;
  // NaN the first time.
  if (!(passed < TRUSTED_NS)) {
    rebase(since);
    passed = 0;
  }
  let low = baseLow + Math.floor(passed);
  let high = baseHigh;
  if (low >= LOW) {
    low -= LOW;
    high += 1;
  }
  writeUint32(low, bytes, at);
  writeUint32(high, bytes, at + 4);
}

function rebase(since: number): void {
  const passed = since - baseSince;
  const ours = Number.isNaN(passed) ? performance.timeOrigin + since : (baseHigh * LOW + baseLow) / 1e6 + passed;
  const theirs = Date.now() + 0.5;
  if (Math.abs(theirs - ours) > MOST_DIFFERENCE_MS) setBase(theirs);
  else if (Number.isNaN(passed)) setBase(ours);
  else advance(Math.floor(passed * 1e6));
  baseSince = since;
}

function advance(nanoseconds: number): void {
  const low = baseLow + nanoseconds;
  baseLow = low % LOW;
  baseHigh += Math.floor(low / LOW);
}

function setBase(milliseconds: number): void {
  const whole = Math.floor(milliseconds);
  // Milliseconds have 41 bits; these are the nanoseconds of the upper 25 of them, without the 16 zeros behind.
  const upper = Math.floor(whole / 0x1_0000) * 1e6;
  baseHigh = Math.floor(upper / 0x1_0000);
  baseLow = (upper % 0x1_0000) * 0x1_0000;
  advance((whole % 0x1_0000) * 1e6 + Math.floor((milliseconds - whole) * 1e6));
}
