/** The sub-path `agentwire/performance-optimizations`: the names of the module that it takes the place of. */
import { PerformanceMonitor } from '../monitor/performance-monitor';
import { PerformanceValidator } from '../monitor/performance-validator';
import { lazily } from './lazily';

export { CPUTracker, type CpuStats } from '../monitor/cpu-tracker';
export type { ServeOptions } from '../monitor/dashboard/options';
export type { DashboardServer } from '../monitor/dashboard/server';
export {
  type MeterLike,
  type ObservableLike,
  type ObservableResultLike,
  type OpenTelemetryExport,
  type OpenTelemetryOptions,
  registerOpenTelemetry,
} from '../monitor/export/opentelemetry';
export { prometheusHandler, prometheusText, type RequestLike, type ResponseLike } from '../monitor/export/prometheus';
export { type LatencyExport, LatencyHistogram, type LatencyStats } from '../monitor/latency-histogram';
export { type MemoryStats, MemoryTracker } from '../monitor/memory-tracker';
export { type Measured, NanosecondTimer } from '../monitor/nanosecond-timer';
export {
  type MonitorEvents,
  type MonitorExport,
  PerformanceMonitor,
  type PerformanceReport,
} from '../monitor/performance-monitor';
export { type ComponentTimes, type LatencyValidation, PerformanceValidator } from '../monitor/performance-validator';
export { PRODUCTION_SETTINGS, type ProductionSettings } from '../monitor/production-settings';
export type {
  Alert,
  AlertLevel,
  BusSample,
  BusTotals,
  CpuSample,
  EventLoopSample,
  GarbageCollectionSample,
  LatencySample,
  MemorySample,
  MetricName,
  MonitorSample,
  PoolSample,
  ProcessSample,
  Recommendation,
  SampleSource,
  ThreadSample,
} from '../monitor/sample';
export type { CheckedThresholds, MonitorThresholds } from '../monitor/thresholds';
export type { Watchable } from '../monitor/watched-pools';

/** This thread's monitor with the default thresholds, made when it is first used. */
export const globalPerformanceMonitor: PerformanceMonitor = lazily(
  PerformanceMonitor.prototype,
  () => new PerformanceMonitor(),
);

/** This thread's validator, made when it is first used. */
export const performanceValidator: PerformanceValidator = lazily(
  PerformanceValidator.prototype,
  () => new PerformanceValidator(),
);
