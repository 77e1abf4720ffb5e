'use strict';

// Where the runtime compiles no source text, closures read and write what generated functions do elsewhere: the same tests pass.

const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, it } = require('node:test');
const { fixture, runNode } = require('./helpers.js');

const forbidden = '--disallow-code-generation-from-strings';
// The random ones do not need many cases again: what differs here is how a shape is read and written.
const files = { values: 0, delivery: 0, 'wire-vectors': 0, 'codec-differential': 200, 'codec-fuzz': 20_000 };

describe('without code generation', () => {
  for (const [file, runs] of Object.entries(files)) {
    it(`${file}.test.js passes`, async () => {
      // A runner of its own, and not one that reports to this one.
      const { NODE_TEST_CONTEXT, ...env } = { ...process.env, AGENTWIRE_FUZZ_RUNS: String(runs) };
      const test = path.join(__dirname, `${file}.test.js`);
      const { code, stdout, stderr } = await runNode([forbidden, '--test-reporter=tap', test], { env });
      assert.equal(code, 0, `${stdout}${stderr}`);
      assert.match(stdout, /^# fail 0$/m, stdout);
      assert.doesNotMatch(stdout, /^# tests 0$/m, stdout);
    });
  }
});

for (const [how, options, mayGenerateCode] of [
  ['with code generation', [], true],
  ['without code generation', [forbidden], false],
]) {
  it(`${how} __proto__, constructor and the like are keys as any other, in every thread`, async () => {
    const { code, stdout, stderr } = await runNode([...options, fixture('prototype-keys.js')]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.deepEqual(JSON.parse(stdout), {
      mayGenerateCode,
      inWorker: mayGenerateCode,
      received: 20,
      faults: [],
      byShape: true,
    });
  });
}
