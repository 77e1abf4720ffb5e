'use strict';

// At least once: messages through a group whose threads are killed in the middle of handlers. AGENTWIRE_ACK_STORM_MESSAGES=N and
// AGENTWIRE_ACK_STORM_KILLS=N, 50,000 and 60 by default; the slow run has 1,000,000 and 1,000. AGENTWIRE_STORM_SEED=S strikes as in the run that
// said so.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { fixture, runNode } = require('./helpers.js');

const messages = Number(process.env.AGENTWIRE_ACK_STORM_MESSAGES ?? 50_000);
const kills = Number(process.env.AGENTWIRE_ACK_STORM_KILLS ?? 60);
const seed = process.env.AGENTWIRE_STORM_SEED;

it('every message is handled at least once, whoever is killed', async (t) => {
  const args = [fixture('ack-storm.js'), String(messages), String(kills), ...(seed === undefined ? [] : [seed])];
  const { code, signal, stdout, stderr } = await runNode(args);
  assert.deepEqual({ code, signal }, { code: 0, signal: null }, stderr.slice(-3000));
  const report = JSON.parse(stdout);
  t.diagnostic(stdout.trim());
  assert.equal(report.messages, messages);
  assert.ok(report.kills >= kills);
});
