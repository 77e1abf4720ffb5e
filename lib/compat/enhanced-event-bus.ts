/** The sub-path `agentwire/enhanced-event-bus`: the names of the module that it takes the place of. */
import { EventBus } from '../bus/event-bus';
import type { Filter } from '../bus/filter';
import { type GroupBalancing, groupNameOf, type SubscriptionGroup } from '../bus/group';
import {
  busOptions,
  checkMilliseconds,
  type EventBusOptions,
  type SubscribeOptions,
  subscribeOptions,
} from '../bus/options';
import type { Handler, Subscription } from '../bus/subscription';
import type {
  AggregateMapTransform,
  AggregateTransform,
  FilterTransform,
  MapTransform,
  ReduceTransform,
} from '../bus/transform';
import { checkInteger, refuseUnknown } from '../checks';
import { AgentwireArgumentError, AgentwireClosedError, quote } from '../errors';
import { checkLogger, type EventBusLogger, OptionReport } from './option-report';

export type { MessageContext } from '../bus/context';
export { EventBus } from '../bus/event-bus';
export type { Filter as EventFilter, FilterCondition } from '../bus/filter';
export { SubscriptionGroup } from '../bus/group';
export { EventPriority } from '../bus/options';
export type { Transform as EventTransform } from '../bus/transform';
export type { EventBusLogger } from './option-report';

/** The options of `new EventBus`, and whatever the original took: what has no meaning here is reported once and ignored. */
export interface EventBusConfig extends EventBusOptions {
  [originalOption: string]: unknown;
}

/** The options of `EventBus.subscribe`, by the original's names where it had others. */
export interface EnhancedSubscribeOptions<T = unknown> extends SubscribeOptions {
  /** Is called with each message, or with what `transform` makes of it. The original had none, and delivered nothing. */
  handler: Handler<T>;
  /** The group, by the id that `createSubscriptionGroup` was given. */
  groupId?: string | undefined;
  /** `ack`, by the original's name. */
  ackRequired?: boolean | undefined;
  filter?: Filter | undefined;
  /** Real functions (`fn`), not their source text. */
  transform?:
    | MapTransform<never, T>
    | FilterTransform<never>
    | ReduceTransform<never, T>
    | AggregateTransform
    | AggregateMapTransform<never, T>
    | undefined;
}

/** `subscribe` with the original's arguments. */
export type SubscribeAsSubscriber = <T = unknown>(
  subscriberId: string,
  pattern: string,
  options: EnhancedSubscribeOptions<T>,
) => Promise<string>;

export interface SubscriptionGroupConfig {
  /** Default: `round-robin`. */
  loadBalancing?: GroupBalancing | undefined;
  /** Who of the group gets a message: one member, or every member. `broadcast` is another word for `all`. Default: `one-of`. */
  deliveryMode?: 'one-of' | 'all' | 'broadcast' | undefined;
}

const originalOptions = [...subscribeOptions, 'handler', 'groupId', 'ackRequired'];

/** What the original's configuration said of acknowledgement, for all its subscriptions with `ackRequired`. */
const ackOptions = ['maxRetryAttempts', 'eventTimeout'];
/** As the original: attempts after the first, and how long one may take. */
interface AckDefaults {
  maxAttempts?: number;
  ackTimeoutMs?: number;
}

function ackDefaultsOf({ maxRetryAttempts, eventTimeout }: Record<string, unknown>): AckDefaults {
  const defaults: AckDefaults = {};
  if (maxRetryAttempts !== undefined) {
    defaults.maxAttempts = checkInteger('maxRetryAttempts', maxRetryAttempts as number, 0, 254) + 1;
  }
  if (eventTimeout !== undefined) {
    checkMilliseconds('eventTimeout', eventTimeout);
    defaults.ackTimeoutMs = Math.ceil(eventTimeout as number);
  }
  return defaults;
}

/**
 * An EventBus with the original's habits: ids for subscriptions, promises, `start` and `shutdown`. It is an EventBus in every other
 * respect and shares the bus of its name with every other, of whichever class.
 */
export class EnhancedEventBus extends EventBus {
  private readonly logger: EventBusLogger;
  private readonly optionReport: OptionReport;
  private readonly byId = new Map<string, Subscription>();
  private readonly ackDefaults: AckDefaults;

  /** Without a logger, options without a meaning and failing handlers become warnings of the process. */
  constructor(config: EventBusConfig = {}, logger?: EventBusLogger) {
    if (typeof config !== 'object' || config === null) throw new AgentwireArgumentError('config', 'an object', config);
    const told = checkLogger(logger);
    const report = new OptionReport(told);
    const picked = report.pick(config, [...busOptions, ...ackOptions], 'new EnhancedEventBus');
    const { maxRetryAttempts, eventTimeout, ...options } = picked as EventBusOptions & Record<string, unknown>;
    if (logger !== undefined) {
      options.onError ??= (error, failure) => {
        const message = `a message of the pattern ${quote(failure.pattern)} was not handled: ${failure.reason}`;
        if (told.error === undefined) told.warn(message, { error, ...failure });
        else told.error(message, { error, ...failure });
      };
    }
    super(options);
    this.ackDefaults = ackDefaultsOf({ maxRetryAttempts, eventTimeout });
    this.logger = told;
    this.optionReport = report;
  }

  /**
   * By what the second argument is: with a pattern, the original's `subscribe(subscriberId, pattern, options)`, which resolves with the
   * id for `unsubscribe`; with a function, `EventBus.subscribe(pattern, handler, options)`, so that this is an EventBus wherever one is
   * wanted. The original's is subscribed when it returns, and rejects where EventBus's throws.
   */
  override readonly subscribe = ((first: string, second: unknown, options?: unknown): unknown => {
    if (typeof second === 'function') return super.subscribe(first, second as Handler, options as SubscribeOptions);
    return this.subscribeAs(first, second, options);
  }) as EventBus['subscribe'] & SubscribeAsSubscriber;

  /** Nothing to start: the bus works from its construction. Rejects after `shutdown`. It does not keep the thread alive; `ref()` does. */
  async start(): Promise<void> {
    if (this.closed) throw new AgentwireClosedError(`the bus ${quote(this.name)}`, 'make a new EnhancedEventBus');
    this.logger.info?.('the event bus is open', { name: this.name });
  }

  /**
   * `close({ drain: true })`: nothing new is admitted to the subscriptions, and what they were promised is handled first, for five
   * seconds at most. A handler that awaits this waits for itself: until then.
   */
  async shutdown(): Promise<void> {
    const { drained, unfinished } = await this.close({ drain: true });
    this.byId.clear();
    this.logger.info?.('the event bus is closed', { name: this.name, drained, unfinished });
  }

  /** Ends the subscription of this id. False when this object has none, or has it no more. */
  async unsubscribe(subscriptionId: string): Promise<boolean> {
    if (typeof subscriptionId !== 'string') {
      throw new AgentwireArgumentError('subscriptionId', 'a string, as subscribe resolved with', subscriptionId);
    }
    const subscription = this.byId.get(subscriptionId);
    if (subscription === undefined) return false;
    subscription.unsubscribe();
    this.logger.debug?.('unsubscribed', { subscriptionId, pattern: subscription.pattern });
    return true;
  }

  /**
   * `createGroup(groupId, { balancing, delivery })`. The id is what `subscribe` takes and what all threads know the group by; the name
   * is for people.
   */
  async createSubscriptionGroup(
    groupId: string,
    name: string,
    config: SubscriptionGroupConfig = {},
  ): Promise<SubscriptionGroup> {
    if (typeof name !== 'string') throw new AgentwireArgumentError('name', 'a string', name);
    if (typeof config !== 'object' || config === null) throw new AgentwireArgumentError('config', 'an object', config);
    refuseUnknown(config, ['loadBalancing', 'deliveryMode'], 'createSubscriptionGroup');
    const { loadBalancing = 'round-robin', deliveryMode = 'one-of' } = config;
    if (!['round-robin', 'random', 'least-busy'].includes(loadBalancing)) {
      throw new AgentwireArgumentError('loadBalancing', '"round-robin", "random" or "least-busy"', loadBalancing);
    }
    if (!['one-of', 'all', 'broadcast'].includes(deliveryMode)) {
      throw new AgentwireArgumentError('deliveryMode', '"one-of", "all" or "broadcast"', deliveryMode);
    }
    const delivery = deliveryMode === 'broadcast' ? 'all' : deliveryMode;
    const group = this.createGroup(groupId, { balancing: loadBalancing, delivery });
    this.logger.debug?.('group created', { groupId, name, loadBalancing, deliveryMode });
    return group;
  }

  private async subscribeAs(subscriberId: unknown, pattern: unknown, options: unknown): Promise<string> {
    if (typeof subscriberId !== 'string' || subscriberId.length === 0) {
      throw new AgentwireArgumentError('subscriberId', 'a string that is not empty', subscriberId);
    }
    if (typeof pattern !== 'string') throw new AgentwireArgumentError('pattern', 'a string', pattern);
    if (typeof options !== 'object' || options === null) {
      throw new AgentwireArgumentError('options', 'an object with a handler', options);
    }
    const { handler, groupId, ackRequired, ...rest } = this.optionReport.pick(options, originalOptions, 'subscribe');
    if (typeof handler !== 'function') throw new AgentwireArgumentError('handler', 'a function', handler);
    if (groupId !== undefined) {
      if (rest.group !== undefined) throw new AgentwireArgumentError('groupId', 'given without group', groupId);
      rest.group = groupNameOf(groupId);
    }
    if (ackRequired !== undefined) {
      if (rest.ack !== undefined) throw new AgentwireArgumentError('ackRequired', 'given without ack', ackRequired);
      rest.ack = ackRequired;
    }
    refuseSourceText(rest.transform);
    const terms = rest.ack === true ? { ...this.ackDefaults, ...rest } : rest;
    const subscription = super.subscribe(pattern, handler as Handler, terms);
    const subscriptionId = String(subscription.id);
    this.byId.set(subscriptionId, subscription);
    subscription.atEnd(() => this.byId.delete(subscriptionId));
    this.logger.debug?.('subscribed', { subscriptionId, subscriberId, pattern });
    return subscriptionId;
  }
}

/** The original took the source text of functions. Text is never run here. */
function refuseSourceText(transform: unknown): void {
  if (typeof transform !== 'object' || transform === null || !('function' in transform)) return;
  throw new AgentwireArgumentError('transform', 'an object with fn, a function, in place of source text', transform);
}
