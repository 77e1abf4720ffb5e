'use strict';

// What the tests share: threads that run functions, child processes, folders, waiting for a condition.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Worker } = require('node:worker_threads');

const fixture = (name) => path.join(__dirname, 'fixtures', name);

/** Long enough for the slowest machine: a test that comes near it hangs. */
const deadlineMs = 60_000;

let names = 0;

/** A bus name that no other test of this process uses. */
function uniqueName(label = 'test') {
  names += 1;
  return `${label}-${process.pid}-${names}`;
}

/** Resolves with the condition's value once it is true; fails with `what` after the deadline. */
async function waitUntil(condition, what = 'the condition') {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited ${deadlineMs / 1000} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A turn of the event loop. */
function turn() {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * A thread that runs functions: `await thread.run((tools, a, b) => ..., a, b)`. The function is sent as text, so it sees only
 * its arguments; `tools` is `{agentwire, state}`, and `state` lives as long as the thread.
 */
class Thread {
  static async start(t, { file = fixture('thread.js'), ...options } = {}) {
    const thread = new Thread(new Worker(file, options));
    t.after(() => thread.terminate());
    await thread.run(() => {});
    return thread;
  }

  constructor(worker) {
    this.worker = worker;
    this.calls = 0;
    this.pending = new Map();
    // Not events.once, which fails when the worker does.
    this.exited = new Promise((resolve) => worker.once('exit', resolve)).then((code) => {
      for (const { reject } of this.pending.values()) reject(new Error(`the thread ended with code ${code}`));
      this.pending.clear();
      return code;
    });
    worker.on('message', ({ call, value, error }) => {
      const { resolve, reject } = this.pending.get(call);
      this.pending.delete(call);
      if (error === undefined) resolve(value);
      else reject(error);
    });
    this.error = new Promise((resolve) => worker.on('error', resolve));
  }

  run(action, ...args) {
    this.calls += 1;
    const call = this.calls;
    const result = new Promise((resolve, reject) => this.pending.set(call, { resolve, reject }));
    this.worker.postMessage({ call, source: action.toString(), args });
    return result;
  }

  /** As `run`, when the thread is not expected to answer. */
  start(action, ...args) {
    this.run(action, ...args).catch(() => {});
  }

  terminate() {
    return this.worker.terminate();
  }
}

/** Has a thread do nothing until `release()`; what it is sent meanwhile waits. */
async function stall(thread) {
  const gate = new Int32Array(new SharedArrayBuffer(8));
  const done = thread.run((_tools, gate) => {
    Atomics.store(gate, 1, 1);
    Atomics.wait(gate, 0, 0);
  }, gate);
  done.catch(() => {});
  await waitUntil(() => Atomics.load(gate, 1) === 1, 'the thread to stall');
  return {
    release() {
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
      return done;
    },
  };
}

/** Runs Node with these arguments to its end. */
async function runNode(args, options = {}) {
  const child = spawn(process.execPath, args, { stdio: 'pipe', ...options });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => {
      output[stream] += text;
    });
  }
  const [code, signal] = await once(child, 'close');
  return { ...output, code, signal };
}

/** Runs a scenario of fixtures/scenarios.js in a process of its own, which must end well: what it printed. */
async function runScenario(name, ...args) {
  const { code, signal, stdout, stderr } = await runNode([fixture('scenarios.js'), name, ...args.map(String)]);
  assert.deepEqual(
    { code, signal, stderr },
    { code: 0, signal: null, stderr: '' },
    `scenario ${name}: ${stdout}${stderr}`,
  );
  return stdout;
}

/** A folder that is removed after the test. */
function tempFolder(t) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentwire-test-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** admitted = handled + failed + dropped + dead-lettered + rerouted + in flight. */
function assertLedger(stats, what = 'the ledger') {
  const { admitted, handled, failed, dropped, deadLettered, rerouted, inFlight } = stats;
  const others = handled + failed + deadLettered + rerouted + inFlight;
  const sum = others + Object.values(dropped).reduce((total, count) => total + count, 0);
  assert.equal(sum, admitted, `${what} adds up: ${JSON.stringify(stats)}`);
}

/** Publishes, waiting for room as often as needed. */
async function publishAll(bus, topic, payloads, options) {
  for (const payload of payloads) {
    while (!bus.publish(topic, payload, options)) await bus.writable(topic);
  }
}

module.exports = {
  assertLedger,
  deadlineMs,
  fixture,
  publishAll,
  runNode,
  runScenario,
  stall,
  tempFolder,
  Thread,
  turn,
  uniqueName,
  waitUntil,
};
