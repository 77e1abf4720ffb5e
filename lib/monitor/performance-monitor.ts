import { EventEmitter } from 'node:events';
import { types } from 'node:util';
import { AgentwireArgumentError, textOf } from '../errors';
import { recommend } from './advice/recommend';
import { Alarms } from './alarms';
import type { CpuStats } from './cpu-tracker';
import type { ServeOptions } from './dashboard/options';
import type { DashboardServer } from './dashboard/server';
import { prometheusText } from './export/prometheus';
import { type LatencyExport, LatencyHistogram, type LatencyStats } from './latency-histogram';
import type {
  Alert,
  CpuSample,
  MemorySample,
  MonitorSample,
  Recommendation,
  SampleSource,
  ThreadSample,
} from './sample';
import { Sampler } from './sampler';
import { type CheckedThresholds, checkThresholds, type MonitorThresholds } from './thresholds';
import type { Watchable } from './watched-pools';

/** Samples that are kept, five minutes of one a second. */
const MOST_SAMPLES = 300;
/** Buses in all samples together that are kept: with more than a hundred buses there are fewer samples. */
const MOST_BUS_SAMPLES = 30_000;
const FEWEST_SAMPLES = 10;
/** Alerts that are kept, raised and over. */
const MOST_ALERTS = 100;
/** Latencies of `recordLatency` above this are told as the longest, ms. */
const LONGEST_RECORDED_MS = 60_000;

/** What a monitor knows, in a form to show. */
export interface PerformanceReport {
  /** Of all messages and of `recordLatency` since the monitor was made or reset, ns. */
  latency: LatencyStats;
  memory: MemorySample & { peakResident: number };
  cpu: CpuSample & Pick<CpuStats, 'cores'> & { threads: ThreadSample[] };
  /** Those that are raised now. */
  alerts: Alert[];
  recommendations: Recommendation[];
  /** The newest sample, which has the rest: buses, pools, event loop, garbage collection. */
  sample: MonitorSample;
}

/** All that a monitor has. */
export interface MonitorExport {
  thresholds: CheckedThresholds;
  report: PerformanceReport;
  /** Oldest first. */
  samples: readonly MonitorSample[];
  /** The last hundred, raised or over, oldest first. */
  alerts: readonly Alert[];
  histogram: LatencyExport;
}

/** What a monitor tells. */
export interface MonitorEvents {
  /** A figure has crossed its threshold. Told once, until it is over. */
  alert: Alert;
  /** An alert is over. */
  clear: Alert;
  /** A sample was taken. */
  sample: MonitorSample;
}

const EVENTS: readonly string[] = ['alert', 'clear', 'sample'];

/**
 * Watches this process: all its buses and their threads, its memory and CPU, this thread's event loop and garbage collection, and the
 * pools that it is told to `watch`. One for a process is enough. It prints nothing.
 *
 * ```js
 * const monitor = new PerformanceMonitor({ latencyP95Ms: 1 });
 * monitor.on('alert', ({ message }) => console.warn(message));
 * monitor.startMonitoring();
 * ```
 */
export class PerformanceMonitor implements SampleSource {
  readonly thresholds: CheckedThresholds;
  private readonly recorded = new LatencyHistogram(LONGEST_RECORDED_MS);
  private readonly overall = new LatencyHistogram(LONGEST_RECORDED_MS);
  private readonly sampler = new Sampler(this.recorded);
  private readonly alarms: Alarms;
  private readonly events = new EventEmitter();
  private readonly samples: MonitorSample[] = [];
  private readonly pastAlerts: Alert[] = [];
  private timer: ReturnType<typeof setInterval> | undefined;
  /** The listeners are being told of a sample. */
  private isTelling = false;

  /** @param thresholds - See MonitorThresholds; what is left out has its default. */
  constructor(thresholds: MonitorThresholds = {}) {
    this.thresholds = checkThresholds(thresholds);
    this.alarms = new Alarms(this.thresholds);
  }

  /** Adds a latency that the program has measured itself, ns. */
  recordLatency(ns: number | bigint): void {
    this.recorded.record(ns);
  }

  /**
   * Watches how full a BufferPool, an ObjectPool of this thread, a ring or a stream is, until the returned function is called.
   *
   * @param name - What alerts and charts call it: 1 to 256 characters, its own.
   */
  watch(pool: Watchable, name: string): () => void {
    return this.sampler.pools.watch(pool, name);
  }

  /** True from `startMonitoring` to `stopMonitoring`. */
  get isMonitoring(): boolean {
    return this.timer !== undefined;
  }

  /** Takes a sample every `monitoringIntervalMs`. That does not keep the thread alive. */
  startMonitoring(): this {
    if (this.timer !== undefined) return this;
    this.sampler.start();
    // Not among the timers: that of the event loop's delay may come behind this one, and would tell of this turn in the next sample.
    const inItsTurn = () => setImmediate(() => this.takeSampleSafely());
    this.timer = setInterval(inItsTurn, this.thresholds.monitoringIntervalMs);
    this.timer.unref();
    return this;
  }

  /** Takes no more samples. What there is stays. */
  stopMonitoring(): this {
    clearInterval(this.timer);
    this.timer = undefined;
    this.sampler.stop();
    return this;
  }

  /** What is known now. While nothing is monitored a sample is taken for it. */
  getReport(): PerformanceReport {
    const newest = this.samples.at(-1);
    // Who asks while he is told of a sample gets that one.
    const isNew = newest !== undefined && (this.isMonitoring || this.isTelling);
    const sample = isNew ? newest : this.takeSample();
    const { memory, cpu, threads, process: about } = sample;
    return {
      latency: this.overall.getStats(),
      memory: { ...memory, peakResident: this.sampler.memory.peakResident },
      cpu: { ...cpu, cores: about.cores, threads },
      alerts: this.alarms.current,
      recommendations: this.recommendations(),
      sample,
    };
  }

  /** Everything, as plain data. */
  exportData(): MonitorExport {
    return {
      thresholds: this.thresholds,
      report: this.getReport(),
      samples: [...this.samples],
      alerts: [...this.pastAlerts],
      histogram: this.overall.exportData(),
    };
  }

  /** The newest sample in Prometheus's text format; one is taken while nothing is monitored. */
  prometheus(): string {
    return prometheusText(this.getReport().sample);
  }

  /** For `JSON.stringify`: `exportData()` with a name and a version of its form. In JSON, null stands for the boundary Infinity. */
  toJSON(): MonitorExport & { format: 'agentwire.monitor'; version: 1 } {
    return { format: 'agentwire.monitor', version: 1, ...this.exportData() };
  }

  /** Forgets latencies, samples and alerts. It goes on monitoring if it did. */
  reset(): void {
    this.sampler.forget();
    this.recorded.reset();
    this.overall.reset();
    this.alarms.reset();
    this.samples.length = 0;
    this.pastAlerts.length = 0;
  }

  /** The newest samples, oldest first: at most 300, fewer where there are more than a hundred buses. */
  get history(): readonly MonitorSample[] {
    return this.samples;
  }

  /** Advice on what the newest samples show. */
  recommendations(): Recommendation[] {
    return recommend(this.samples);
  }

  /** Calls `listener` with each alert that is raised ('alert') or over ('clear'), or with each sample. */
  on<Name extends keyof MonitorEvents>(event: Name, listener: (value: MonitorEvents[Name]) => void): this {
    checkListener(event, listener);
    this.events.on(event, listener);
    return this;
  }

  /** As `on`, for the next one. */
  once<Name extends keyof MonitorEvents>(event: Name, listener: (value: MonitorEvents[Name]) => void): this {
    checkListener(event, listener);
    this.events.once(event, listener);
    return this;
  }

  /** Calls the listener no more. */
  off<Name extends keyof MonitorEvents>(event: Name, listener: (value: MonitorEvents[Name]) => void): this {
    checkListener(event, listener);
    this.events.off(event, listener);
    return this;
  }

  /** `on('sample')`, until the returned function is called. */
  onSample(listener: (sample: MonitorSample) => void): () => void {
    this.on('sample', listener);
    return () => this.off('sample', listener);
  }

  /**
   * Serves what it sees: a page with live charts, and figures for `npx agentwire top`; see docs/live-view.md. By default to this machine
   * alone. It neither starts monitoring nor keeps the process alive: `startMonitoring()`, and `ref()` of what it returns, do.
   *
   * @param options - `port`, default 9,475, and `host`, default 127.0.0.1.
   */
  async serve(options: ServeOptions = {}): Promise<DashboardServer> {
    // Loaded by those who call it: nobody else needs an HTTP server.
    const { serveDashboard } = await import('./dashboard/server.js');
    return serveDashboard(this, options);
  }

  /** `stopMonitoring()`, for `using`. */
  [Symbol.dispose](): void {
    this.stopMonitoring();
  }

  private takeSample(): MonitorSample {
    const changes = { raised: [] as Alert[], cleared: [] as Alert[] };
    const { sample, latencies } = this.sampler.take((seen) => {
      Object.assign(changes, this.alarms.look(seen));
      return this.alarms.current;
    });
    this.overall.add(latencies);
    keep(this.samples, [sample], mostSamples(sample));
    keep(this.pastAlerts, changes.raised, MOST_ALERTS);
    this.isTelling = true;
    for (const alert of changes.raised) this.tell('alert', alert);
    for (const alert of changes.cleared) this.tell('clear', alert);
    this.tell('sample', sample);
    this.isTelling = false;
    return sample;
  }

  /** In a turn of its own nobody could catch what goes wrong; the next sample may be well again. */
  private takeSampleSafely(): void {
    if (!this.isMonitoring) return;
    try {
      this.takeSample();
    } catch (error) {
      warn(`a sample could not be taken: ${textOf(error)}`);
    }
  }

  /** A listener that throws stops neither the others nor the monitor. */
  private tell<Name extends keyof MonitorEvents>(event: Name, value: MonitorEvents[Name]): void {
    for (const listener of this.events.rawListeners(event)) {
      const failed = (error: unknown) => warn(`a listener of the monitor's '${event}' threw: ${textOf(error)}`);
      try {
        // It may be an async function: its rejection must not take the process down either.
        const result: unknown = listener.call(this.events, value);
        if (types.isPromise(result)) result.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }
}

function warn(message: string): void {
  process.emitWarning(message, { type: 'AgentwireWarning', code: 'AGENTWIRE_MONITOR' });
}

function keep<T>(list: T[], added: readonly T[], most: number): void {
  list.push(...added);
  if (list.length > most) list.splice(0, list.length - most);
}

function mostSamples({ buses }: MonitorSample): number {
  const affordable = Math.floor(MOST_BUS_SAMPLES / Math.max(1, buses.length));
  return Math.min(MOST_SAMPLES, Math.max(FEWEST_SAMPLES, affordable));
}

function checkListener(event: string, listener: unknown): void {
  if (!EVENTS.includes(event)) throw new AgentwireArgumentError('event', '"alert", "clear" or "sample"', event);
  if (typeof listener !== 'function') throw new AgentwireArgumentError('listener', 'a function', listener);
}
