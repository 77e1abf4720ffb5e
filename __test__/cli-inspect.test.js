'use strict';

// `agentwire inspect`: the real program on real files.

const assert = require('node:assert/strict');
const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, describe, it } = require('node:test');
const { codec } = require('agentwire');
const { batch, framed, message } = require('./fixtures/messages.js');

const manifest = require('../package.json');
const program = path.join(__dirname, '..', manifest.bin.agentwire);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'agentwire-inspect-'));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

let files = 0;
function capture(...parts) {
  files += 1;
  const file = path.join(folder, `capture-${files}.bin`);
  fs.writeFileSync(file, Buffer.concat(parts));
  return file;
}

function run(args, options) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', ...options });
  return { status, stdout, stderr };
}

const inspect = (...args) => run(['inspect', ...args]);
const lines = (...lines) => lines.map((line) => `${line}\n`).join('');

describe('inspect', () => {
  it('prints the header by name and the payload as a tree', () => {
    const payload = {
      task: 'count',
      at: new Date(1_700_000_000_000),
      big: 7n,
      list: [1, undefined, { deep: null }],
      map: new Map([
        ['key', Number.NaN],
        [[1], -0],
      ]),
      set: new Set(['a']),
      bytes: new Uint8Array([1, 255]),
      empty: [{}, [], new Map(), new Set()],
      ünï: '\x1b[31m\x9b',
    };
    const file = capture(message(payload, { type: 2, correlationId: 42n }));
    const length = fs.statSync(file).size - 24;
    assert.deepEqual(inspect(file), {
      status: 0,
      stdout: lines(
        `1. Message at byte 0, 24 + ${length} bytes`,
        '  type: TASK_ASSIGNMENT (2)',
        '  time: 2023-11-14T22:13:20.123456789Z',
        '  correlation id: 42',
        '  flags: none',
        '  payload: object, 9 properties',
        '    task: "count"',
        '    at: Date 2023-11-14T22:13:20.000Z',
        '    big: 7n',
        '    list: array, 3 elements',
        '      0: 1',
        '      1: undefined',
        '      2: { deep: null }',
        '    map: Map, 2 entries',
        '      "key": NaN',
        '      entry 1: array, 2 elements',
        '        0: [1]',
        '        1: -0',
        '    set: Set ["a"]',
        '    bytes: Uint8Array, 2 bytes: 01 ff',
        '    empty: array, 4 elements',
        '      0: {}',
        '      1: []',
        '      2: Map {}',
        '      3: Set []',
        '    "ünï": "\\u001b[31m\\u009b"',
      ),
      stderr: '',
    });
  });

  it('prints messages, batches and a value that lie one behind the other', () => {
    const first = message('one', { type: 200, timestamp: 5n });
    const both = batch([
      [1, 1_000_000_000n, 0, { cpu: 0.5 }],
      [3, 2n ** 64n - 1n, 2n ** 64n - 1n, 'done'],
    ]);
    const file = capture(first, both, codec.encode([1, 2]));
    assert.deepEqual(inspect(file), {
      status: 0,
      stdout: lines(
        '1. Message at byte 0, 24 + 4 bytes',
        "  type: 200 (of the user's own)",
        '  time: 1970-01-01T00:00:00.000000005Z',
        '  correlation id: none',
        '  flags: none',
        '  payload: "one"',
        '',
        `2. Batch at byte 28, 24 + ${both.length - 24} bytes`,
        '  type: BATCH (6)',
        '  time: 2023-11-14T22:13:20.123456789Z',
        '  correlation id: none',
        '  flags: BATCH',
        '  message 1 of 2',
        '    type: HEARTBEAT (1)',
        '    time: 1970-01-01T00:00:01.000000000Z',
        '    correlation id: none',
        '    payload: { cpu: 0.5 }',
        '  message 2 of 2',
        '    type: TASK_RESULT (3)',
        '    time: 2554-07-21T23:34:33.709551615Z',
        '    correlation id: 18446744073709551615',
        '    payload: "done"',
        '',
        `3. Value at byte ${28 + both.length}, 3 bytes`,
        '  [1, 2]',
      ),
      stderr: '',
    });
    // From a byte in the middle on, however it is written.
    const { stdout, status } = inspect('--offset', '28', file);
    assert.equal(status, 0);
    assert.match(stdout, /^1\. Batch at byte 28/);
    assert.equal(inspect('--offset', '0x1c', file).stdout, stdout);
  });

  it('shortens what is long, unless everything is asked for', () => {
    const payload = {
      text: 'x'.repeat(500),
      bytes: new Uint8Array(1000).fill(171),
      list: Array.from({ length: 1000 }, (_, i) => i),
      digits: 10n ** 300n,
    };
    const entries = Array.from({ length: 150 }, (_, i) => [1, 5n, 0, i]);
    const file = capture(message(payload), batch(entries));
    const { stdout: short } = inspect(file);
    assert.match(short, / text: "x{200}"\.\.\. \(500 characters\)\n/);
    assert.match(short, / bytes: Uint8Array, 1,000 bytes: (ab ){32}\.\.\.\n/);
    assert.match(short, / {6}49: 49\n {6}\.\.\. and 950 more \(--full shows them\)\n/);
    assert.match(short, / digits: 10{199}\.\.\.n \(301 characters\)\n/);
    assert.match(short, /message 100 of 150\n(?:.*\n){4} {2}\.\.\. and 50 messages more \(--full shows them\)\n$/);
    const { stdout: full } = inspect(file, '--full');
    assert.match(full, / text: "x{500}"\n/);
    assert.match(full, / bytes: Uint8Array, 1,000 bytes: (ab ){999}ab\n/);
    assert.match(full, / {6}999: 999\n/);
    assert.match(full, / digits: 10{300}n\n/);
    assert.match(full, /message 150 of 150/);
    assert.doesNotMatch(full, /more|\.\.\./);
  });

  it('reads standard input', () => {
    const { status, stdout } = run(['inspect', '-'], { input: message({ a: 1 }) });
    assert.equal(status, 0);
    assert.match(stdout, /payload: \{ a: 1 \}/);
  });

  it('prints one JSON document', () => {
    const first = message({ $date: 1, at: new Date(5) }, { correlationId: 3n });
    const second = batch([[1, 5n, 0, 'b']]);
    const file = capture(first, second, codec.encode('tail'));
    const { status, stdout, stderr } = inspect(file, '--json');
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    const document = JSON.parse(stdout);
    assert.deepEqual([document.file, document.bytes], [file, fs.statSync(file).size]);
    const starts = [0, first.length, first.length + second.length];
    assert.deepEqual(
      document.items.map(({ offset }) => offset),
      starts,
    );
    const [{ header, payload }, { messages }, { value }] = document.items;
    assert.deepEqual(header.correlationId, { $bigint: '3' });
    assert.deepEqual(codec.decode(codec.fromJSON(JSON.stringify(payload))), { $date: 1, at: new Date(5) });
    assert.equal(messages[0].payload, 'b');
    assert.equal(value, 'tail');
  });
});

describe('damaged input', () => {
  const bad = framed(Uint8Array.of(0xa3, 1, 0xdf, 3));

  it('is printed as far as it can be read, with the place and the bytes there', () => {
    const file = capture(message('before'), bad, message('behind'), message('cut').subarray(0, 27));
    const { status, stdout, stderr } = inspect(file);
    assert.equal(status, 1);
    assert.match(stdout, /payload: "before"/);
    assert.match(stdout, /2\. Message at byte 31, 24 \+ 4 bytes\n {2}type: TASK_ASSIGNMENT.*payload: cannot be read/s);
    assert.match(stdout, /payload: "behind"/);
    assert.match(stdout, /4\. Message .*payload: cannot be read\n$/s);
    const [first, second] = stderr.split(/(?=^agentwire: )/m);
    const at = 31 + 24 + 2;
    assert.match(first, new RegExp(`0xDF, which is reserved, at byte ${at} \\(0x${at.toString(16)}\\)\n`));
    // The marks stand below the byte.
    const dumped = first.split('\n');
    const marked = dumped.findIndex((line) => /^ +\^\^$/.test(line));
    const column = dumped[marked].indexOf('^^');
    assert.equal(dumped[marked - 1].slice(column, column + 2), 'df');
    assert.equal(Number.parseInt(dumped[marked - 1].slice(0, 8), 16), at - (at % 16));
    assert.match(second, /takes 4 bytes, and 3 are there.*, at byte/);
  });

  it('has its error in the JSON document too', () => {
    const { status, stdout, stderr } = inspect('--json', capture(bad, message(1)));
    assert.equal(status, 1);
    assert.match(stderr, /reserved/);
    const [first, second] = JSON.parse(stdout).items;
    assert.equal(first.header.payloadLength, 4);
    assert.equal(first.payload, undefined);
    assert.deepEqual([first.error.code, first.error.offset], ['ERR_AGENTWIRE_UNDECODABLE', 26]);
    assert.equal(second.payload, 1);
  });

  it('of any kind ends with 1 and a place', () => {
    const whole = message({ a: [1, 2, 3] });
    const damaged = [
      ['no value', Uint8Array.of(0xd9), 0],
      ['a header of another version', whole.with(1, 2), 1],
      ['half a header', whole.subarray(0, 10), 0],
      ['half a payload', whole.subarray(0, -1), 24],
      ['flags of the future', whole.with(3, 0xe0), 3],
      ['no batch', batch('text'), 24],
      ['bytes behind a value', Buffer.concat([codec.encode(1), codec.encode(2)]), 1],
      ['a text file', Buffer.from('hello\n'), 1],
    ];
    for (const [name, bytes, at] of damaged) {
      const { status, stderr } = inspect(capture(bytes));
      assert.equal(status, 1, name);
      assert.match(stderr, new RegExp(`^agentwire: .*, at byte ${at} \\(0x${at.toString(16)}\\)\n`), name);
      assert.doesNotMatch(stderr, /\n\s+at .*\.js/, name);
    }
  });

  it('that was changed or cut anywhere never makes the program fail in another way', () => {
    const whole = Buffer.concat([message({ a: [1, 'two', 3n] }), batch([[1, 5n, 0, null]])]);
    for (let at = 0; at < whole.length; at += 7) {
      for (const bytes of [whole.subarray(0, at + 1), Buffer.from(whole).fill(0xdf, at, at + 1)]) {
        const { status, stderr } = inspect(capture(bytes));
        assert.ok(status === 0 || status === 1, `${status}: ${stderr}`);
        assert.equal(status === 1, stderr !== '', stderr);
        assert.doesNotMatch(stderr, /\n\s+at .*\.js|Error:/);
      }
    }
  });
});

describe('the command line', () => {
  const file = capture(message(1));

  it('has help and a version', () => {
    for (const args of [['--help'], ['help'], ['inspect', '--help'], ['inspect', '-h']]) {
      const { status, stdout, stderr } = run(args);
      assert.deepEqual([status, stderr], [0, ''], args.join(' '));
      assert.match(stdout, /^agentwire .*inspect/s);
    }
    assert.equal(run(['--version']).stdout, `${manifest.version}\n`);
  });

  it('that is wrong ends with 2 and says what there is', () => {
    for (const [args, expected] of [
      [[], /a command is missing; there is: inspect, top/],
      [['inspekt', file], /no command "inspekt"; commands are: inspect, top/],
      [['toString'], /no command "toString"/],
      [['--verbose'], /no option "--verbose"/],
      [['inspect'], /takes one FILE .*none was given/],
      [['inspect', file, file], /takes one FILE .*2 was given/],
      [['inspect', '--colour', file], /--colour.*agentwire inspect/s],
      [['inspect', '--offset', 'x', file], /--offset must be a number.*"x" was given/],
      [['inspect', '--offset=-1', file], /--offset must be a number/],
      [['inspect', '--offset', '25', file], /--offset must be below 25/],
    ]) {
      const { status, stdout, stderr } = run(args);
      assert.deepEqual([status, stdout], [2, ''], args.join(' '));
      assert.match(stderr, expected);
      assert.match(stderr, /^agentwire: /);
    }
  });

  it('that names nothing to read ends with 1 and says why', () => {
    const missing = path.join(folder, 'missing.bin');
    for (const [name, expected] of [
      [missing, /missing\.bin cannot be read: there is no such file\n$/],
      [folder, /cannot be read: it is a folder/],
      [capture(), /is empty/],
    ]) {
      const { status, stdout, stderr } = inspect(name);
      assert.deepEqual([status, stdout], [1, ''], name);
      assert.match(stderr, expected);
    }
  });

  it('has no colours but on a terminal', () => {
    for (const env of [{}, { FORCE_COLOR: '1' }, { NO_COLOR: '1' }]) {
      const { stdout } = run(['inspect', file], { env: { ...process.env, ...env } });
      assert.ok(!stdout.includes('\x1b'), JSON.stringify(env));
    }
    const { paintFor } = require('../dist/cli/output.js');
    const { NO_COLOR, TERM } = process.env;
    try {
      delete process.env.NO_COLOR;
      process.env.TERM = 'xterm';
      assert.equal(paintFor({ isTTY: true }).title('a'), '\x1b[1ma\x1b[0m');
      assert.equal(paintFor({ isTTY: false }).title('a'), 'a');
      process.env.NO_COLOR = '1';
      assert.equal(paintFor({ isTTY: true }).title('a'), 'a');
    } finally {
      for (const [name, value] of Object.entries({ NO_COLOR, TERM })) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });

  it('whose reader leaves ends quietly', async () => {
    // More than a pipe holds, so that the program still writes when its reader has gone.
    const large = capture(...Array.from({ length: 20_000 }, (_, i) => message({ i, text: 'y'.repeat(50) })));
    const child = spawn(process.execPath, [program, 'inspect', large], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    const ended = new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.stdout.destroy();
    assert.deepEqual(await ended, { code: 0, signal: null });
    assert.equal(stderr, '');
  });
});
