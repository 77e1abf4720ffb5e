import type { MessageContext } from './context';
import type { HandlerFailure } from './options';

/** Is called with each message. What it returns is ignored, but a promise keeps the message in flight until it settles. */
export type Handler<T = unknown> = (payload: T, context: MessageContext) => unknown;

/** Is called with each message. There is a context when it came over the bus, and none when this thread emitted it. */
export type Listener<T = unknown> = (payload: T, topic: string, context: MessageContext | undefined) => unknown;

/** @internal A handler's promise that rejects with this: nobody saw the message, and now nobody will. */
export const neverHandled = Symbol('never handled');

/** The ledger: admitted = handled + failed + the dropped + inFlight, always. */
export interface SubscriptionStats {
  /** Messages that were admitted for this subscription. */
  admitted: number;
  /** Its handler returned or resolved. */
  handled: number;
  /** Its handler threw or rejected. */
  failed: number;
  /** Messages that no handler saw, by reason. */
  dropped: Dropped;
  /** Waiting, or with a handler that has not settled. */
  inFlight: number;
  /** Messages that the subscription's filter kept away: they were not admitted and are no part of the sum. */
  filtered: number;
}

/** Messages that no handler saw, by reason. */
export interface Dropped {
  /** The subscription had ended when the message's turn came. */
  unsubscribed: number;
  /** The payload's bytes were no value. */
  undecodable: number;
  /** The subscriber's thread ended. */
  subscriberDied: number;
  /** There was no memory for it, although admission had found some. */
  overflow: number;
  /** Given up, with `overflow: 'drop-oldest'`. */
  oldest: number;
  /** Too much for a full subscription with `overflow: 'drop-newest'`; or memory was short, with either policy that drops. */
  newest: number;
}

/** What a subscription needs of its bus. */
export interface SubscriptionOwner {
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
  /** What its end sets going, last first: a listener to take off a signal, a stream to end. */
  private readonly endings: (() => void)[] = [];

  /** @internal */
  constructor(
    private readonly owner: SubscriptionOwner,
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
    const { beforeEnd } = this;
    this.beforeEnd = undefined;
    beforeEnd?.();
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
  report(error: unknown, reason: HandlerFailure['reason'], topic: string): void {
    const isFirst = !this.reported;
    this.reported = true;
    this.owner.report(error, { reason, topic, pattern: this.pattern }, isFirst);
  }

  private runEndings(): void {
    for (let ending = this.endings.pop(); ending !== undefined; ending = this.endings.pop()) ending();
  }
}
