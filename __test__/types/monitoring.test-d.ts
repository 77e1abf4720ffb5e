// What only the compiler checks of monitoring: events, thresholds, what can be watched, the settings as they are, and that exports take the real
// things of node:http and OpenTelemetry.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Meter, metrics } from '@opentelemetry/api';
import {
  type Alert,
  BloomFilter,
  BufferPool,
  type BusSample,
  type BusTotals,
  type CheckedThresholds,
  type ComponentTimes,
  CPUTracker,
  type CpuStats,
  globalPerformanceMonitor,
  type LatencyExport,
  LatencyHistogram,
  type LatencyStats,
  type LatencyValidation,
  type Measured,
  MemoryMappedBuffer,
  type MemoryStats,
  MemoryTracker,
  type MetricName,
  type MonitorEvents,
  type MonitorExport,
  type MonitorSample,
  type MonitorThresholds,
  NanosecondTimer,
  ObjectPool,
  PerformanceMonitor,
  type PerformanceReport,
  PRODUCTION_SETTINGS,
  type ProductionSettings,
  performanceValidator,
  prometheusHandler,
  prometheusText,
  type Recommendation,
  registerOpenTelemetry,
  type SampleSource,
  type ThreadSample,
  ZeroCopyRingBuffer,
} from 'agentwire';

// Durations.
const measured: Measured<string> = NanosecondTimer.measure(() => 'a');
const duration: bigint = measured.duration;
const later: Promise<Measured<number>> = NanosecondTimer.measureAsync(async () => 1);
const soon: Promise<Measured<number>> = NanosecondTimer.measureAsync(() => 1);
const histogram: LatencyHistogram = LatencyHistogram.shared('work').merge(new LatencyHistogram(10, 200));
histogram.record(1);
histogram.record(1n);
const stats: LatencyStats = histogram.getStats();
const exported: LatencyExport = histogram.exportData();
// @ts-expect-error A duration is a number or a bigint.
histogram.record('1');
// @ts-expect-error A timer has nothing to make.
new NanosecondTimer();

// A monitor, and what it tells: each event has a value of its own.
const thresholds: MonitorThresholds = { latencyP95Ms: 2, errorRate: undefined };
const monitor: PerformanceMonitor = new PerformanceMonitor(thresholds).startMonitoring().stopMonitoring();
const complete: CheckedThresholds = monitor.thresholds;
const least: number = complete.poolUtilization;
monitor
  .on('alert', ({ level, metric, subject, value }) => {
    const isCritical: boolean = level === 'critical';
    const name: MetricName = metric;
    const of: string | undefined = subject;
    return [isCritical, name, of, value.toFixed(1)];
  })
  .once('clear', (alert: Alert) => alert.since)
  .on('sample', ({ buses, threads }: MonitorEvents['sample']) => {
    const [bus]: BusSample[] = buses;
    const totals: BusTotals | undefined = bus?.totals;
    const [thread]: ThreadSample[] = threads;
    const cpu: number | null | undefined = thread?.cpuPercent;
    return [totals?.deadLettered, cpu];
  });
const listener = (sample: MonitorSample): number => sample.number;
monitor.on('sample', listener).off('sample', listener);
const stop: () => void = monitor.onSample(listener);
const report: PerformanceReport = globalPerformanceMonitor.getReport();
const advice: Recommendation[] = report.recommendations;
const everything: MonitorExport = monitor.exportData();
const { format, version } = monitor.toJSON();
const isFirst: 1 = version;
const isMonitor: 'agentwire.monitor' = format;
// @ts-expect-error No such event.
monitor.on('alarm', () => {});
// @ts-expect-error A sample is no alert.
monitor.on('sample', (alert: Alert) => alert.level);
// @ts-expect-error No such threshold.
new PerformanceMonitor({ latencyP95: 1 });
// @ts-expect-error Thresholds are numbers.
new PerformanceMonitor({ latencyP95Ms: '1' });
// @ts-expect-error They are set once.
monitor.thresholds.latencyP95Ms = 5;
// @ts-expect-error There is no such metric.
const unknownMetric: MetricName = 'communication.latency.p96';

// What can be watched: pools of whatever objects, and what holds bytes.
const unwatch: () => void = monitor.watch(new BufferPool(64, 4), 'blocks');
monitor.watch(
  new ObjectPool(
    () => ({ id: 0 }),
    (task) => {
      task.id = 0;
    },
  ),
  'tasks',
);
monitor.watch(new ZeroCopyRingBuffer(8, 64), 'ring');
monitor.watch(new MemoryMappedBuffer(4096), 'stream');
// @ts-expect-error Nothing says how full this is.
monitor.watch(new Map(), 'map');
// @ts-expect-error Alerts need a name for it.
monitor.watch(new BufferPool(64, 4));

const memory: MemoryStats = new MemoryTracker().getStats();
const cpu: CpuStats = new CPUTracker().getStats();

// Exports: a monitor, or whatever has samples.
const handler = prometheusHandler(monitor);
createServer(handler);
createServer((request: IncomingMessage, response: ServerResponse) => handler(request, response));
const source: SampleSource = { history: [report.sample], onSample: () => () => {}, recommendations: () => [] };
prometheusHandler(source);
const text: string = prometheusText(report.sample);
const meter: Meter = metrics.getMeter('mine');
registerOpenTelemetry(source, { meter, prefix: 'mine.' }).unregister();
registerOpenTelemetry(monitor).unregister();
// @ts-expect-error Samples come from a monitor.
prometheusHandler({});
// @ts-expect-error One sample, not all.
prometheusText(monitor.history);
// @ts-expect-error No such option.
registerOpenTelemetry(monitor, { metre: meter });
// @ts-expect-error A provider is no meter.
registerOpenTelemetry(monitor, { meter: metrics });

// The settings are the figures themselves, and nobody's to change.
const capacity: 65_536 = PRODUCTION_SETTINGS.ring.capacity;
const itemSize: 8192 = PRODUCTION_SETTINGS.ring.itemSize;
const sizes: readonly [1000, 64] = [
  PRODUCTION_SETTINGS.objectPool.maxPoolSize,
  PRODUCTION_SETTINGS.objectPool.threadCacheSize,
];
const settings: ProductionSettings = PRODUCTION_SETTINGS;
const own: ProductionSettings = { ...PRODUCTION_SETTINGS, ring: { capacity: 1024, itemSize: 256 } };
new BloomFilter(PRODUCTION_SETTINGS.stringFilter.expectedItems, PRODUCTION_SETTINGS.stringFilter.falsePositiveRate);
new PerformanceMonitor(PRODUCTION_SETTINGS.monitor);
new PerformanceMonitor({ ...PRODUCTION_SETTINGS.monitor, latencyP95Ms: 2 });
new PerformanceMonitor(own.monitor);
// @ts-expect-error It is frozen.
PRODUCTION_SETTINGS.ring.capacity = 1024;
// @ts-expect-error So are its parts.
PRODUCTION_SETTINGS.monitor = settings.monitor;

// The validator.
const validation: Promise<LatencyValidation> = performanceValidator.validateLatencyTarget(1000, 1);
const times: Promise<ComponentTimes> = performanceValidator.benchmarkComponents();
// @ts-expect-error It has to send messages first.
performanceValidator.validateLatencyTarget().passed;

export {
  advice,
  capacity,
  cpu,
  duration,
  everything,
  exported,
  isFirst,
  isMonitor,
  itemSize,
  later,
  least,
  memory,
  sizes,
  soon,
  stats,
  stop,
  text,
  times,
  unknownMetric,
  unwatch,
  validation,
};
