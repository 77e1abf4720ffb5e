'use strict';

// The main job from the outside, as `npm start` runs it, and its parts where the outside cannot make them fail.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');

const built = path.join(__dirname, '..', 'build', 'job');
const { runJob } = require(path.join(built, 'coordinator.js'));
const { LatencyHistogram } = require(path.join(built, 'latency.js'));
const { expectedTally, makeLoadMessage, noTally, tally } = require(path.join(built, 'load-messages.js'));
const { barLine } = require(path.join(built, 'progress.js'));
const { addToTotals, checkAgainstPlainPass, compareFile, compareTotals, noTotals } = require(
  path.join(built, 'reference-pass.js'),
);
const { makeReport, reportExitCode, reportText } = require(path.join(built, 'report.js'));
const { walk } = require(path.join(built, 'walk.js'));

const never = new AbortController().signal;
const isRoot = process.getuid?.() === 0;

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

const textFiles = {
  'plain.txt': 'one two three\nfour\n',
  'no newline at the end.txt': 'alpha beta',
  'empty.txt': '',
  'only white space.txt': ' \t\r\n\v\f \n',
  'sub folder/deeper/ünïcödé ☂.md': 'smörgås\u00a0bord ☂\r\nzwei\r\n',
  'sub folder/latin1.txt': Buffer.from([0xe4, 0xf6, 0x20, 0xfc, 0x0a, 0xff, 0xfe, 0x0a]),
  // The chunks that a file is read in end within a word here.
  'long.txt': `${'abcdefg '.repeat(70_000)}${'x'.repeat(300_000)} end\n`,
  'late NUL is text.txt': `${'a'.repeat(9_000)}\0 b\n`,
};

const binaryFiles = {
  'image.bin': Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2]),
  'sub folder/NUL at the last probed byte': Buffer.concat([Buffer.alloc(8_191, 'a'), Buffer.from([0])]),
};

describe('counting a folder', () => {
  const folderOf = (name) => makeFolder(name, { ...textFiles, ...binaryFiles });

  it('gives the totals that a calculation of our own gives', async () => {
    const report = await runJson([folderOf('mixed')]);
    const texts = Object.values(textFiles).map((content) => Buffer.from(content));
    assert.equal(report.files.total, texts.length + Object.keys(binaryFiles).length);
    assert.equal(report.files.counted, texts.length);
    assert.equal(report.files.unfinished, 0);
    assert.deepEqual(picked(report), sumOf(texts));
    assert.equal(report.cancelled, false);
    assert.ok(report.elapsedMs > 0);
  });

  it('lists binary files as errors, with the reason', async () => {
    const { files } = await runJson([folderOf('binary')]);
    const listed = files.errors.map(({ path, reason, detail }) => [path, reason, detail]).sort();
    assert.deepEqual(listed, [
      ['image.bin', 'binary', 'NUL byte at offset 4'],
      ['sub folder/NUL at the last probed byte', 'binary', 'NUL byte at offset 8191'],
    ]);
  });

  it('lists unreadable files and folders as errors, with the reason', async (t) => {
    if (isRoot) return t.skip('root can read every file');
    if (process.platform === 'win32') return t.skip('no file modes on Windows');
    const folder = makeFolder('unreadable', { 'open.txt': 'a\n', 'shut.txt': 'b\n', 'shut/in.txt': 'c\n' });
    fs.chmodSync(path.join(folder, 'shut.txt'), 0);
    fs.chmodSync(path.join(folder, 'shut'), 0);
    try {
      const { files, check } = await runJson([folder]);
      assert.equal(files.total, 2);
      assert.deepEqual(files.errors, [{ path: 'shut.txt', reason: 'unreadable', detail: 'EACCES: permission denied' }]);
      assert.deepEqual(files.unreadableFolders, [{ path: 'shut', detail: 'EACCES: permission denied' }]);
      assert.equal(check.ok, true);
    } finally {
      fs.chmodSync(path.join(folder, 'shut'), 0o755);
    }
  });

  it('checks every total against a plain pass', async () => {
    const { check, files } = await runJson([folderOf('checked')]);
    assert.deepEqual(check, {
      ok: true,
      complete: true,
      files: files.total,
      differences: [],
      differenceCount: 0,
      changed: [],
      faults: [],
    });
  });

  it('sends one assignment for each file and gets one answer', async () => {
    const { messages, files, latency } = await runJson([folderOf('answers')]);
    const { byType } = messages;
    const counts = (type) => [byType[type].sent, byType[type].received];
    assert.deepEqual(counts('TASK_ASSIGNMENT'), [files.total, files.total]);
    assert.deepEqual(counts('TASK_RESULT'), [files.counted, files.counted]);
    assert.deepEqual(counts('ERROR'), [files.errors.length, files.errors.length]);
    assert.ok(byType.HEARTBEAT.sent >= 100, 'every agent reports for work');
    assert.equal(byType.HEARTBEAT.sent, byType.HEARTBEAT.received);
    assert.equal(messages.received, latency.count);
    assert.ok(latency.p50 > 0 && latency.p50 <= latency.p95 && latency.p95 <= latency.p99);
    assert.ok(messages.perSecond > 0);
  });

  it('shares the files out among the threads', async () => {
    const { threads, files } = await runJson([folderOf('shares'), '--threads', '3', '--agents', '10']);
    assert.deepEqual(
      threads.map(({ thread, agents }) => [thread, agents]),
      [
        [0, 4],
        [1, 3],
        [2, 3],
      ],
    );
    const sum = (field) => threads.reduce((total, thread) => total + thread[field], 0);
    assert.equal(sum('files'), files.total);
    assert.ok(Math.abs(sum('share') - 1) < 1e-9);
    assert.ok(threads.every(({ messages, death }) => messages > 0 && death === null));
  });

  it('takes one thread and one agent, more threads than files, and more threads than agents', async () => {
    const folder = makeFolder('few', { 'a.txt': 'a b\n', 'b.txt': 'c\n' });
    const plans = [
      [1, 1, 1],
      [4, 100, 4],
      [6, 3, 3],
    ];
    for (const [threads, agents, used] of plans) {
      const report = await runJson([folder, `--threads=${threads}`, `--agents=${agents}`]);
      assert.equal(report.threads.length, used);
      assert.equal(report.files.counted, 2);
      assert.deepEqual(picked(report), { bytes: 6, lines: 2, words: 3 });
    }
  });

  it('takes an empty folder', async () => {
    const report = await runJson([makeFolder('empty', {})]);
    assert.equal(report.files.total, 0);
    assert.deepEqual(picked(report), { bytes: 0, lines: 0, words: 0 });
    assert.equal(report.check.ok, true);
  });

  it('finds more files than its agents hold at once', async () => {
    const contents = {};
    for (let i = 0; i < 3_000; i += 1) contents[`${i % 7}/${i}.txt`] = `file ${i}\n`.repeat(i % 5);
    const report = await runJson([
      makeFolder('many', contents),
      '--threads',
      '2',
      '--agents',
      '9',
      '--bus',
      'another.bus',
    ]);
    assert.equal(report.files.counted, 3_000);
    assert.deepEqual(picked(report), sumOf(Object.values(contents).map((content) => Buffer.from(content))));
  });

  it('follows no symbolic link', async (t) => {
    const folder = makeFolder('links', { 'real.txt': 'a\n' });
    try {
      fs.symlinkSync(path.join(folder, 'real.txt'), path.join(folder, 'link.txt'));
      fs.symlinkSync(folder, path.join(folder, 'circle'));
    } catch (error) {
      return t.skip(`no symbolic links here: ${error.code}`);
    }
    const { files } = await runJson([folder]);
    assert.equal(files.total, 1);
    assert.equal(files.otherEntries, 2);
  });

  it('leaves out .git and what a CACHEDIR.TAG marks, unless told --all', async () => {
    const folder = makeFolder('caches', {
      'a.txt': 'a\n',
      '.git/HEAD': 'ref\n',
      'target/CACHEDIR.TAG': 'Signature: 8a477f597d28d172789f06886806bc55\n',
      'target/debug/out.txt': 'b\n',
      'not a cache/CACHEDIR.TAG': 'some other text\n',
    });
    const { files } = await runJson([folder]);
    assert.equal(files.total, 2);
    assert.deepEqual(files.skippedFolders, [
      { path: '.git', reason: 'git' },
      { path: 'target', reason: 'cache' },
    ]);
    assert.equal((await runJson([folder, '--all'])).files.total, 5);
  });

  it('reads a file whose name is not valid UTF-8', async (t) => {
    const folder = makeFolder('names', { 'a.txt': 'a\n' });
    const name = Buffer.from([0x62, 0xff, 0x2e, 0x74, 0x78, 0x74]);
    try {
      fs.writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), 'b c\n');
    } catch (error) {
      return t.skip(`the file system takes no such name: ${error.code}`);
    }
    const { files, words } = await runJson([folder]);
    assert.deepEqual([files.total, files.counted, words], [2, 2, 3]);
  });

  it('writes a report for people, with every file name printable, and its progress to standard error', async (t) => {
    const odd = process.platform === 'win32' ? 'odd.bin' : 'odd\u001b[2J\n.bin';
    const folder = makeFolder('people', { 'a.txt': 'a b\n', [odd]: Buffer.from([0]) });
    const { stdout, stderr, code } = await run([folder]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /2 found, 1 counted, 1 error \(1 binary\)/);
    assert.match(stdout, /p50 .* p95 .* p99 /);
    assert.match(stdout, /check +ok/);
    assert.ok(!stdout.includes('\u001b'), 'no control character of a file name reaches the terminal');
    assert.match(stderr, /^counting 2 files$/m);
    if (process.platform === 'win32') t.diagnostic('control characters in names are not tried on Windows');
    else assert.ok(stdout.includes('odd\\x1b[2J\\x0a.bin: binary'));
  });

  it('is silent on standard error with --json', async () => {
    const { stderr } = await run([makeFolder('quiet', { 'a.txt': 'a\n' }), '--json']);
    assert.equal(stderr, '');
  });
});

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

describe('the command line', () => {
  it('explains itself with --help', async () => {
    for (const option of ['--help', '-h']) {
      const { stdout, stderr, code } = await run([option, '--threads', '5']);
      assert.equal(code, 0);
      assert.equal(stderr, '');
      for (const word of ['--threads', '--agents', '--load', '--json', '--all', '--bus', 'FOLDER', '130']) {
        assert.ok(stdout.includes(word), word);
      }
    }
  });

  const mistakes = [
    [['--threads', '0'], '--threads: a whole number from 1 to 256 expected, "0" given'],
    [['--threads', '2.5'], '"2.5" given'],
    [['--threads', '-3'], '"-3" given'],
    [['--threads=1e3'], '"1e3" given'],
    [['--agents', 'many'], '--agents: a whole number from 1 to 100000 expected, "many" given'],
    [['--agents='], '"" given'],
    [['--load', '0'], '--load: a whole number'],
    [['--load', '10', '--rounds', 'x'], '--rounds: a whole number'],
    [['--load', '10', '--agents', '3'], 'it takes no --agents'],
    [['--load', '10', '.'], 'it takes no folder'],
    [['--load'], '--load'],
    [['--rounds', '2'], '--rounds is for --load'],
    [['--bus='], '--bus: a name of 1 to 256 characters expected, one of 0 given'],
    [['--colour'], "'--colour'"],
    [['one', 'two'], 'one folder expected, 2 given: "one", "two"'],
    [[''], 'the name of the folder is empty'],
    [['/there/is/no/such/folder'], 'ENOENT'],
    [[__filename], 'is not a folder'],
  ];
  for (const [args, words] of mistakes) {
    it(`refuses ${JSON.stringify(args.map((arg) => path.basename(arg)))} with exit code 2`, async () => {
      const { stdout, stderr, code } = await run(args);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      assert.ok(stderr.includes(words), stderr);
      assert.ok(stderr.includes('--help'));
      assert.ok(!/^\s+at /m.test(stderr), 'no stack for a mistake of the caller');
    });
  }

  it('takes a folder relative to where npm start was typed', async () => {
    const folder = makeFolder('typed', { 'a.txt': 'a\n' });
    const env = { ...process.env, npm_lifecycle_event: 'start', INIT_CWD: path.dirname(folder) };
    const { stdout, code } = await run(['typed', '--json', '--agents', '2'], { env });
    assert.equal(code, 0);
    assert.equal(JSON.parse(stdout).files.total, 1);
  });
});

describe('the load', () => {
  it('sends the messages over both transports and counts what arrives', async () => {
    const { load, ok } = await runJson(['--load', '20000', '--rounds', '2']);
    assert.equal(ok, true);
    assert.equal(load.messages, 20_000);
    assert.equal(load.bytesOfJson, 181);
    for (const { rounds, perSecond } of [load.agentwire, load.messagePort]) {
      assert.equal(rounds.length, 2);
      assert.ok(perSecond > 0);
      for (const { seen } of rounds)
        assert.deepEqual(seen, { ...load.expected, received: 20_000, checksum: 199_990_000 });
    }
    assert.ok(load.ratio > 0);
  });

  it('sends a single message', async () => {
    const { load } = await runJson(['--load', '1', '--rounds', '1']);
    assert.equal(load.agentwire.rounds[0].seen.received, 1);
  });

  it('prints both figures and the ratio for people', async () => {
    const { stdout, code } = await run(['--load', '20000', '--rounds', '1']);
    assert.equal(code, 0);
    assert.match(stdout, /agentwire +[\d,]+ /);
    assert.match(stdout, /MessagePort +[\d,]+ /);
    assert.match(stdout, /ratio +[\d.]+ x/);
    assert.match(stdout, /every message was received once, as it was sent/);
  });

  it('uses the messages of the targets, each with strings of its own', () => {
    const [first, second] = [makeLoadMessage(0), makeLoadMessage(1)];
    assert.equal(JSON.stringify(first).length, 181);
    assert.equal(first.data.payload.length, 27);
    assert.notEqual(first.id, second.id);
    assert.notEqual(first.data.taskId, second.data.taskId);
    assert.notEqual(first.data.payload, second.data.payload);
  });

  it('notices messages that are lost, doubled or spoiled', () => {
    const seenOf = (messages) => {
      const seen = noTally();
      for (const message of messages) tally(seen, message);
      return seen;
    };
    const sequences = [0, 1, 2, 3];
    assert.deepEqual(seenOf(sequences.map(makeLoadMessage)), expectedTally(4));
    assert.notDeepEqual(seenOf([0, 1, 3].map(makeLoadMessage)), expectedTally(4));
    assert.notDeepEqual(seenOf([0, 1, 1, 3].map(makeLoadMessage)), expectedTally(4));
    assert.equal(seenOf([{ ...makeLoadMessage(0), agent: 'another' }]).spoiled, 1);
    // The number of digits grows after nine million messages.
    const perMessage = expectedTally(1).characters;
    assert.equal(expectedTally(9_000_001).characters, 9_000_001 * perMessage + 3);
  });
});

describe('the figures', () => {
  it('gives percentiles within one per cent', () => {
    const histogram = new LatencyHistogram();
    for (let ns = 1; ns <= 1_000_000; ns += 1) histogram.record(ns);
    for (const p of [0.001, 0.5, 0.95, 0.99, 1]) {
      const error = Math.abs(histogram.percentile(p) / (p * 1_000_000) - 1);
      assert.ok(error < 0.01, `${p}: off by ${error}`);
    }
    assert.equal(histogram.count, 1_000_000);
  });

  it('counts what is out of range, and has figures for nothing at all', () => {
    const histogram = new LatencyHistogram();
    assert.deepEqual(histogram.figures(), { count: 0, p50: 0, p95: 0, p99: 0 });
    for (const ns of [-5, 0, 1e6, 5e9, 2 ** 52, Number.MAX_SAFE_INTEGER]) histogram.record(ns);
    assert.equal(histogram.count, 6);
    const copy = new LatencyHistogram();
    copy.merge(histogram.snapshot());
    assert.deepEqual(copy.figures(), histogram.figures());
  });

  it('draws a bar that fits the terminal, however narrow', () => {
    const step = { done: 1_234, bytes: 56_789_012, note: '3 agents silent' };
    for (let columns = 1; columns <= 200; columns += 1) {
      const line = barLine('counting', step, 7_911, 1_500, columns);
      assert.ok(line.length < columns, `${line.length} characters in ${columns} columns`);
    }
    assert.match(
      barLine('counting', step, 7_911, 1_500, 120),
      /^counting \[#+-+\] 1,234 of 7,911 files, 823 files\/s, 9 s left/,
    );
    assert.match(barLine('counting', { done: 0, bytes: 0 }, 0, 0, 80), /0 of 0 files/);
  });
});
