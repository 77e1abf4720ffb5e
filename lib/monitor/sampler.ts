import { basename } from 'node:path';
import { BusTracker } from './bus-tracker';
import { now } from './clock';
import { CPUTracker } from './cpu-tracker';
import { addCells, type Cells, emptyCells } from './latency-cells';
import { type LatencyHistogram, LatencyWindow } from './latency-histogram';
import { latencySampleOf } from './latency-sample';
import { MemoryTracker } from './memory-tracker';
import { RuntimeTracker } from './runtime-tracker';
import type { Alert, MonitorSample, ProcessSample } from './sample';
import { WatchedPools } from './watched-pools';

/** Takes samples: each tracker tells what was since the look before, and here it becomes one object. */
export class Sampler {
  readonly memory = new MemoryTracker();
  readonly pools = new WatchedPools();
  private readonly cpu = new CPUTracker();
  private readonly runtime = new RuntimeTracker();
  private readonly buses = new BusTracker();
  private readonly recorded = new LatencyWindow();
  private since = now();
  private number = 0;

  /** @param histogram - What is recorded besides the latencies of buses. */
  constructor(private readonly histogram: LatencyHistogram) {
    // What buses have counted by now is not of the time of the first sample.
    this.buses.look(0);
  }

  /** Begins to look at the event loop and the collector. Everything else is of the time since the last sample, whenever that was. */
  start(): void {
    this.runtime.start();
  }

  stop(): void {
    this.runtime.stop();
  }

  /** A sample, and its latencies; `alertsOf` says what is raised by what it shows. */
  take(alertsOf: (sample: MonitorSample) => Alert[]): { sample: MonitorSample; latencies: Cells } {
    const time = now();
    const seconds = (time - this.since) / 1e9;
    this.since = time;
    const { buses, ended, spoilt, latency } = this.buses.look(seconds);
    const { threads, cores, ...cpu } = this.cpu.getStats();
    const latencies = this.latencySince(latency);
    this.number += 1;
    const sample: MonitorSample = {
      number: this.number,
      time: Date.now(),
      seconds,
      process: describeProcess(cores),
      memory: this.memory.sample(),
      cpu,
      ...this.runtime.look(),
      latency: latencySampleOf(latencies),
      buses,
      threads,
      pools: this.pools.look(),
      errorRate: ended === 0 ? 0 : spoilt / ended,
      alerts: [],
    };
    sample.alerts = alertsOf(sample);
    return { sample, latencies };
  }

  /** What was until now is of no later sample. */
  forget(): void {
    this.memory.reset();
    this.recorded.forget();
    this.buses.look(0);
    this.cpu.getStats();
    this.pools.look();
    this.runtime.look();
    this.since = now();
  }

  /** The latencies of the buses and those that were recorded by hand, since the look before. */
  private latencySince(ofBuses: Cells | undefined): Cells {
    const recorded = this.recorded.look(Float64Array.from(this.histogram.read()));
    if (ofBuses === undefined) return recorded;
    // The longer of the two has a bucket for whatever the other one has.
    const [longer, shorter] = ofBuses.length > recorded.length ? [ofBuses, recorded] : [recorded, ofBuses];
    const sum = emptyCells(longer.length);
    addCells(sum, longer);
    addCells(sum, shorter);
    return sum;
  }
}

function describeProcess(cores: number): ProcessSample {
  const { argv, pid, platform, title, versions } = process;
  const name = title === 'node' || title === process.execPath ? basename(argv[1] ?? 'node') : title;
  return { pid, name, node: versions.node, platform, cores, uptimeSeconds: process.uptime() };
}
