import { checkInteger, refuseUnknown } from '../checks';
import { AgentwireArgumentError } from '../errors';
import { PRODUCTION_SETTINGS } from './production-settings';
import type { AlertLevel, MetricName, MonitorSample } from './sample';

/** Above what a monitor raises an alert, and how often it looks. */
export interface MonitorThresholds {
  /** 95 of 100 messages are handled sooner, ms. Default 1; above it a warning. */
  latencyP95Ms?: number | undefined;
  /** 99 of 100 messages are handled sooner, ms. Default 5; above it critical. */
  latencyP99Ms?: number | undefined;
  /** Resident memory of the process, MB of 1,000,000 bytes. Default 1,024; above it a warning. */
  memoryUsageMB?: number | undefined;
  /** CPU of the process, percent of all its cores together, 0 to 100. Default 90; above it a warning. */
  cpuPercentage?: number | undefined;
  /** Messages of one bus that wait or are with a handler. Default 10,000; above it a warning. */
  queueDepth?: number | undefined;
  /** How full a pool is, 0 to 1. Default 0.9; above it a warning. */
  poolUtilization?: number | undefined;
  /** Messages that ended otherwise than handled, of all that ended, 0 to 1. Default 0.001; above it critical. */
  errorRate?: number | undefined;
  /** From one sample to the next, ms, 10 to 3,600,000. Default 1,000. */
  monitoringIntervalMs?: number | undefined;
}

/** The thresholds, each with a value. */
export type CheckedThresholds = { readonly [Name in keyof MonitorThresholds]-?: number };

/** What is recommended is what one gets. */
export const DEFAULT_THRESHOLDS: CheckedThresholds = PRODUCTION_SETTINGS.monitor;

const FRACTIONS: readonly string[] = ['poolUtilization', 'errorRate'];

export function checkThresholds(given: MonitorThresholds): CheckedThresholds {
  if (typeof given !== 'object' || given === null) throw new AgentwireArgumentError('thresholds', 'an object', given);
  const names = Object.keys(DEFAULT_THRESHOLDS) as (keyof MonitorThresholds)[];
  refuseUnknown(given, names, 'new PerformanceMonitor');
  const checked: Record<string, number> = {};
  for (const name of names) {
    const value = given[name] ?? DEFAULT_THRESHOLDS[name];
    if (name === 'monitoringIntervalMs') {
      checked[name] = checkInteger(name, value, 10, 3_600_000, 'milliseconds');
      continue;
    }
    const most = FRACTIONS.includes(name) ? 1 : name === 'cpuPercentage' ? 100 : Number.MAX_VALUE;
    if (typeof value !== 'number' || !(value >= 0 && value <= most)) {
      const range = most === Number.MAX_VALUE ? 'a number from 0 on' : `a number from 0 to ${most}`;
      throw new AgentwireArgumentError(name, range, value);
    }
    checked[name] = value;
  }
  return checked as CheckedThresholds;
}

/** A figure of a sample beside its threshold. */
export interface Measurement {
  metric: MetricName;
  level: AlertLevel;
  /** Of what, where there are several; and what tells it from all others. */
  subject?: string;
  key?: string;
  /** Undefined when the sample says nothing of it: no message was handled. */
  value: number | undefined;
  threshold: number;
  /** In words, with its unit: "publish to handler, p95: 1.30 ms". */
  text: (value: number) => string;
}

/** What of a sample is compared with the thresholds. */
export function* measure(sample: MonitorSample, thresholds: CheckedThresholds): Generator<Measurement> {
  const { stats } = sample.latency;
  const latency = (ns: number) => (stats.count === 0 ? undefined : ns / 1e6);
  const ms = (value: number) => `${value.toPrecision(3)} ms`;
  yield {
    metric: 'communication.latency.p95',
    level: 'warning',
    value: latency(stats.p95),
    threshold: thresholds.latencyP95Ms,
    text: (value) => `95 % of messages were handled within ${ms(value)}`,
  };
  yield {
    metric: 'communication.latency.p99',
    level: 'critical',
    value: latency(stats.p99),
    threshold: thresholds.latencyP99Ms,
    text: (value) => `99 % of messages were handled within ${ms(value)}`,
  };
  for (const bus of sample.buses) {
    const subject = bus.tenant === undefined ? bus.name : `${bus.name}, tenant ${bus.tenant}`;
    yield {
      metric: 'communication.queue.depth',
      level: 'warning',
      subject,
      key: JSON.stringify([bus.name, bus.tenant]),
      value: bus.queueDepth,
      threshold: thresholds.queueDepth,
      text: (value) => `${value.toLocaleString('en')} messages wait or are with a handler`,
    };
  }
  for (const pool of sample.pools) {
    yield {
      metric: 'communication.pool.utilization',
      level: 'warning',
      subject: pool.name,
      key: pool.name,
      value: pool.utilization,
      threshold: thresholds.poolUtilization,
      text: (value) => `${(100 * value).toFixed(1)} % is taken`,
    };
  }
  yield {
    metric: 'communication.errors.rate',
    level: 'critical',
    value: sample.errorRate,
    threshold: thresholds.errorRate,
    text: (value) => `${(100 * value).toPrecision(3)} % of messages ended otherwise than handled`,
  };
  yield {
    metric: 'process.memory',
    level: 'warning',
    value: sample.memory.resident / 1e6,
    threshold: thresholds.memoryUsageMB,
    text: (value) => `the process has ${value.toFixed(0)} MB of memory`,
  };
  yield {
    metric: 'process.cpu',
    level: 'warning',
    value: sample.cpu.percent / sample.process.cores,
    threshold: thresholds.cpuPercentage,
    text: (value) => `the process takes ${value.toFixed(0)} % of its cores`,
  };
}
