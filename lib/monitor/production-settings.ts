import type { MonitorThresholds } from './thresholds';

/**
 * The settings that are recommended for a program with a hundred agents and more on one machine. Each part is what a constructor takes:
 *
 * ```js
 * const { ring, objectPool, stringFilter, monitor } = PRODUCTION_SETTINGS;
 * new ZeroCopyRingBuffer(ring.capacity, ring.itemSize);
 * new ObjectPool(make, reset, objectPool.maxPoolSize, objectPool.threadCacheSize);
 * new BloomFilter(stringFilter.expectedItems, stringFilter.falsePositiveRate);
 * new PerformanceMonitor(monitor).startMonitoring();
 * ```
 *
 * It is frozen; a program that wants another figure spreads the part: `{ ...PRODUCTION_SETTINGS.monitor, latencyP95Ms: 2 }`.
 */
export const PRODUCTION_SETTINGS = freeze({
  /**
   * A ring of 65,536 slots of 8 KiB: 65,535 items of up to 8,188 bytes. It takes 512 MiB of address space, and memory only as slots are used
   * for the first time; a ring that is never deep stays small.
   */
  ring: { capacity: 65_536, itemSize: 8192 },
  /** Pools that keep 1,000 objects, of which the newest 64 count as the thread's cache. */
  objectPool: { maxPoolSize: 1000, threadCacheSize: 64 },
  /** Blocks of shared memory, as many as objects and as large as an item of the ring: 8 MB. */
  bufferPool: { blockSize: 8192, maxBlocks: 1000 },
  /** A Bloom filter for 50,000 strings, of which 1 in 100 others is taken for one: 64 KB. */
  stringFilter: { expectedItems: 50_000, falsePositiveRate: 0.01 },
  /** A sample every second, a warning above 1 ms at the 95th percentile: what a monitor has if it is told nothing else. */
  monitor: {
    latencyP95Ms: 1,
    latencyP99Ms: 5,
    memoryUsageMB: 1024,
    cpuPercentage: 90,
    queueDepth: 10_000,
    poolUtilization: 0.9,
    errorRate: 0.001,
    monitoringIntervalMs: 1000,
  },
} as const satisfies ProductionSettings);

/** The parts of `PRODUCTION_SETTINGS`, for a program that has settings of its own. */
export interface ProductionSettings {
  /** The arguments of `new ZeroCopyRingBuffer`. */
  readonly ring: { readonly capacity: number; readonly itemSize: number };
  /** The third and the fourth argument of `new ObjectPool`. */
  readonly objectPool: { readonly maxPoolSize: number; readonly threadCacheSize: number };
  /** The arguments of `new BufferPool`. */
  readonly bufferPool: { readonly blockSize: number; readonly maxBlocks: number };
  /** The arguments of `new BloomFilter`. */
  readonly stringFilter: { readonly expectedItems: number; readonly falsePositiveRate: number };
  /** The argument of `new PerformanceMonitor`. */
  readonly monitor: Readonly<MonitorThresholds>;
}

function freeze<T extends Record<string, object>>(settings: T): Readonly<T> {
  for (const part of Object.values(settings)) Object.freeze(part);
  return Object.freeze(settings);
}
