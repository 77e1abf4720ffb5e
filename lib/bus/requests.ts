import { checkTimeout, refuseUnknown } from '../checks';
import { AgentwireArgumentError, AgentwireError, quote } from '../errors';
import { AnswerKind } from '../generated/layout';
import { type AbortSignalLike, checkSignal, onAbort } from '../wait/abort';
import { LONGEST_DELAY_MS, startTimer, stopTimer } from '../wait/timers';
import type { PublishOptions } from './options';
import type { ErrorAnswer } from './reply';

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

  constructor({ name, message, code, stack }: ErrorAnswer) {
    super('ERR_AGENTWIRE_REMOTE', message);
    this.remoteName = name;
    this.remoteCode = code;
    this.remoteStack = stack;
  }
}

/** A request that waits. */
interface Pending {
  readonly owner: object;
  settle(kind: AnswerKind, value: unknown): void;
  fail(error: unknown): void;
}

/** How a request is sent, and what it waits for. */
export interface RequestWork<T> {
  /** Whoever closes it ends its requests. */
  readonly owner: object;
  readonly topic: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignalLike | undefined;
  /** Publishes the message with this number: false when a subscription is full. */
  publish(id: number, timeoutMs: number): boolean;
  /** Resolves when publishing may be tried again. */
  writable(): Promise<void>;
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

/** The requests of this thread that wait for answers, by number. */
export class Requests {
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;
  /** Answers that came when nobody waited any more. */
  late = 0;

  constructor(
    /** Keeps the thread alive while somebody waits. */
    private readonly keepAlive: (yes: boolean) => void,
  ) {}

  /** Begins a request. */
  begin<T>(work: RequestWork<T>): void {
    const { owner, topic, timeoutMs, signal } = work;
    if (signal?.aborted) {
      work.reject(signal.reason);
      return;
    }
    if (this.pending.size >= MOST_PENDING) {
      const message = `${MOST_PENDING.toLocaleString('en')} requests of this thread wait for answers; await some first`;
      work.reject(new AgentwireRequestError('ERR_AGENTWIRE_TOO_MANY_REQUESTS', message));
      return;
    }
    const id = this.nextId();
    const deadline = performance.now() + timeoutMs;
    const end = (): boolean => {
      if (this.pending.get(id) !== pending) return false;
      this.pending.delete(id);
      if (this.pending.size === 0) this.keepAlive(false);
      if (timer !== undefined) stopTimer(timer);
      stopListening?.();
      return true;
    };
    const fail = (error: unknown) => {
      if (end()) work.reject(error);
    };
    const pending: Pending = {
      owner,
      fail,
      settle: (kind, value) => {
        if (!end()) return;
        if (kind === AnswerKind.Value || kind === AnswerKind.Undefined) work.resolve(value as T);
        else work.reject(errorOf(kind, value, topic));
      },
    };
    const timer =
      timeoutMs === Number.POSITIVE_INFINITY
        ? undefined
        : startTimer(() => fail(timedOut(topic, timeoutMs)), timeoutMs);
    const stopListening = signal === undefined ? undefined : onAbort(signal, () => fail(signal.reason));
    if (this.pending.size === 0) this.keepAlive(true);
    this.pending.set(id, pending);
    const attempt = (): void => {
      if (this.pending.get(id) !== pending) return;
      try {
        const left = deadline - performance.now();
        const rest = left === Number.POSITIVE_INFINITY ? NO_TIMEOUT : Math.max(1, Math.ceil(left));
        if (!work.publish(id, rest)) work.writable().then(attempt, fail);
      } catch (error) {
        fail(error);
      }
    };
    attempt();
  }

  /** An answer has come. */
  settle(id: number, kind: AnswerKind, read: () => unknown): void {
    const pending = this.pending.get(id);
    if (pending === undefined) {
      this.late++;
      return;
    }
    let value: unknown;
    try {
      value = read();
    } catch (error) {
      pending.fail(error);
      return;
    }
    pending.settle(kind, value);
  }

  /** Ends the requests of a bus that is closed. */
  failAll(owner: object, error: Error): void {
    for (const each of [...this.pending.values()]) if (each.owner === owner) each.fail(error);
  }

  private nextId(): number {
    do this.lastId = (this.lastId + 1) >>> 0;
    while (this.pending.has(this.lastId));
    return this.lastId;
  }
}

function timedOut(topic: string, timeoutMs: number): AgentwireRequestError {
  return new AgentwireRequestError(
    'ERR_AGENTWIRE_REQUEST_TIMEOUT',
    `no answer to the request to ${quote(topic)} came within ${timeoutMs} ms`,
  );
}

function errorOf(kind: AnswerKind, value: unknown, topic: string): AgentwireError {
  const to = `the request to ${quote(topic)}`;
  switch (kind) {
    case AnswerKind.Error:
      return new AgentwireRemoteError(value as ErrorAnswer);
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
