'use strict';

// A stream of ever-new strings and ever-new shapes neither grows memory without end nor takes the room of other buses.
// AGENTWIRE_EVER_NEW=N sends N of each.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { fixture, runNode } = require('./helpers.js');

const count = process.env.AGENTWIRE_EVER_NEW ? Number(process.env.AGENTWIRE_EVER_NEW) : 300_000;
const mib = 1 << 20;
/** Of the tables' limits (docs/wire-format.md, section 2) one channel alone gets a quarter. */
const quota = { strings: 65_536 / 4, shapes: 16_384 / 4, bytes: (4 * mib) / 4 };

it('ever-new strings and shapes stay within their quota, and other buses keep theirs', async (t) => {
  const { code, stdout, stderr } = await runNode(['--expose-gc', fixture('ever-new.js'), String(count)]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
  t.diagnostic(stdout.trim());
  const { sent, heap, noisy, early, late, all, memory, wrong } = JSON.parse(stdout);
  assert.ok(sent.strings >= count && sent.shapes >= count);
  assert.equal(wrong, 0, 'every message came as it was sent');

  // What the others admitted makes the noisy one's share a little smaller than a quarter.
  const { strings, shapes, stringBytes, shapeBytes } = noisy.end;
  assert.ok(strings <= quota.strings && strings > quota.strings - 100, `${strings} strings`);
  assert.ok(shapes <= quota.shapes && shapes > quota.shapes - 100, `${shapes} shapes`);
  assert.ok(stringBytes <= quota.bytes && shapeBytes <= quota.bytes, `${stringBytes}, ${shapeBytes} bytes`);
  assert.deepEqual(noisy.warm, noisy.end, 'nothing is admitted once the quota is used up');
  assert.deepEqual(
    [all.stringBytes, all.shapeBytes],
    [memory.strings, memory.shapes],
    'two ways to the same count of native memory',
  );
  assert.ok(memory.strings + memory.shapes < 3 * mib);

  for (const [who, grown] of [
    ['the publisher', heap.end - heap.warm],
    ['the receiver', heap.receiverEnd - heap.receiverWarm],
  ]) {
    assert.ok(grown < 8 * mib, `the heap of ${who} grew by ${grown} bytes`);
  }

  // Inline a message of theirs takes 40 bytes of header and more than 350 of payload.
  for (const bytes of [early.before, early.after, late.after]) assert.ok(bytes > 40 && bytes < 160, `${bytes} bytes`);
  assert.deepEqual([early.usage.strings, early.usage.shapes], [1, 1]);
  assert.deepEqual([late.usage.strings, late.usage.shapes], [1, 1], 'who comes after the flood finds room');
});
