// npm start: reads the command line, runs the job or the load, prints the report, says how it went by the exit code.

import { runJob } from './coordinator.js';
import { Dashboard } from './dashboard.js';
import { Interruption } from './interruption.js';
import { loadReportText, runLoad } from './load.js';
import { type CountOptions, helpText, type LoadOptions, parseOptions, UsageError } from './options.js';
import { foundLine, Progress, progressStyle } from './progress.js';
import { checkAgainstPlainPass } from './reference-pass.js';
import { makeReport, reportExitCode, reportText } from './report.js';
import { walk } from './walk.js';

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  switch (options.command) {
    case 'help':
      process.stdout.write(helpText());
      return 0;
    case 'load':
      return withDashboard(options, load);
    case 'count':
      return withDashboard(options, countFolder);
  }
}

/** Does the work with its dashboard, where one is asked for; on a terminal the page stays when the work is done. */
async function withDashboard<Given extends CountOptions | LoadOptions>(
  options: Given,
  work: (options: Given) => Promise<number>,
): Promise<number> {
  if (options.dashboard === undefined) return work(options);
  const dashboard = await Dashboard.open(options.dashboard);
  try {
    process.stderr.write(`dashboard: ${dashboard.url}\n`);
    const exitCode = await work(options);
    const isCancelled = exitCode > 128;
    if (process.stdout.isTTY && !options.json && !isCancelled) {
      process.stderr.write(`the dashboard stays at ${dashboard.url} until Ctrl-C\n`);
      await dashboard.untilInterrupted();
    }
    return exitCode;
  } finally {
    await dashboard.close();
  }
}

async function countFolder(options: CountOptions): Promise<number> {
  const style = progressStyle(process.stderr, options.json);
  const interruption = new Interruption(announce);
  const { folder, threads, agents, busName } = options;
  const startedAt = performance.now();

  const contents = await walk(folder, {
    all: options.all,
    signal: interruption.signal,
    onProgress: (found) => foundLine(process.stderr, style, found),
  });
  foundLine(process.stderr, style, undefined);
  const walkMs = performance.now() - startedAt;
  const { files } = contents;

  let progress: Progress | undefined;
  const job = await runJob({ folder, files, threads, agents, busName }, interruption.signal, (read) => {
    progress = new Progress(process.stderr, style, 'counting', files.length, () => {
      const { done, bytes, silentAgents } = read();
      return { done, bytes, ...(silentAgents > 0 && { note: `${silentAgents} agents silent` }) };
    });
  }).finally(() => progress?.end());
  const elapsedMs = performance.now() - startedAt;

  const step = { done: 0, bytes: 0 };
  const answered = job.totals.files + job.totals.errors;
  const checking = new Progress(process.stderr, style, 'checking', answered, () => step);
  const check = await checkAgainstPlainPass({
    folder,
    files,
    outcomes: job.outcomes,
    totals: job.totals,
    // What a cancel has left is checked all the same, and a second Ctrl-C ends it.
    signal: job.cancelled ? new AbortController().signal : interruption.signal,
    onProgress: (done, bytes) => Object.assign(step, { done, bytes }),
  }).finally(() => checking.end());

  interruption.stopListening();
  const report = makeReport(folder, contents, job, check, { walkMs, elapsedMs });
  print(options.json ? json(report) : reportText(report));
  return reportExitCode(report) || interruption.exitCode;
}

async function load(options: LoadOptions): Promise<number> {
  const interruption = new Interruption(announce);
  const quiet = progressStyle(process.stderr, options.json) === 'none';
  const report = await runLoad(options, interruption.signal, (line) => {
    if (!quiet) process.stderr.write(`${line}\n`);
  });
  interruption.stopListening();
  print(options.json ? json(report) : loadReportText(report));
  return report.ok || interruption.exitCode !== 0 ? interruption.exitCode : 1;
}

function json(report: object): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}

function print(text: string): void {
  process.stdout.write(text);
}

function announce(text: string): void {
  process.stderr.write(`\n${text}\n`);
}

// Whoever reads us may have read enough (`npm start | head`): that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

main().then(
  // Not process.exit(): what was written to a pipe must get out first.
  (code) => (process.exitCode = code),
  (error: unknown) => {
    if (error instanceof UsageError) {
      process.stderr.write(`agentwire: ${error.message}\nTry: npm start -- --help\n`);
      process.exitCode = 2;
    } else {
      process.stderr.write(`agentwire: the job failed: ${error instanceof Error ? error.stack : String(error)}\n`);
      process.exitCode = 1;
    }
  },
);
