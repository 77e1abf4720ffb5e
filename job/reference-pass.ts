// The check: a plain pass over the same files, one after the other on one thread, held against what the agents said.

import { setImmediate as turn } from 'node:timers/promises';
import { CHUNK_BYTES, countFile, type FileOutcome } from './count-file.js';
import type { FilePath } from './messages.js';
import { absolutePath, pathText } from './walk.js';

export interface Difference {
  /** A file, or the total that differs. */
  what: string;
  job: string | number;
  plain: string | number;
}

export interface CheckResult {
  ok: boolean;
  /** False: the check was interrupted, and covers what it had come to. */
  complete: boolean;
  filesChecked: number;
  /** At most `MOST_DIFFERENCES` of them are kept. */
  differences: Difference[];
  differenceCount: number;
  /** Files that changed or vanished between the two passes, which therefore say nothing about the job. */
  changed: { path: string; detail: string }[];
  totals: { job: Totals; plain: Totals };
  elapsedMs: number;
}

export interface Totals {
  files: number;
  errors: number;
  bytes: number;
  lines: number;
  words: number;
}

const MOST_DIFFERENCES = 100;
/** How long the pass may keep the event loop from Ctrl-C and the progress bar. */
const TURN_MS = 20;

export function noTotals(): Totals {
  return { files: 0, errors: 0, bytes: 0, lines: 0, words: 0 };
}

/** @param sign -1 takes the file out again. */
export function addToTotals(totals: Totals, outcome: FileOutcome, sign: 1 | -1 = 1): void {
  if (!outcome.ok) {
    totals.errors += sign;
    return;
  }
  totals.files += sign;
  totals.bytes += sign * outcome.bytes;
  totals.lines += sign * outcome.lines;
  totals.words += sign * outcome.words;
}

/** Whether the agent looked at this file at all; what was lost with an agent has no result to check. */
export function isCheckable(outcome: FileOutcome | undefined): outcome is FileOutcome {
  return (
    outcome !== undefined && (outcome.ok || (outcome.reason !== 'agent-died' && outcome.reason !== 'no-agent-left'))
  );
}

/** What the two passes say of one file: the same, something else, or something else of a file that changed. */
export function compareFile(path: string, job: FileOutcome, plain: FileOutcome): Difference[] | { changed: string } {
  const differences: Difference[] = [];
  const compare = (field: string, a: string | number, b: string | number): void => {
    if (a !== b) differences.push({ what: `${field} of ${path}`, job: a, plain: b });
  };
  if (job.ok && plain.ok) {
    for (const field of ['bytes', 'lines', 'words', 'sha256'] as const) compare(field, job[field], plain[field]);
  } else {
    compare('outcome', job.ok ? 'counted' : job.reason, plain.ok ? 'counted' : plain.reason);
  }
  if (differences.length === 0) return [];
  // The change time cannot be set back: if it is the same, so was the file, and one of the two passes is wrong.
  if (job.changedMs !== plain.changedMs) {
    return {
      changed: plain.changedMs === undefined ? 'vanished after the job read it' : 'changed after the job read it',
    };
  }
  return differences;
}

/** Every single file may agree and the coordinator still have added up wrongly: it keeps its totals as messages arrive. */
export function compareTotals(job: Totals, plain: Totals): Difference[] {
  return (Object.keys(plain) as (keyof Totals)[])
    .filter((field) => job[field] !== plain[field])
    .map((field) => ({ what: `total of ${field}`, job: job[field], plain: plain[field] }));
}

export interface ReferencePass {
  folder: string;
  files: readonly FilePath[];
  outcomes: readonly (FileOutcome | undefined)[];
  /** What the coordinator added up, of all answers. */
  totals: Totals;
  signal: AbortSignal;
  onProgress?: (done: number, bytes: number) => void;
}

export async function checkAgainstPlainPass(pass: ReferencePass): Promise<CheckResult> {
  const startedAt = performance.now();
  const chunk = new Uint8Array(CHUNK_BYTES);
  // The job's totals are taken as they are, less the files that the comparison must leave out.
  const totals = { job: { ...pass.totals }, plain: noTotals() };
  const differences: Difference[] = [];
  const changed: CheckResult['changed'] = [];
  let differenceCount = 0;
  let filesChecked = 0;
  let complete = true;
  let turnAt = startedAt + TURN_MS;
  const report = (found: Difference[]): void => {
    differenceCount += found.length;
    differences.push(...found.slice(0, Math.max(0, MOST_DIFFERENCES - differences.length)));
  };

  for (const [taskId, job] of pass.outcomes.entries()) {
    if (!isCheckable(job)) continue;
    if (pass.signal.aborted) {
      complete = false;
      addToTotals(totals.job, job, -1);
      continue;
    }
    const file = pass.files[taskId];
    const steps = countFile(absolutePath(pass.folder, file), chunk);
    let step = steps.next();
    for (;;) {
      if (performance.now() >= turnAt) {
        pass.onProgress?.(filesChecked, totals.plain.bytes);
        await turn();
        turnAt = performance.now() + TURN_MS;
      }
      if (step.done === true) break;
      step = steps.next();
    }
    const plain = step.value;
    const path = pathText(file);
    const verdict = compareFile(path, job, plain);
    filesChecked += 1;
    if (Array.isArray(verdict)) {
      report(verdict);
      addToTotals(totals.plain, plain);
    } else {
      addToTotals(totals.job, job, -1);
      changed.push({ path, detail: verdict.changed });
    }
  }

  report(compareTotals(totals.job, totals.plain));
  return {
    ok: differenceCount === 0,
    complete,
    filesChecked,
    differences,
    differenceCount,
    changed,
    totals,
    elapsedMs: performance.now() - startedAt,
  };
}
