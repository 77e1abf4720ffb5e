'use strict';

// How the benchmark runs its parts, and what it says meanwhile: one that fails is a missed must, and the others are measured all the same.

const assert = require('node:assert/strict');
const { before, describe, it } = require('node:test');

let measure;
let report;
let Progress;
let effortInTime;

before(async () => {
  const modules = ['measure', 'report', 'progress', 'effort'].map((name) => import(`../benchmark/${name}.mjs`));
  [measure, report, { Progress }, { effortInTime }] = await Promise.all(modules);
});

/** A stream that keeps what is written. */
function stream(isTTY) {
  const written = [];
  return { isTTY, columns: 60, written, write: (text) => written.push(text) };
}

const part = (name, run) => ({ names: [name], kind: 'row', seconds: [1, 2, 3], run });
const row = (name, ok) => ({ row: name, work: '', figure: '', peer: '', ratio: '', must: { text: '', ok }, aim: null });

describe('measure', () => {
  it('turns an error into a missed must, and goes on', async () => {
    const parts = [
      part('bad', () => {
        throw new Error('messages were lost');
      }),
      part('good', async ({ pick, beside, keep }) => {
        const options = { transports: ['ours'], rounds: pick(1, 2, 3) };
        await beside('good', options, () => 5);
        keep('extra', 7);
        return [row('good', true)];
      }),
    ];
    const progress = new Progress([1, 1], stream(false));
    const { results, rounds, details, load } = await measure.measure(parts, { effort: 'judged', progress });
    assert.deepEqual(
      results.map(({ row, kind, must }) => [row, kind, must.ok]),
      [
        ['bad', 'row', false],
        ['good', 'row', true],
      ],
    );
    assert.match(results[0].error, /messages were lost/);
    assert.match(report.summary(results), /^FAIL: 1 of 2 musts met.*missed: bad$/);
    assert.deepEqual(rounds[0].kept, { ours: [5, 5] });
    assert.deepEqual(details, { extra: 7 });
    assert.deepEqual(
      load.map(({ part }) => part),
      ['bad', 'good'],
    );
  });
});

describe('effortInTime', () => {
  const expected = [100, 250, 900];

  it('keeps to the effort while the run is in time, and hurries where it fell behind', () => {
    assert.equal(effortInTime('judged', { elapsed: 0, done: 0, expected }), 'judged');
    assert.equal(effortInTime('judged', { elapsed: 40, done: 40, expected }), 'judged');
    assert.equal(effortInTime('judged', { elapsed: 60, done: 40, expected }), 'quick');
    // In time so far, and too slow for what is left.
    assert.equal(effortInTime('judged', { elapsed: 20, done: 15, expected }), 'quick');
  });

  it('has no hurry with a full run', () => {
    assert.equal(effortInTime('full', { elapsed: 5000, done: 40, expected }), 'full');
  });
});

describe('summary', () => {
  it('counts musts and aims apart, and names what was not run', () => {
    const missedAim = { ...row('1', true), aim: { text: '', ok: false } };
    const notRun = { ...row('18', true), must: null, notRun: true, figure: 'not run: ten minutes' };
    assert.equal(
      report.summary([missedAim, notRun]),
      'PASS: 1 of 1 musts met, 0 of 1 aims met, row 18 not run: ten minutes',
    );
  });
});

describe('Progress', () => {
  it('writes plain lines where nobody watches a terminal', () => {
    const out = stream(false);
    const progress = new Progress([10, 30], out);
    progress.begin('row 1');
    progress.say('a round');
    progress.end();
    progress.begin('row 2');
    progress.stop();
    assert.deepEqual(out.written, ['1 of 2, 0:00 of about 0:40: row 1\n', 'a round\n', out.written[2]]);
    assert.match(out.written[2], /^2 of 2, 0:00 of about 0:0\d: row 2\n$/);
  });

  it('keeps one line at the bottom of a terminal, no longer than that is wide, and takes it away', () => {
    const out = stream(true);
    const progress = new Progress([10, 30], out, { TERM: 'xterm' });
    progress.begin(`row ${'1'.repeat(100)}`);
    progress.say('a round');
    progress.stop();
    const text = out.written.join('');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the terminal's own
    const lines = text.split(/\r\x1b\[2K/).slice(1);
    assert.deepEqual(
      lines.map((line) => line.length <= 59),
      lines.map(() => true),
    );
    assert.equal(lines[1], 'a round\n');
    assert.ok(lines[2].startsWith('................ 1 of 2'), lines[2]);
    assert.equal(lines.at(-1), '', 'nothing is left of it');
  });
});
