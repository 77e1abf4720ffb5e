'use strict';

// The byte stream in a file: across restarts, and every file that is refused.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { describe, it } = require('node:test');
const { MemoryMappedBuffer } = require('agentwire');
const { fixture, tempFolder, Thread } = require('./helpers.js');
const { HEADER_BYTES, WRITTEN, READ, bytes, text, startStream, runStream, refused } = require('./byte-streams.js');

describe('a stream in a file', () => {
  it('survives the end of the process that wrote it', async (t) => {
    const file = path.join(tempFolder(t), 'stream');
    assert.equal(await runStream('write', file, 1000, 'one '), 'true');
    assert.equal(await runStream('write', file, 1000, 'two'), 'true');
    assert.equal(await runStream('open', file), 'opened with 7');
    const stream = MemoryMappedBuffer.open(file);
    assert.equal(stream.capacity, 1000);
    assert.equal(text(stream.read(7)), 'one two');
    stream.close();
    assert.equal(await runStream('open', file), 'opened with 0');
  });

  it('has an absolute path and no buffer', (t) => {
    const folder = tempFolder(t);
    const stream = MemoryMappedBuffer.open(path.relative(process.cwd(), path.join(folder, 'stream')), 100);
    assert.equal(stream.path, path.join(folder, 'stream'));
    assert.equal(stream.buffer, undefined);
    assert.equal(fs.statSync(stream.path).size, HEADER_BYTES + 100);
    stream.close();
  });

  it('has 64 MiB if not told otherwise', (t) => {
    const stream = MemoryMappedBuffer.open(path.join(tempFolder(t), 'stream'));
    assert.equal(stream.capacity, 64 * 2 ** 20);
    stream.close();
  });

  it('is the same for every handle of the process, and closed with the last', async (t) => {
    const file = path.join(tempFolder(t), 'stream');
    const first = MemoryMappedBuffer.open(file, 100);
    const second = MemoryMappedBuffer.open(file);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, file) => {
      state.stream = agentwire.MemoryMappedBuffer.open(file);
      state.stream.write(Buffer.from('shared'));
    }, file);
    first.close();
    assert.equal(text(second.read(6)), 'shared');
    second.close();
    assert.equal(await runStream('open', file), 'ERR_AGENTWIRE_FILE_IN_USE');
    await thread.terminate();
    assert.equal(await runStream('open', file), 'opened with 0');
  });

  it('is refused to other processes while it is open, until its process is killed', async (t) => {
    const file = path.join(tempFolder(t), 'stream');
    const { child, ended, ready } = await startStream(t, 'hold', file);
    await ready;
    refused(() => MemoryMappedBuffer.open(file), 'ERR_AGENTWIRE_FILE_IN_USE', file, 'another process');
    child.kill('SIGKILL');
    await ended;
    const stream = MemoryMappedBuffer.open(file);
    assert.equal(text(stream.read(4)), 'held');
    stream.close();
  });

  it('refuses a path and a capacity that cannot be', (t) => {
    for (const wrong of [undefined, null, '', 5, 'a\0b', {}, Buffer.from('x')]) {
      refused(() => MemoryMappedBuffer.open(wrong), 'ERR_AGENTWIRE_ARGUMENT', 'path must be');
    }
    const file = path.join(tempFolder(t), 'stream');
    for (const capacity of [0, -1, 1.5, Number.NaN, 2 ** 41, '5', null]) {
      refused(() => MemoryMappedBuffer.open(file, capacity), 'ERR_AGENTWIRE_ARGUMENT', 'capacity must be');
    }
    assert.equal(fs.existsSync(file), false);
  });

  it('refuses what is no file', (t) => {
    const folder = tempFolder(t);
    refused(() => MemoryMappedBuffer.open(folder), 'ERR_AGENTWIRE_NOT_A_FILE', folder);
    refused(() => MemoryMappedBuffer.open(path.join(folder, 'no', 'stream')), 'ERR_AGENTWIRE_NO_FOLDER', 'create it');
    if (process.platform === 'win32') return;
    refused(() => MemoryMappedBuffer.open('/dev/null'), 'ERR_AGENTWIRE_NOT_A_FILE', '/dev/null');
    const pipe = path.join(folder, 'pipe');
    if (spawnSync('mkfifo', [pipe]).status === 0) {
      refused(() => MemoryMappedBuffer.open(pipe), 'ERR_AGENTWIRE_NOT_A_FILE', pipe);
    } else t.diagnostic('skipped: no mkfifo here');
  });

  it('refuses files that hold no stream, or a broken one, and leaves them as they are', (t) => {
    const file = path.join(tempFolder(t), 'stream');
    const made = MemoryMappedBuffer.open(file, 1000);
    made.write(bytes('abc'));
    made.close();
    const sound = fs.readFileSync(file);
    const changed = (offset, ...values) => {
      const copy = Buffer.from(sound);
      copy.set(values, offset);
      return copy;
    };
    const cases = [
      ['ERR_AGENTWIRE_FOREIGN_FILE', bytes('some text'), 'something else'],
      ['ERR_AGENTWIRE_FOREIGN_FILE', Buffer.alloc(10_000), 'something else'],
      ['ERR_AGENTWIRE_FOREIGN_FILE', changed(1, 0), 'something else'],
      ['ERR_AGENTWIRE_FILE_TRUNCATED', sound.subarray(0, 20), '20'],
      ['ERR_AGENTWIRE_FILE_TRUNCATED', sound.subarray(0, HEADER_BYTES), `${HEADER_BYTES + 1000}`],
      ['ERR_AGENTWIRE_FILE_TRUNCATED', sound.subarray(0, -1), `${HEADER_BYTES + 999}`],
      ['ERR_AGENTWIRE_FILE_VERSION', changed(8, 2), 'version 2'],
      ['ERR_AGENTWIRE_DAMAGED', changed(16, 0xe7), 'header'],
      ['ERR_AGENTWIRE_DAMAGED', changed(25, sound[25] ^ 1), 'header'],
      ['ERR_AGENTWIRE_DAMAGED', changed(READ, 4), 'positions'],
      ['ERR_AGENTWIRE_DAMAGED', changed(WRITTEN, 0, 0, 0, 0, 0, 1), 'positions'],
    ];
    for (const [code, content, part] of cases) {
      fs.writeFileSync(file, content);
      refused(() => MemoryMappedBuffer.open(file), code, file, part);
      assert.ok(fs.readFileSync(file).equals(content), `${code}: the file was changed`);
    }
    fs.writeFileSync(file, sound);
    refused(() => MemoryMappedBuffer.open(file, 999), 'ERR_AGENTWIRE_FILE_CAPACITY', '1000', '999', file);
    const stream = MemoryMappedBuffer.open(file, 1000);
    assert.equal(text(stream.read(3)), 'abc');
    refused(() => MemoryMappedBuffer.open(file, 999), 'ERR_AGENTWIRE_FILE_CAPACITY', '1000', '999');
    stream.close();
  });

  it('takes an empty file for a new one, and one that is too long for what its header says', (t) => {
    const file = path.join(tempFolder(t), 'stream');
    fs.writeFileSync(file, '');
    const made = MemoryMappedBuffer.open(file, 100);
    made.write(bytes('abc'));
    made.close();
    fs.appendFileSync(file, 'more');
    const stream = MemoryMappedBuffer.open(file);
    assert.equal(stream.capacity, 100);
    assert.equal(text(stream.read(3)), 'abc');
    stream.close();
    assert.ok(fs.readFileSync(file).subarray(-4).equals(bytes('more')));
  });

  it('tells a full disk and a read-only one when it is opened, never later', (t) => {
    const folder = tempFolder(t);
    const { status, stdout, stderr, error } = spawnSync(
      'unshare',
      ['-rm', process.execPath, fixture('stream.js'), 'mounts', folder],
      { encoding: 'utf8' },
    );
    if (error || (status !== 0 && /unshare|mount:/.test(stderr))) {
      return t.skip(`no file system can be mounted here: ${error?.message ?? stderr.trim().split('\n')[0]}`);
    }
    assert.equal(status, 0, stderr);
    const results = JSON.parse(stdout);
    assert.match(results.tooLarge, /^ERR_AGENTWIRE_DISK_FULL .*no room.*free some/);
    assert.deepEqual(results.leftAfterTooLarge, []);
    assert.equal(results.fits, true);
    assert.match(results.second, /^ERR_AGENTWIRE_DISK_FULL /);
    assert.match(results.fill, /^ENOSPC/);
    assert.equal(results.whenFull, true);
    assert.match(results.readOnly, /^ERR_AGENTWIRE_FILE_PERMISSION .*[Rr]ead-only/);
    assert.match(results.newOnReadOnly, /^ERR_AGENTWIRE_FILE_PERMISSION /);
  });

  it('tells missing permission', async (t) => {
    if (process.platform === 'win32') return t.skip('no permission bits here');
    const folder = tempFolder(t);
    const file = path.join(folder, 'stream');
    MemoryMappedBuffer.open(file, 1000).close();
    fs.chmodSync(file, 0o444);
    fs.chmodSync(folder, 0o555);
    const printed = await runStream('forbidden', file, folder);
    fs.chmodSync(folder, 0o755);
    assert.match(printed, /^(ERR_AGENTWIRE_FILE_PERMISSION .*allow both.*\n){2}$/);
  });
});
