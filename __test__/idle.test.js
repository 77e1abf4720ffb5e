'use strict';

// A bus without traffic costs nothing and keeps nobody alive.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { runScenario } = require('./helpers.js');

it('an idle bus lets the process and its workers end by themselves', async () => {
  assert.equal(await runScenario('ends-by-itself'), 'worker ended with 0\nmain ends with 0, 1 handled\n');
});

it('what a thread publishes to itself arrives before it ends', async () => {
  assert.equal(await runScenario('own-mail'), '1\n2\n3\nbefore exit\n');
});

it('ref() keeps the process alive until unref()', async () => {
  assert.equal(await runScenario('ref-keeps', 'unref'), 'ends when released\n');
});

it('ref() keeps the process alive until close()', async () => {
  assert.equal(await runScenario('ref-keeps', 'close'), 'ends when released\n');
});

it('ref() keeps a worker alive, which is woken when something comes', async () => {
  assert.equal(await runScenario('ref-in-worker'), 'pong 1\npong 2\npong 3\nworker ended with 0\n');
});

it('a parked bus uses no CPU', async (t) => {
  // CPU time, not wall time: that of both threads and of the runtime's own. The quietest second counts.
  const samples = JSON.parse(await runScenario('idle-cpu'));
  t.diagnostic(`CPU time in three idle seconds, ms: ${samples.join(', ')}`);
  assert.ok(Math.min(...samples) < 50, `${samples.join(', ')} ms of CPU time in an idle second`);
});
