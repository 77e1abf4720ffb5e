import { constants, type EventLoopUtilization, PerformanceObserver, performance } from 'node:perf_hooks';
import { now } from './clock';
import { LatencyHistogram } from './latency-histogram';
import type { EventLoopSample, GarbageCollectionSample } from './sample';

/** How often the delay of the event loop is looked at, ms. */
const EVERY_MS = 5;
/** Ticks that one late tick stands for, at most: of ten seconds. */
const MOST_MISSED = 2000;
/** Delays above this are told as the longest, ms. */
const LONGEST_MS = 60_000;

/**
 * The event loop and the garbage collector of this thread. It costs something only between `start` and `stop`: a timer every 5 ms.
 *
 * The delay is taken by a timer of our own: `monitorEventLoopDelay` of perf_hooks does not see what begins behind a reset of its histogram,
 * and a monitor resets it with every sample.
 */
export class RuntimeTracker {
  private readonly delays = new LatencyHistogram(LONGEST_MS);
  private lastTick = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private observer: PerformanceObserver | undefined;
  private utilization: EventLoopUtilization = performance.eventLoopUtilization();
  private collections: GarbageCollectionSample = none();

  start(): void {
    if (this.timer !== undefined) return;
    this.lastTick = now();
    this.timer = setInterval(() => this.tick(), EVERY_MS);
    this.timer.unref();
    this.observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        this.count(entry.duration, (entry as { detail?: { kind?: number } }).detail?.kind);
      }
    });
    this.observer.observe({ entryTypes: ['gc'] });
    this.utilization = performance.eventLoopUtilization();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.observer?.disconnect();
    this.observer = undefined;
    this.delays.reset();
    this.collections = none();
  }

  /** What was since the look before. */
  look(): { eventLoop: EventLoopSample; garbageCollection: GarbageCollectionSample } {
    const { collections } = this;
    const utilization = performance.eventLoopUtilization();
    const { p50, p99, max } = this.delays.getStats();
    const eventLoop: EventLoopSample = {
      delayP50Ms: p50 / 1e6,
      delayP99Ms: p99 / 1e6,
      delayMaxMs: max / 1e6,
      utilization: performance.eventLoopUtilization(utilization, this.utilization).utilization,
    };
    this.delays.reset();
    this.utilization = utilization;
    // What was collected in this very turn has no entry yet, and counts the next time.
    this.collections = none();
    return { eventLoop, garbageCollection: collections };
  }

  private tick(): void {
    const time = now();
    const delay = Math.max(0, time - this.lastTick - EVERY_MS * 1e6);
    this.lastTick = time;
    this.delays.record(delay);
    // One tick stands for all that would have come meanwhile, each with less to wait (Gil Tene: coordinated omission).
    let left = delay;
    for (let missed = 0; missed < MOST_MISSED && left > EVERY_MS * 1e6; missed++) {
      left -= EVERY_MS * 1e6;
      this.delays.record(left);
    }
  }

  private count(ms: number, kind: number | undefined): void {
    const { collections } = this;
    collections.count += 1;
    collections.totalMs += ms;
    collections.longestMs = Math.max(collections.longestMs, ms);
    if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections.majorCount += 1;
  }
}

function none(): GarbageCollectionSample {
  return { count: 0, totalMs: 0, longestMs: 0, majorCount: 0 };
}
