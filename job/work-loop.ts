// The work of all agents of one thread, file after file, in slices: the thread returns to its event loop in between,
// so that messages are received while there is work, a cancel above all.

import { setImmediate as turn } from 'node:timers/promises';
import { CHUNK_BYTES, countFile, type FileOutcome } from './count-file.js';

/**
 * Some four small files. What arrives meanwhile waits for the end of the slice, and so does what is sent: with 1 ms the
 * median latency was four times as long and the work 8 % faster on one thread, on two it made no difference to the work.
 */
const SLICE_MS = 0.2;

export interface Work {
  readonly path: string | Buffer;
  /** False: the work is no longer wanted; what is begun is dropped. */
  wanted(): boolean;
  /** The loop does not go on before this is done: a refused message slows the work, not the memory. */
  done(outcome: FileOutcome): Promise<void>;
  dropped(): Promise<void>;
}

export class WorkLoop {
  readonly #queue: Work[] = [];
  // One file at a time, hence one chunk.
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  #running = false;
  #pauseAt = 0;

  /** `failed` hears of an error in the loop itself; files that cannot be read are outcomes, not errors. */
  constructor(private readonly failed: (error: unknown) => void) {}

  /** Begins in a later turn: a handler that adds work returns at once. */
  add(work: Work): void {
    this.#queue.push(work);
    if (this.#running) return;
    this.#running = true;
    this.#run().catch(this.failed);
  }

  async #run(): Promise<void> {
    await this.#pause();
    for (let work = this.#queue.shift(); work !== undefined; work = this.#queue.shift()) {
      const outcome = await this.#count(work);
      if (outcome === undefined) await work.dropped();
      else await work.done(outcome);
      await this.#pauseIfDue();
    }
    this.#running = false;
  }

  async #count(work: Work): Promise<FileOutcome | undefined> {
    const steps = countFile(work.path, this.#chunk);
    for (;;) {
      if (!work.wanted()) {
        // Closes the file.
        steps.return({ ok: false, reason: 'unreadable', detail: 'abandoned', changedMs: undefined });
        return undefined;
      }
      const step = steps.next();
      if (step.done === true) return step.value;
      await this.#pauseIfDue();
    }
  }

  #pauseIfDue(): Promise<void> | undefined {
    return performance.now() >= this.#pauseAt ? this.#pause() : undefined;
  }

  async #pause(): Promise<void> {
    await turn();
    this.#pauseAt = performance.now() + SLICE_MS;
  }
}
