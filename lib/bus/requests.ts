import { checkTimeout, refuseUnknown } from '../checks';
import { AgentwireArgumentError, AgentwireError, quote } from '../errors';
import { AnswerKind } from '../generated/layout';
import { type AbortSignalLike, checkSignal, onAbort } from '../wait/abort';
import { LONGEST_DELAY_MS, startTimer, stopTimer } from '../wait/timers';
import type { PublishOptions } from './options';
import type { ErrorAnswer } from './reply';
import type { TopicEntry } from './topic-entry';

const DEFAULT_TIMEOUT_MS = 5000;
/** Requests of one thread that may wait for answers at a time. */
const MOST_PENDING = 65_536;
/** What native knows as a request without a timeout, ms. */
const NO_TIMEOUT = 0xffff_ffff;

export interface RequestOptions extends PublishOptions {
  /**
   * How long to wait for the answer, in milliseconds, the time until the request is admitted included: above 0, at most 2,147,483,647,
   * or Infinity. Default 5,000. A request that nobody waits for any more is not handed to a handler.
   */
  timeoutMs?: number | undefined;
  /** Gives the request up when it is aborted, with its reason. */
  signal?: AbortSignalLike | undefined;
}

/** A request without an answer: nobody is subscribed, the message was dropped, its subscriber died, or it took too long. */
export class AgentwireRequestError extends AgentwireError {}

/** The error of the handler that answered, which may be in another thread. */
export class AgentwireRemoteError extends AgentwireError {
  /** The error's name there. */
  readonly remoteName: string;
  /** Its code there, if it had one. */
  readonly remoteCode: string | undefined;
  /** Its stack there. */
  readonly remoteStack: string | undefined;

  constructor({ name = 'Error', message = '', code, stack }: Partial<ErrorAnswer>) {
    super('ERR_AGENTWIRE_REMOTE', message);
    this.remoteName = name;
    this.remoteCode = code;
    this.remoteStack = stack;
  }
}

/** Whoever closes it ends its requests. */
export interface RequestOwner {
  /** Publishes the message of a request: false when a subscription is full. */
  sendRequest(request: Request<never>, timeoutMs: number): boolean;
  /** Calls `done` when publishing to the topic may be tried again, or with the reason why not; until the returned function is called. */
  whenWritable(entry: TopicEntry, done: (error?: Error) => void): () => void;
}

/** A request that waits for its answer. */
export class Request<T> {
  /** Milliseconds of `performance.now()`. */
  readonly deadline: number;
  private stopListening: (() => void) | undefined;
  /** Ends its wait for room. */
  private stopWaiting: (() => void) | undefined;

  constructor(
    private readonly requests: Requests,
    /** Its number, unique among those of its thread that wait. */
    readonly id: number,
    readonly owner: RequestOwner,
    /** What it publishes. */
    readonly entry: TopicEntry,
    readonly payload: unknown,
    readonly options: PublishOptions,
    private readonly timeoutMs: number,
    private readonly resolve: (value: T) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    this.deadline = performance.now() + timeoutMs;
  }

  /** Gives it up when the signal is aborted. */
  listenTo(signal: AbortSignalLike): void {
    this.stopListening = onAbort(signal, () => this.fail(signal.reason));
  }

  /** It has ended: nothing that goes on without it refers to it. */
  release(): void {
    this.stopListening?.();
    this.stopWaiting?.();
  }

  /** Publishes it, now or when there is room. */
  send(): void {
    if (!this.requests.has(this)) return;
    try {
      const left = this.deadline - performance.now();
      const rest = left === Number.POSITIVE_INFINITY ? NO_TIMEOUT : Math.max(1, Math.ceil(left));
      if (this.owner.sendRequest(this, rest)) return;
      this.stopWaiting = this.owner.whenWritable(this.entry, (error) => {
        // Not in the middle of what has made room.
        if (error === undefined) queueMicrotask(() => this.send());
        else this.fail(error);
      });
    } catch (error) {
      this.fail(error);
    }
  }

  settle(kind: AnswerKind, value: unknown): void {
    if (kind !== AnswerKind.Value && kind !== AnswerKind.Undefined) this.fail(errorOf(kind, value, this.entry.name));
    else if (this.requests.end(this)) this.resolve(value as T);
  }

  fail(error: unknown): void {
    if (this.requests.end(this)) this.reject(error);
  }

  timeOut(): void {
    const message = `no answer to the request to ${quote(this.entry.name)} came within ${this.timeoutMs} ms`;
    this.fail(new AgentwireRequestError('ERR_AGENTWIRE_REQUEST_TIMEOUT', message));
  }
}

/** What a request asks for, beside what it publishes. */
export interface RequestTerms<T> {
  readonly timeoutMs: number;
  readonly signal: AbortSignalLike | undefined;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function checkRequestOptions(options: RequestOptions): {
  timeoutMs: number;
  signal: AbortSignalLike | undefined;
  publish: PublishOptions;
} {
  if (typeof options !== 'object' || options === null) {
    throw new AgentwireArgumentError('options', 'an object', options);
  }
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal, ...publish } = options;
  checkTimeout('timeoutMs', timeoutMs);
  if (timeoutMs === 0 || (timeoutMs > LONGEST_DELAY_MS && timeoutMs !== Number.POSITIVE_INFINITY)) {
    const expected = `above 0, and at most ${LONGEST_DELAY_MS.toLocaleString('en')} or Infinity`;
    throw new AgentwireArgumentError('timeoutMs', expected, timeoutMs);
  }
  refuseUnknown(publish, ['priority', 'headers', 'correlationId', 'expiresInMs', 'timeoutMs', 'signal'], 'request');
  return { timeoutMs, signal: checkSignal(signal), publish };
}

/** The requests of this thread that wait for answers, by number. One timer serves all of them. */
export class Requests {
  private readonly pending = new Map<number, Request<never>>();
  private lastId = 0;
  private timer: ReturnType<typeof startTimer> | undefined;
  /** When the timer looks next. */
  private nextLook = Number.POSITIVE_INFINITY;
  /** Answers that came when nobody waited any more. */
  late = 0;

  constructor(
    /** Keeps the thread alive while somebody waits. */
    private readonly keepAlive: (yes: boolean) => void,
  ) {}

  /** Begins a request. */
  begin<T>(
    owner: RequestOwner,
    entry: TopicEntry,
    payload: unknown,
    options: PublishOptions,
    { timeoutMs, signal, resolve, reject }: RequestTerms<T>,
  ): void {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    if (this.pending.size >= MOST_PENDING) {
      const message = `${MOST_PENDING.toLocaleString('en')} requests of this thread wait for answers; await some first`;
      reject(new AgentwireRequestError('ERR_AGENTWIRE_TOO_MANY_REQUESTS', message));
      return;
    }
    const request = new Request<T>(this, this.nextId(), owner, entry, payload, options, timeoutMs, resolve, reject);
    if (this.pending.size === 0) this.keepAlive(true);
    this.pending.set(request.id, request);
    if (signal !== undefined) request.listenTo(signal);
    this.lookAt(request.deadline);
    request.send();
  }

  has(request: Request<never>): boolean {
    return this.pending.get(request.id) === request;
  }

  /** A request waits no more. False when it did not. */
  end(request: Request<never>): boolean {
    if (!this.has(request)) return false;
    this.pending.delete(request.id);
    if (this.pending.size === 0) this.keepAlive(false);
    request.release();
    return true;
  }

  /** An answer has come. */
  settle(id: number, kind: AnswerKind, read: () => unknown): void {
    const request = this.pending.get(id);
    if (request === undefined) {
      this.late++;
      return;
    }
    let value: unknown;
    try {
      value = read();
    } catch (error) {
      request.fail(error);
      return;
    }
    request.settle(kind, value);
  }

  /** Ends the requests of a bus that is closed. */
  failAll(owner: RequestOwner, error: Error): void {
    for (const each of [...this.pending.values()]) if (each.owner === owner) each.fail(error);
  }

  /** Has the timer look at this time, or before. */
  private lookAt(time: number): void {
    if (time >= this.nextLook) return;
    if (this.timer !== undefined) stopTimer(this.timer);
    this.nextLook = time;
    this.timer = startTimer(this.look, Math.max(1, Math.ceil(time - performance.now())));
    // The thread is kept alive for those who wait, not for a timer that may have nobody left.
    this.timer.unref();
  }

  private readonly look = (): void => {
    this.nextLook = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const request of [...this.pending.values()]) {
      if (request.deadline <= now) request.timeOut();
      else next = Math.min(next, request.deadline);
    }
    this.lookAt(next);
  };

  private nextId(): number {
    do this.lastId = (this.lastId + 1) >>> 0;
    while (this.pending.has(this.lastId));
    return this.lastId;
  }
}

function errorOf(kind: AnswerKind, value: unknown, topic: string): AgentwireError {
  const to = `the request to ${quote(topic)}`;
  switch (kind) {
    case AnswerKind.Error:
      // A thread can be made to send anything.
      return new AgentwireRemoteError(Object(value) as Partial<ErrorAnswer>);
    case AnswerKind.NoSubscriber:
      return new AgentwireRequestError(
        'ERR_AGENTWIRE_NO_SUBSCRIBER',
        `nobody is subscribed to ${quote(topic)}, or no filter lets the message through; subscribe before requests are sent`,
      );
    case AnswerKind.SubscriberDied:
      return new AgentwireRequestError(
        'ERR_AGENTWIRE_SUBSCRIBER_DIED',
        `${to} has no answer: the thread of its subscriber ended`,
      );
    default:
      return new AgentwireRequestError(
        'ERR_AGENTWIRE_REQUEST_DROPPED',
        `${to} has no answer: the message expired, or its subscription had ended or was full (see its stats)`,
      );
  }
}
