'use strict';

// The main job when it is cancelled, and when a thread of it dies.

const assert = require('node:assert/strict');
const path = require('node:path');
const { describe, it } = require('node:test');
const { built, makeFolder, makeSlowFolder, run } = require('./job-helpers.js');

const { runJob } = require(path.join(built, 'coordinator.js'));
const { checkAgainstPlainPass } = require(path.join(built, 'reference-pass.js'));
const { makeReport, reportExitCode, reportText } = require(path.join(built, 'report.js'));
const { walk } = require(path.join(built, 'walk.js'));

const never = new AbortController().signal;

describe('cancelling', () => {
  it('ends with a partial, checked report and exit code 130', async (t) => {
    if (process.platform === 'win32') return t.skip('no SIGINT to send on Windows');
    const folder = makeSlowFolder('cancelled');
    let isCancelled = false;
    const { stdout, stderr, code, signal } = await run([folder, '--threads', '2', '--agents', '4'], {
      onStderr(text, child) {
        if (isCancelled || !/\d of 400 files/.test(text)) return;
        isCancelled = true;
        child.kill('SIGINT');
      },
    });
    assert.deepEqual([code, signal], [130, null], stderr);
    const [, total, counted, unfinished] = /(\d+) found, (\d+) counted, 0 errors, (\d+) unfinished/.exec(stdout);
    assert.equal(Number(total), 400);
    assert.equal(Number(counted) + Number(unfinished), 400);
    assert.ok(Number(counted) > 0 && Number(unfinished) > 0);
    assert.match(
      stdout,
      new RegExp(`check +ok: every hash and total equals that of a plain pass over ${counted} file`),
    );
  });

  it('gives back what agents hold but have not begun', async () => {
    const folder = makeSlowFolder('given back', 200);
    const { files } = await walk(folder, { all: false });
    const controller = new AbortController();
    const plan = { folder, files, threads: 2, agents: 6, busName: 'job-test-cancel' };
    const job = await runJob(plan, controller.signal, (read) => {
      const timer = setInterval(() => {
        if (read().done === 0) return;
        clearInterval(timer);
        controller.abort();
      }, 5);
    });
    assert.equal(job.cancelled, true);
    assert.deepEqual(job.faults, []);
    assert.ok(job.outcomes.includes(undefined));
    assert.ok(job.threads.every(({ death }) => death === undefined));
    const { outcomes, totals } = job;
    const check = await checkAgainstPlainPass({ folder, files, outcomes, totals, signal: never });
    assert.equal(check.ok, true);
    assert.equal(check.filesChecked, outcomes.filter((outcome) => outcome !== undefined).length);
  });

  it('is possible before the work has begun', async () => {
    const folder = makeFolder('cancelled early', { 'a.txt': 'a\n' });
    const plan = { folder, files: ['a.txt'], threads: 2, agents: 6, busName: 'job-test-cancel-early' };
    const job = await runJob(plan, AbortSignal.abort());
    assert.equal(job.cancelled, true);
    assert.deepEqual(job.outcomes, [undefined]);
    assert.deepEqual(job.faults, []);
  });

  it('does not wait for a thread that hangs', async () => {
    const folder = makeSlowFolder('hanging', 200);
    const { files } = await walk(folder, { all: false });
    const controller = new AbortController();
    const workerFile = path.join(__dirname, 'fixtures', 'job-dying-worker.js');
    const plan = { folder, files, threads: 1, agents: 4, busName: 'job-test-all-by-hanging', workerFile, graceMs: 300 };
    const job = await runJob(plan, controller.signal, (read) => {
      const timer = setInterval(() => {
        // It answers for two files; the third is where it hangs, and it gets there at once.
        if (read().done < 2) return;
        clearInterval(timer);
        setTimeout(() => controller.abort(), 200);
      }, 5);
    });
    assert.deepEqual(
      job.threads.map(({ death }) => death),
      ['did not end within 0.3 s'],
    );
    assert.equal(job.outcomes.filter((outcome) => outcome?.ok).length, 2);
    assert.equal(job.outcomes.filter((outcome) => outcome === undefined).length, 198);
    assert.deepEqual(job.faults, []);
  });

  it('ends at once when asked twice', async (t) => {
    if (process.platform === 'win32') return t.skip('no SIGINT to send on Windows');
    let asked = 0;
    const { code, stdout } = await run([makeSlowFolder('forced'), '--threads', '1'], {
      onStderr(text, child) {
        const due = /\d of 400 files/.test(text) ? (text.includes('cancelling') ? 2 : 1) : 0;
        if (asked >= due) return;
        asked += 1;
        child.kill('SIGINT');
      },
    });
    assert.equal(asked, 2);
    assert.equal(code, 130);
    assert.equal(stdout, '');
  });
});

describe('the death of a thread', () => {
  const contents = {};
  for (let i = 0; i < 500; i += 1) contents[`${i}.txt`] = `file ${i}\n`;

  async function runDying(busName) {
    const folder = makeFolder('dying', contents);
    const found = await walk(folder, { all: false });
    const workerFile = path.join(__dirname, 'fixtures', 'job-dying-worker.js');
    const job = await runJob({ folder, files: found.files, threads: 2, agents: 8, busName, workerFile }, never);
    const { outcomes, totals } = job;
    const check = await checkAgainstPlainPass({ folder, files: found.files, outcomes, totals, signal: never });
    return makeReport(folder, found, job, check, { walkMs: 0, elapsedMs: 0 });
  }

  for (const [busName, cause] of [
    ['job-test-by-exit', 'exited with code 7'],
    ['job-test-by-error', 'TypeError: the fixture gives up'],
  ]) {
    it(`is noticed, and its unfinished files are errors (${cause})`, async () => {
      const report = await runDying(busName);
      assert.deepEqual(
        report.threads.map(({ death }) => death),
        [null, cause],
      );
      const { files, check } = report;
      assert.equal(files.total, 500);
      assert.ok(files.errors.length > 0 && files.errors.length < 100, `${files.errors.length} files lost`);
      assert.ok(files.errors.every(({ reason, detail }) => reason === 'agent-died' && detail === `thread 1: ${cause}`));
      assert.equal(files.counted + files.errors.length, 500);
      assert.equal(check.ok, true, 'what was counted is still right');
      assert.equal(reportExitCode(report), 1);
      assert.ok(reportText(report).includes(`died: ${cause}`));
    });
  }

  it('ends the job when nobody is left', async () => {
    const report = await runDying('job-test-all-by-exit');
    const reasons = new Set(report.files.errors.map(({ reason }) => reason));
    assert.deepEqual([...reasons].sort(), ['agent-died', 'no-agent-left']);
    assert.equal(report.files.counted + report.files.errors.length, 500);
    assert.equal(reportExitCode(report), 1);
  });
});
