// How far the job is: a bar that redraws itself on a terminal, a line now and then elsewhere. Always on standard error.

import type { WriteStream } from 'node:tty';
import { bytes, count, plural, wholeSeconds } from './text.js';

const REDRAW_MS = 100;
const LINE_EVERY_MS = 2_000;
/** A line comes earlier than that for each further tenth of the work, but not for the tenths of a job of a second. */
const LINE_EVERY_FRACTION = 0.1;
const LEAST_BETWEEN_LINES_MS = 500;
/** Before that, the time that is left would be a guess from a cold start. */
const ESTIMATE_AFTER_MS = 500;
/** Narrower than this there is no room for a bar. */
const LEAST_BAR_CELLS = 8;
const MOST_BAR_CELLS = 40;

export type ProgressStyle = 'bar' | 'lines' | 'none';

export interface Step {
  done: number;
  bytes: number;
  note?: string;
}

/** A bar where it can be drawn; lines for people who read them later; nothing beside JSON. */
export function progressStyle(stream: { isTTY?: boolean }, json: boolean): ProgressStyle {
  if (stream.isTTY === true && process.env['TERM'] !== 'dumb') return 'bar';
  return json ? 'none' : 'lines';
}

/** Counts what is found while nobody knows how much there is; on a terminal only. Ends with an empty line for what comes next. */
export function foundLine(stream: Pick<WriteStream, 'write'>, style: ProgressStyle, files: number | undefined): void {
  if (style === 'bar') stream.write(`\r${files === undefined ? '' : `looking for files: ${count(files)}`}\u001b[K`);
}

/** One stage of the work, of known size. `read` is asked whenever something is to be shown. */
export class Progress {
  readonly #startedAt = performance.now();
  readonly #timer: NodeJS.Timeout | undefined;
  #lineAt = this.#startedAt;
  #lineFraction = 0;

  constructor(
    private readonly stream: Pick<WriteStream, 'write'> & { columns?: number },
    private readonly style: ProgressStyle,
    private readonly label: string,
    private readonly total: number,
    private readonly read: () => Step,
  ) {
    if (style === 'none') return;
    if (style === 'lines') stream.write(`${label} ${plural(total, 'file')}\n`);
    this.#timer = setInterval(() => this.#show(), REDRAW_MS);
    this.#timer.unref();
  }

  /** Leaves the terminal's line empty for what comes next. */
  end(): void {
    clearInterval(this.#timer);
    if (this.style === 'bar') this.stream.write('\r\u001b[K');
  }

  #show(): void {
    const step = this.read();
    const now = performance.now();
    if (this.style === 'bar') {
      this.stream.write(
        `\r${barLine(this.label, step, this.total, now - this.#startedAt, this.stream.columns ?? 80)}\u001b[K`,
      );
      return;
    }
    const fraction = this.total === 0 ? 1 : step.done / this.total;
    const since = now - this.#lineAt;
    const due =
      since >= LINE_EVERY_MS ||
      (since >= LEAST_BETWEEN_LINES_MS && fraction - this.#lineFraction >= LINE_EVERY_FRACTION);
    if (!due) return;
    this.#lineAt = now;
    this.#lineFraction = fraction;
    this.stream.write(`${this.label} ${figures(step, this.total, now - this.#startedAt).join(', ')}\n`);
  }
}

/** Never wider than the terminal, whose last column is left free: some wrap the line when it is written to. */
export function barLine(label: string, step: Step, total: number, elapsedMs: number, columns: number): string {
  const parts = figures(step, total, elapsedMs);
  const room = columns - 1 - label.length - 1;
  while (parts.length > 1 && parts.join(', ').length > room) parts.pop();
  const text = parts.join(', ');
  const cells = Math.min(room - text.length - 3, MOST_BAR_CELLS); // two brackets and a space
  if (cells < LEAST_BAR_CELLS) return `${label} ${text}`.slice(0, Math.max(0, columns - 1));
  const full = total === 0 ? cells : Math.min(cells, Math.floor((step.done / total) * cells));
  return `${label} [${'#'.repeat(full)}${'-'.repeat(cells - full)}] ${text}`;
}

/** The most important first: a narrow terminal shows as many as fit. */
function figures(step: Step, total: number, elapsedMs: number): string[] {
  const perSecond = elapsedMs > 0 ? (step.done / elapsedMs) * 1_000 : 0;
  const all = count(total);
  const parts = [`${count(step.done).padStart(all.length)} of ${all} files`, `${count(perSecond)} files/s`];
  if (elapsedMs >= ESTIMATE_AFTER_MS && step.done > 0 && step.done < total) {
    parts.push(`${wholeSeconds((total - step.done) / perSecond)} left`);
  }
  parts.push(bytes(step.bytes));
  if (step.note !== undefined) parts.push(step.note);
  return parts;
}
