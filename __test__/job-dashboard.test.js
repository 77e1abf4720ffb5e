'use strict';

// The main job with --dashboard: its page while it works, and on a terminal also afterwards.

const assert = require('node:assert/strict');
const net = require('node:net');
const path = require('node:path');
const { describe, it } = require('node:test');
const { built, makeFolder, makeSlowFolder, run } = require('./job-helpers.js');
const { waitUntil } = require('./helpers.js');
const { hasTmux, Tmux } = require('./terminal.js');

const { parseOptions } = require(path.join(built, 'options.js'));

async function newest(url) {
  const { samples } = await (await fetch(`${url}api/history`)).json();
  return samples.at(-1);
}

describe('the dashboard of the main job', () => {
  it('shows the job while it works, and ends with it where nobody looks', async () => {
    const folder = makeSlowFolder('dashboard');
    let seen;
    const onStderr = (stderr, child) => {
      const url = /^dashboard: (http:\/\/127\.0\.0\.1:\d+\/)$/m.exec(stderr)?.[1];
      if (seen !== undefined || url === undefined) return;
      const isBusy = async () => {
        const sample = await newest(url);
        return sample?.buses.some(({ name, handled }) => name === 'main-job' && handled > 0) && sample;
      };
      // What it has shown once is enough.
      seen = waitUntil(isBusy, 'a sample of the job').finally(() => child.kill('SIGINT'));
    };
    const { code, stdout, stderr } = await run([folder, '--json', '--dashboard', '0'], { onStderr });
    assert.equal(code, 130, stderr);
    assert.equal(typeof JSON.parse(stdout), 'object');
    assert.ok((await seen).threads.length > 1);
  });

  it('goes with the load, too', async () => {
    const { code, stderr } = await run(['--load', '2000', '--rounds', '1', '--dashboard', '0', '--json']);
    assert.deepEqual([code, stderr.match(/dashboard: /g)?.length], [0, 1]);
  });

  it('stays on a terminal until Ctrl-C', { skip: !hasTmux && 'no tmux on the PATH' }, async (t) => {
    const folder = makeFolder('dashboard-terminal', { 'a.txt': 'one two\n' });
    const main = path.join(built, 'main.js');
    const terminal = Tmux.start(t, `${process.execPath} ${main} ${folder} --dashboard 0; echo "code $?"`);
    await terminal.until(/stays at http:\S+ until Ctrl-C/);
    const url = /stays at (\S+)/.exec(terminal.screen)[1];
    await waitUntil(async () => (await newest(url)) !== undefined, 'a sample');
    terminal.press('C-c');
    await terminal.until(/code 0/);
    await assert.rejects(fetch(url));
  });

  it('says which port is taken', async (t) => {
    const other = net.createServer();
    await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
    t.after(() => other.close());
    const { port } = other.address();
    const { code, stderr } = await run(['--load', '1', '--dashboard', `${port}`]);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`--dashboard: port ${port} .* in use already; try --dashboard 0`));
  });

  it('has a port that may be left out', () => {
    const folder = makeFolder('dashboard-options', { '5.txt': '' });
    const dashboard = (...args) => parseOptions([...args, folder]).dashboard;
    assert.equal(dashboard(), undefined);
    assert.deepEqual(dashboard('--dashboard'), { port: undefined });
    assert.deepEqual(dashboard('--dashboard', '80'), { port: 80 });
    assert.deepEqual(dashboard('--dashboard=80'), { port: 80 });
    assert.deepEqual(parseOptions([folder, '--dashboard', '--json']).dashboard, { port: undefined });
    assert.deepEqual(parseOptions(['--dashboard', folder]).folder, folder);
    assert.throws(() => dashboard('--dashboard=x'), /--dashboard: a port from 0 to 65535 expected, "x" given/);
    assert.throws(() => dashboard('--dashboard', '65536'), /--dashboard: a port/);
  });
});
