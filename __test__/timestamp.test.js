'use strict';

// The time in headers, under clocks of our own: right to the microsecond, never back, and after the system's clock when that is set.

const assert = require('node:assert/strict');
const path = require('node:path');
const { it } = require('node:test');
const vm = require('node:vm');
const fs = require('node:fs');

/** The module anew, with a clock that the test moves. */
function load(startMs) {
  const clock = { since: 0, setMs: 0 };
  const file = path.join(__dirname, '..', 'dist', 'codec', 'timestamp.js');
  const exports = {};
  const globals = {
    exports,
    require: (name) => require(path.join(path.dirname(file), name)),
    performance: { timeOrigin: startMs, now: () => clock.since },
    Date: { now: () => Math.floor(startMs + clock.since + clock.setMs) },
  };
  vm.runInNewContext(fs.readFileSync(file, 'utf8'), globals, { filename: file });
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  return {
    clock,
    now() {
      exports.writeNow(bytes, 8);
      return view.getBigUint64(8, true);
    },
    /** What it should be, in whole microseconds. */
    expected: () => BigInt(Math.floor((startMs + clock.since + clock.setMs) * 1000)) * 1000n,
  };
}

const distance = (a, b) => (a > b ? a - b : b - a);

it('goes with the clock, however much passes between two looks at it', () => {
  for (const startMs of [0, 1_700_000_000_000.25, 1_763_848_262_123.875, 4_294_967_295.5, 2 ** 43]) {
    const { clock, now, expected } = load(startMs);
    let last = 0n;
    for (const step of [
      0,
      0.001,
      0.0005,
      0.5,
      1,
      1999.9,
      2000,
      2000.1,
      4294.9,
      5000,
      0.001,
      86_400_000,
      30 * 86_400_000,
      1,
      0,
    ]) {
      for (let time = 0; time < 50; time += 1) {
        clock.since += step;
        const at = now();
        assert.ok(at >= last, `it goes back by ${last - at} ns`);
        assert.ok(distance(at, expected()) < 3000n, `${at} instead of ${expected()}`);
        last = at;
      }
    }
  }
});

it('follows the system clock within two seconds when that is set', () => {
  const { clock, now, expected } = load(1_700_000_000_000.5);
  now();
  for (const setMs of [3_600_000, -3_600_000, 10, -10]) {
    clock.setMs = setMs;
    clock.since += 2000;
    assert.ok(distance(now(), expected()) < 1_000_000n, `set by ${setMs} ms: ${now()} instead of ${expected()}`);
  }
});

it('does not follow every jitter of the system clock', () => {
  const { clock, now } = load(1_700_000_000_000.5);
  let last = now();
  for (let time = 0; time < 100; time += 1) {
    clock.setMs = time % 2;
    clock.since += 2000;
    assert.equal(distance(now(), last + 2_000_000_000n) < 1000n, true);
    last = now();
  }
});
