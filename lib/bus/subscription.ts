import type { TableChannel } from '../codec/table-channel';
import type { LatencyHistogram } from '../monitor/latency-histogram';
import type { MessageContext } from './context';
import type { HandlerFailure } from './options';
import type { SubscriptionStats } from './stats';

/**
 * Is called with each message. A promise that it returns keeps the message in flight until it settles. What it returns, or the promise
 * resolves with, is the answer to a request (`bus.request`), and ignored for other messages.
 */
export type Handler<T = unknown> = (payload: T, context: MessageContext) => unknown;

/** Is called with each message. There is a context when it came over the bus, and none when this thread emitted it. */
export type Listener<T = unknown> = (payload: T, topic: string, context: MessageContext | undefined) => unknown;

/** @internal A handler's promise that rejects with this: nobody saw the message, and now nobody will. */
export const neverHandled = Symbol('never handled');

/** What a subscription needs of its bus. */
export interface SubscriptionOwner {
  /** The bus's, for what is new in the answers of its handlers. */
  channel(): TableChannel;
  /** Where its bus records how long messages take from publish to handler. */
  latency(): LatencyHistogram;
  end(subscription: Subscription): void;
  stats(subscription: Subscription): SubscriptionStats;
  report(error: unknown, failure: HandlerFailure, isFirst: boolean): void;
}

/** A handler that is called for the messages of a pattern, until `unsubscribe()`. */
export class Subscription {
  private reported = false;
  private ended = false;
  /** @internal Called before the subscription ends, while its handler may be called still. */
  beforeEnd: (() => void) | undefined;
  /** @internal It belongs to a listener, which `emit` of this thread calls by itself. */
  hearsEmit = false;
  /** @internal Its payloads may be those of others of its thread. */
  isShared = false;
  /** @internal It belongs to a stream: taking a message from it is no answer, `context.reply` is. */
  answersLater = false;
  /** What its end sets going, last first: a listener to take off a signal, a stream to end. */
  private readonly endings: (() => void)[] = [];

  /** @internal */
  constructor(
    /** @internal */
    readonly owner: SubscriptionOwner,
    /** @internal */
    readonly slot: number,
    /** Unique in the process. */
    readonly id: number,
    readonly pattern: string,
    /** @internal */
    readonly handler: Handler<never> & ((payload: unknown, context: MessageContext) => unknown),
  ) {}

  /** True after `unsubscribe()`, or after the bus was closed. */
  get closed(): boolean {
    return this.ended;
  }

  /** The figures now. At rest they add up. */
  get stats(): SubscriptionStats {
    return this.owner.stats(this);
  }

  /** Ends the subscription: its handler is not called again. What waits for it is counted as dropped. */
  unsubscribe(): void {
    this.finish();
    if (this.ended) return;
    this.ended = true;
    this.owner.end(this);
    this.runEndings();
  }

  /** `unsubscribe()`, for `using`. */
  [Symbol.dispose](): void {
    this.unsubscribe();
  }

  /** @internal Hands on what a transform has collected. */
  finish(): void {
    this.beforeEnd?.();
  }

  /** @internal */
  markEnded(): void {
    this.ended = true;
    this.runEndings();
  }

  /** @internal Calls `ending` once the subscription has ended, whoever ended it. */
  atEnd(ending: () => void): void {
    this.endings.push(ending);
  }

  /** @internal */
  report(
    error: unknown,
    reason: HandlerFailure['reason'],
    topic: string,
    attempt: Pick<HandlerFailure, 'attempt' | 'deadLettered'> = {},
  ): void {
    const isFirst = !this.reported;
    this.reported = true;
    this.owner.report(error, { reason, topic, pattern: this.pattern, ...attempt }, isFirst);
  }

  private runEndings(): void {
    for (let ending = this.endings.pop(); ending !== undefined; ending = this.endings.pop()) ending();
  }
}
