'use strict';

// Two copies of the package in one process would be two buses of one name. That is found out and refused.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { describe, it } = require('node:test');
const agentwire = require('agentwire');
const { tempFolder, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

const root = path.join(__dirname, '..');
const skip = process.platform === 'linux' ? false : 'the loaded copies are found on Linux only so far';

/** Another installation of the package: its folder. */
function copyPackage(t) {
  const folder = path.join(tempFolder(t), 'node_modules', 'agentwire');
  fs.mkdirSync(folder, { recursive: true });
  const binaries = fs.readdirSync(root).filter((file) => file.endsWith('.node'));
  for (const name of ['package.json', 'index.js', 'dist', ...binaries]) {
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  }
  return folder;
}

const duplicate = (folder) => ({
  name: 'AgentwireError',
  code: 'ERR_AGENTWIRE_DUPLICATE_COPY',
  message: new RegExp(
    `open in another copy of agentwire.*${folder.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}.*npm ls agentwire`,
  ),
});

describe('a second copy', { skip }, () => {
  it('in one thread may not open the same bus', (t) => {
    const folder = copyPackage(t);
    const copy = require(folder);
    assert.notEqual(copy.EventBus, agentwire.EventBus);
    const name = uniqueName('copy');
    const bus = new agentwire.EventBus({ name });
    assert.throws(() => new copy.EventBus({ name }), duplicate(root));
    assert.throws(() => new copy.EventBus({ name }), duplicate(root), 'the refused one has not opened it');
    // The first to open it goes on, with further objects too.
    new agentwire.EventBus({ name }).close();
    bus.close();
    const moved = new copy.EventBus({ name });
    assert.throws(() => new agentwire.EventBus({ name }), duplicate(folder));
    moved.close();
    new agentwire.EventBus({ name }).close();
  });

  it('may have buses of other names', async (t) => {
    const copy = require(copyPackage(t));
    const [here, there] = [new agentwire.EventBus({ name: uniqueName() }), new copy.EventBus({ name: uniqueName() })];
    const got = [];
    here.subscribe('**', (payload) => got.push(`here ${payload}`));
    there.subscribe('**', (payload) => got.push(`there ${payload}`));
    here.publish('x', 1);
    there.publish('x', 2);
    await waitUntil(() => got.length === 2, 'both messages');
    assert.deepEqual(got.sort(), ['here 1', 'there 2']);
    here.close();
    there.close();
  });

  it('that is refused does not disturb what is being published', async (t) => {
    const copy = require(copyPackage(t));
    const name = uniqueName('copy');
    const [bus, other] = [new agentwire.EventBus({ name }), new copy.EventBus({ name: uniqueName() })];
    const got = [];
    other.subscribe('x', (payload) => got.push(payload));
    other.publish('x', 1);
    assert.throws(() => new copy.EventBus({ name }), { code: 'ERR_AGENTWIRE_DUPLICATE_COPY' });
    other.publish('x', 2);
    await waitUntil(() => got.length >= 2, 'both messages');
    await turn();
    assert.deepEqual(got, [1, 2]);
    bus.close();
    other.close();
  });

  it('may not attach to a buffer pool of the first', (t) => {
    const copy = require(copyPackage(t));
    const pool = new agentwire.BufferPool(64, 4);
    const refused = { code: 'ERR_AGENTWIRE_DUPLICATE_COPY', message: /BufferPool.*npm ls agentwire/ };
    assert.throws(() => copy.BufferPool.attach(pool.buffer), refused);
    assert.equal(agentwire.BufferPool.attach(pool.buffer).maxBlocks, 4);
    assert.throws(() => agentwire.BufferPool.attach(new copy.BufferPool(64, 4).buffer), refused);
  });

  it('may not attach to a ring or a byte stream of the first', (t) => {
    const copy = require(copyPackage(t));
    const refused = { code: 'ERR_AGENTWIRE_DUPLICATE_COPY', message: /npm ls agentwire/ };
    for (const [name, ...sizes] of [
      ['ZeroCopyRingBuffer', 4, 64],
      ['MemoryMappedBuffer', 64],
    ]) {
      const first = new agentwire[name](...sizes);
      assert.throws(() => copy[name].attach(first.buffer), refused, name);
      agentwire[name].attach(first.buffer);
      assert.throws(() => agentwire[name].attach(new copy[name](...sizes).buffer), refused, name);
    }
  });

  it('in another thread may not open the same bus either', async (t) => {
    const folder = copyPackage(t);
    const thread = await Thread.start(t, { workerData: { agentwire: folder } });
    const name = uniqueName('copy');
    const bus = new agentwire.EventBus({ name });
    const open = ({ agentwire, state }, name) => {
      try {
        state.bus = new agentwire.EventBus({ name });
        return 'opened';
      } catch ({ code }) {
        return code;
      }
    };
    assert.equal(await thread.run(open, name), 'ERR_AGENTWIRE_DUPLICATE_COPY');
    assert.equal(await thread.run(open, uniqueName('other')), 'opened');
    bus.close();
    assert.equal(await thread.run(open, name), 'opened');
    assert.throws(() => new agentwire.EventBus({ name }), duplicate(folder));
    await thread.terminate();
    // The thread took its bus with it.
    new agentwire.EventBus({ name }).close();
  });
});
