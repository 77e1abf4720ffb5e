'use strict';

// The package as a user gets it: packed, installed into an empty folder without a network, compiled against, run.

const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');

const root = path.join(__dirname, '..');
const fixtures = path.join(__dirname, 'fixtures', 'package');
const readJson = (...parts) => JSON.parse(fs.readFileSync(path.join(...parts), 'utf8'));
const manifest = readJson(root, 'package.json');
const triples = fs.readdirSync(path.join(root, 'npm')).sort();

/** What npm tells its scripts is about this project, and would lead an npm that runs elsewhere back here. */
const foreignEnv = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', cwd: root, env: foreignEnv, ...options });
  return { ...result, text: `${[command, ...args].join(' ')}\n${result.stdout}${result.stderr}${result.error ?? ''}` };
}

function succeed(command, args, options) {
  const result = run(command, args, options);
  assert.equal(result.status, 0, result.text);
  return result.stdout;
}

function npm(args, options) {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('.js')) return succeed(process.execPath, [cli, ...args], options);
  return succeed('npm', args, { shell: process.platform === 'win32', ...options });
}

const namesInTarball = (tarball) =>
  succeed('tar', ['-tzf', path.basename(tarball)], { cwd: path.dirname(tarball) })
    .trim()
    .split(/\r?\n/)
    .map((name) => name.replace(/^package\//, ''))
    .sort();

describe('the package', () => {
  let work;
  let tarballs;
  let platformTarball;
  let app;

  before(() => {
    // The real path: macOS reaches its temporary folder through a link.
    work = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'agentwire-package-')));
    tarballs = succeed(process.execPath, ['scripts/pack.mjs', '--out', path.join(work, 'tarballs')])
      .trim()
      .split(/\r?\n/);
    const main = path.join(work, 'tarballs', `agentwire-${manifest.version}.tgz`);
    assert.ok(tarballs.includes(main), tarballs.join('\n'));
    // One binary was built here: this machine's. A developer may have more of them lying around.
    platformTarball = tarballs.find((name) => name !== main && name.includes(`-${process.platform}-${process.arch}`));
    assert.ok(platformTarball, tarballs.join('\n'));

    app = path.join(work, 'app');
    fs.mkdirSync(app);
    fs.writeFileSync(path.join(app, 'package.json'), '{ "private": true }\n');
    npm(['install', '--offline', '--no-audit', '--no-fund', main, platformTarball], { cwd: app });
  });

  after(() => fs.rmSync(work, { recursive: true, force: true }));

  it('holds everything that `files` names, and nothing of the sources', () => {
    const names = namesInTarball(tarballs[0]);
    for (const pattern of manifest.files) {
      // The one form of pattern that `files` uses: FOLDER/**/*.EXTENSION.
      const [folder, extension] = pattern.split('**/*');
      assert.ok(
        names.some((name) => (extension ? name.startsWith(folder) && name.endsWith(extension) : name === pattern)),
        `nothing matches ${pattern}:\n${names.join('\n')}`,
      );
    }
    const strangers = names.filter(
      (name) =>
        !/^(dist\/.*\.(m?js|d\.ts|html|css|txt)|index\.(js|mjs|d\.ts|d\.mts)|package\.json|[A-Z]+(\.md)?)$/.test(name),
    );
    assert.deepEqual(strangers, []);
  });

  it('holds the page of the live view, and the chart library beside its licence', () => {
    const page = 'dist/monitor/dashboard/page/';
    const names = namesInTarball(tarballs[0]).filter((name) => name.startsWith(page));
    for (const name of ['index.html', 'style.css', 'app.mjs', 'uplot.js', 'uplot.css', 'uplot.LICENSE.txt']) {
      assert.ok(names.includes(page + name), name);
    }
  });

  it('names the platform packages in its own version, and nothing else to install', () => {
    const packed = readJson(app, 'node_modules', 'agentwire', 'package.json');
    const expected = Object.fromEntries(triples.map((triple) => [`agentwire-${triple}`, manifest.version]));
    assert.deepEqual(packed.optionalDependencies, expected);
    for (const field of ['dependencies', 'devDependencies', 'scripts']) {
      assert.equal(packed[field], undefined, field);
    }
    // What a user may bring, and npm does not install by itself.
    const peers = Object.keys(packed.peerDependencies);
    assert.deepEqual(peers, ['@opentelemetry/api']);
    assert.ok(peers.every((peer) => packed.peerDependenciesMeta[peer].optional));
  });

  it('has one package for every platform that it is built for', () => {
    for (const triple of triples) {
      const [platform, arch, abi] = triple.split('-');
      const { name, version, main, files, os: systems, cpu, libc } = readJson(root, 'npm', triple, 'package.json');
      assert.deepEqual(
        { name, version, main, files, systems, cpu, libc },
        {
          name: `agentwire-${triple}`,
          version: manifest.version,
          main: `agentwire.${triple}.node`,
          files: [`agentwire.${triple}.node`],
          systems: [platform],
          cpu: [arch],
          libc: { gnu: ['glibc'], musl: ['musl'] }[abi],
        },
      );
    }
    assert.equal(triples.length, manifest.napi.targets.length);
  });

  it('packs the binary alone into the platform package', () => {
    const names = namesInTarball(platformTarball).filter((name) => !/^(package\.json|README\.md|LICENSE)$/.test(name));
    assert.equal(names.length, 1);
    assert.match(names[0], /^agentwire\.[a-z0-9-]+\.node$/);
  });

  it('packs the same files with `npm pack` in the folders themselves', () => {
    const out = path.join(work, 'direct');
    fs.mkdirSync(out);
    npm(['pack', '--pack-destination', out]);
    const triple = path.basename(platformTarball).slice('agentwire-'.length, -`-${manifest.version}.tgz`.length);
    npm(['pack', '--pack-destination', out], { cwd: path.join(root, 'npm', triple) });
    for (const staged of [tarballs[0], platformTarball]) {
      const direct = namesInTarball(path.join(out, path.basename(staged)));
      assert.deepEqual(
        namesInTarball(staged).filter((name) => name !== 'LICENSE'),
        direct.filter((name) => name !== 'LICENSE'),
      );
    }
  });

  it('runs a strict TypeScript program, as CommonJS and as an ES module', () => {
    const program = fs.readFileSync(path.join(fixtures, 'program.ts'));
    for (const extension of ['cts', 'mts']) fs.writeFileSync(path.join(app, `program.${extension}`), program);
    fs.copyFileSync(path.join(fixtures, 'tsconfig.json'), path.join(app, 'tsconfig.json'));
    const typescript = path.join(root, 'node_modules', 'typescript');
    const tsc = path.join(typescript, readJson(typescript, 'package.json').bin.tsc);
    succeed(process.execPath, [tsc, '-p', '.'], { cwd: app });
    for (const extension of ['cjs', 'mjs']) {
      const stdout = succeed(process.execPath, [path.join('out', `program.${extension}`)], { cwd: app });
      assert.equal(stdout.trim(), 'arrived: {"n":1} on a.b', extension);
    }
  });

  it('monitors without the optional peer, and measures with its own worker thread, in both module systems', () => {
    const body = `
      try { registerOpenTelemetry(new PerformanceMonitor()); } catch ({ code }) { console.log(code); }
      performanceValidator.validateLatencyTarget(100, 10_000).then(({ passed }) => console.log(passed));`;
    const names = '{ PerformanceMonitor, performanceValidator, registerOpenTelemetry }';
    fs.writeFileSync(path.join(app, 'monitor.cjs'), `const ${names} = require('agentwire');${body}`);
    fs.writeFileSync(path.join(app, 'monitor.mjs'), `import ${names} from 'agentwire';${body}`);
    for (const file of ['monitor.cjs', 'monitor.mjs']) {
      const stdout = succeed(process.execPath, [file], { cwd: app });
      assert.deepEqual(stdout.trim().split(/\r?\n/), ['ERR_AGENTWIRE_PEER_MISSING', 'true'], file);
    }
  });

  it('brings the program agentwire', () => {
    const script = `
      const { codec, MessageType } = require('agentwire');
      const bytes = codec.fromJSON('{"a":{"$bigint":"1"}}', { type: MessageType.ERROR });
      require('node:fs').writeFileSync('capture.bin', bytes);`;
    succeed(process.execPath, ['-e', script], { cwd: app });
    const stdout = npm(['exec', '--offline', '--', 'agentwire', 'inspect', 'capture.bin'], { cwd: app });
    assert.match(stdout, /type: ERROR \(5\)/);
    assert.match(stdout, /payload: \{ a: 1n \}/);
  });

  describe('without its binary', () => {
    let bare;

    before(() => {
      bare = path.join(work, 'bare');
      fs.cpSync(path.join(app, 'node_modules', 'agentwire'), path.join(bare, 'node_modules', 'agentwire'), {
        recursive: true,
      });
    });

    const loadError = (env = {}) => {
      const program = `
        try { require('agentwire'); console.log('{}'); } catch (error) {
          const { name, code, message, cause } = error;
          console.log(JSON.stringify({ name, code, message, hasCause: cause instanceof Error }));
        }`;
      return JSON.parse(succeed(process.execPath, ['-e', program], { cwd: bare, env: { ...foreignEnv, ...env } }));
    };

    it('says what it looked for, where, and what to do', () => {
      const { name, code, message, hasCause } = loadError();
      assert.equal(code, 'ERR_AGENTWIRE_BINARY_MISSING');
      assert.equal(name, 'AgentwireError');
      assert.ok(hasCause);
      assert.ok(message.includes(`${process.platform}-${process.arch}`), message);
      assert.ok(message.includes(process.versions.node), message);
      assert.match(message, /agentwire\.[a-z0-9-]+\.node: .+/);
      assert.match(message, /\n {2}agentwire-[a-z0-9-]+: .+/);
      assert.match(message, /npm run build/);
      assert.match(message, /AGENTWIRE_BINARY/);
    });

    it('loads the one that AGENTWIRE_BINARY names', () => {
      const folder = path.join(app, 'node_modules', path.basename(platformTarball, `-${manifest.version}.tgz`));
      const binary = path.join(folder, readJson(folder, 'package.json').main);
      assert.deepEqual(loadError({ AGENTWIRE_BINARY: binary }), {});
    });

    it('tries nothing else when AGENTWIRE_BINARY names a file that cannot be loaded', () => {
      const notOne = path.join(bare, 'not-a-binary.node');
      fs.writeFileSync(notOne, 'no');
      const { code, message } = loadError({ AGENTWIRE_BINARY: notOne });
      assert.equal(code, 'ERR_AGENTWIRE_BINARY_MISSING');
      assert.ok(message.includes(notOne), message);
      assert.match(message, /unset it/);
      assert.doesNotMatch(message, /\n {2}agentwire-/);
    });

    it('refuses one of another layout', () => {
      // A file that Node loads as a module and that answers as a binary of another version would.
      const other = path.join(bare, 'other-version.js');
      fs.writeFileSync(other, `exports.layoutFingerprint = () => 'another layout';`);
      const { code, message } = loadError({ AGENTWIRE_BINARY: other });
      assert.equal(code, 'ERR_AGENTWIRE_BINARY_MISMATCH');
      assert.match(message, /another layout/);
    });
  });
});
