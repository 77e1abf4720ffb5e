// The JSON beside the tables: where it goes, how it is read.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** From the root of the repository; git ignores them. */
export const judgedFile = 'benchmark/results/performance.json';
export const measuredFile = 'benchmark/results/bench.json';
export const partialFile = 'benchmark/results/rows.json';

/** Version of the JSON: what reads it refuses any other. */
export const FORMAT = 1;

export const fromRoot = (path) => resolve(root, path);
export const shownPath = (path) => relative(process.cwd(), path) || path;

/** The command line names files from where the user stands: the root, when npm starts us, unless INIT_CWD says otherwise. */
export const fromUser = (path) => resolve(process.env.INIT_CWD ?? process.cwd(), path);

export function writeText(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

export function writeResults(path, results) {
  writeText(path, `${JSON.stringify(results, null, 1)}\n`);
}

/** Throws with a sentence for the user. */
export function readResults(path) {
  let results;
  try {
    results = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`${shownPath(path)} cannot be read: ${error.message}`);
  }
  if (results?.format !== FORMAT) {
    throw new Error(`${shownPath(path)} is no result of this version of the benchmark (format ${FORMAT})`);
  }
  return results;
}
