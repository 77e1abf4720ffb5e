import { checkInteger } from '../checks';
import { AgentwireArgumentError, AgentwireError } from '../errors';
import type { MessageContext } from './context';
import type { SubscribeOptions } from './options';
import type { SubscriptionStats } from './stats';
import { type Handler, neverHandled, type Subscription } from './subscription';

const DEFAULT_HIGH_WATER_MARK = 1024;
const MOST_HIGH_WATER_MARK = 1_000_000;

/** As those of `subscribe`; the queue's limit is `highWaterMark`, and a full stream always refuses. */
export interface StreamOptions
  extends Omit<SubscribeOptions, 'queueLimit' | 'overflow' | 'ack' | 'ackTimeoutMs' | 'maxAttempts' | 'backoffMs'> {
  /**
   * Most messages that may wait for the consumer, on their way or here; then `publish` returns false. 1 to 1,000,000,
   * default 1,024.
   */
  highWaterMark?: number | undefined;
}

/** What a stream's consumer gets for each message. */
export interface StreamedMessage<T = unknown> {
  /** The topic that it was published to. */
  topic: string;
  payload: T;
  context: MessageContext;
}

/** A message that waits for its consumer. To the inbox it is the handler's promise: it settles when the message is taken. */
class Entry<T> {
  next: Entry<T> | undefined;
  private state: 'waiting' | 'taken' | 'dropped' = 'waiting';
  private resolve: (() => unknown) | undefined;
  private reject: ((reason: unknown) => unknown) | undefined;

  constructor(readonly message: StreamedMessage<T>) {}

  take(): StreamedMessage<T> {
    this.state = 'taken';
    this.resolve?.();
    return this.message;
  }

  drop(): void {
    this.state = 'dropped';
    this.reject?.(neverHandled);
  }

  // biome-ignore lint/suspicious/noThenProperty: a real promise would cost each message three objects and a turn of the queue.
  then(resolve: () => unknown, reject: (reason: unknown) => unknown): void {
    this.resolve = resolve;
    this.reject = reject;
    if (this.state === 'taken') resolve();
    else if (this.state === 'dropped') reject(neverHandled);
  }
}

interface Waiter<T> {
  resolve(result: IteratorResult<StreamedMessage<T>, undefined>): void;
  reject(reason: unknown): void;
}

/**
 * Messages of a pattern, one after the other, for `for await`. What the consumer has not taken yet is in flight, and bounded:
 * `publish` returns false for a stream that is full.
 *
 * Leaving the loop ends the subscription, and so does `close()` of the bus, which ends the loop. What still waited then is counted
 * as `dropped.unsubscribed`. An aborted signal throws its reason into the loop.
 */
export class MessageStream<T = unknown> implements AsyncIterableIterator<StreamedMessage<T>> {
  private readonly subscription: Subscription;
  /** What waits for the consumer, and who of the consumers waits: never both. */
  private first: Entry<T> | undefined;
  private last: Entry<T> | undefined;
  private readonly waiters: Waiter<T>[] = [];
  /** The reason of the signal, until one consumer was told. */
  private failure: { reason: unknown } | undefined;

  /** @internal */
  constructor(
    subscribe: (pattern: string, handler: Handler<T>, options: SubscribeOptions) => Subscription,
    pattern: string,
    options: StreamOptions,
  ) {
    const checked = checkStreamOptions(options);
    const { signal } = checked;
    this.subscription = subscribe(pattern, this.receive, checked);
    this.subscription.answersLater = true;
    this.subscription.atEnd(() => this.end(signal?.aborted ? { reason: signal.reason } : undefined));
  }

  get pattern(): string {
    return this.subscription.pattern;
  }

  /** True once it has ended: by leaving the loop, `return()`, its signal or the end of the bus. */
  get closed(): boolean {
    return this.subscription.closed;
  }

  /** The figures of its subscription. A message is handled when the consumer takes it. */
  get stats(): SubscriptionStats {
    return this.subscription.stats;
  }

  /** The next message, as soon as there is one; several calls may wait at once, and are served in order. */
  next(): Promise<IteratorResult<StreamedMessage<T>, undefined>> {
    const entry = this.first;
    if (entry !== undefined) {
      this.first = entry.next;
      if (entry.next === undefined) this.last = undefined;
      return Promise.resolve({ value: entry.take(), done: false });
    }
    if (this.failure !== undefined) {
      const { reason } = this.failure;
      this.failure = undefined;
      return Promise.reject(reason);
    }
    if (this.subscription.closed) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve, reject) => this.waiters.push({ resolve, reject }));
  }

  /** Ends the stream. `break` out of a loop comes here. */
  return(): Promise<IteratorResult<StreamedMessage<T>, undefined>> {
    this.failure = undefined;
    this.subscription.unsubscribe();
    return Promise.resolve({ value: undefined, done: true });
  }

  /** Ends the stream and rejects with `error`. */
  throw(error?: unknown): Promise<IteratorResult<StreamedMessage<T>, undefined>> {
    this.failure = undefined;
    this.subscription.unsubscribe();
    return Promise.reject(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** `return()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  private readonly receive = (payload: T, context: MessageContext): Entry<T> | undefined => {
    const message = { topic: context.topic, payload, context };
    const waiter = this.waiters.shift();
    if (waiter !== undefined) {
      waiter.resolve({ value: message, done: false });
      return undefined;
    }
    const entry = new Entry(message);
    if (this.last === undefined) this.first = entry;
    else this.last.next = entry;
    this.last = entry;
    return entry;
  };

  private end(failure: { reason: unknown } | undefined): void {
    this.failure = failure;
    let entry = this.first;
    this.first = undefined;
    this.last = undefined;
    for (; entry !== undefined; entry = entry.next) entry.drop();
    for (const waiter of this.waiters.splice(0)) {
      if (this.failure === undefined) {
        waiter.resolve({ value: undefined, done: true });
      } else {
        waiter.reject(this.failure.reason);
        this.failure = undefined;
      }
    }
  }
}

/** Options for `subscribe`. What is not the stream's own, `subscribe` checks. */
function checkStreamOptions(options: StreamOptions): SubscribeOptions {
  if (typeof options !== 'object' || options === null)
    throw new AgentwireArgumentError('options', 'an object', options);
  const { highWaterMark = DEFAULT_HIGH_WATER_MARK, ...rest } = options;
  for (const key of ['queueLimit', 'overflow'] as const) {
    if ((rest as SubscribeOptions)[key] === undefined) continue;
    throw new AgentwireError(
      'ERR_AGENTWIRE_UNKNOWN_OPTION',
      `stream does not know the option "${key}"; it knows highWaterMark, at which publish returns false, and what subscribe knows`,
    );
  }
  if ((rest as SubscribeOptions).ack !== undefined) {
    throw new AgentwireError(
      'ERR_AGENTWIRE_UNKNOWN_OPTION',
      'stream does not know the option "ack", for nothing says when its consumer is done with a message; use subscribe',
    );
  }
  const queueLimit = checkInteger('highWaterMark', highWaterMark, 1, MOST_HIGH_WATER_MARK);
  return { ...rest, queueLimit };
}
