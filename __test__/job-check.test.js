'use strict';

// The check that the main job makes of its own result.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { before, describe, it } = require('node:test');
const { built, expectedCount, makeFolder } = require('./job-helpers.js');

const { runJob } = require(path.join(built, 'coordinator.js'));
const { addToTotals, checkAgainstPlainPass, compareFile, compareTotals, noTotals } = require(
  path.join(built, 'reference-pass.js'),
);
const { makeReport, reportExitCode, reportText } = require(path.join(built, 'report.js'));
const { walk } = require(path.join(built, 'walk.js'));

const never = new AbortController().signal;

describe('the check', () => {
  const counted = (text, changedMs = 1) => ({ ok: true, ...expectedCount(Buffer.from(text)), changedMs });
  const failed = (reason, changedMs) => ({ ok: false, reason, detail: '', changedMs });

  it('finds no difference between equal outcomes', () => {
    assert.deepEqual(compareFile('f', counted('a b\n'), counted('a b\n')), []);
    assert.deepEqual(compareFile('f', failed('binary', 1), failed('binary', 1)), []);
  });

  it('names what differs', () => {
    const job = { ...counted('a b\n'), words: 3, sha256: 'other' };
    assert.deepEqual(compareFile('f', job, counted('a b\n')), [
      { what: 'words of f', job: 3, plain: 2 },
      { what: 'sha256 of f', job: 'other', plain: counted('a b\n').sha256 },
    ]);
    assert.deepEqual(compareFile('f', failed('unreadable', 1), counted('a')), [
      { what: 'outcome of f', job: 'unreadable', plain: 'counted' },
    ]);
  });

  it('does not blame the job for a file that changed or vanished since', () => {
    const since = 'after the job read it';
    assert.deepEqual(compareFile('f', counted('a', 1), counted('b', 2)), { changed: `changed ${since}` });
    assert.deepEqual(compareFile('f', counted('a', 1), failed('unreadable', undefined)), {
      changed: `vanished ${since}`,
    });
    assert.deepEqual(compareFile('f', counted('a', 1), counted('a', 2)), []);
  });

  it('compares the totals by themselves', () => {
    const totals = noTotals();
    addToTotals(totals, counted('a b\n'));
    addToTotals(totals, failed('binary', 1));
    assert.deepEqual(totals, { files: 1, errors: 1, bytes: 4, lines: 1, words: 2 });
    assert.deepEqual(compareTotals({ ...totals, lines: 2 }, totals), [{ what: 'total of lines', job: 2, plain: 1 }]);
    assert.deepEqual(compareTotals(totals, totals), []);
  });

  describe('of a real folder', () => {
    let folder;
    let found;
    let job;
    before(async () => {
      folder = makeFolder('compared', {
        'a.txt': 'a b\n',
        'b.txt': 'c\n',
        'c.bin': Buffer.from([0]),
        'd.txt': 'd e f\n',
      });
      found = await walk(folder, { all: false });
      const plan = { folder, files: found.files, threads: 2, agents: 5, busName: 'job-test-check' };
      job = await runJob(plan, never);
    });
    const check = (changes) => {
      const { outcomes, totals } = { ...job, ...changes };
      return checkAgainstPlainPass({ folder, files: found.files, outcomes, totals, signal: never });
    };
    const exitCode = (result) => reportExitCode(makeReport(folder, found, job, result, { walkMs: 0, elapsedMs: 0 }));

    it('passes what the agents said', async () => {
      const result = await check({});
      assert.equal(result.ok, true);
      assert.equal(exitCode(result), 0);
    });

    it('fails a wrong hash', async () => {
      const [first, ...rest] = job.outcomes;
      const result = await check({ outcomes: [{ ...first, sha256: '0'.repeat(64) }, ...rest] });
      assert.equal(result.ok, false);
      assert.deepEqual(
        result.differences.map(({ what }) => what),
        ['sha256 of a.txt'],
      );
      assert.equal(exitCode(result), 1);
    });

    it('fails a total that was added up wrongly', async () => {
      const result = await check({ totals: { ...job.totals, words: job.totals.words + 1 } });
      assert.deepEqual(result.differences, [{ what: 'total of words', job: 7, plain: 6 }]);
      assert.equal(exitCode(result), 1);
    });

    it('fails messages that were lost', async () => {
      const faults = ['TASK_RESULT: 3 messages sent, 2 received'];
      const report = makeReport(folder, found, { ...job, faults }, await check({}), { walkMs: 0, elapsedMs: 0 });
      assert.equal(report.check.ok, false);
      assert.equal(reportExitCode(report), 1);
      assert.ok(reportText(report).includes(faults[0]));
    });

    it('covers what it has come to when it is interrupted', async () => {
      const { outcomes, totals } = job;
      const signal = AbortSignal.abort();
      const result = await checkAgainstPlainPass({ folder, files: found.files, outcomes, totals, signal });
      assert.deepEqual([result.ok, result.complete, result.filesChecked], [true, false, 0]);
    });

    it('reports files that changed or vanished, and compares the rest', async () => {
      fs.appendFileSync(path.join(folder, 'a.txt'), 'more\n');
      fs.rmSync(path.join(folder, 'b.txt'));
      const result = await check({});
      assert.equal(result.ok, true);
      assert.deepEqual(result.changed, [
        { path: 'a.txt', detail: 'changed after the job read it' },
        { path: 'b.txt', detail: 'vanished after the job read it' },
      ]);
      assert.deepEqual(result.totals.plain, { files: 1, errors: 1, bytes: 6, lines: 1, words: 3 });
    });
  });
});
