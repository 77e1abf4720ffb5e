'use strict';

// PerformanceValidator: real messages from a real thread; a target that is met and one that cannot be; what goes wrong.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { describe, it } = require('node:test');
const { promisify } = require('node:util');
const { AgentwireArgumentError, PerformanceValidator, performanceValidator } = require('agentwire');

describe('a latency target', () => {
  it('is met or not by the messages of another thread, all of which arrive', async () => {
    const validator = new PerformanceValidator();
    const met = await validator.validateLatencyTarget(2000, 10_000);
    assert.equal(met.passed, true);
    assert.deepEqual([met.messageCount, met.targetP95Ms], [2000, 10_000]);
    assert.equal(met.latency.count, 2000);
    assert.ok(met.latency.min > 0 && met.latency.p95 <= met.latency.max);
    assert.ok(met.elapsedMs > 0);
    assert.ok(Math.abs(met.messagesPerSecond - 2000 / (met.elapsedMs / 1000)) < 1);
    const missed = await performanceValidator.validateLatencyTarget(1, 1e-6);
    assert.equal(missed.passed, false);
    assert.equal(missed.latency.count, 1);
  });

  it('says what is wrong with what it is given', async () => {
    const validator = new PerformanceValidator();
    for (const given of [[0], [1.5], ['5'], [10, 0], [10, -1], [10, Number.NaN], [10, '1']]) {
      await assert.rejects(validator.validateLatencyTarget(...given), AgentwireArgumentError, JSON.stringify(given));
    }
  });
});

it('a thread that ends in the middle is an error, and nothing is waited for', async () => {
  const program = `
    const threads = require('node:worker_threads');
    // The first order ends the thread.
    threads.Worker = class extends threads.Worker {
      postMessage() { this.terminate(); }
    };
    const { PerformanceMonitor, PerformanceValidator } = require('agentwire');
    new PerformanceValidator().validateLatencyTarget(100, 10).catch(({ code, message }) => {
      console.log(code, message);
      console.log(new PerformanceMonitor().getReport().sample.buses.length);
    });
  `;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', program], { cwd: __dirname });
  assert.match(stdout, /^ERR_AGENTWIRE_VALIDATION .*its worker thread ended with code 1\n0\n$/);
  assert.equal(stderr, '');
});

it('the components are measured, each with a time of its own', async () => {
  const times = await performanceValidator.benchmarkComponents();
  assert.deepEqual(Object.keys(times), ['serialization', 'routing', 'queueing', 'networking']);
  for (const [name, ns] of Object.entries(times)) {
    assert.ok(Number.isFinite(ns) && ns > 1, `${name}: ${ns} ns`);
  }
});

it('nothing is left of it: the process ends', async () => {
  const program = `
    import { PerformanceValidator } from 'agentwire/performance-optimizations';
    const { passed } = await new PerformanceValidator().validateLatencyTarget(100, 10_000);
    console.log(passed);
  `;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { cwd: __dirname });
  assert.deepEqual(await run, { stdout: 'true\n', stderr: '' });
});
