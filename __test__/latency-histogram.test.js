'use strict';

// LatencyHistogram: percentiles against exact sorting, what is too long, figures, merging and export.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const fc = require('fast-check');
const { AgentwireArgumentError, LatencyHistogram } = require('agentwire');

/** The latency at a percentile by the nearest rank. */
function exactPercentile(sorted, p) {
  return sorted[Math.max(0, Math.ceil((p / 100) * sorted.length - 1e-9) - 1)];
}

const latency = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.integer({ min: 0, max: 10_000_000 }),
  // As many of each magnitude.
  fc.double({ min: 0, max: 7, noNaN: true }).map((log) => Math.floor(10 ** log)),
);

describe('percentiles', () => {
  it('are within 1 % of those of the sorted latencies', () => {
    const property = fc.property(
      fc.array(latency, { minLength: 1, maxLength: 500 }),
      fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 8 }),
      (latencies, percentiles) => {
        const histogram = new LatencyHistogram();
        for (const ns of latencies) histogram.record(ns);
        const sorted = Float64Array.from(latencies).sort();
        for (const p of [...percentiles, 0, 50, 90, 95, 99, 99.9, 100]) {
          const exact = exactPercentile(sorted, p);
          const told = histogram.getPercentile(p);
          assert.ok(Math.abs(told - exact) <= exact / 100, `p${p}: ${told} for ${exact}`);
        }
      },
    );
    fc.assert(property, { numRuns: Number(process.env.AGENTWIRE_FUZZ_RUNS ?? 500) });
  });

  it('of every value alone are that value, within 1 %', () => {
    for (let ns = 0; ns < 20_000_000; ns = ns < 1000 ? ns + 1 : Math.floor(ns * 1.003)) {
      const histogram = new LatencyHistogram(1000);
      histogram.record(ns);
      // Between two others, so that neither the least nor the greatest is told exactly.
      histogram.record(0);
      histogram.record(999_000_000);
      const told = histogram.getPercentile(50);
      assert.ok(Math.abs(told - ns) <= ns / 100, `${told} for ${ns}`);
    }
  });

  it('of what is too long are the longest, and nothing is lost', () => {
    const histogram = new LatencyHistogram(1);
    for (const ns of [500, 1_000_000, 2_000_000, 5e12, 3e15]) histogram.record(ns);
    assert.equal(histogram.getStats().count, 5);
    assert.ok(Math.abs(histogram.getPercentile(20) - 500) <= 5);
    assert.deepEqual([histogram.getPercentile(60), histogram.getPercentile(99)], [3e15, 3e15]);
    const { counts } = histogram.exportData();
    assert.equal(counts.at(-1), 3);
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      5,
    );
  });
});

describe('the figures', () => {
  it('are zeros while there is nothing', () => {
    const { count, ...others } = new LatencyHistogram().getStats();
    assert.equal(count, 0);
    assert.ok(Object.values(others).every((figure) => figure === 0));
  });

  it('have the exact mean, least and greatest, fractions and bigints included', () => {
    const histogram = new LatencyHistogram();
    for (const ns of [10.5, 20n, 29.5]) histogram.record(ns);
    const { count, mean, min, max, stddev } = histogram.getStats();
    assert.deepEqual([count, mean, min, max], [3, 20, 10.5, 29.5]);
    assert.ok(Math.abs(stddev - 7.76) < 0.5, `${stddev}`);
  });

  it('add up when histograms are merged, as if one had recorded all', () => {
    const property = fc.property(fc.array(latency), fc.array(latency), (some, others) => {
      const [one, other, both] = [new LatencyHistogram(), new LatencyHistogram(), new LatencyHistogram()];
      for (const ns of some) one.record(ns);
      for (const ns of others) other.record(ns);
      for (const ns of [...some, ...others]) both.record(ns);
      assert.deepEqual(one.merge(other).getStats(), both.getStats());
      assert.deepEqual(one.exportData(), both.exportData());
    });
    fc.assert(property);
  });

  it('are gone after a reset', () => {
    const histogram = new LatencyHistogram();
    histogram.record(5);
    histogram.reset();
    assert.deepEqual(histogram.getStats(), new LatencyHistogram().getStats());
  });
});

describe('an export', () => {
  it('has at most the buckets that were asked for, in order, with every latency in its own', () => {
    for (const buckets of [1, 2, 7, 200, 10_000]) {
      const histogram = new LatencyHistogram(10, buckets);
      const latencies = [0, 1, 300, 5_000, 77_777, 9_999_999, 20_000_000];
      for (const ns of latencies) histogram.record(ns);
      const { boundaries, counts } = histogram.exportData();
      assert.ok(counts.length <= buckets, `${counts.length} of ${buckets}`);
      assert.equal(boundaries.length, counts.length + 1);
      assert.deepEqual([boundaries[0], boundaries.at(-1)], [0, Number.POSITIVE_INFINITY]);
      assert.ok(boundaries.every((boundary, index) => index === 0 || boundary > boundaries[index - 1]));
      const expected = counts.map(
        (_, index) => latencies.filter((ns) => ns >= boundaries[index] && ns < boundaries[index + 1]).length,
      );
      assert.deepEqual(counts, expected);
    }
  });
});

it('what is no latency is an error, and not recorded', () => {
  const histogram = new LatencyHistogram();
  for (const ns of [-1, Number.NaN, Number.POSITIVE_INFINITY, -5n, '5', undefined, null]) {
    assert.throws(() => histogram.record(ns), AgentwireArgumentError);
  }
  assert.equal(histogram.getStats().count, 0);
  for (const p of [-1, 100.1, Number.NaN, '50'])
    assert.throws(() => histogram.getPercentile(p), AgentwireArgumentError);
  for (const most of [0, -1, Number.NaN, 1e12, '5'])
    assert.throws(() => new LatencyHistogram(most), AgentwireArgumentError);
  for (const buckets of [0, 1.5, 1e9]) assert.throws(() => new LatencyHistogram(10, buckets), AgentwireArgumentError);
  assert.throws(() => histogram.merge({}), AgentwireArgumentError);
});
