import type { AbortSignalLike } from '../wait/abort';
import { ThreadBell, type Waiting } from '../wait/thread-bell';

/** Longest that Node's timers wait; longer ones would go off at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What they take from. */
export interface ItemSource {
  /** The next item, or null. */
  dequeue(): Uint8Array | null;
  /** Has the bell rung when the next item comes; true when there may be one already. */
  callForItem(bell: ThreadBell): boolean;
}

interface Consumer {
  readonly signal: AbortSignalLike | undefined;
  resolve(item: Uint8Array | null): void;
  reject(error: unknown): void;
  cleanUp(): void;
}

/** The pending `dequeueAsync` calls of one ring in this thread, served in the order in which they came. */
export class AsyncConsumers implements Waiting {
  private readonly pending = new Set<Consumer>();
  /** Those who have a signal, by signal: Node.js warns of many listeners on one. */
  private readonly bySignal = new Map<AbortSignalLike, Set<Consumer>>();

  constructor(private readonly source: ItemSource) {}

  /** The next item; null when none came in time. */
  next(timeoutMs: number, signal: AbortSignalLike | undefined): Promise<Uint8Array | null> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      // Who came earlier is served first.
      const item = this.pending.size === 0 ? this.source.dequeue() : null;
      if (item !== null || timeoutMs === 0) {
        resolve(item);
        return;
      }
      this.wait(resolve, reject, timeoutMs, signal);
    });
  }

  /** Serves who waits with what is there. */
  look(): void {
    try {
      do this.serve();
      while (this.pending.size > 0 && this.source.callForItem(ThreadBell.get()));
    } catch (error) {
      for (const consumer of [...this.pending]) {
        this.remove(consumer);
        consumer.reject(error);
      }
    }
  }

  private serve(): void {
    for (const consumer of this.pending) {
      const item = this.source.dequeue();
      if (item === null) return;
      this.remove(consumer);
      consumer.resolve(item);
    }
  }

  private wait(
    resolve: Consumer['resolve'],
    reject: Consumer['reject'],
    timeoutMs: number,
    signal: AbortSignalLike | undefined,
  ): void {
    let timer: NodeJS.Timeout | undefined;
    const consumer: Consumer = { signal, resolve, reject, cleanUp: () => clearTimeout(timer) };
    if (timeoutMs <= LONGEST_TIMER_MS) {
      timer = setTimeout(() => {
        // After a busy stretch the timer comes before the bell: an item that is there counts.
        this.look();
        if (!this.pending.has(consumer)) return;
        this.remove(consumer);
        resolve(null);
      }, timeoutMs);
    }
    if (signal !== undefined) this.listen(signal).add(consumer);
    this.pending.add(consumer);
    ThreadBell.get().add(this);
    this.look();
  }

  private remove(consumer: Consumer): void {
    this.pending.delete(consumer);
    consumer.cleanUp();
    if (consumer.signal !== undefined) this.unlisten(consumer.signal, consumer);
    if (this.pending.size === 0) ThreadBell.get().remove(this);
  }

  private listen(signal: AbortSignalLike): Set<Consumer> {
    let consumers = this.bySignal.get(signal);
    if (consumers === undefined) {
      consumers = new Set();
      this.bySignal.set(signal, consumers);
      signal.addEventListener('abort', this.onAbort);
    }
    return consumers;
  }

  private unlisten(signal: AbortSignalLike, consumer: Consumer): void {
    const consumers = this.bySignal.get(signal);
    if (consumers?.delete(consumer) && consumers.size === 0) {
      this.bySignal.delete(signal);
      signal.removeEventListener('abort', this.onAbort);
    }
  }

  private readonly onAbort = ({ target }: { readonly target: unknown }): void => {
    const signal = target as AbortSignalLike;
    for (const consumer of [...(this.bySignal.get(signal) ?? [])]) {
      this.remove(consumer);
      consumer.reject(signal.reason);
    }
  };
}
