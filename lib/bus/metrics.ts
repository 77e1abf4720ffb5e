import { refuseUnknown } from '../checks';
import { AgentwireArgumentError } from '../errors';
import type {
  NativeBusMetrics,
  NativeCounts,
  NativeSubscriptionMetrics,
  NativeTopicMetrics,
} from '../generated/binding';
import type { LatencyStats } from '../monitor/latency-histogram';
import type { GroupStats } from './group';
import { type SubscriptionStats, statsOf } from './stats';

/** Messages by how urgent they are. */
export interface PriorityCounts {
  CRITICAL: number;
  HIGH: number;
  NORMAL: number;
  LOW: number;
}

/** What was published to a bus, or to one of its topics. */
export interface PublishCounts {
  /** Messages taken by a submit, each counted once however many subscriptions it goes to. */
  published: number;
  /** The same, by priority. */
  publishedByPriority: PriorityCounts;
  /** Of those, the ones that matched no subscription, or whose every subscription has a filter that kept them away. */
  unmatched: number;
  /** Submits that stopped because a subscription was full: the message was refused, or waits in its outbox. */
  refused: number;
}

/** The figures of a topic, over all threads. */
export interface TopicMetrics extends PublishCounts {
  topic: string;
  /** Subscriptions that match it at this moment. */
  subscriptions: number;
}

/** The figures of a subscription of any thread. */
export interface SubscriptionMetrics extends SubscriptionStats {
  /** `subscription.id`. */
  id: number;
  pattern: string;
  /** The name of the group that it is a member of. */
  group: string | undefined;
  /** The endpoint (thread) that subscribed: an id that is unique in the process, as `context.publisher` is. */
  subscriber: number;
}

/** The figures of a group, over all threads. */
export interface GroupMetrics extends GroupStats {
  group: string;
}

/** The figures of a bus, over all threads. At rest: admitted = handled + failed + the dropped + deadLettered + rerouted + inFlight. */
export interface BusMetrics extends PublishCounts, SubscriptionStats {
  /** Subscriptions at this moment. */
  subscriptions: number;
  /** Topics that have an id. */
  topics: number;
  /** Times that this thread's outbox held bytes that are no record, and lost what was behind them. Always 0 without a bug. */
  malformed: number;
  /**
   * Times that the system gave the process no thread for its timer. While it has none, expiry, `ackTimeoutMs` and `backoffMs` are looked
   * after whenever a thread takes messages.
   */
  timerFailures: number;
  /** Calls of this object's listeners by an `emit` of their thread that threw or rejected. */
  listenerFailures: number;
  /**
   * From `publish` to the handler, ns, since the bus was opened. Of some of the messages, at random: each stands for as many as its
   * chance was one in, so that `count` is about the number of deliveries. Listeners that an `emit` of their thread calls take no time.
   */
  latency: LatencyStats;
  /** `latency.p95` in milliseconds. */
  'communication.latency.p95': number;
  /** `latency.p99` in milliseconds. */
  'communication.latency.p99': number;
  /** Messages published in a second, since this object's last `getMetrics` (the first: since it was made). */
  'communication.throughput': number;
  /** Messages that wait or are with a handler: `inFlight`. */
  'communication.queue.depth': number;
  /** How much of the memory for messages is taken, by all buses of the process: 0 to 1. */
  'communication.pool.utilization': number;
  /** Messages that a full subscription or a full memory has cost: `dropped.overflow`, `.oldest` and `.newest`. */
  'communication.errors.overflow': number;
  /** With `perTopic`: topics that have an id, by name. */
  perTopic?: TopicMetrics[];
  /** With `perSubscription`: in order of subscription. */
  perSubscription?: SubscriptionMetrics[];
  /** With `perGroup`: by name. */
  perGroup?: GroupMetrics[];
}

/** What `getMetrics` is to list besides. Each costs time and memory by the number of what is listed. */
export interface MetricsOptions {
  /** The topics: all, or those that a pattern matches. Topics without an id (beyond the first 131,072) count in the sums only. */
  perTopic?: boolean | string | undefined;
  /** The open subscriptions of all threads. */
  perSubscription?: boolean | undefined;
  /** The groups. */
  perGroup?: boolean | undefined;
}

/** Messages a second, from one look to the next. */
export class ThroughputMeter {
  private published = 0;
  private since = performance.now();

  /** @param published - Messages so far. */
  look(published: number): number {
    const now = performance.now();
    const seconds = (now - this.since) / 1000;
    const rate = seconds > 0 ? (published - this.published) / seconds : 0;
    this.published = published;
    this.since = now;
    return rate;
  }
}

/** @internal */
export function checkMetricsOptions(options: MetricsOptions): MetricsOptions {
  if (typeof options !== 'object' || options === null)
    throw new AgentwireArgumentError('options', 'an object', options);
  refuseUnknown(options, ['perTopic', 'perSubscription', 'perGroup'], 'getMetrics');
  const { perTopic = false, perSubscription = false, perGroup = false } = options;
  if (typeof perTopic !== 'boolean' && typeof perTopic !== 'string') {
    throw new AgentwireArgumentError('perTopic', 'true, false or a pattern', perTopic);
  }
  for (const [name, value] of Object.entries({ perSubscription, perGroup })) {
    if (typeof value !== 'boolean') throw new AgentwireArgumentError(name, 'true or false', value);
  }
  return { perTopic, perSubscription, perGroup };
}

function countsOf({ published: byPriority, unmatched, refused }: NativeCounts): PublishCounts {
  const [CRITICAL, HIGH, NORMAL, LOW] = byPriority;
  const publishedByPriority = { CRITICAL, HIGH, NORMAL, LOW };
  return { published: CRITICAL + HIGH + NORMAL + LOW, publishedByPriority, unmatched, refused };
}

/** @internal */
export function busMetricsOf(
  { counts, ledger, subscriptions, topics, poolUtilization, timerFailures }: NativeBusMetrics,
  meter: ThroughputMeter,
  own: Pick<BusMetrics, 'malformed' | 'listenerFailures' | 'latency'>,
): BusMetrics {
  const sums = countsOf(counts);
  const stats = statsOf(ledger);
  const { overflow, oldest, newest } = stats.dropped;
  return {
    ...sums,
    ...stats,
    subscriptions,
    topics,
    timerFailures,
    ...own,
    'communication.latency.p95': own.latency.p95 / 1e6,
    'communication.latency.p99': own.latency.p99 / 1e6,
    'communication.throughput': meter.look(sums.published),
    'communication.queue.depth': stats.inFlight,
    'communication.pool.utilization': poolUtilization,
    'communication.errors.overflow': overflow + oldest + newest,
  };
}

/** @internal */
export function topicMetricsOf({ topic, counts, subscriptions }: NativeTopicMetrics): TopicMetrics {
  return { topic, ...countsOf(counts), subscriptions };
}

/** @internal */
export function subscriptionMetricsOf({
  ledger,
  id,
  pattern,
  group,
  subscriber,
}: NativeSubscriptionMetrics): SubscriptionMetrics {
  return { id, pattern, group, subscriber, ...statsOf(ledger) };
}
