'use strict';

// What the tests of the main job share: the built job, its main program in a process, folders for it to count.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before } = require('node:test');

const built = path.join(__dirname, '..', 'build', 'job');

/** Runs the job's main program to its end. `onStderr` may act on what it says meanwhile. */
function run(args, { onStderr, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.join(built, 'main.js'), ...args], { stdio: 'pipe', ...options });
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      output.stderr += text;
      onStderr?.(output.stderr, child);
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ ...output, code, signal }));
  });
}

async function runJson(args) {
  const { stdout, stderr, code } = await run([...args, '--json']);
  assert.equal(code, 0, stderr + stdout);
  return JSON.parse(stdout);
}

/** Counts as wc does, with none of the job's code. */
function expectedCount(content) {
  const text = content.toString('latin1');
  return {
    bytes: content.length,
    lines: text.split('\n').length - 1,
    words: text.split(/[ \t\n\v\f\r]+/).filter((word) => word !== '').length,
    sha256: createHash('sha256').update(content).digest('hex'),
  };
}

function sumOf(contents) {
  const sum = { bytes: 0, lines: 0, words: 0 };
  for (const content of contents) {
    const { bytes, lines, words } = expectedCount(content);
    sum.bytes += bytes;
    sum.lines += lines;
    sum.words += words;
  }
  return sum;
}

function picked({ bytes, lines, words }) {
  return { bytes, lines, words };
}

let scratch;
before(() => {
  scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'agentwire-job-'));
});
after(() => fs.rmSync(scratch, { recursive: true, force: true }));

function makeFolder(name, files) {
  const folder = path.join(scratch, name);
  fs.mkdirSync(folder, { recursive: true });
  for (const [file, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    fs.writeFileSync(path.join(folder, file), content);
  }
  return folder;
}

/** Many seconds of work that take next to no space: one file under many names. */
function makeSlowFolder(name, files = 400) {
  const folder = makeFolder(name, { '0.txt': 'four words in it\n'.repeat(250_000) });
  for (let i = 1; i < files; i += 1) fs.linkSync(path.join(folder, '0.txt'), path.join(folder, `${i}.txt`));
  return folder;
}

module.exports = { built, expectedCount, makeFolder, makeSlowFolder, picked, run, runJson, sumOf };
