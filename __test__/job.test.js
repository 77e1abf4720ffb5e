'use strict';

// The main job from the outside, as `npm start` runs it: counting folders, and the command line.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, it } = require('node:test');
const { makeFolder, picked, run, runJson, sumOf } = require('./job-helpers.js');

const isRoot = process.getuid?.() === 0;

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
