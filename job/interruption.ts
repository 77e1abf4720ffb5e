// Ctrl-C: the first one asks for an orderly end, the second one does not ask.
// (npm passes on what the terminal has sent us already; scripts/start.mjs sees to it that a key press counts once.)

const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;
type InterruptionSignal = keyof typeof exitCodes;

export class Interruption {
  readonly #controller = new AbortController();
  #exitCode = 0;

  constructor(private readonly announce: (text: string) => void) {
    for (const name of Object.keys(exitCodes) as InterruptionSignal[]) process.on(name, this.#onSignal);
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What an interrupted program exits with; 0 if it was not interrupted. */
  get exitCode(): number {
    return this.#exitCode;
  }

  stopListening(): void {
    for (const name of Object.keys(exitCodes) as InterruptionSignal[]) process.off(name, this.#onSignal);
  }

  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (this.#exitCode === 0) {
      this.#exitCode = exitCodes[name as InterruptionSignal];
      this.announce('cancelling; once more to end at once');
      this.#controller.abort();
    } else {
      process.exit(this.#exitCode);
    }
  };
}
