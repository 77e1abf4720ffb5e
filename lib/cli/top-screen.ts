import type { ReadStream, WriteStream } from 'node:tty';

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
/** A terminal that knows it shows a picture when it is whole; others pass over it. */
const BEGIN = '\x1b[?2026h\x1b[H';
const END = '\x1b[J\x1b[?2026l';

const CTRL_C = '\x03';
const CTRL_Z = '\x1a';

const exitCodes = { SIGTERM: 143, SIGHUP: 129 } as const;

/**
 * The whole terminal: what was there before comes back at the end, however the program ends, but for a signal that nobody can catch.
 */
export class Screen {
  private isOn = false;
  private ended: (() => void) | undefined;

  /** @param redraw - Called when there is something to draw on: at first, in another size, and after Ctrl-Z. */
  constructor(
    private readonly output: WriteStream,
    private readonly input: ReadStream,
    private readonly redraw: () => void,
    private readonly press: (key: string) => void,
  ) {}

  get columns(): number {
    return this.output.columns || 80;
  }

  get rows(): number {
    return this.output.rows || 24;
  }

  /** Takes the terminal, until `end` or Ctrl-C: then the promise resolves. */
  async run(): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.ended = resolve;
    });
    const signals = Object.keys(exitCodes) as (keyof typeof exitCodes)[];
    process.on('exit', this.leave).on('uncaughtExceptionMonitor', this.leave);
    process.on('SIGINT', this.end).on('SIGCONT', this.goOn);
    for (const name of signals) process.on(name, exitBySignal);
    this.output.on('resize', this.redraw);
    this.input.on('data', this.read);
    this.enter();
    this.redraw();
    try {
      await ended;
    } finally {
      this.leave();
      process.off('exit', this.leave).off('uncaughtExceptionMonitor', this.leave);
      process.off('SIGINT', this.end).off('SIGCONT', this.goOn);
      for (const name of signals) process.off(name, exitBySignal);
      this.output.off('resize', this.redraw);
      this.input.off('data', this.read);
    }
  }

  /** Shows these lines, each no wider than the screen; what is too much below is left out. */
  draw(lines: readonly string[]): void {
    if (!this.isOn) return;
    // Erased before: behind a line that fills its row it would take the last character.
    const shown = lines.slice(0, this.rows).map((line) => `\x1b[2K${line}`);
    this.output.write(BEGIN + shown.join('\r\n') + END);
  }

  readonly end = (): void => this.ended?.();

  private enter(): void {
    if (this.isOn) return;
    this.isOn = true;
    if (this.input.isTTY) this.input.setRawMode(true);
    this.input.resume();
    this.output.write(ENTER);
  }

  private readonly leave = (): void => {
    if (!this.isOn) return;
    this.isOn = false;
    this.output.write(LEAVE);
    if (this.input.isTTY) this.input.setRawMode(false);
    this.input.pause();
  };

  private readonly read = (data: Uint8Array): void => {
    const keys = new TextDecoder().decode(data);
    // An arrow and the like come as one sequence; letters typed quickly, or pasted, come together.
    for (const key of keys.startsWith('\x1b') ? [keys] : keys) {
      if (key === CTRL_C) this.end();
      else if (key === CTRL_Z) this.suspend();
      else this.press(key);
    }
  };

  /** As a shell expects of its programs; it comes back by SIGCONT. Windows has no such thing. */
  private suspend(): void {
    if (process.platform === 'win32') return;
    this.leave();
    process.kill(process.pid, 'SIGTSTP');
  }

  private readonly goOn = (): void => {
    this.enter();
    this.redraw();
  };
}

/** The listener of 'exit' gives the terminal back. */
function exitBySignal(name: NodeJS.Signals): void {
  process.exit(exitCodes[name as keyof typeof exitCodes]);
}
