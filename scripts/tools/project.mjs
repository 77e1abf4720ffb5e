// Where things are, how the scripts speak, and how they give up.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const cache = join(root, '.cache');
export const fromRoot = (...parts) => join(root, ...parts);

/** An end that needs no stack trace: the message says it all. */
export class Refusal extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Always stderr: the stdout of `npm start -- --json` belongs to the job. */
export function say(message) {
  process.stderr.write(`agentwire: ${message}\n`);
}

/** Runs a script's body; a Refusal becomes one sentence and an exit code. */
export async function main(body) {
  try {
    process.exitCode = (await body(process.argv.slice(2))) ?? process.exitCode ?? 0;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    say(error.message);
    process.exitCode = error.exitCode;
  }
}
