import { refuseUnknown } from '../checks';
import { AgentwireArgumentError } from '../errors';
import { Bus, Overflow } from '../generated/layout';
import type { AbortSignalLike } from '../wait/abort';
import { encodeFilter, type Filter } from './filter';

/** How urgent a message is. A higher priority overtakes lower ones; the lower ones keep a guaranteed share. */
export const EventPriority = { CRITICAL: 0, HIGH: 1, NORMAL: 2, LOW: 3 } as const;
export type EventPriority = (typeof EventPriority)[keyof typeof EventPriority];

/** What a handler's error is reported with. */
export interface HandlerFailure {
  /** `handler-error`: the handler threw or rejected; `undecodable`: the payload's bytes were no value. */
  reason: 'handler-error' | 'undecodable';
  topic: string;
  pattern: string;
}

export interface EventBusOptions {
  /** Every thread of the process that opens the same name is on the same bus. Default: `default`. */
  name?: string;
  /** Is told of handlers that throw or reject. Default: one process warning for each subscription. */
  onError?: (error: unknown, failure: HandlerFailure) => void;
}

/** What a full subscription does. */
export type OverflowPolicy = 'reject' | 'drop-newest' | 'drop-oldest';

export interface SubscribeOptions {
  /** Most messages that may wait for this subscription or be with its handler; then `overflow` says what happens. 1 to 1,000,000, default 16,384. */
  queueLimit?: number;
  /**
   * What happens at the limit. Default: `reject`.
   * - `reject`: the message is not admitted, `publish` returns false, and nobody gets it.
   * - `drop-newest`: this subscription does without the message (`dropped.newest`); others get it.
   * - `drop-oldest`: it gives up its oldest message that waits (`dropped.oldest`) for the new one. The limit is that of messages that wait;
   *   as many again may be with its handlers. While promises that are pending hold all of these, what arrives is given up.
   *
   * A subscription that drops never makes `publish` return false and never slows anyone.
   */
  overflow?: OverflowPolicy;
  /** Ends the subscription when it is aborted. One that is aborted already has `subscribe` throw its reason. */
  signal?: AbortSignalLike | undefined;
  /**
   * Only messages whose payload fulfils this are handed to the handler. It is decided when a message is submitted: the others are
   * not admitted, take no room and do not wake this thread; `stats.filtered` counts them.
   */
  filter?: Filter | undefined;
}

export interface PublishOptions {
  /** Default: NORMAL. CRITICAL is submitted at once and looked for between two handlers. */
  priority?: EventPriority | undefined;
  /** Travels beside the payload: any object that could be a payload. */
  headers?: Record<string, unknown> | undefined;
  /** An unsigned integer of 64 bits that the handler finds in its context. */
  correlationId?: bigint | undefined;
}

const MOST_QUEUE_LIMIT = 1_000_000;
const MOST_NAME_LENGTH = 256;

/** The policies by name, as native knows them. */
const overflowPolicies: ReadonlyMap<unknown, Overflow> = new Map([
  ['reject', Overflow.Reject],
  ['drop-newest', Overflow.DropNewest],
  ['drop-oldest', Overflow.DropOldest],
]);

const busOptions = ['name', 'onError'];
const subscribeOptions = ['queueLimit', 'overflow', 'filter', 'signal', 'transform'];
const publishOptions = ['priority', 'headers', 'correlationId'];

export function checkBusOptions(options: EventBusOptions): { name: string; onError: EventBusOptions['onError'] } {
  if (typeof options !== 'object' || options === null)
    throw new AgentwireArgumentError('options', 'an object', options);
  refuseUnknown(options, busOptions, 'new EventBus');
  const { name = 'default', onError } = options;
  if (typeof name !== 'string' || name.length === 0 || name.length > MOST_NAME_LENGTH) {
    throw new AgentwireArgumentError('name', `a string of 1 to ${MOST_NAME_LENGTH} characters`, name);
  }
  if (onError !== undefined && typeof onError !== 'function')
    throw new AgentwireArgumentError('onError', 'a function', onError);
  return { name, onError };
}

/** The options of a subscription as native takes them. */
export interface CheckedSubscribeOptions {
  readonly queueLimit: number;
  /** What happens there. */
  readonly overflow: Overflow;
  /** Encoded. */
  readonly filter: Uint8Array | undefined;
}

export function checkSubscribeOptions(options: SubscribeOptions): CheckedSubscribeOptions {
  if (typeof options !== 'object' || options === null)
    throw new AgentwireArgumentError('options', 'an object', options);
  refuseUnknown(options, subscribeOptions, 'subscribe');
  const { queueLimit = Bus.DefaultQueueLimit, overflow = 'reject', filter } = options;
  if (!Number.isInteger(queueLimit) || queueLimit < 1 || queueLimit > MOST_QUEUE_LIMIT) {
    throw new AgentwireArgumentError('queueLimit', `an integer from 1 to ${MOST_QUEUE_LIMIT}`, queueLimit);
  }
  const policy = overflowPolicies.get(overflow);
  if (policy === undefined) {
    throw new AgentwireArgumentError('overflow', '"reject", "drop-newest" or "drop-oldest"', overflow);
  }
  return { queueLimit, overflow: policy, filter: filter === undefined ? undefined : encodeFilter(filter) };
}

/** The options, each read once: a getter cannot answer differently later. */
export function checkPublishOptions(options: PublishOptions): PublishOptions {
  if (typeof options !== 'object' || options === null)
    throw new AgentwireArgumentError('options', 'an object', options);
  refuseUnknown(options, publishOptions, 'publish');
  const { priority, headers, correlationId } = options;
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 0 && priority <= 3)) {
    throw new AgentwireArgumentError('priority', 'an EventPriority, 0 to 3', priority);
  }
  if (headers !== undefined && (typeof headers !== 'object' || headers === null || Array.isArray(headers))) {
    throw new AgentwireArgumentError('headers', 'an object', headers);
  }
  if (
    correlationId !== undefined &&
    (typeof correlationId !== 'bigint' || BigInt.asUintN(64, correlationId) !== correlationId)
  ) {
    throw new AgentwireArgumentError('correlationId', 'a bigint from 0 to 2^64 - 1', correlationId);
  }
  return { priority, headers, correlationId };
}
