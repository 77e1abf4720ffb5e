// What the job has to say at its end: an object for machines, a page for people.

import type { JobOutcome } from './coordinator.js';
import type { LatencyFigures } from './latency.js';
import { type FailureReason, MESSAGE_TYPES, messageTypeName } from './messages.js';
import { type CheckResult, isCheckable } from './reference-pass.js';
import { bytes, count, duration, latency, percent, plural, printable, table } from './text.js';
import { type FolderContents, pathText } from './walk.js';

const LISTED_FOR_PEOPLE = 20;

export interface Report {
  folder: string;
  files: {
    /** Found in the folder: counted + errors + unfinished. */
    total: number;
    counted: number;
    /** Cancelled before they were done. */
    unfinished: number;
    errors: { path: string; reason: FailureReason; detail: string }[];
    unreadableFolders: { path: string; detail: string }[];
    skippedFolders: { path: string; reason: 'git' | 'cache' }[];
    /** Symbolic links, sockets, pipes, devices. */
    otherEntries: number;
  };
  bytes: number;
  lines: number;
  words: number;
  messages: {
    sent: number;
    /** A command to many is sent once and received by each. */
    received: number;
    /** Received, over the time of the work. */
    perSecond: number;
    /** Times that `publish` did not admit a message and the sender waited. */
    refused: number;
    byType: Record<string, { sent: number; received: number; latency: LatencyFigures }>;
  };
  /** From publish to the handler's entry, in microseconds, over all messages. */
  latency: LatencyFigures;
  threads: {
    thread: number;
    agents: number;
    files: number;
    bytes: number;
    messages: number;
    /** Of all files that were answered for, 0 to 1. */
    share: number;
    death: string | null;
  }[];
  check: {
    ok: boolean;
    complete: boolean;
    files: number;
    differences: { what: string; job: string | number; plain: string | number }[];
    differenceCount: number;
    changed: { path: string; detail: string }[];
    /** Messages lost or delivered twice. */
    faults: string[];
  };
  elapsedMs: number;
  phases: { walkMs: number; startMs: number; workMs: number; checkMs: number };
  cancelled: boolean;
}

export function makeReport(
  folder: string,
  contents: FolderContents,
  job: JobOutcome,
  check: CheckResult,
  times: { walkMs: number; elapsedMs: number },
): Report {
  const errors = job.outcomes.flatMap((outcome, taskId) =>
    outcome === undefined || outcome.ok
      ? []
      : [{ path: pathText(contents.files[taskId]), reason: outcome.reason, detail: outcome.detail }],
  );
  const answered = job.outcomes.filter(isCheckable).length;
  const { sent, received } = job.traffic;
  const sum = (counts: number[]): number => counts.reduce((a, b) => a + b, 0);
  const byType: Report['messages']['byType'] = {};
  for (let type = 0; type < MESSAGE_TYPES; type += 1) {
    const counts = { sent: sent[type], received: received[type] };
    if (counts.sent + counts.received === 0) continue;
    byType[messageTypeName(type)] = { ...counts, latency: job.traffic.latencyOf(type).figures() };
  }

  return {
    folder,
    files: {
      total: contents.files.length,
      counted: job.totals.files,
      unfinished: job.outcomes.filter((outcome) => outcome === undefined).length,
      errors,
      unreadableFolders: contents.unreadableFolders.map(({ path, detail }) => ({ path: pathText(path), detail })),
      skippedFolders: contents.skippedFolders.map(({ path, reason }) => ({ path: pathText(path), reason })),
      otherEntries: contents.otherEntries,
    },
    bytes: job.totals.bytes,
    lines: job.totals.lines,
    words: job.totals.words,
    messages: {
      sent: sum(sent),
      received: sum(received),
      perSecond: job.workMs > 0 ? Math.round((sum(received) / job.workMs) * 1_000) : 0,
      refused: job.traffic.refused,
      byType,
    },
    latency: job.traffic.latency().figures(),
    threads: job.threads.map(({ death, ...thread }) => ({
      ...thread,
      share: answered === 0 ? 0 : thread.files / answered,
      death: death ?? null,
    })),
    check: {
      ok: check.ok && job.faults.length === 0,
      complete: check.complete,
      files: check.filesChecked,
      differences: check.differences,
      differenceCount: check.differenceCount,
      changed: check.changed,
      faults: job.faults,
    },
    elapsedMs: Math.round(times.elapsedMs),
    phases: {
      walkMs: Math.round(times.walkMs),
      startMs: Math.round(job.startMs),
      workMs: Math.round(job.workMs),
      checkMs: Math.round(check.elapsedMs),
    },
    cancelled: job.cancelled,
  };
}

/** 1: something is wrong with the result or a thread died. Being cancelled is the caller's to add. */
export function reportExitCode(report: Report): number {
  return report.check.ok && report.threads.every(({ death }) => death === null) ? 0 : 1;
}

export function reportText(report: Report): string {
  return [
    `${report.cancelled ? 'cancelled; what was done of' : 'counted'} ${printable(report.folder)}`,
    ...summaryLines(report),
    ...threadLines(report),
    ...errorLines(report),
    ...checkLines(report),
    '',
  ].join('\n');
}

function summaryLines({ files, phases, messages, latency: figures, ...report }: Report): string[] {
  const unfinished = files.unfinished === 0 ? '' : `, ${count(files.unfinished)} unfinished`;
  const reasons = files.errors.length === 0 ? '' : ` (${reasonCounts(files.errors)})`;
  const { walkMs, startMs, workMs, checkMs } = phases;
  return [
    row(
      'files',
      `${count(files.total)} found, ${count(files.counted)} counted, ${plural(files.errors.length, 'error')}${reasons}${unfinished}`,
    ),
    row('content', `${bytes(report.bytes)}, ${plural(report.lines, 'line')}, ${plural(report.words, 'word')}`),
    row(
      'time',
      `${duration(report.elapsedMs)}: walk ${duration(walkMs)}, start ${duration(startMs)}, work ${duration(workMs)}; check ${duration(checkMs)}`,
    ),
    row(
      'messages',
      `${count(messages.sent)} sent, ${count(messages.received)} received, ${count(messages.perSecond)}/s, ${plural(messages.refused, 'refusal')}`,
    ),
    row('latency', `one way p50 ${latency(figures.p50)}, p95 ${latency(figures.p95)}, p99 ${latency(figures.p99)}`),
  ];
}

/** "190 binary, 2 unreadable". */
function reasonCounts(errors: Report['files']['errors']): string {
  const counts = new Map<FailureReason, number>();
  for (const { reason } of errors) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, files]) => `${count(files)} ${reason}`).join(', ');
}

function threadLines(report: Report): string[] {
  const rows = report.threads.map(({ thread, agents, files, share, bytes: size, messages, death }) => [
    `thread ${thread}`,
    plural(agents, 'agent'),
    plural(files, 'file'),
    percent(share),
    bytes(size),
    death === null ? plural(messages, 'message') : `died: ${printable(death)}`,
  ]);
  return table(rows).map((line, index) => row(index === 0 ? 'threads' : '', line));
}

function errorLines({ files }: Report): string[] {
  const lines: string[] = [];
  const skipped = files.skippedFolders.map(({ path }) => printable(path));
  if (skipped.length > 0) lines.push(row('left out', `${capped(skipped, 5).join(', ')} (--all counts them too)`));
  const folders = files.unreadableFolders.map(({ path, detail }) => `${printable(path)}/: ${printable(detail)}`);
  const errors = files.errors.map(({ path, reason, detail }) => `${printable(path)}: ${reason}, ${printable(detail)}`);
  return [
    ...lines,
    ...capped([...folders, ...errors], LISTED_FOR_PEOPLE).map((line, index) => row(index === 0 ? 'errors' : '', line)),
  ];
}

function checkLines({ check }: Report): string[] {
  const lines = [
    ...check.faults.map(printable),
    ...check.differences.map(
      ({ what, job, plain }) => `${printable(what)}: ${job} by the agents, ${plain} by the plain pass`,
    ),
  ];
  const changed = check.changed.map(({ path, detail }) => `${printable(path)}: ${detail}, not compared`);
  const scope = `${plural(check.files, 'file')}${check.complete ? '' : ' (interrupted)'}`;
  const verdict = check.ok
    ? `ok: every hash and total equals that of a plain pass over ${scope}`
    : `FAILED: ${plural(check.differenceCount + check.faults.length, 'difference')} to a plain pass over ${scope}`;
  const list = [...capped(lines, LISTED_FOR_PEOPLE), ...capped(changed, LISTED_FOR_PEOPLE)];
  return [row('check', verdict), ...list.map((line) => row('', line))];
}

function row(label: string, text: string): string {
  return `  ${label.padEnd(9)} ${text}`;
}

function capped(lines: string[], most: number): string[] {
  return lines.length <= most
    ? lines
    : [...lines.slice(0, most), `and ${count(lines.length - most)} more (all of them with --json)`];
}
