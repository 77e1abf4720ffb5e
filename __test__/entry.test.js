'use strict';

// The public entry: one copy of the package, with the same names, whichever way it is loaded.

const assert = require('node:assert/strict');
const { it } = require('node:test');

/** What the ES module view of a CommonJS module has besides: the second since Node 23, the third is the compiler's mark. */
const ownNamesOfTheView = ['default', 'module.exports', '__esModule'];

it('gives an ES module the names that require() gives', async () => {
  const required = require('agentwire');
  const imported = await import('agentwire');
  const importedNames = Object.keys(imported).filter((name) => !ownNamesOfTheView.includes(name));
  assert.deepEqual(importedNames.sort(), Object.keys(required).sort());
  assert.ok(importedNames.length > 0);
});

it('gives an ES module the very objects that require() gives', async () => {
  const required = require('agentwire');
  const imported = await import('agentwire');
  for (const [name, value] of Object.entries(required)) assert.equal(imported[name], value, name);
  assert.equal(imported.default, required);
});

it('tells its version', () => {
  assert.match(require('agentwire/package.json').version, /^\d+\.\d+\.\d+/);
});

it('keeps its inner files to itself', () => {
  assert.throws(() => require('agentwire/dist/native.js'), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' });
});
