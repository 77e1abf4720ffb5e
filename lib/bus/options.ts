import { checkInteger, checkName, refuseUnknown } from '../checks';
import { AgentwireArgumentError } from '../errors';
import type { NativeSubscribeOptions } from '../generated/binding';
import { Bus, Overflow } from '../generated/layout';
import type { AbortSignalLike } from '../wait/abort';
import { LONGEST_DELAY_MS } from '../wait/timers';
import { CHANNEL_PREFIX } from './channel';
import { encodeFilter, type Filter } from './filter';
import { groupNameOf, type SubscriptionGroup } from './group';

/** How urgent a message is. A higher priority overtakes lower ones; the lower ones keep a guaranteed share. */
export const EventPriority = { CRITICAL: 0, HIGH: 1, NORMAL: 2, LOW: 3 } as const;
export type EventPriority = (typeof EventPriority)[keyof typeof EventPriority];

/** What a handler's error is reported with. */
export interface HandlerFailure {
  /** `handler-error`: the handler threw or rejected; `undecodable`: the payload's bytes were no value. */
  reason: 'handler-error' | 'undecodable';
  topic: string;
  pattern: string;
  /** With `ack`: how many handlers had failed with the message before. */
  attempt?: number;
  /** With `ack`: it was the last attempt, and the message is a dead letter now. */
  deadLettered?: boolean;
}

export interface EventBusOptions {
  /** Every thread of the process that opens the same name is on the same bus. Default: `default`. */
  name?: string;
  /** Is told of handlers that throw or reject. Default: one process warning for each subscription. */
  onError?: (error: unknown, failure: HandlerFailure) => void;
  /**
   * How many dead letters the bus keeps: the oldest go for newer ones, counted. Of the bus, so every thread that says it must say the
   * same.
   */
  deadLetters?: DeadLetterLimits;
}

/** How many dead letters a bus keeps. */
export interface DeadLetterLimits {
  /** 1 to 1,000,000, default 10,000. */
  limit?: number | undefined;
  /** Most bytes of them, default 64 MiB. A longer letter is kept alone. */
  limitBytes?: number | undefined;
}

/** What a full subscription does. */
export type OverflowPolicy = 'reject' | 'drop-newest' | 'drop-oldest' | 'block';

export interface SubscribeOptions {
  /** Most messages that may wait for this subscription or be with its handler; then `overflow` says what happens. 1 to 1,000,000, default 16,384. */
  queueLimit?: number | undefined;
  /**
   * Most bytes of messages that may wait for it (with `ack`: that are not settled), as they are encoded and with their headers; then `overflow` says what happens. While fewer
   * wait one more message is taken, whatever its length; `drop-oldest` gives up others for it, and one longer than all of it waits alone. Default: no limit but the one of the thread's mailbox, 64 MiB for each priority.
   */
  queueLimitBytes?: number | undefined;
  /**
   * Most messages that may be with its handler at a time: those whose promises are pending. Further ones wait, within
   * `queueLimit`; those of other subscriptions go on. Default: no limit but `queueLimit`.
   */
  maxInFlight?: number | undefined;
  /**
   * What happens at the limit. Default: `reject`.
   * - `reject`: the message is not admitted, `publish` returns false, and nobody gets it.
   * - `drop-newest`: this subscription does without the message (`dropped.newest`); others get it.
   * - `drop-oldest`: it gives up its oldest message that waits (`dropped.oldest`) for the new one. The limit is that of messages that wait;
   *   as many again may be with its handlers.
   * - `block`: as `reject`, but `publish` in another worker thread sleeps until there is room, for `blockTimeoutMs` at most, before it
   *   returns false. The main thread, and the subscription's own, never sleep.
   *
   * A subscription that drops never makes `publish` return false and never slows anyone.
   */
  overflow?: OverflowPolicy | undefined;
  /** With `overflow: 'block'`: how long `publish` sleeps at most, in milliseconds. 1 to 3,600,000, default 5,000. */
  blockTimeoutMs?: number | undefined;
  /**
   * Whose handler is called first when several of this thread get the same message: EventPriority, CRITICAL first; of equals the one that
   * subscribed first. Default: NORMAL. How urgent a message is, its publisher says.
   */
  priority?: EventPriority | undefined;
  /**
   * The group that it is a member of, by name or as `createGroup` returned it: each message that several members match goes to one of them
   * (or to all, as the group was made). A name that nobody made a group of stands for one with the defaults.
   */
  group?: string | SubscriptionGroup | undefined;
  /**
   * The payload may be the one that this thread's other subscriptions with `shared` get: it is decoded once for all of them, and none may
   * change it. With AGENTWIRE_CHECKED=1 in the environment it is frozen, so that one that tries gets a TypeError. Default: false, each
   * subscription gets a value of its own.
   */
  shared?: boolean | undefined;
  /**
   * At least once: a message counts as handled when its handler returns, or its promise resolves. One whose handler throws or rejects, is
   * not done within `ackTimeoutMs`, or whose thread dies, is tried again: by another member of the group where there is one, else by this
   * subscription after a rest. After `maxAttempts` it goes to `bus.deadLetters`. A handler may get a message twice. Default: false, at
   * most once.
   */
  ack?: boolean | undefined;
  /**
   * With `ack`: how long a handler may take, from its call on, in milliseconds: 1 to 2,147,483,647, default 30,000. It goes on, but what it
   * returns then counts no more.
   */
  ackTimeoutMs?: number | undefined;
  /** With `ack`: how many handlers may fail with a message. 1 to 255, default 5. */
  maxAttempts?: number | undefined;
  /**
   * With `ack`: how long a message rests after its first failure, in milliseconds; twice as long after each further one, a minute at most,
   * less a random part of up to a half. 0 to 3,600,000, default 100.
   */
  backoffMs?: number | undefined;
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
  /**
   * How long the message may wait for its handlers, in milliseconds from the submit on: above 0, at most 2,147,483,647. Then it is
   * given up and counted (`dropped.expired`), also while the subscriber's thread is stuck.
   */
  expiresInMs?: number | undefined;
  /** When nobody is subscribed, or no filter lets it through, the message goes to `bus.deadLetters`. Default: false, it is only counted. */
  mandatory?: boolean | undefined;
}

const MOST_QUEUE_LIMIT = 1_000_000;
const MOST_NAME_LENGTH = 256;
const MOST_BLOCK_MS = 60 * 60 * 1000;
const DEFAULT_BLOCK_MS = 5000;
const MOST_ATTEMPTS = 255;
const LONGEST_BACKOFF_MS = 60 * 60 * 1000;
const MOST_DEAD_LETTERS = 1_000_000;

/** The policies by name, as native knows them. */
const overflowPolicies: ReadonlyMap<unknown, Overflow> = new Map([
  ['reject', Overflow.Reject],
  ['drop-newest', Overflow.DropNewest],
  ['drop-oldest', Overflow.DropOldest],
  ['block', Overflow.Block],
]);

/** @internal */
export const busOptions: readonly string[] = ['name', 'onError', 'deadLetters'];
/** @internal */
export const subscribeOptions: readonly string[] = [
  'queueLimit',
  'queueLimitBytes',
  'maxInFlight',
  'overflow',
  'blockTimeoutMs',
  'priority',
  'group',
  'filter',
  'ack',
  'ackTimeoutMs',
  'maxAttempts',
  'backoffMs',
  'shared',
  'signal',
  'transform',
];
const publishOptions = ['priority', 'headers', 'correlationId', 'expiresInMs', 'mandatory'];

/** @internal */
export function checkBusOptions(options: EventBusOptions): CheckedBusOptions {
  if (typeof options !== 'object' || options === null)
    throw new AgentwireArgumentError('options', 'an object', options);
  refuseUnknown(options, busOptions, 'new EventBus');
  const { name = 'default', onError, deadLetters } = options;
  checkName('name', name, MOST_NAME_LENGTH);
  if (name.startsWith(CHANNEL_PREFIX)) {
    throw new AgentwireArgumentError('name', 'no name of a channel; a channel is opened by bus.channel(tenant)', name);
  }
  if (onError !== undefined && typeof onError !== 'function')
    throw new AgentwireArgumentError('onError', 'a function', onError);
  return { name, onError, deadLetters: deadLetters === undefined ? undefined : checkDeadLetterLimits(deadLetters) };
}

interface CheckedBusOptions {
  name: string;
  onError: EventBusOptions['onError'];
  deadLetters: Required<DeadLetterLimits> | undefined;
}

function checkDeadLetterLimits(limits: DeadLetterLimits): CheckedBusOptions['deadLetters'] {
  if (typeof limits !== 'object' || limits === null)
    throw new AgentwireArgumentError('deadLetters', 'an object', limits);
  refuseUnknown(limits, ['limit', 'limitBytes'], 'deadLetters');
  const { limit = Bus.DefaultDeadLetters, limitBytes = Bus.DefaultDeadLetterBytes } = limits;
  checkInteger('deadLetters.limit', limit, 1, MOST_DEAD_LETTERS);
  checkInteger('deadLetters.limitBytes', limitBytes, 1, Number.MAX_SAFE_INTEGER);
  return { limit, limitBytes };
}

/**
 * The options of a subscription as native takes them.
 * @internal
 */
export interface CheckedSubscribeOptions {
  readonly native: NativeSubscribeOptions;
  /** Encoded. */
  readonly filter: Uint8Array | undefined;
  readonly shared: boolean;
}

/** @internal */
export function checkSubscribeOptions(options: SubscribeOptions): CheckedSubscribeOptions {
  if (typeof options !== 'object' || options === null)
    throw new AgentwireArgumentError('options', 'an object', options);
  refuseUnknown(options, subscribeOptions, 'subscribe');
  const { queueLimit = Bus.DefaultQueueLimit, queueLimitBytes, maxInFlight } = options;
  const {
    overflow = 'reject',
    blockTimeoutMs,
    priority = EventPriority.NORMAL,
    group,
    filter,
    shared = false,
  } = options;
  checkInteger('queueLimit', queueLimit, 1, MOST_QUEUE_LIMIT);
  if (queueLimitBytes !== undefined) checkInteger('queueLimitBytes', queueLimitBytes, 1, Number.MAX_SAFE_INTEGER);
  if (maxInFlight !== undefined) checkInteger('maxInFlight', maxInFlight, 1, MOST_QUEUE_LIMIT);
  const policy = overflowPolicies.get(overflow);
  if (policy === undefined) {
    throw new AgentwireArgumentError('overflow', '"reject", "drop-newest", "drop-oldest" or "block"', overflow);
  }
  if (blockTimeoutMs !== undefined) {
    checkInteger('blockTimeoutMs', blockTimeoutMs, 1, MOST_BLOCK_MS);
    if (policy !== Overflow.Block) {
      throw new AgentwireArgumentError('blockTimeoutMs', 'given together with overflow: "block"', blockTimeoutMs);
    }
  }
  checkPriority(priority);
  if (typeof shared !== 'boolean') throw new AgentwireArgumentError('shared', 'true or false', shared);
  return {
    native: {
      queueLimit,
      ...(queueLimitBytes === undefined ? {} : { queueLimitBytes }),
      ...(maxInFlight === undefined ? {} : { maxInFlight }),
      overflow: policy,
      blockMs: blockTimeoutMs ?? DEFAULT_BLOCK_MS,
      priority,
      ...(group === undefined ? {} : { group: groupNameOf(group) }),
      ...checkAck(options),
    },
    filter: filter === undefined ? undefined : encodeFilter(filter),
    shared,
  };
}

/** What native needs to know of acknowledgement. */
function checkAck(options: SubscribeOptions): Pick<NativeSubscribeOptions, 'ack'> {
  const { ack = false, ackTimeoutMs, maxAttempts, backoffMs } = options;
  if (typeof ack !== 'boolean') throw new AgentwireArgumentError('ack', 'true or false', ack);
  if (ackTimeoutMs !== undefined) checkInteger('ackTimeoutMs', ackTimeoutMs, 1, LONGEST_DELAY_MS);
  if (maxAttempts !== undefined) checkInteger('maxAttempts', maxAttempts, 1, MOST_ATTEMPTS);
  if (backoffMs !== undefined) checkInteger('backoffMs', backoffMs, 0, LONGEST_BACKOFF_MS);
  if (ack) {
    return {
      ack: {
        timeoutMs: ackTimeoutMs ?? Bus.DefaultAckTimeoutMs,
        maxAttempts: maxAttempts ?? Bus.DefaultMaxAttempts,
        backOffMs: backoffMs ?? Bus.DefaultBackoffMs,
      },
    };
  }
  for (const [name, value] of Object.entries({ ackTimeoutMs, maxAttempts, backoffMs })) {
    if (value !== undefined) throw new AgentwireArgumentError(name, 'given together with ack: true', value);
  }
  return {};
}

function checkPriority(priority: unknown): void {
  if (Number.isInteger(priority) && (priority as number) >= 0 && (priority as number) <= 3) return;
  throw new AgentwireArgumentError('priority', 'an EventPriority, 0 to 3', priority);
}

/**
 * Milliseconds above 0 that a timer can wait for.
 * @internal
 */
export function checkMilliseconds(name: string, value: unknown): void {
  if (typeof value === 'number' && value > 0 && value <= LONGEST_DELAY_MS) return;
  const expected = `a number of milliseconds above 0, at most ${LONGEST_DELAY_MS.toLocaleString('en')}`;
  throw new AgentwireArgumentError(name, expected, value);
}

/**
 * The options, each read once: a getter cannot answer differently later.
 * @internal
 */
export function checkPublishOptions(options: PublishOptions): PublishOptions {
  if (typeof options !== 'object' || options === null)
    throw new AgentwireArgumentError('options', 'an object', options);
  refuseUnknown(options, publishOptions, 'publish');
  const { priority, headers, correlationId, expiresInMs, mandatory } = options;
  if (mandatory !== undefined && typeof mandatory !== 'boolean') {
    throw new AgentwireArgumentError('mandatory', 'true or false', mandatory);
  }
  if (priority !== undefined) checkPriority(priority);
  if (expiresInMs !== undefined) checkMilliseconds('expiresInMs', expiresInMs);
  if (headers !== undefined && (typeof headers !== 'object' || headers === null || Array.isArray(headers))) {
    throw new AgentwireArgumentError('headers', 'an object', headers);
  }
  if (
    correlationId !== undefined &&
    (typeof correlationId !== 'bigint' || BigInt.asUintN(64, correlationId) !== correlationId)
  ) {
    throw new AgentwireArgumentError('correlationId', 'a bigint from 0 to 2^64 - 1', correlationId);
  }
  return { priority, headers, correlationId, expiresInMs, mandatory };
}
