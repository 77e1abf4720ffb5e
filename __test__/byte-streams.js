'use strict';

// What the tests of byte streams share.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const path = require('node:path');
const { AgentwireError, AgentwireRangeError, MemoryMappedBuffer } = require('agentwire');
const { fixture, runNode, tempFolder } = require('./helpers.js');

const HEADER_BYTES = 4096;
const WRITTEN = 128;
const READ = 256;

const bytes = (text) => Buffer.from(text);
const text = (read) => (read === null ? null : Buffer.from(read).toString());

/** Starts fixtures/stream.js; resolves when it says that it is ready. */
async function startStream(t, ...args) {
  const child = spawn(process.execPath, [fixture('stream.js'), ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  t.after(() => child.kill('SIGKILL'));
  const ready = once(child.stdout, 'data');
  return { child, ended, ready };
}

/** Runs fixtures/stream.js to its end, which must be a good one: what it printed. */
async function runStream(...args) {
  const { code, signal, stdout, stderr } = await runNode([fixture('stream.js'), ...args.map(String)]);
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: '' }, `${args.join(' ')}: ${stdout}`);
  return stdout;
}

/** A typed error with that code and a message that has all the parts. */
function refused(action, code, ...parts) {
  assert.throws(action, (error) => {
    assert.equal(error.code, code, error.stack);
    assert.ok(error instanceof AgentwireError || error instanceof AgentwireRangeError);
    for (const part of parts) assert.ok(error.message.includes(part), `"${part}" in: ${error.message}`);
    return true;
  });
}

/** The same stream in memory and in a file. */
const kinds = {
  'in shared memory': (_t, capacity) => new MemoryMappedBuffer(capacity),
  'in a file': (t, capacity) => {
    const stream = MemoryMappedBuffer.open(path.join(tempFolder(t), 'stream'), capacity);
    t.after(() => stream.close());
    return stream;
  },
};

module.exports = { HEADER_BYTES, WRITTEN, READ, bytes, text, startStream, runStream, refused, kinds };
