'use strict';

// NanosecondTimer: one clock for all threads, which never goes back, and what it measures.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const { AgentwireArgumentError, NanosecondTimer } = require('agentwire');
const { Thread } = require('./helpers.js');

/** Takes turns with another thread: writes the time, and fails when the other's time, written before, is later. How often it was. */
function playTurns({ agentwire }, memory, own, turns) {
  const { NanosecondTimer } = agentwire;
  const turn = new Int32Array(memory, 0, 2);
  const times = new Float64Array(memory, 8, 1);
  let wentBack = 0;
  for (let index = 0; index < turns; index += 1) {
    while (Atomics.load(turn, 0) !== own);
    const now = NanosecondTimer.nowNs();
    if (now < times[0]) wentBack += 1;
    times[0] = now;
    Atomics.store(turn, 0, 1 - own);
  }
  return wentBack;
}

describe('the clock', () => {
  it('never goes back, from thread to thread either', async (t) => {
    const threads = await Promise.all([Thread.start(t), Thread.start(t)]);
    const memory = new SharedArrayBuffer(16);
    const wentBack = await Promise.all(threads.map((thread, own) => thread.run(playTurns, memory, own, 20_000)));
    assert.deepEqual(wentBack, [0, 0]);
  });

  it('is the same as a number and as a bigint', () => {
    for (let round = 0; round < 1000; round += 1) {
      const before = NanosecondTimer.now();
      const number = NanosecondTimer.nowNs();
      const after = NanosecondTimer.now();
      assert.ok(before <= after);
      // A number of so many nanoseconds is exact to 2.
      assert.ok(number >= Number(before) - 2 && number <= Number(after) + 2, `${before} ${number} ${after}`);
    }
  });
});

describe('the counter', () => {
  it('counts as often in a second as it says', () => {
    const { frequencyHz } = NanosecondTimer;
    assert.ok(frequencyHz > 1e6 && Number.isFinite(frequencyHz), `${frequencyHz}`);
    // Read one after the other: a thread that loses its core in between sees them apart, but not each time.
    const ratios = Array.from({ length: 50 }, () => {
      const [ticks, time] = [NanosecondTimer.rdtsc(), NanosecondTimer.now()];
      while (NanosecondTimer.now() - time < 2_000_000n);
      const elapsed = Number(NanosecondTimer.now() - time);
      return ((Number(NanosecondTimer.rdtsc() - ticks) / frequencyHz) * 1e9) / elapsed;
    });
    assert.ok(
      ratios.some((ratio) => Math.abs(ratio - 1) < 0.01),
      `${ratios}`,
    );
  });

  it('never goes back', () => {
    let last = NanosecondTimer.rdtsc();
    assert.equal(typeof last, 'bigint');
    for (let look = 0; look < 10_000; look += 1) {
      const ticks = NanosecondTimer.rdtsc();
      assert.ok(ticks >= last);
      last = ticks;
    }
  });
});

describe('what is measured', () => {
  it('has its result and its duration', async () => {
    const { result, duration } = NanosecondTimer.measure(() => 'result');
    assert.equal(result, 'result');
    assert.equal(typeof duration, 'bigint');
    assert.ok(duration >= 0n);
    const slow = await NanosecondTimer.measureAsync(async () => {
      await pause(20);
      return 5;
    });
    assert.equal(slow.result, 5);
    // Timers of Node.js may be early by a millisecond.
    assert.ok(slow.duration > 18_000_000n, `${slow.duration}`);
    assert.equal((await NanosecondTimer.measureAsync(() => 6)).result, 6);
  });

  it('may fail, and its error comes through', async () => {
    const fail = () => {
      throw new RangeError('of the function');
    };
    assert.throws(() => NanosecondTimer.measure(fail), RangeError);
    await assert.rejects(NanosecondTimer.measureAsync(fail), RangeError);
    await assert.rejects(
      NanosecondTimer.measureAsync(async () => fail()),
      RangeError,
    );
    for (const none of [undefined, 5, {}]) {
      assert.throws(() => NanosecondTimer.measure(none), AgentwireArgumentError);
      await assert.rejects(NanosecondTimer.measureAsync(none), AgentwireArgumentError);
    }
  });
});
