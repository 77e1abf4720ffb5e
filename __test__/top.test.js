'use strict';

// `agentwire top`: the real program, on a monitor that is served here; without a terminal, in tmux, and in a pseudo-terminal.

const assert = require('node:assert/strict');
const http = require('node:http');
const path = require('node:path');
const { describe, it } = require('node:test');
const { makeSample, MonitorSource } = require('./fixtures/monitor-source.js');
const { runNode, waitUntil } = require('./helpers.js');
const { hasPython, hasTmux, PseudoTerminal, Tmux } = require('./terminal.js');

const { serveDashboard } = require('../dist/monitor/dashboard/server.js');

const program = path.join(__dirname, '..', require('../package.json').bin.agentwire);

async function serve(t, source = new MonitorSource(295), port = 0) {
  const server = await serveDashboard(source, { port });
  t.after(() => server.close());
  return { server, source };
}

async function top(...args) {
  const { code, stdout, stderr } = await runNode([program, 'top', ...args]);
  return { code, stdout, stderr };
}

describe('top without a terminal', () => {
  it('prints the newest sample once', async (t) => {
    const { server } = await serve(t);
    const { code, stdout, stderr } = await top(`${server.port}`);
    assert.deepEqual([code, stderr], [0, '']);
    const lines = stdout.split('\n');
    assert.match(
      lines[0],
      /^agents\.js {2}pid 4711 {2}Node 20\.20\.2 {2}8 cores {2}up 5 min 25 s +sample of {2}\d\d:\d\d:\d\d$/,
    );
    assert.match(stdout, /^messages +[\d.]+ k\/s handled +[\d.]+ k\/s published +queue [\d.]+ k +dead letters \d+$/m);
    assert.match(stdout, /^latency +p50 [\d.]+ us +p95 [\d.]+ us +p99 [\d.]+ us/m);
    assert.match(stdout, /^process +CPU \d+ % of 800 % +memory \d+ MB /m);
    assert.match(stdout, /^critical +communication\.errors\.rate/m);
    assert.match(stdout, /^advice +The pool "frames"/m);
    assert.match(stdout, /^BUS +published +handled +queue +p50 +p95 +p99 +failed +dropped +refused +dead$/m);
    assert.match(stdout, /^telemetry +[\d.]+ k\/s +[\d.]+ k\/s /m);
    for (const name of ['main', 'worker 1', 'worker 7'])
      assert.match(stdout, new RegExp(`^${name} +[\\d.]+ % +[\\d.]+ k/s`, 'm'));
    assert.match(stdout, /^TOPIC +published {2}bus\ntasks\.count +[\d.]+ k\/s {2}agents$/m);
    assert.match(stdout, /^frames +91 % +930 +1\.02 k +3 {2}buffer-pool$/m);
    assert.ok(!stdout.includes('\x1b'));
    // However the address is given.
    for (const address of [server.url, `127.0.0.1:${server.port}`, `localhost:${server.port}/`]) {
      assert.equal((await top('--once', address)).stdout, stdout, address);
    }
  });

  it('prints JSON', async (t) => {
    const { server, source } = await serve(t);
    const { code, stdout } = await top('--json', `${server.port}`);
    assert.equal(code, 0);
    const expected = { sample: source.history.at(-1), recommendations: source.recommendations() };
    assert.deepEqual(JSON.parse(stdout), JSON.parse(JSON.stringify(expected)));
  });

  it('waits for the first sample', async (t) => {
    const { server, source } = await serve(t, new MonitorSource(0, { buses: [] }));
    const printed = top(`${server.port}`);
    await waitUntil(() => server.sockets.size > 0, 'the program to connect');
    source.push();
    assert.match((await printed).stdout, /No bus is open/);
  });

  it('shows names as text, whatever they hold', async (t) => {
    const source = new MonitorSource();
    const hostile = '\x1b]0;owned\x07\x9b2J\r\n\u202e\ud800';
    const sample = makeSample(1);
    sample.buses[0].name = hostile;
    sample.buses[0].busiestTopics = [
      { topic: '\x9b2J\u202e\ud800 topic', published: 2e6 },
      { topic: '\u6f22\u5b57', published: 1e6 },
    ];
    sample.process.name = hostile;
    sample.threads[0].name = hostile;
    sample.pools[0].name = hostile;
    const alert = { metric: 'process.cpu', level: 'warning', value: 1, threshold: 1, message: hostile, since: 0 };
    source.advice = [{ code: 'a', cause: hostile, advice: hostile }];
    source.push({ ...sample, alerts: [alert] });
    const { server } = await serve(t, source);
    const { stdout } = await top(`${server.port}`);
    assert.match(stdout, /^\\u009b2J\\u202e\\ud800 topic +2\.00 M\/s {2}\\u001b\]0;owned\\u0007\\u0~$/m);
    // Where characters take two cells the columns stand below one another all the same.
    assert.match(stdout, /^\u6f22\u5b57 +1\.00 M\/s {2}\\u001b/m);
    assert.doesNotMatch(stdout, /(?!\n)[\p{Cc}\p{Cf}]/u);
  });

  it('says how to serve a monitor where there is none', async (t) => {
    const { server } = await serve(t);
    const { port } = server;
    await server.close();
    const { code, stdout, stderr } = await top(`${port}`);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^agentwire: http:\/\/127\.0\.0\.1:\d+ cannot be reached: nothing listens there\n/);
    assert.match(stderr, new RegExp(`monitor\\.serve\\(\\{ port: ${port} \\}\\)`));
  });

  it('says that something else answers', async (t) => {
    const answers = {
      'a page': (response) => response.writeHead(404, { 'Content-Type': 'text/html' }).end('<p>nothing</p>'),
      'other events': (response) =>
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('data: {"sample":{}}\n\n'),
    };
    for (const [name, answer] of Object.entries(answers)) {
      const other = http.createServer((_request, response) => answer(response));
      await new Promise((resolve) => other.listen(0, '127.0.0.1', resolve));
      t.after(() => other.close());
      const { code, stderr } = await top(`${other.address().port}`);
      assert.equal(code, 1, name);
      assert.match(stderr, /not as a served monitor does|cannot read/, name);
      assert.doesNotMatch(stderr, /\n\s+at .*\.js/, name);
    }
  });

  it('has help, and refuses a command line that is wrong', async () => {
    const { code, stdout } = await top('--help');
    assert.equal(code, 0);
    assert.match(stdout, /^agentwire top.*monitor\.serve\(\).*--interval MS/s);
    for (const [args, expected] of [
      [['a', 'b'], /takes one URL or port, and 2 were given/],
      [['ftp://127.0.0.1'], /top takes an address such as .*"ftp:\/\/127\.0\.0\.1" was given/],
      [['99999'], /a port from 1 to 65535; "99999"/],
      [['--interval', 'x'], /--interval must be a number of milliseconds, 50 to 3,600,000; "x" was given/],
      [['--interval', '1'], /--interval/],
      [['--colour'], /--colour/],
    ]) {
      const { code, stdout, stderr } = await top(...args);
      assert.deepEqual([code, stdout], [2, ''], args.join(' '));
      assert.match(stderr, expected);
    }
  });
});

const noTmux = !hasTmux && 'no tmux on the PATH';

describe('top in a terminal', { skip: noTmux }, () => {
  const command = (server, ...args) =>
    `echo before; ${process.execPath} ${program} top ${server.port} ${args.join(' ')}; echo "code $?"`;

  it('fills it, follows the monitor, and gives it back', async (t) => {
    const { server, source } = await serve(t);
    const terminal = Tmux.start(t, command(server, '--interval', '50'));
    await terminal.until(/live +\d\d:\d\d:\d\d$/m);
    const { screen } = terminal;
    assert.match(screen, /^worker 1 /m);
    assert.match(screen, /^tasks\.count /m);
    assert.match(screen, /^and \d+ more$/m);
    assert.match(screen, /q quit {3}\? help {3}b bus: all {3}s threads by: CPU/);
    assert.doesNotMatch(screen, /before/);
    source.push({ process: { ...makeSample(1).process, uptimeSeconds: 86_400 } });
    await terminal.until(/up 1 d/);
    terminal.press('q');
    await terminal.until(/code 0/);
    assert.match(terminal.screen, /before/);
    assert.doesNotMatch(terminal.screen, /worker/);
  });

  it('fits every size', async (t) => {
    const { server } = await serve(t);
    const terminal = Tmux.start(t, command(server));
    await terminal.until(/live/);
    for (const [columns, rows] of [
      [60, 16],
      [30, 8],
      [160, 60],
    ]) {
      terminal.resize(columns, rows);
      await waitUntil(() => {
        const lines = terminal.screen.split('\n').slice(0, rows);
        return lines.length === rows && lines[rows - 1].startsWith('q quit') && lines[0].includes('live');
      }, `${columns} x ${rows}`);
    }
    assert.match(terminal.screen, /^worker 7 .*waits$/m);
    assert.match(terminal.screen, /^audit\.change /m);
  });

  it('has keys', async (t) => {
    const { server, source } = await serve(t);
    const terminal = Tmux.start(t, command(server));
    await terminal.until(/live/);
    terminal.press('?');
    await terminal.until(/q, Ctrl-C +quit/);
    terminal.press('?');
    await terminal.until(/^worker 1/m);
    terminal.press('b');
    await terminal.until(/b bus: agents/);
    assert.doesNotMatch(terminal.screen, /^(telemetry|metrics\.)/m);
    terminal.press('s');
    await terminal.until(/threads by: delivered/);
    assert.match(terminal.screen, /^THREAD.*\nmain /m);
    terminal.press('p');
    await terminal.until(/paused/);
    source.push({ process: { ...makeSample(1).process, uptimeSeconds: 86_400 } });
    terminal.press('b');
    await terminal.until(/b bus: telemetry/);
    assert.doesNotMatch(terminal.screen, /up 1 d/);
    terminal.press('C-c');
    await terminal.until(/code 0/);
  });

  it('says that the process has ended, or the connection is lost, and goes on when it is back', async (t) => {
    const { server } = await serve(t);
    const { port } = server;
    const terminal = Tmux.start(t, command(server));
    await terminal.until(/live/);
    await server.close();
    await terminal.until(/ended +\d/);
    await terminal.until(/The process stopped serving \d+ s ago/);
    const source = new MonitorSource();
    source.push({ process: { ...makeSample(1).process, pid: 99 } });
    const { server: second } = await serve(t, source, port);
    await terminal.until(/live/);
    await terminal.until(/started anew at .*: pid 99/);
    for (const socket of second.sockets) socket.destroy();
    await terminal.until(/reconnecting|live/);
    await terminal.until(/live/);
  });
});

const noPython = !hasPython && 'no python3 with the module pty';

describe('top in a pseudo-terminal', { skip: noPython }, () => {
  const enter = '\x1b[?1049h\x1b[?25l';
  const leave = '\x1b[?25h\x1b[?1049l';
  const args = (server, ...more) => [process.execPath, ...more, program, 'top', `${server.port}`];

  it('leaves it as it was when it is ended by a signal', async (t) => {
    const { server } = await serve(t);
    // The process tells its number by the sample that it is shown, so that it can be sent a signal.
    const terminal = new PseudoTerminal(t, args(server, '-r', path.join(__dirname, 'fixtures', 'print-pid.js')));
    await terminal.until('worker 1');
    assert.ok(terminal.written.includes(enter));
    process.kill(Number(/pid=(\d+)/.exec(terminal.written)[1]), 'SIGTERM');
    assert.equal(await terminal.exited, 143);
    assert.ok(terminal.written.indexOf(leave) > terminal.written.indexOf(enter), JSON.stringify(terminal.written));
  });

  it('leaves it as it was when it fails, before the error is printed', async (t) => {
    const { server, source } = await serve(t);
    const terminal = new PseudoTerminal(t, args(server));
    await terminal.until('worker 1');
    source.push({ buses: 'none' });
    assert.equal(await terminal.exited, 1);
    const error = terminal.written.indexOf('cannot read');
    assert.ok(error > terminal.written.indexOf(leave), JSON.stringify(terminal.written));
  });

  it('has colours unless NO_COLOR says no', async (t) => {
    const { server } = await serve(t);
    const coloured = new PseudoTerminal(t, args(server), { NO_COLOR: '' });
    await coloured.until('\x1b[31mcritical');
    const plain = new PseudoTerminal(t, args(server), { NO_COLOR: '1' });
    await plain.until('worker 1');
    assert.ok(!plain.written.includes('\x1b[31m') && !plain.written.includes('\x1b[1m'));
    plain.press('q');
    assert.equal(await plain.exited, 0);
    coloured.press('\x03');
    assert.equal(await coloured.exited, 0);
  });

  it('prints once in one that knows no control sequences', async (t) => {
    const { server } = await serve(t);
    const terminal = new PseudoTerminal(t, args(server), { TERM: 'dumb' });
    assert.equal(await terminal.exited, 0);
    assert.match(terminal.written, /worker 7/);
    assert.ok(!terminal.written.includes('\x1b'));
  });
});
