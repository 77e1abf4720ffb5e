import { join } from 'node:path';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { AgentwireError } from './errors';
import type * as binding from './generated/binding';
import { LAYOUT_FINGERPRINT } from './generated/layout';

/** What the Rust part exports. Its types are generated from the Rust source. */
export type Native = typeof binding;

/** The path of a binary to load instead of the installed one: for a build of one's own, or a bundler that moved the file. */
const overrideVariable = 'AGENTWIRE_BINARY';

/**
 * Finds and loads the binary: the one named by AGENTWIRE_BINARY and no other; or the one built in the package's own folder;
 * or the platform package that npm installed.
 */
function load(): Native {
  const override = process.env[overrideVariable];
  const triple = platformTriple();
  const candidates = override ? [override] : [join(__dirname, '..', `agentwire.${triple}.node`), `agentwire-${triple}`];
  const failures: string[] = [];
  const causes: unknown[] = [];
  for (const candidate of candidates) {
    try {
      const loaded: Native = require(candidate);
      checkFingerprint(loaded, candidate);
      return loaded;
    } catch (error) {
      if (error instanceof AgentwireError) throw error;
      // The first line says what happened; below it, require() lists the modules that asked, which is this one.
      failures.push(`  ${candidate}: ${String(error instanceof Error ? error.message : error).split('\n', 1)[0]}`);
      causes.push(error);
    }
  }
  throw new AgentwireError(
    'ERR_AGENTWIRE_BINARY_MISSING',
    `The native part of agentwire could not be loaded for ${triple} (Node.js ${process.versions.node}). Tried:\n` +
      `${failures.join('\n')}\n${adviceFor(override, triple)}`,
    { cause: causes.length === 1 ? causes[0] : new AggregateError(causes, 'every candidate failed') },
  );
}

function adviceFor(override: string | undefined, triple: string): string {
  if (override) return `${overrideVariable} names this file: correct it, or unset it to use the installed binary.`;
  return (
    `Install agentwire-${triple} in the same version as agentwire (npm does so by itself unless it is told to omit optional ` +
    `dependencies, or node_modules was copied from another platform), build it in a clone with \`npm run build\`, or name a ` +
    `binary in ${overrideVariable}.`
  );
}

/** TypeScript has offsets compiled in; a binary with other offsets would read and write the wrong bytes. */
function checkFingerprint(loaded: Native, candidate: string): void {
  const found = loaded.layoutFingerprint?.();
  if (found === LAYOUT_FINGERPRINT) return;
  throw new AgentwireError(
    'ERR_AGENTWIRE_BINARY_MISMATCH',
    `${candidate} was built from another version of agentwire: its memory layout is ${found ?? 'unnamed'}, and this package ` +
      `was compiled for ${LAYOUT_FINGERPRINT}. Install both in the same version; in a clone run \`npm run build\`.`,
  );
}

/** Spelled as napi-rs spells it. */
function platformTriple(): string {
  const { platform, arch } = process;
  if (platform === 'linux') return `linux-${arch}-${libc()}`;
  if (platform === 'win32') return `win32-${arch}-msvc`;
  return `${platform}-${arch}`;
}

/** Worked out once per process: a thread that loads agentwire hands the answer to the threads that it starts. */
function libc(): 'gnu' | 'musl' {
  const key = 'agentwire.libc';
  const known = getEnvironmentData(key);
  if (known === 'gnu' || known === 'musl') return known;
  const found = isMusl() ? 'musl' : 'gnu';
  setEnvironmentData(key, found);
  return found;
}

/** Only glibc puts its version into the report, which takes 5 ms, and with its network part up to seconds. */
function isMusl(): boolean {
  // Newer than the oldest type declarations that we compile against; where Node does not know it, setting it does nothing.
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean };
  const previous = report.excludeNetwork;
  report.excludeNetwork = true;
  try {
    const { header } = report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
    return header.glibcVersionRuntime === undefined;
  } finally {
    report.excludeNetwork = previous;
  }
}

export const native: Native = load();
