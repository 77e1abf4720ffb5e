import type { LatencyStats } from '../latency-histogram';
import type { BusSample, BusTotals, MonitorSample } from '../sample';

/** What a number counts or measures, as OpenTelemetry writes units (UCUM): seconds, bytes, a part of one, or things. */
export type Unit =
  | 's'
  | 'By'
  | '1'
  | '{message}'
  | '{message}/s'
  | '{letter}'
  | '{subscription}'
  | '{topic}'
  | '{alert}'
  | '{item}'
  | '{collection}';

/** A number of a series at a moment, and of what it is. */
export interface Point {
  value: number;
  attributes: Readonly<Record<string, string>>;
}

/** One figure of a monitor for other systems. What is exported is defined here alone; the formats only write it down. */
export interface Series {
  /** With dots, in the words of the contract where it has some. */
  name: string;
  description: string;
  unit: Unit;
  /** A counter only grows, from the bus's beginning on; a gauge is of the newest sample. */
  kind: 'counter' | 'gauge';
  points: (sample: MonitorSample) => Point[];
}

const none = Object.freeze({});

function gauge(name: string, unit: Unit, description: string, value: (sample: MonitorSample) => number): Series {
  return { name, description, unit, kind: 'gauge', points: (sample) => [{ value: value(sample), attributes: none }] };
}

function busAttributes({ name, tenant }: BusSample): Record<string, string> {
  return tenant === undefined ? { bus: name } : { bus: name, tenant };
}

function ofBuses(
  name: string,
  unit: Unit,
  kind: Series['kind'],
  description: string,
  value: (bus: BusSample) => number,
): Series {
  const points = (sample: MonitorSample) =>
    sample.buses.map((bus) => ({ value: value(bus), attributes: busAttributes(bus) }));
  return { name, description, unit, kind, points };
}

function total(key: keyof BusTotals, name: string, description: string): Series {
  return ofBuses(`messages.${name}`, '{message}', 'counter', description, ({ totals }) => totals[key]);
}

function latency(key: keyof LatencyStats, description: string): Series {
  return ofBuses(`message.latency.${key}`, 's', 'gauge', description, (bus) => bus.latency[key] / 1e9);
}

function ofThreads(
  name: string,
  unit: Unit,
  description: string,
  value: (thread: MonitorSample['threads'][number]) => number | null,
): Series {
  const points = (sample: MonitorSample) =>
    sample.threads.flatMap((thread) => {
      const seen = value(thread);
      const attributes = { thread: thread.name, endpoint: String(thread.endpoint) };
      return seen === null ? [] : [{ value: seen, attributes }];
    });
  return { name, description, unit, kind: 'gauge', points };
}

function ofPools(
  name: string,
  unit: Unit,
  description: string,
  value: (pool: MonitorSample['pools'][number]) => number,
): Series {
  const points = (sample: MonitorSample) =>
    sample.pools.map((pool) => ({ value: value(pool), attributes: { pool: pool.name, kind: pool.kind } }));
  return { name, description, unit, kind: 'gauge', points };
}

const sumOf = (sample: MonitorSample, value: (bus: BusSample) => number) =>
  sample.buses.reduce((sum, bus) => sum + value(bus), 0);

/** All that is exported. */
export const SERIES: readonly Series[] = [
  gauge(
    'communication.latency.p95',
    's',
    'Publish to handler, 95th percentile of all buses, of the last interval.',
    ({ latency: { stats } }) => stats.p95 / 1e9,
  ),
  gauge(
    'communication.latency.p99',
    's',
    'Publish to handler, 99th percentile of all buses, of the last interval.',
    ({ latency: { stats } }) => stats.p99 / 1e9,
  ),
  gauge(
    'communication.throughput',
    '{message}/s',
    'Messages published a second on all buses, in the last interval.',
    (sample) => sumOf(sample, ({ published }) => published),
  ),
  gauge('communication.queue.depth', '{message}', 'Messages of all buses that wait or are with a handler.', (sample) =>
    sumOf(sample, ({ queueDepth }) => queueDepth),
  ),
  gauge('communication.pool.utilization', '1', 'How full the fullest pool is.', ({ pools }) =>
    Math.max(0, ...pools.map(({ utilization }) => utilization)),
  ),
  gauge(
    'communication.errors.overflow',
    '{message}',
    'Messages that a full subscription or a full memory has cost, of the buses that are open.',
    (sample) => sumOf(sample, ({ totals }) => totals.overflow),
  ),
  gauge(
    'communication.errors.rate',
    '1',
    'Messages that ended otherwise than handled, of all that ended in the last interval.',
    ({ errorRate }) => errorRate,
  ),
  total('published', 'published', 'Messages published.'),
  total('handled', 'handled', 'Messages whose handler returned or resolved.'),
  total('failed', 'failed', 'Messages whose handler threw or rejected.'),
  total(
    'dropped',
    'dropped',
    'Messages that no handler saw, for whatever reason but that their subscription was ended.',
  ),
  total('overflow', 'overflow', 'Of the dropped, those that a full subscription or a full memory has cost.'),
  total('refused', 'refused', 'Times that a publish returned false.'),
  total('deadLettered', 'dead_lettered', 'Messages put to the dead letters.'),
  ofBuses(
    'queue.depth',
    '{message}',
    'gauge',
    'Messages that wait or are with a handler.',
    ({ queueDepth }) => queueDepth,
  ),
  ofBuses('dead_letters', '{letter}', 'gauge', 'Dead letters that are kept.', ({ deadLetters }) => deadLetters),
  ofBuses('subscriptions', '{subscription}', 'gauge', 'Subscriptions.', ({ subscriptions }) => subscriptions),
  ofBuses('topics', '{topic}', 'gauge', 'Topics that have an id.', ({ topics }) => topics),
  latency('p50', 'Publish to handler, median of the last interval.'),
  latency('p95', 'Publish to handler, 95th percentile of the last interval.'),
  latency('p99', 'Publish to handler, 99th percentile of the last interval.'),
  latency('max', 'Publish to handler, the longest of the last interval.'),
  ofThreads('thread.cpu', '1', 'CPU of the thread in the last interval: 1 is one core.', ({ cpuPercent }) =>
    cpuPercent === null ? null : cpuPercent / 100,
  ),
  ofThreads(
    'thread.delivered',
    '{message}/s',
    'Messages a second that the thread took to its handlers, in the last interval.',
    ({ delivered }) => delivered,
  ),
  ofThreads(
    'thread.published',
    '{message}/s',
    'Messages a second that the thread published, in the last interval.',
    ({ published }) => published,
  ),
  ofThreads('thread.queued', 'By', "Bytes that wait in the thread's mailbox.", ({ queuedBytes }) => queuedBytes),
  ofPools(
    'pool.in_use',
    '{item}',
    'What of the pool is taken: blocks, objects, items, or bytes of messages and streams.',
    ({ inUse }) => inUse,
  ),
  ofPools('pool.capacity', '{item}', 'What the pool has.', ({ capacity }) => capacity),
  ofPools('pool.utilization', '1', 'How full the pool is.', ({ utilization }) => utilization),
  gauge('process.memory.resident', 'By', 'Memory of the process.', ({ memory }) => memory.resident),
  gauge('process.memory.heap_used', 'By', "V8's heap of the monitor's thread, used.", ({ memory }) => memory.heapUsed),
  gauge('process.memory.heap_total', 'By', "V8's heap of the monitor's thread.", ({ memory }) => memory.heapTotal),
  gauge('process.memory.external', 'By', 'Buffers outside of it.', ({ memory }) => memory.external),
  gauge(
    'process.memory.shared',
    'By',
    'Native memory for messages, and tables of strings and shapes.',
    ({ memory }) => memory.shared,
  ),
  gauge('process.cpu', '1', 'CPU of the process in the last interval: 1 is one core.', ({ cpu }) => cpu.percent / 100),
  gauge('process.uptime', 's', 'Time since the process began.', ({ process: { uptimeSeconds } }) => uptimeSeconds),
  gauge(
    'event_loop.delay.p50',
    's',
    "How late timers of the monitor's thread ran in the last interval, median.",
    ({ eventLoop }) => eventLoop.delayP50Ms / 1e3,
  ),
  gauge(
    'event_loop.delay.p99',
    's',
    "How late timers of the monitor's thread ran in the last interval, 99th percentile.",
    ({ eventLoop }) => eventLoop.delayP99Ms / 1e3,
  ),
  gauge(
    'event_loop.delay.max',
    's',
    "How late timers of the monitor's thread ran in the last interval, at most.",
    ({ eventLoop }) => eventLoop.delayMaxMs / 1e3,
  ),
  gauge(
    'event_loop.utilization',
    '1',
    "The part of the last interval that the monitor's thread was not idle.",
    ({ eventLoop }) => eventLoop.utilization,
  ),
  gauge(
    'gc.time',
    's',
    "Garbage collection of the monitor's thread in the last interval.",
    ({ garbageCollection }) => garbageCollection.totalMs / 1e3,
  ),
  gauge(
    'gc.longest',
    's',
    'The longest collection of the last interval.',
    ({ garbageCollection }) => garbageCollection.longestMs / 1e3,
  ),
  gauge(
    'gc.collections',
    '{collection}',
    'Collections in the last interval.',
    ({ garbageCollection }) => garbageCollection.count,
  ),
  {
    name: 'alerts',
    description: 'Alerts that are raised.',
    unit: '{alert}',
    kind: 'gauge',
    points: ({ alerts }) =>
      (['warning', 'critical'] as const).map((level) => ({
        value: alerts.filter((alert) => alert.level === level).length,
        attributes: { level },
      })),
  },
];
