'use strict';

// AGENTWIRE_STORM_MESSAGES=N sends N messages instead of 1,000,000; AGENTWIRE_STORM_SEED=S strikes as in the run that said so.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { fixture, runNode } = require('./helpers.js');

const messages = Number(process.env.AGENTWIRE_STORM_MESSAGES ?? 1_000_000);
const seed = process.env.AGENTWIRE_STORM_SEED;

/** Resident memory that may be left when all threads have ended: what allocators keep of some dozens of threads. */
const leftMiB = 100;

it('threads die at random among a million messages, and the survivors lose nothing', async (t) => {
  const { code, signal, stdout, stderr } = await runNode([
    '--expose-gc',
    fixture('storm.js'),
    String(messages),
    ...(seed === undefined ? [] : [seed]),
  ]);
  t.diagnostic(`${process.version}: ${stdout.trim()}`);
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' });
  const report = JSON.parse(stdout);
  assert.ok(report.published >= messages);
  assert.ok(report.owed > 0 && report.strikes > 0);
  assert.ok(report.rssAfterMiB - report.rssBeforeMiB < leftMiB, `memory came back: ${stdout}`);
});
