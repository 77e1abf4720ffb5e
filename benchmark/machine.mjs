// What was measured on what: without it no figure means anything.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { fromRoot } from './results.mjs';

const manifest = (path) => JSON.parse(readFileSync(fromRoot(path), 'utf8'));

/** What a program prints, trimmed; undefined where it cannot be run. */
function ask(command, ...args) {
  try {
    return execFileSync(command, args, {
      cwd: fromRoot('.'),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

/** `2 x Intel(R) Xeon(R) Processor @ 2.70GHz` and the like. */
export function readMachine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    cores: availableParallelism(),
    memory: totalmem(),
    system: `${type()} ${release()}`,
    arch: process.arch,
  };
}

/** The versions of everything that takes part. */
export function readVersions() {
  const commit = ask('git', 'rev-parse', '--short', 'HEAD');
  const isChanged = commit !== undefined && ask('git', 'status', '--porcelain', '--untracked-files=no') !== '';
  return {
    agentwire: manifest('package.json').version,
    // Changed files make it another program than the commit's.
    commit: commit === undefined ? null : `${commit}${isChanged ? ' with changes' : ''}`,
    node: process.versions.node,
    v8: process.versions.v8,
    rustc: ask('rustc', '--version')?.split(' ')[1] ?? null,
    peers: manifest('benchmark/package.json').dependencies,
  };
}

export function machineText({ cpu, cores, memory, system, arch }, { agentwire, commit, node, v8, rustc }) {
  const gigabytes = `${Math.round(memory / 1e9)} GB`;
  const own = `agentwire ${agentwire}${commit === null ? '' : ` (${commit})`}`;
  const tools = `Node.js ${node} (V8 ${v8})${rustc === null ? '' : `, rustc ${rustc}`}`;
  return `${own} on ${cpu}, ${cores} cores, ${gigabytes}, ${system} ${arch}; ${tools}`;
}
