// What is being measured, and how long it will take: a line that stays at the bottom of a terminal, plain lines elsewhere.

/** Once a second the line is drawn again; while the main thread measures it stands still. */
const REDRAW_MS = 1000;
const WIDTH = 16;

export class Progress {
  #stream;
  #isTerminal;
  #all;
  #done = 0;
  #doneExpected = 0;
  #title;
  #expected = 0;
  #start = performance.now();
  #partStart = 0;
  #timer;

  /** `expected` is how long each part will take, s. */
  constructor(expected, stream = process.stderr, { TERM } = process.env) {
    this.#stream = stream;
    this.#isTerminal = stream.isTTY === true && TERM !== 'dumb';
    this.#all = expected;
    if (this.#isTerminal) this.#timer = setInterval(() => this.#draw(), REDRAW_MS).unref();
  }

  begin(title) {
    this.#title = title;
    this.#expected = this.#all[this.#done];
    this.#partStart = this.#elapsed;
    if (this.#isTerminal) this.#draw();
    else this.#stream.write(`${this.#line()}\n`);
  }

  end() {
    this.#done++;
    this.#doneExpected += this.#expected;
  }

  /** A line of its own, above the one that stays. */
  say(line) {
    this.#stream.write(`${this.#isTerminal ? '\r\x1b[2K' : ''}${line}\n`);
    this.#draw();
  }

  stop() {
    clearInterval(this.#timer);
    this.#title = undefined;
    if (this.#isTerminal) this.#stream.write('\r\x1b[2K');
  }

  #draw() {
    if (!this.#isTerminal || this.#title === undefined) return;
    const columns = this.#stream.columns ?? 80;
    this.#stream.write(`\r\x1b[2K${this.#line().slice(0, columns - 1)}`);
  }

  get #elapsed() {
    return (performance.now() - this.#start) / 1000;
  }

  #line() {
    const all = this.#all.reduce((sum, seconds) => sum + seconds, 0);
    // This machine is faster or slower than the one of the table; of little nothing can be said yet.
    const pace = this.#doneExpected < all / 10 ? 1 : this.#partStart / this.#doneExpected;
    const total = Math.max(this.#elapsed, this.#partStart + (all - this.#doneExpected) * pace);
    const length = Math.round((this.#doneExpected / all) * WIDTH);
    const bar = this.#isTerminal ? `${'#'.repeat(length).padEnd(WIDTH, '.')} ` : '';
    const clock = `${minutes(this.#elapsed)} of about ${minutes(total)}`;
    return `${bar}${this.#done + 1} of ${this.#all.length}, ${clock}: ${this.#title}`;
  }
}

export function minutes(seconds) {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${`${whole % 60}`.padStart(2, '0')}`;
}
