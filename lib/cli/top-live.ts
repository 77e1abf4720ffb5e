import { setTimeout as wait } from 'node:timers/promises';
import type { ReadStream, WriteStream } from 'node:tty';
import { type Paint, paintFor } from './output';
import { clock, duration } from './quantity';
import { fit } from './terminal-text';
import { ConnectionError, type MonitorEvent, monitorEvents } from './top-client';
import { Screen } from './top-screen';
import { nameOfBus, threadOrders } from './top-tables';
import { topLines } from './top-view';

/** How long until a connection is tried again, ms. */
const RETRY_MS = 1000;
/** How long it is said that the process is another one, ms. */
const RESTART_NOTICE_MS = 15_000;

const help = [
  'q, Ctrl-C   quit',
  'b           the next bus alone; after the last one all',
  's           sort threads by CPU, what they got, what they published, name',
  'p           pause; again: go on',
  '?           this; again: back',
];

type Connection = 'connecting' | 'live' | 'reconnecting' | 'ended';

/** The full-screen view: follows a monitor until somebody quits. */
export class LiveTop {
  private readonly paint: Paint = paintFor(process.stdout);
  private readonly screen: Screen;
  private readonly leaving = new AbortController();
  private event: MonitorEvent | undefined;
  private connection: Connection = 'connecting';
  private lostAt = 0;
  private restart: { pid: number; time: number } | undefined;
  private bus: string | undefined;
  private order = 0;
  private isPaused = false;
  private isHelp = false;
  private drawnAt = 0;
  private later: ReturnType<typeof setTimeout> | undefined;

  /** @param intervalMs - The least time between two pictures; what keys and the connection change is shown at once. */
  constructor(
    private readonly url: URL,
    private readonly intervalMs: number,
  ) {
    const { stdout, stdin } = process as unknown as { stdout: WriteStream; stdin: ReadStream };
    this.screen = new Screen(
      stdout,
      stdin,
      () => this.draw(),
      (key) => this.press(key),
    );
  }

  /** Ends when somebody quits, with an error when there is no monitor at first. */
  async run(): Promise<void> {
    const { signal } = this.leaving;
    let entered: (() => void) | undefined;
    const isThere = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const following = this.follow(signal, () => entered?.());
    // Until it is known that there is a monitor the terminal stays as it is, for the error.
    await Promise.race([isThere, following]);
    const timer = setInterval(() => this.connection !== 'live' && this.draw(), 1000);
    const shown = this.screen.run();
    try {
      await Promise.race([shown, following]);
    } finally {
      clearInterval(timer);
      clearTimeout(this.later);
      this.leaving.abort();
      // An error is told when the terminal is as it was.
      this.screen.end();
      await shown;
    }
  }

  private async follow(signal: AbortSignal, onFirst: () => void): Promise<void> {
    let wasThere = false;
    const onOpen = () => {
      wasThere = true;
      this.connection = 'live';
      onFirst();
      this.draw();
    };
    while (!signal.aborted) {
      let next: Connection = 'ended';
      try {
        for await (const event of monitorEvents(this.url, signal, onOpen)) this.take(event);
      } catch (error) {
        if (signal.aborted) return;
        if (!(wasThere && error instanceof ConnectionError)) throw error;
        next = 'reconnecting';
      }
      // Who has ended and does not come back has still ended.
      if (this.connection === 'live') {
        this.lostAt = Date.now();
        this.connection = next;
      }
      this.draw();
      await wait(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }

  private take(event: MonitorEvent): void {
    const { pid } = event.sample.process;
    if (this.event !== undefined && this.event.sample.process.pid !== pid) this.restart = { pid, time: Date.now() };
    if (this.isPaused) return;
    const isFirst = this.event === undefined;
    this.event = event;
    // Half an interval early is not too early: samples do not come to the millisecond.
    const waitMs = isFirst ? 0 : this.drawnAt + this.intervalMs / 2 - performance.now();
    if (waitMs <= 0) this.draw();
    else this.later ??= setTimeout(() => this.draw(), waitMs);
  }

  private press(key: string): void {
    switch (key) {
      case 'q':
      case 'Q':
        this.screen.end();
        return;
      case '?':
      case 'h':
        this.isHelp = !this.isHelp;
        break;
      case 'p':
        this.isPaused = !this.isPaused;
        break;
      case 's':
        this.order = (this.order + 1) % threadOrders.length;
        break;
      case 'b': {
        const names = [undefined, ...(this.event?.sample.buses ?? []).map(nameOfBus)];
        this.bus = names[(names.indexOf(this.bus) + 1) % names.length];
        break;
      }
      case '\x1b':
        this.isHelp = false;
        break;
      default:
        return;
    }
    this.draw();
  }

  private draw(): void {
    clearTimeout(this.later);
    this.later = undefined;
    this.drawnAt = performance.now();
    const { columns, rows } = this.screen;
    const lines = this.lines(columns, rows - 1).slice(0, rows - 1);
    while (lines.length < rows - 1) lines.push('');
    this.screen.draw([...lines, this.paint.remark(fit(this.footer(), columns))]);
  }

  private lines(columns: number, rows: number): string[] {
    if (this.isHelp) return [this.paint.title('agentwire top'), '', ...help.map((line) => fit(line, columns))];
    const { event } = this;
    if (event === undefined) {
      const waiting = `${this.url.href} is there; waiting for its first sample`;
      return [fit(this.connection === 'live' ? waiting : (this.notice() ?? waiting), columns)];
    }
    const connection = this.isPaused ? 'paused' : this.connection;
    const threadOrder = threadOrders[this.order] as (typeof threadOrders)[number];
    const state = { event, bus: this.bus, threadOrder, connection, notice: this.notice() };
    return topLines(state, { columns, rows }, this.paint);
  }

  private notice(): string | undefined {
    const since = duration((Date.now() - this.lostAt) / 1000);
    switch (this.connection) {
      case 'reconnecting':
        return `The connection was lost ${since} ago; it is tried again every second. What is shown is older.`;
      case 'ended':
        return `The process stopped serving ${since} ago; it is waited for. What is shown is older.`;
      default: {
        const { restart } = this;
        if (restart === undefined || Date.now() - restart.time > RESTART_NOTICE_MS) return undefined;
        return `The process was started anew at ${clock(restart.time)}: pid ${restart.pid}.`;
      }
    }
  }

  private footer(): string {
    const pause = this.isPaused ? 'p go on' : 'p pause';
    return `q quit   ? help   b bus: ${this.bus ?? 'all'}   s threads by: ${threadOrders[this.order]}   ${pause}`;
  }
}
