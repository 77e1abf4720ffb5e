'use strict';

// The load of the main job (--load), and its figures.

const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, it } = require('node:test');
const { built, run, runJson } = require('./job-helpers.js');

const { LatencyHistogram } = require(path.join(built, 'latency.js'));
const { expectedTally, makeLoadMessage, noTally, tally } = require(path.join(built, 'load-messages.js'));
const { barLine } = require(path.join(built, 'progress.js'));

describe('the load', () => {
  it('sends the messages over both transports and counts what arrives', async () => {
    const { load, ok } = await runJson(['--load', '20000', '--rounds', '2']);
    assert.equal(ok, true);
    assert.equal(load.messages, 20_000);
    assert.equal(load.bytesOfJson, 181);
    for (const { rounds, perSecond } of [load.agentwire, load.messagePort]) {
      assert.equal(rounds.length, 2);
      assert.ok(perSecond > 0);
      for (const { seen } of rounds)
        assert.deepEqual(seen, { ...load.expected, received: 20_000, checksum: 199_990_000 });
    }
    assert.ok(load.ratio > 0);
  });

  it('sends a single message', async () => {
    const { load } = await runJson(['--load', '1', '--rounds', '1']);
    assert.equal(load.agentwire.rounds[0].seen.received, 1);
  });

  it('prints both figures and the ratio for people', async () => {
    const { stdout, code } = await run(['--load', '20000', '--rounds', '1']);
    assert.equal(code, 0);
    assert.match(stdout, /agentwire +[\d,]+ /);
    assert.match(stdout, /MessagePort +[\d,]+ /);
    assert.match(stdout, /ratio +[\d.]+ x/);
    assert.match(stdout, /every message was received once, as it was sent/);
  });

  it('uses the messages of the targets, each with strings of its own', () => {
    const [first, second] = [makeLoadMessage(0), makeLoadMessage(1)];
    assert.equal(JSON.stringify(first).length, 181);
    assert.equal(first.data.payload.length, 27);
    assert.notEqual(first.id, second.id);
    assert.notEqual(first.data.taskId, second.data.taskId);
    assert.notEqual(first.data.payload, second.data.payload);
  });

  it('notices messages that are lost, doubled or spoiled', () => {
    const seenOf = (messages) => {
      const seen = noTally();
      for (const message of messages) tally(seen, message);
      return seen;
    };
    const sequences = [0, 1, 2, 3];
    assert.deepEqual(seenOf(sequences.map(makeLoadMessage)), expectedTally(4));
    assert.notDeepEqual(seenOf([0, 1, 3].map(makeLoadMessage)), expectedTally(4));
    assert.notDeepEqual(seenOf([0, 1, 1, 3].map(makeLoadMessage)), expectedTally(4));
    assert.equal(seenOf([{ ...makeLoadMessage(0), agent: 'another' }]).spoiled, 1);
    // The number of digits grows after nine million messages.
    const perMessage = expectedTally(1).characters;
    assert.equal(expectedTally(9_000_001).characters, 9_000_001 * perMessage + 3);
  });
});

describe('the figures', () => {
  it('gives percentiles within one per cent', () => {
    const histogram = new LatencyHistogram();
    for (let ns = 1; ns <= 1_000_000; ns += 1) histogram.record(ns);
    for (const p of [0.001, 0.5, 0.95, 0.99, 1]) {
      const error = Math.abs(histogram.percentile(p) / (p * 1_000_000) - 1);
      assert.ok(error < 0.01, `${p}: off by ${error}`);
    }
    assert.equal(histogram.count, 1_000_000);
  });

  it('counts what is out of range, and has figures for nothing at all', () => {
    const histogram = new LatencyHistogram();
    assert.deepEqual(histogram.figures(), { count: 0, p50: 0, p95: 0, p99: 0 });
    for (const ns of [-5, 0, 1e6, 5e9, 2 ** 52, Number.MAX_SAFE_INTEGER]) histogram.record(ns);
    assert.equal(histogram.count, 6);
    const copy = new LatencyHistogram();
    copy.merge(histogram.snapshot());
    assert.deepEqual(copy.figures(), histogram.figures());
  });

  it('draws a bar that fits the terminal, however narrow', () => {
    const step = { done: 1_234, bytes: 56_789_012, note: '3 agents silent' };
    for (let columns = 1; columns <= 200; columns += 1) {
      const line = barLine('counting', step, 7_911, 1_500, columns);
      assert.ok(line.length < columns, `${line.length} characters in ${columns} columns`);
    }
    assert.match(
      barLine('counting', step, 7_911, 1_500, 120),
      /^counting \[#+-+\] 1,234 of 7,911 files, 823 files\/s, 9 s left/,
    );
    assert.match(barLine('counting', { done: 0, bytes: 0 }, 0, 0, 80), /0 of 0 files/);
  });
});
