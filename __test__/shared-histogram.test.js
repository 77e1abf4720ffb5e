'use strict';

// LatencyHistogram.shared: one histogram of many threads, threads that end, resets while others record, scribbled cells.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireArgumentError, LatencyHistogram } = require('agentwire');
const { Thread, uniqueName, waitUntil } = require('./helpers.js');

/** Records every value from 1 to `most`. */
function recordAll({ agentwire, state }, name, most) {
  state.histogram ??= agentwire.LatencyHistogram.shared(name);
  for (let ns = 1; ns <= most; ns += 1) state.histogram.record(ns);
}

describe('a histogram of many threads', () => {
  it('has what all of them have recorded, as if one had', async (t) => {
    const name = uniqueName('histogram');
    const threads = await Promise.all(Array.from({ length: 4 }, () => Thread.start(t)));
    const histogram = LatencyHistogram.shared(name);
    await Promise.all(threads.map((thread, index) => thread.run(recordAll, name, 10_000 * (index + 1))));
    const alone = new LatencyHistogram();
    for (let index = 0; index < 4; index += 1) {
      for (let ns = 1; ns <= 10_000 * (index + 1); ns += 1) alone.record(ns);
    }
    assert.deepEqual(histogram.getStats(), alone.getStats());
    assert.deepEqual(histogram.exportData(), alone.exportData());
    assert.equal(histogram.getPercentile(50), alone.getPercentile(50));
  });

  it('keeps what threads have recorded that ended since, by themselves or not', async (t) => {
    const name = uniqueName('histogram');
    const histogram = LatencyHistogram.shared(name);
    for (const end of ['exit', 'terminate']) {
      const thread = await Thread.start(t);
      await thread.run(recordAll, name, 100);
      if (end === 'terminate') await thread.terminate();
      else thread.run(() => process.exit()).catch(() => {});
      await thread.exited;
    }
    assert.equal(histogram.getStats().count, 200);
    assert.equal(histogram.getStats().max, 100);
  });

  it('is terminated under while it records, and adds up', async (t) => {
    const name = uniqueName('histogram');
    const histogram = LatencyHistogram.shared(name);
    const progress = new Int32Array(new SharedArrayBuffer(4 * 8));
    await Promise.all(
      Array.from({ length: 8 }, async (_, index) => {
        const thread = await Thread.start(t);
        const running = thread.run(
          ({ agentwire }, ofName, counts, own) => {
            const mine = agentwire.LatencyHistogram.shared(ofName);
            for (;;) {
              mine.record(1000);
              Atomics.add(counts, own, 1);
            }
          },
          name,
          progress,
          index,
        );
        running.catch(() => {});
        await waitUntil(() => Atomics.load(progress, index) > 1000, 'records');
        await thread.terminate();
        await thread.exited;
      }),
    );
    const counted = progress.reduce((sum, one) => sum + one, 0);
    const { count, p50 } = histogram.getStats();
    // A thread may end between its record and the line that counts it.
    assert.ok(count >= counted && count <= counted + 8, `${count} of ${counted}`);
    assert.ok(Math.abs(p50 - 1000) <= 10);
  });

  it('is reset for all, also while they record, and what comes after is counted', async (t) => {
    const name = uniqueName('histogram');
    const histogram = LatencyHistogram.shared(name);
    const thread = await Thread.start(t);
    await thread.run(recordAll, name, 100);
    histogram.record(7);
    histogram.reset();
    assert.deepEqual(histogram.getStats(), new LatencyHistogram().getStats());
    histogram.record(5_000);
    await thread.run(recordAll, name, 3);
    const { count, min, max } = histogram.getStats();
    assert.deepEqual([count, min, max], [4, 1, 5_000]);
    const running = thread.run(({ state }, milliseconds) => {
      const end = Date.now() + milliseconds;
      let records = 0;
      while (Date.now() < end) {
        state.histogram.record(1_000_000);
        records += 1;
      }
      return records;
    }, 200);
    let resets = 0;
    let isOver = false;
    running.finally(() => {
      isOver = true;
    });
    let last = 0;
    while (!isOver) {
      histogram.reset();
      resets += 1;
      await new Promise((resolve) => setImmediate(resolve));
      last = histogram.getStats().count;
    }
    const records = await running;
    assert.ok(records > 0 && resets > 1);
    assert.ok(last <= records);
    histogram.reset();
    await thread.run(recordAll, name, 10);
    assert.equal(histogram.getStats().count, 10);
  });

  it('is another one under another name, and begins anew once nobody has it', async (t) => {
    const name = uniqueName('histogram');
    const thread = await Thread.start(t);
    await thread.run(recordAll, name, 5);
    assert.equal(LatencyHistogram.shared(`${name}-other`).getStats().count, 0);
    await thread.terminate();
    await thread.exited;
    assert.equal(LatencyHistogram.shared(name).getStats().count, 0);
  });

  it('may be merged with others, and they with it', () => {
    const shared = LatencyHistogram.shared(uniqueName('histogram'));
    const own = new LatencyHistogram();
    own.record(10);
    shared.record(20);
    shared.merge(own);
    own.merge(shared).merge(own);
    assert.equal(shared.getStats().count, 2);
    assert.equal(own.getStats().count, 6);
  });
});

describe('bad input', () => {
  it('names what is no name, and a limit that others do not have', () => {
    for (const name of ['', 5, undefined, 'x'.repeat(257), 'half \ud800']) {
      assert.throws(() => LatencyHistogram.shared(name), AgentwireArgumentError);
    }
    const name = uniqueName('histogram');
    const first = LatencyHistogram.shared(name, 10);
    assert.throws(() => LatencyHistogram.shared(name, 20), {
      code: 'ERR_AGENTWIRE_LIMITS',
      message: /maxLatencyMs 10.*20 was given/,
    });
    assert.equal(first.getStats().count, 0);
    for (const times of [0, -1, 1.5, Number.NaN, '2', 2 ** 60]) {
      assert.throws(() => first.record(5, times), AgentwireArgumentError);
    }
    first.record(5, 3);
    assert.equal(first.getStats().count, 3);
  });

  it('in the cells of a thread spoils figures and nothing else', () => {
    const histogram = LatencyHistogram.shared(uniqueName('histogram'));
    histogram.record(5);
    const { cells } = histogram;
    assert.ok(cells instanceof Float64Array, 'the test knows where the cells are');
    for (const garbage of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e300, 0.5]) {
      cells.fill(garbage, 2);
      const figures = Object.values(histogram.getStats());
      assert.ok(
        figures.every((figure) => typeof figure === 'number' && !Number.isNaN(figure)),
        `${figures}`,
      );
      histogram.record(5);
      histogram.exportData();
    }
    cells.fill(Number.NaN);
    histogram.record(5);
    histogram.reset();
    assert.equal(histogram.getStats().count, 0);
  });
});
