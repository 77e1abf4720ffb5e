// From a fresh clone to a thing that runs: dependencies, native addon, generated TypeScript, compiled TypeScript.
// Every step is skipped while the hash of what it reads is the one that it last ended with.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  contentHash,
  dropStamp,
  installFile,
  isFresh,
  markAsCache,
  mirrorFolder,
  setStamp,
  writeIfChanged,
} from './files.mjs';
import { withSetupLock } from './lock.mjs';
import { binaryName, platformTriple, readManifest } from './platform.mjs';
import { cache, fromRoot, Refusal, say } from './project.mjs';
import { run } from './run.mjs';

const generated = 'lib/generated';
/** The web page of the live view, in lib/ and in dist/. */
const page = 'monitor/dashboard/page';
const rustSources = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'src', 'rust-toolchain.toml', '.cargo'];

/** In order: each may read what those before it write. */
const steps = [
  {
    name: 'dependencies',
    hash: () => contentHash(['package-lock.json']),
    outputs: () => ['node_modules/.package-lock.json'],
    run: installDependencies,
  },
  {
    name: 'native',
    hash: () => contentHash(rustSources, `${platformTriple()} ${process.env.RUSTFLAGS ?? ''} ${cliVersion()}`),
    outputs: () => [binaryName(), `${generated}/binding.d.ts`, `${generated}/layout.ts`],
    run: buildNative,
  },
  {
    name: 'library',
    hash: () => contentHash(['lib', 'tsconfig.base.json', 'tsconfig.json'], `${compilerVersion()} ${chartsVersion()}`),
    outputs: () => ['dist/index.js', 'dist/index.d.ts', `dist/${page}/index.html`],
    run: () => compile('lib', 'tsconfig.json', 'dist', addPage),
  },
  {
    name: 'job',
    // The job is compiled against the declarations of the library, as any user's program is.
    hash: () => contentHash(['job', 'dist', 'index.d.ts', 'tsconfig.base.json'], compilerVersion()),
    outputs: () => ['build/job/main.js'],
    isWanted: () => existsSync(fromRoot('job/tsconfig.json')) && existsSync(fromRoot('job/main.ts')),
    run: () => compile('job', 'job/tsconfig.json', 'build/job'),
  },
];

/** Makes the clone runnable. Cheap (a few milliseconds of hashing) when nothing changed. */
export async function setUp({ force = false } = {}) {
  if (!force && steps.every(isDone)) return;
  // Said before minutes go into anything else.
  if (force || !isDone(steps[1])) checkRust();
  await withSetupLock(async () => {
    const started = performance.now();
    removeLeftovers();
    let wasNeeded = false;
    for (const step of steps) {
      if (step.isWanted?.() === false || (!force && isDone(step))) continue;
      const hash = step.hash();
      dropStamp(step.name);
      await step.run();
      setStamp(step.name, hash);
      wasNeeded = true;
    }
    // Another set-up may have done it all while this one waited.
    if (wasNeeded) say(`ready after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  });
}

function isDone(step) {
  return step.isWanted?.() === false || isFresh(step.name, step.hash(), step.outputs());
}

/** What a set-up that was killed left behind; whoever holds the lock may take it away. */
function removeLeftovers() {
  for (const name of readdirSync(cache)) {
    if (/^(native|compiled)-\d+$/.test(name)) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

// --- dependencies

async function installDependencies() {
  if (installedMatchesLock()) return;
  say('installing the development dependencies (npm ci)');
  await must(npm(['ci', '--loglevel=error', '--no-progress']), 'npm ci failed; its own message is above');
}

/** npm leaves a record of what it installed: where that is what the lock file asks for, a reinstall would change nothing. */
function installedMatchesLock() {
  try {
    const wanted = JSON.parse(readFileSync(fromRoot('package-lock.json'), 'utf8')).packages;
    const installed = JSON.parse(readFileSync(fromRoot('node_modules/.package-lock.json'), 'utf8')).packages;
    return Object.entries(wanted).every(([path, { version, optional }]) => {
      if (path === '') return true;
      if (installed[path] === undefined) return optional === true;
      return installed[path].version === version && existsSync(fromRoot(path));
    });
  } catch {
    return false;
  }
}

/** The npm that started us, else the one on the PATH (a .cmd file on Windows, which only a shell can start). */
export function npm(args, options = {}) {
  const cli = process.env.npm_execpath;
  const settings = { stdout: 'stderr', ...options };
  if (cli?.endsWith('.js')) return run(process.execPath, [cli, ...args], settings);
  return run('npm', args, { ...settings, shell: process.platform === 'win32' });
}

const lockedVersion = (name) => {
  const { packages } = JSON.parse(readFileSync(fromRoot('package-lock.json'), 'utf8'));
  return packages[`node_modules/${name}`]?.version ?? 'none';
};
const cliVersion = () => lockedVersion('@napi-rs/cli');
const compilerVersion = () => lockedVersion('typescript');
const chartsVersion = () => lockedVersion('uplot');

// --- the native addon

/** One clear sentence instead of a compiler's page of errors. */
function checkRust() {
  const needed = /^rust-version\s*=\s*"([\d.]+)"/m.exec(readFileSync(fromRoot('Cargo.toml'), 'utf8'))?.[1] ?? '1.88';
  const advice = `install Rust ${needed} or newer from rustup.rs, open a new terminal and run this again`;
  for (const tool of ['cargo', 'rustc']) {
    const { error, status, stdout } = spawnSync(tool, ['--version'], { encoding: 'utf8' });
    if (error !== undefined || status !== 0) {
      throw new Refusal(
        `the native part is built from source and needs Rust, but \`${tool}\` could not be run: ${advice}.`,
      );
    }
    const found = /(\d+)\.(\d+)/.exec(stdout);
    const [major, minor] = needed.split('.').map(Number);
    if (found !== null && (Number(found[1]) < major || (Number(found[1]) === major && Number(found[2]) < minor))) {
      throw new Refusal(`the native part needs Rust ${needed} or newer, and this is ${stdout.trim()}: ${advice}.`);
    }
  }
}

async function buildNative() {
  checkRust();
  say(`building the native addon for ${platformTriple()} (about a minute the first time)`);
  const output = join(cache, `native-${process.pid}`);
  mkdirSync(output, { recursive: true });
  // As cargo does where it makes the folder itself.
  markAsCache(fromRoot('target'));
  try {
    // No --js: the loader is ours, lib/native.ts.
    const options = ['--platform', '--release', '--no-js', '--output-dir', output, '--dts', 'binding.d.ts'];
    await must(
      run(process.execPath, [napiCli(), 'build', ...options], { stdout: 'stderr' }),
      'the native build failed; the compiler says why above',
    );
    const binary = join(output, binaryName());
    const declarations = join(output, 'binding.d.ts');
    writeIfChanged(
      fromRoot(generated, 'binding.d.ts'),
      existsSync(declarations) ? readFileSync(declarations) : 'export {};\n',
    );
    writeIfChanged(fromRoot(generated, 'layout.ts'), layoutOf(binary));
    installFile(binary, fromRoot(binaryName()));
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

const napiCli = () => fromRoot('node_modules/@napi-rs/cli', readManifest('node_modules/@napi-rs/cli').bin.napi);

/** Offsets and constants as Rust has them. Asked in a process of its own: this one must never hold the binary open. */
function layoutOf(binary) {
  const ask = 'process.stdout.write(require(process.argv[1]).layoutTypescript())';
  return execFileSync(process.execPath, ['-e', ask, binary], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

// --- TypeScript

async function compile(folder, project, output, addFiles) {
  say(`compiling ${folder}/ to ${output}/`);
  // Compiled aside, then put in place file by file: a program that runs from there meanwhile never sees half a file.
  const aside = join(cache, `compiled-${process.pid}`);
  try {
    const tsc = fromRoot('node_modules/typescript', readManifest('node_modules/typescript').bin.tsc);
    await must(
      run(process.execPath, [tsc, '-p', project, '--outDir', aside], { stdout: 'stderr' }),
      `the TypeScript of ${folder}/ does not compile; the compiler says why above`,
    );
    // The compiler leaves declaration files out of its output, and the library's own declarations name this one.
    const declarations = fromRoot(folder, 'generated/binding.d.ts');
    if (existsSync(declarations)) installFile(declarations, join(aside, 'generated/binding.d.ts'));
    addFiles?.(aside);
    mirrorFolder(aside, fromRoot(output));
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** Files that the browser gets as they are, the chart library and its licence among them. */
function addPage(output) {
  cpSync(fromRoot('lib', page), join(output, page), { recursive: true });
  const charts = fromRoot('node_modules/uplot');
  for (const [source, target] of [
    ['dist/uPlot.iife.min.js', 'uplot.js'],
    ['dist/uPlot.min.css', 'uplot.css'],
    ['LICENSE', 'uplot.LICENSE.txt'],
  ]) {
    installFile(join(charts, source), join(output, page, target));
  }
}

async function must(exitCode, message) {
  const code = await exitCode;
  if (code > 128) throw new Refusal('interrupted; the next run goes on from here', code);
  if (code !== 0) throw new Refusal(message);
}
