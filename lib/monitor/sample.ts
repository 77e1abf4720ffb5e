import type { LatencyExport, LatencyStats } from './latency-histogram';

/**
 * What a monitor sees at one moment, and has seen since the sample before. Plain data: what is charted, exported and alerted on is made of
 * nothing else, here and in another process that reads it as JSON. Rates are per second over `seconds`.
 */
export interface MonitorSample {
  /** Counts the monitor's samples, from 1. */
  number: number;
  /** Milliseconds since the Unix epoch. */
  time: number;
  /** How long it is since the sample before, or since monitoring began. */
  seconds: number;
  process: ProcessSample;
  memory: MemorySample;
  cpu: CpuSample;
  eventLoop: EventLoopSample;
  garbageCollection: GarbageCollectionSample;
  /** Publish to handler, all buses of the process and `recordLatency` together, of the time since the sample before. */
  latency: LatencySample;
  /** The buses of this process, channels among them, by name. */
  buses: BusSample[];
  /** The threads of this process that have a bus, in the order in which they came. */
  threads: ThreadSample[];
  /** What is bounded, and how full it is: the memory for messages, and what the monitor was told to watch. */
  pools: PoolSample[];
  /** What has ended otherwise than handled, of all that ended since the sample before: 0 to 1. */
  errorRate: number;
  /** Alerts that are raised now. */
  alerts: Alert[];
}

export interface ProcessSample {
  pid: number;
  /** `process.title`, or the name of the program's file. */
  name: string;
  node: string;
  platform: string;
  cores: number;
  uptimeSeconds: number;
}

/** Bytes. */
export interface MemorySample {
  /** Of the whole process, as the system counts it. */
  resident: number;
  /** V8's heap of this thread: used, and taken from the system. */
  heapUsed: number;
  heapTotal: number;
  /** Outside of V8's heap, for its objects: buffers, shared ones among them. */
  external: number;
  /** Native memory of agentwire that all threads share: messages on their way, tables of strings and shapes. */
  shared: number;
}

export interface CpuSample {
  /** Of the process: 100 is one core; up to 100 times `cores`. */
  percent: number;
  userPercent: number;
  systemPercent: number;
}

/** Of the thread that the monitor is in. */
export interface EventLoopSample {
  /** How much later than due its timers run, ms. */
  delayP50Ms: number;
  delayP99Ms: number;
  delayMaxMs: number;
  /** The part of the time that it was not idle: 0 to 1. */
  utilization: number;
}

/** Of the thread that the monitor is in. */
export interface GarbageCollectionSample {
  /** Collections since the sample before. */
  count: number;
  /** Their time in sum, and of the longest, ms. */
  totalMs: number;
  longestMs: number;
  /** Of those, the ones of the old generation ("mark-sweep-compact", "major"). */
  majorCount: number;
}

export interface LatencySample {
  /** Nanoseconds. `count` estimates the messages: a bus measures some at random, and each stands for as many as its chance was one in. */
  stats: LatencyStats;
  /** For a histogram: the buckets that have any, and those between them; empty with no messages. */
  buckets: LatencyExport;
}

export interface BusSample {
  name: string;
  /** Of a channel: its tenant; `name` is then that of its bus. */
  tenant?: string;
  subscriptions: number;
  topics: number;
  /** Messages that wait or are with a handler. */
  queueDepth: number;
  /** Messages that nobody could handle and that are kept. */
  deadLetters: number;
  /**
   * Messages a second: published, handled, failed; dropped, for whatever reason but that their subscription was ended; refused (a `publish`
   * that returned false); put to the dead letters.
   */
  published: number;
  handled: number;
  failed: number;
  dropped: number;
  refused: number;
  deadLettered: number;
  /** The same as counts, since the bus was opened. */
  totals: BusTotals;
  /** Publish to handler, ns. */
  latency: LatencyStats;
  /** The topics with the most messages a second, at most 20, of the thousand that most was published to in all. */
  busiestTopics: { topic: string; published: number }[];
}

/** Messages of a bus since it was opened; what they are stands at the rates of the same names. */
export interface BusTotals {
  published: number;
  handled: number;
  failed: number;
  dropped: number;
  /** Of the dropped, those that a full subscription or a full memory has cost. */
  overflow: number;
  refused: number;
  deadLettered: number;
}

export interface ThreadSample {
  /** `context.publisher` of what it publishes. */
  endpoint: number;
  /** `threadId` of node:worker_threads; 0 is the main thread. */
  threadId: number;
  /** "main", or "worker" and its number. */
  name: string;
  /** 100 is one core. Null where the system does not tell. */
  cpuPercent: number | null;
  /** Messages a second that it took to its handlers. */
  delivered: number;
  /** Messages a second that it published. */
  published: number;
  /** How many of those were handed over at once, on average; 0 where there were none. One at a time is slow: see `flush`. */
  messagesPerSubmit: number;
  /** Bytes of one of those, its header included, on average; 0 where there were none. */
  bytesPerMessage: number;
  /** Bytes that wait in its mailbox. */
  queuedBytes: number;
  /** True while it has no messages to take; it may be busy otherwise. */
  isParked: boolean;
}

export interface PoolSample {
  /** "messages" is the memory for messages of all buses; else the name that the monitor was given. */
  name: string;
  kind: 'messages' | 'buffer-pool' | 'object-pool' | 'ring' | 'stream';
  inUse: number;
  capacity: number;
  /** 0 to 1. */
  utilization: number;
  /** How often there was none to be had, since the sample before. */
  exhausted: number;
}

export type AlertLevel = 'warning' | 'critical';

/** The names that alerts and exports use. */
export type MetricName =
  | 'communication.latency.p95'
  | 'communication.latency.p99'
  | 'communication.throughput'
  | 'communication.queue.depth'
  | 'communication.pool.utilization'
  | 'communication.errors.overflow'
  | 'communication.errors.rate'
  | 'process.memory'
  | 'process.cpu';

export interface Alert {
  metric: MetricName;
  level: AlertLevel;
  /** In the metric's unit: milliseconds for latencies, MB for memory, percent for CPU, else a count or a fraction. */
  value: number;
  threshold: number;
  /** Of what, where there are several: a bus, a pool. */
  subject?: string;
  /** What was seen, and above what. */
  message: string;
  /** When it was raised, milliseconds since the Unix epoch. */
  since: number;
}

/** Advice: what was seen, why it matters, which setting to change. */
export interface Recommendation {
  /** Stable, for programs: 'pool-too-small', 'more-threads-than-cores', 'long-collections', ... */
  code: string;
  cause: string;
  advice: string;
}

/** What charts and exports need of a monitor. */
export interface SampleSource {
  /** The newest samples, oldest first: at most 300. */
  readonly history: readonly MonitorSample[];
  /** Calls `listener` with each new sample, until the returned function is called. */
  onSample(listener: (sample: MonitorSample) => void): () => void;
  /** Advice on what the newest samples show. */
  recommendations(): Recommendation[];
}
