import {
  constants,
  type EventLoopUtilization,
  type IntervalHistogram,
  monitorEventLoopDelay,
  PerformanceObserver,
  performance,
} from 'node:perf_hooks';
import type { EventLoopSample, GarbageCollectionSample } from './sample';

/**
 * How often the delay of the event loop is looked at, ms. `perf_hooks` misses what begins in this time behind a look: at one sample a second that
 * is one delay in two hundred.
 */
const RESOLUTION_MS = 5;

/** The event loop and the garbage collector of this thread, by `perf_hooks`. It costs something only between `start` and `stop`. */
export class RuntimeTracker {
  private delay: IntervalHistogram | undefined;
  private observer: PerformanceObserver | undefined;
  private utilization: EventLoopUtilization = performance.eventLoopUtilization();
  private collections: GarbageCollectionSample = none();

  start(): void {
    if (this.delay !== undefined) return;
    this.delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.delay.enable();
    this.observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        this.count(entry.duration, (entry as { detail?: { kind?: number } }).detail?.kind);
      }
    });
    this.observer.observe({ entryTypes: ['gc'] });
    this.utilization = performance.eventLoopUtilization();
  }

  stop(): void {
    this.delay?.disable();
    this.observer?.disconnect();
    this.delay = undefined;
    this.observer = undefined;
    this.collections = none();
  }

  /** What was since the look before. */
  look(): { eventLoop: EventLoopSample; garbageCollection: GarbageCollectionSample } {
    const { delay, collections } = this;
    const utilization = performance.eventLoopUtilization();
    // What was collected in this very turn has no entry yet, and counts the next time.
    const eventLoop: EventLoopSample = {
      delayP50Ms: delayOf(delay?.percentile(50)),
      delayP99Ms: delayOf(delay?.percentile(99)),
      delayMaxMs: delayOf(delay?.max),
      utilization: performance.eventLoopUtilization(utilization, this.utilization).utilization,
    };
    delay?.reset();
    this.utilization = utilization;
    this.collections = none();
    return { eventLoop, garbageCollection: collections };
  }

  private count(ms: number, kind: number | undefined): void {
    const { collections } = this;
    collections.count += 1;
    collections.totalMs += ms;
    collections.longestMs = Math.max(collections.longestMs, ms);
    if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections.majorCount += 1;
  }
}

/** The histogram has the whole time from look to look, ns; what is above the resolution is the delay. */
function delayOf(ns: number | undefined): number {
  return ns === undefined || !Number.isFinite(ns) ? 0 : Math.max(0, ns / 1e6 - RESOLUTION_MS);
}

function none(): GarbageCollectionSample {
  return { count: 0, totalMs: 0, longestMs: 0, majorCount: 0 };
}
