// npm start -- --load N: the same messages through the bus and over MessagePort, between the same two threads.

import { join } from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { expectedTally, makeLoadMessage, type Tally } from './load-messages.js';
import type { LoadEnd, RoundOrder, RoundReport, Transport } from './load-worker.js';
import type { LoadOptions } from './options.js';
import { count, plural, table } from './text.js';

interface Round {
  perSecond: number;
  elapsedMs: number;
  /** Times that the publisher had to wait for the subscriber. */
  waits: number;
  seen: Tally;
  ok: boolean;
}

export interface TransportReport {
  /** Median of the rounds. */
  perSecond: number;
  rounds: Round[];
  ok: boolean;
}

export interface LoadReport {
  load: {
    messages: number;
    bytesOfJson: number;
    rounds: number;
    expected: Tally;
    agentwire: TransportReport;
    messagePort: TransportReport;
    /** agentwire's messages per second over MessagePort's. */
    ratio: number;
  };
  ok: boolean;
  cancelled: boolean;
}

export async function runLoad(
  options: LoadOptions,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<LoadReport> {
  const { messages, busName } = options;
  const expected = expectedTally(messages);
  const rounds: Record<Transport, Round[]> = { agentwire: [], MessagePort: [] };
  const { port1, port2 } = new MessageChannel();
  const subscriber = new LoadThread({ role: 'subscriber', busName, port: port1 });
  const publisher = new LoadThread({ role: 'publisher', busName, port: port2 });

  try {
    // Interleaved, so that a machine that is busy for a while is busy for both.
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const transport of ['agentwire', 'MessagePort'] as const) {
        const done = await runRound({ transport, messages }, subscriber, publisher, expected, signal);
        if (done === undefined) return report(options, expected, rounds, true);
        rounds[transport].push(done);
        // Messages may still be on their way into the next round, which would only be wrong as well.
        if (!done.ok) return report(options, expected, rounds, false);
        say(`round ${round} of ${options.rounds}: ${transport} ${count(done.perSecond)} messages/s`);
      }
    }
    return report(options, expected, rounds, false);
  } finally {
    await Promise.all([subscriber.end(), publisher.end()]);
  }
}

/** Undefined: cancelled. */
async function runRound(
  order: RoundOrder,
  subscriber: LoadThread,
  publisher: LoadThread,
  expected: Tally,
  signal: AbortSignal,
): Promise<Round | undefined> {
  const cancelled = new Promise<'cancelled'>((resolve) => {
    if (signal.aborted) resolve('cancelled');
    else signal.addEventListener('abort', () => resolve('cancelled'), { once: true });
  });
  const received = subscriber.expect('received');
  const sent = publisher.expect('sent');
  const ready = subscriber.expect('ready');
  subscriber.order(order);
  if ((await Promise.race([ready, cancelled])) === 'cancelled') return undefined;
  publisher.order(order);
  // The publisher's part of the race is its death.
  if ((await Promise.race([received, sent.then(() => received), cancelled])) === 'cancelled') return undefined;
  const { endedAt, seen } = await received;
  // Messages that are missing will not be sent by a publisher that waits for their acknowledgement: no time then.
  const start = seen.received < order.messages ? undefined : await sent;
  const elapsedMs = start === undefined ? 0 : Number(endedAt - start.startedAt) / 1e6;
  return {
    perSecond: elapsedMs > 0 ? Math.round((order.messages / elapsedMs) * 1_000) : 0,
    elapsedMs: Math.round(elapsedMs * 1_000) / 1_000,
    waits: start?.refused ?? 0,
    seen,
    ok: (Object.keys(expected) as (keyof Tally)[]).every((field) => seen[field] === expected[field]),
  };
}

type ReportOf<Kind extends RoundReport['kind']> = Extract<RoundReport, { kind: Kind }>;

/** A worker with one end of both transports. Its death rejects whatever is expected of it. */
class LoadThread {
  readonly #worker: Worker;
  readonly #died: Promise<never>;

  constructor(end: LoadEnd) {
    const port: MessagePort = end.port;
    this.#worker = new Worker(join(__dirname, 'load-worker.js'), {
      workerData: end,
      transferList: [port],
      name: end.role,
    });
    this.#died = new Promise((_, reject) => {
      this.#worker.once('error', reject);
      this.#worker.once('exit', (code) => reject(new Error(`the ${end.role} thread exited with code ${code}`)));
    });
    // Nobody may be waiting when it happens.
    this.#died.catch(() => {});
  }

  expect<Kind extends RoundReport['kind']>(kind: Kind): Promise<ReportOf<Kind>> {
    const reported = new Promise<ReportOf<Kind>>((resolve) => {
      const listen = (report: RoundReport): void => {
        if (report.kind !== kind) return;
        this.#worker.off('message', listen);
        resolve(report as ReportOf<Kind>);
      };
      this.#worker.on('message', listen);
    });
    const outcome = Promise.race([reported, this.#died]);
    outcome.catch(() => {});
    return outcome;
  }

  order(order: RoundOrder): void {
    this.#worker.postMessage(order);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

function report(
  { messages, rounds }: LoadOptions,
  expected: Tally,
  done: Record<Transport, Round[]>,
  cancelled: boolean,
): LoadReport {
  const agentwire = summary(done.agentwire);
  const messagePort = summary(done.MessagePort);
  const bytesOfJson = JSON.stringify(makeLoadMessage(0)).length;
  const ratio = messagePort.perSecond > 0 ? Math.round((agentwire.perSecond / messagePort.perSecond) * 100) / 100 : 0;
  return {
    load: { messages, bytesOfJson, rounds, expected, agentwire, messagePort, ratio },
    ok: agentwire.ok && messagePort.ok,
    cancelled,
  };
}

function summary(rounds: Round[]): TransportReport {
  return { perSecond: median(rounds.map(({ perSecond }) => perSecond)), rounds, ok: rounds.every(({ ok }) => ok) };
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle] : Math.round((sorted[middle - 1] + sorted[middle]) / 2);
}

export function loadReportText({ load, ok, cancelled }: LoadReport): string {
  const rows = [
    ['', 'messages/s', 'slowest', 'fastest'],
    ...(
      [
        ['agentwire', load.agentwire],
        ['MessagePort', load.messagePort],
      ] as const
    ).map(([name, { perSecond, rounds }]) => {
      const rates = rounds.map((round) => round.perSecond);
      return [
        name,
        count(perSecond),
        ...(rates.length === 0 ? ['-', '-'] : [count(Math.min(...rates)), count(Math.max(...rates))]),
      ];
    }),
    ['ratio', load.ratio === 0 ? '-' : `${load.ratio} x`, '', ''],
  ];
  const isEmpty = load.agentwire.rounds.length === 0;
  const verdict = !ok
    ? 'FAILED: what was received is not what was sent'
    : isEmpty
      ? 'no round was finished'
      : 'every message was received once, as it was sent';
  const head = `${plural(load.messages, 'message')} of ${load.bytesOfJson} bytes of JSON, one publisher thread, one subscriber thread, `;
  return [
    `${cancelled ? 'cancelled: ' : ''}${head}median of ${plural(load.rounds, 'round')} each`,
    ...table(rows).map((line) => `  ${line}`),
    `  ${verdict}`,
    ...(ok ? [] : spoiledLines('agentwire', load.agentwire, load.expected)),
    ...(ok ? [] : spoiledLines('MessagePort', load.messagePort, load.expected)),
    '',
  ].join('\n');
}

function spoiledLines(name: string, { rounds }: TransportReport, expected: Tally): string[] {
  return rounds.flatMap(({ ok, seen }, index) =>
    ok ? [] : [`    ${name}, round ${index + 1}: ${JSON.stringify(seen)} instead of ${JSON.stringify(expected)}`],
  );
}
