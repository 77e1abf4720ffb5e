import { parseArgs } from 'node:util';
import { DEFAULT_HOST, DEFAULT_PORT } from '../monitor/dashboard/options';
import { InputError, paintFor, UsageError, write } from './output';
import { ConnectionError, type MonitorEvent, monitorEvents } from './top-client';
import { LiveTop } from './top-live';
import { topLines } from './top-view';

const DEFAULT_URL = `http://${DEFAULT_HOST}:${DEFAULT_PORT}/`;
/** What does not fit in so many columns would be cut in a file, too. */
const PLAIN_COLUMNS = 160;
/** How long to wait for the first sample without a screen, ms. */
const PATIENCE_MS = 15_000;
const DEFAULT_INTERVAL_MS = 1000;
const LONGEST_INTERVAL_MS = 3_600_000;

const usage = `agentwire top [OPTIONS] [URL | PORT]

Shows what a served monitor sees (${DEFAULT_URL} if not given): messages, latencies, buses, threads, topics and pools,
renewed with each sample. Without a terminal it prints the newest sample once. Serve one in the program that you want to see:

  const monitor = new PerformanceMonitor().startMonitoring();
  await monitor.serve();

  --interval MS  at most one picture in so many milliseconds, ${DEFAULT_INTERVAL_MS} if not given
  --once         print the newest sample and end
  --json         print it as one JSON document, {sample, recommendations}, and end
  --help         print this

Keys: q quits, ? says the others. The exit code is 0; 1 if there is no monitor; 2 if the command line is wrong.`;

/** `agentwire top`: the exit code. */
export async function top(args: string[]): Promise<number> {
  const { isHelp, url, isJson, isOnce, intervalMs } = readArguments(args);
  if (isHelp) {
    await write(process.stdout, `${usage}\n`);
    return 0;
  }
  const isScreen = process.stdout.isTTY === true && process.stdin.isTTY === true && process.env['TERM'] !== 'dumb';
  try {
    if (isScreen && !isOnce && !isJson) await new LiveTop(url, intervalMs).run();
    else await printOnce(await newestEvent(url), isJson);
    return 0;
  } catch (error) {
    if (error instanceof ConnectionError) throw new InputError(`${error.message}\n${howToServe(url)}`);
    throw error;
  }
}

async function printOnce(event: MonitorEvent, isJson: boolean): Promise<void> {
  if (isJson) return write(process.stdout, `${JSON.stringify(event, null, 2)}\n`);
  const state = { event, bus: undefined, threadOrder: 'CPU', connection: 'sample of', notice: undefined } as const;
  // A terminal that does not know its size says 0.
  const columns = process.stdout.columns || PLAIN_COLUMNS;
  const lines = topLines(state, { columns, rows: Number.POSITIVE_INFINITY }, paintFor(process.stdout));
  await write(process.stdout, `${lines.join('\n')}\n`);
}

async function newestEvent(url: URL): Promise<MonitorEvent> {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    for await (const event of monitorEvents(url, patience.signal, () => {})) return event;
  } catch (error) {
    if (!patience.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
  throw new InputError(
    `${url.href} is served, but has no sample after ${PATIENCE_MS / 1000} s: is monitor.startMonitoring() called?`,
  );
}

function howToServe(url: URL): string {
  const port = url.port === String(DEFAULT_PORT) ? '' : `{ port: ${url.port || 80} }`;
  return `
A program that is to be seen serves its monitor:

  const monitor = new PerformanceMonitor().startMonitoring();
  await monitor.serve(${port});

If one is served elsewhere, name it: agentwire top URL (or a port of this machine).`;
}

function readArguments(args: string[]) {
  const { values, positionals } = parse(args);
  if (positionals.length > 1) {
    throw new UsageError(`top takes one URL or port, and ${positionals.length} were given\n\n${usage}`);
  }
  return {
    isHelp: values.help === true,
    isJson: values.json === true,
    isOnce: values.once === true,
    url: readUrl(positionals[0] ?? DEFAULT_URL),
    intervalMs: readInterval(values.interval ?? String(DEFAULT_INTERVAL_MS)),
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        interval: { type: 'string' },
        once: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError(`top: ${(error as Error).message}\n\n${usage}`);
  }
}

/** A whole URL, `host:port`, or a port of this machine. */
function readUrl(text: string): URL {
  const isPort = /^\d+$/.test(text);
  const whole = isPort ? `http://${DEFAULT_HOST}:${text}` : text.includes('://') ? text : `http://${text}`;
  try {
    const url = new URL(whole);
    if (/^https?:$/.test(url.protocol) && url.hostname !== '') {
      // A page behind a proxy may lie in a folder.
      if (!url.pathname.endsWith('/')) url.pathname += '/';
      url.search = '';
      url.hash = '';
      return url;
    }
  } catch {
    // Said below.
  }
  const expected = `an address such as ${DEFAULT_URL}, or a port from 1 to 65535`;
  throw new UsageError(`top takes ${expected}; ${JSON.stringify(text)} was given`);
}

function readInterval(text: string): number {
  const interval = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (interval >= 50 && interval <= LONGEST_INTERVAL_MS) return interval;
  const range = `50 to ${LONGEST_INTERVAL_MS.toLocaleString('en')}`;
  throw new UsageError(`--interval must be a number of milliseconds, ${range}; ${JSON.stringify(text)} was given`);
}
