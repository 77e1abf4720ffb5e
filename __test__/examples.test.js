'use strict';

// Every example runs to its end and says something.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { describe, it } = require('node:test');
const { promisify } = require('node:util');

const folder = path.join(__dirname, '..', 'examples');

describe('the example', () => {
  for (const name of fs.readdirSync(folder).filter((file) => file.endsWith('.mjs'))) {
    it(name, async () => {
      // Rejects for another exit code than 0.
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [path.join(folder, name)], {
        timeout: 120_000,
      });
      assert.notEqual(stdout, '');
      assert.equal(stderr, '');
    });
  }
});
