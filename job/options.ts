// The command line: what it may say, and clear words for what it may not.

import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { systemErrorText } from './count-file.js';

export const DEFAULT_AGENTS = 100;
const DEFAULT_ROUNDS = 3;
const MOST_DEFAULT_THREADS = 8;
const MOST_THREADS = 256;
const MOST_AGENTS = 100_000;
const MOST_MESSAGES = 1_000_000_000;
const MOST_ROUNDS = 100;
const MOST_NAME_LENGTH = 256;
const MOST_PORT = 65_535;
/** As `monitor.serve` has it; said in the help text alone. */
const DEFAULT_DASHBOARD_PORT = 9475;

/** The project's folder: this file runs as build/job/options.js. */
const PROJECT = join(__dirname, '..', '..');

/** Where the dashboard is served: at a port of this machine; undefined is the package's own. */
export interface DashboardOptions {
  port: number | undefined;
}

export interface CountOptions {
  command: 'count';
  folder: string;
  threads: number;
  agents: number;
  busName: string;
  dashboard: DashboardOptions | undefined;
  all: boolean;
  json: boolean;
}

export interface LoadOptions {
  command: 'load';
  messages: number;
  rounds: number;
  busName: string;
  dashboard: DashboardOptions | undefined;
  json: boolean;
}

export type Options = CountOptions | LoadOptions | { command: 'help' };

/** The caller's mistake: told in a sentence, without a stack. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/**
 * One core is left to the coordinator, but two threads are used where there are two cores: the agents do most of the work.
 * Beyond eight it is the disk that one waits for.
 */
export function defaultThreads(cores = availableParallelism()): number {
  return Math.min(Math.max(cores - 1, Math.min(cores, 2)), MOST_DEFAULT_THREADS);
}

export function helpText(): string {
  return `agentwire, the main job: agents in worker threads count the files of a folder and report over the bus.

  npm start [-- FOLDER] [options]      count lines and words of every file, hash it, check the result
  npm start -- --load N [options]      send N messages through the bus, and the same over MessagePort

FOLDER is the project's own folder if it is not given. Symbolic links are not followed. A file with a NUL byte in its
first 8 KiB is binary and is listed as an error, as is one that cannot be read. Lines and words are those of wc.

options
  --threads N     worker threads, 1 to ${MOST_THREADS}; ${defaultThreads()} on this machine if not given, never more than agents
  --agents N      agents, spread over the threads, 1 to ${MOST_AGENTS}; ${DEFAULT_AGENTS} if not given
  --all           count also what is left out otherwise: .git, and folders marked as caches by a CACHEDIR.TAG (cargo's target)
  --load N        messages of a round, 1 to ${MOST_MESSAGES}
  --rounds N      with --load: rounds of each transport, whose median counts, 1 to ${MOST_ROUNDS}; ${DEFAULT_ROUNDS} if not given
  --dashboard [PORT]
                  live charts of the job as a web page, and for \`npx agentwire top\`; on a terminal until Ctrl-C, also when
                  the job is done. Port ${DEFAULT_DASHBOARD_PORT} if not given; 0 takes one that is free
  --bus NAME      name of the bus; "main-job" if not given
  --json          one JSON object on standard output instead of the report
  --help          this text

Ctrl-C cancels: the agents stop, and what was counted is reported and checked. A second Ctrl-C ends at once.

exit code
  0    done, and every total equals that of a plain pass over the same files
  1    a total differs, a message was lost, or a worker thread died
  2    the command line cannot be understood, or there is no such folder
  130  cancelled with Ctrl-C (143: by SIGTERM)
`;
}

const config = {
  allowPositionals: true,
  options: {
    threads: { type: 'string' },
    agents: { type: 'string' },
    all: { type: 'boolean' },
    load: { type: 'string' },
    rounds: { type: 'string' },
    bus: { type: 'string' },
    dashboard: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  },
} as const satisfies ParseArgsConfig;

export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  if (values.help === true) return { command: 'help' };
  const json = values.json ?? false;
  const dashboard = values.dashboard === undefined ? undefined : { port: dashboardPort(values.dashboard) };
  const busName = values.bus ?? 'main-job';
  if (busName === '' || busName.length > MOST_NAME_LENGTH) {
    throw new UsageError(
      `--bus: a name of 1 to ${MOST_NAME_LENGTH} characters expected, one of ${busName.length} given`,
    );
  }
  if (positionals.length > 1) {
    throw new UsageError(`one folder expected, ${positionals.length} given: ${positionals.map(quote).join(', ')}`);
  }

  if (values.load !== undefined) {
    const senseless = (['threads', 'agents', 'all'] as const).filter((name) => values[name] !== undefined);
    if (senseless.length > 0) throw new UsageError(`--load always uses two threads; it takes no --${senseless[0]}`);
    if (positionals[0] !== undefined)
      throw new UsageError(`--load reads no files; it takes no folder, ${quote(positionals[0])} given`);
    const messages = integer('--load', values.load, MOST_MESSAGES);
    const rounds = values.rounds === undefined ? DEFAULT_ROUNDS : integer('--rounds', values.rounds, MOST_ROUNDS);
    return { command: 'load', messages, rounds, busName, dashboard, json };
  }

  if (values.rounds !== undefined) throw new UsageError('--rounds is for --load only');
  const agents = values.agents === undefined ? DEFAULT_AGENTS : integer('--agents', values.agents, MOST_AGENTS);
  const threads = values.threads === undefined ? defaultThreads() : integer('--threads', values.threads, MOST_THREADS);
  return {
    command: 'count',
    folder: existingFolder(positionals[0] ?? PROJECT),
    // A thread without an agent would have nothing to do.
    threads: Math.min(threads, agents),
    agents,
    busName,
    dashboard,
    all: values.all ?? false,
    json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      ...config,
      args: args
        .flatMap(joinNegative)
        .map(joinPort)
        .filter((arg) => arg !== undefined),
    });
  } catch (error) {
    // parseArgs explains itself well, with one sentence of advice too many on how to pass positionals.
    const text = error instanceof Error ? error.message : String(error);
    throw new UsageError(text.split('. ')[0].split('\n')[0]);
  }
}

/** "--load -5" means a value that is wrong, and shall be told so, not an option "-5". */
function joinNegative(arg: string, index: number, args: readonly string[]): string | string[] {
  const isValue = (value: string | undefined): boolean => value !== undefined && /^-\d/.test(value);
  const takesValue = (name: string | undefined): boolean => /^--(threads|agents|load|rounds|bus)$/.test(name ?? '');
  if (takesValue(arg) && isValue(args[index + 1])) return `${arg}=${args[index + 1]}`;
  return isValue(arg) && takesValue(args[index - 1]) ? [] : arg;
}

/** The port may be left out, which parseArgs does not know: "--dashboard 80" is one argument here, and "--dashboard" has an empty value. */
function joinPort(arg: string, index: number, args: readonly string[]): string | undefined {
  const isPort = (value: string | undefined): boolean => /^\d+$/.test(value ?? '');
  if (arg === '--dashboard') return isPort(args[index + 1]) ? `${arg}=${args[index + 1]}` : `${arg}=`;
  return args[index - 1] === '--dashboard' && isPort(arg) ? undefined : arg;
}

function dashboardPort(given: string): number | undefined {
  if (given === '') return undefined;
  if (/^\d+$/.test(given) && Number(given) <= MOST_PORT) return Number(given);
  throw new UsageError(`--dashboard: a port from 0 to ${MOST_PORT} expected, ${quote(given)} given`);
}

function integer(name: string, given: string, most: number): number {
  const value = Number(given);
  if (!/^\d+$/.test(given) || value < 1 || value > most) {
    throw new UsageError(`${name}: a whole number from 1 to ${most} expected, ${quote(given)} given`);
  }
  return value;
}

function existingFolder(given: string): string {
  if (given === '') throw new UsageError('the name of the folder is empty');
  // npm changes to the project's folder; what people type is relative to where they are.
  const from = process.env['npm_lifecycle_event'] === 'start' ? process.env['INIT_CWD'] : undefined;
  const folder = resolve(from ?? '.', given);
  try {
    if (statSync(folder).isDirectory()) return folder;
  } catch (error) {
    throw new UsageError(`${quote(given)} cannot be opened as a folder: ${systemErrorText(error)}`);
  }
  throw new UsageError(`${quote(given)} is not a folder`);
}

function quote(text: string): string {
  return JSON.stringify(text);
}
