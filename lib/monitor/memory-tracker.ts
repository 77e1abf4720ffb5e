import { native } from '../native';
import type { MemorySample } from './sample';

/** Memory now, the most that was seen, and where it goes. Bytes. */
export interface MemoryStats {
  current: MemorySample;
  /** The most of each figure that any sample had, each by itself. */
  peak: MemorySample;
  /** How much the resident memory has grown since the first sample. */
  growth: number;
  /** Samples that were taken. */
  samples: number;
}

/** The memory of this process, as the system, V8 and agentwire count it. */
export class MemoryTracker {
  private first: MemorySample | undefined;
  private peak: MemorySample | undefined;
  private samples = 0;

  /** The memory now. */
  sample(): MemorySample {
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    const { segmentsInUse, segmentsFree, strings, shapes } = native.memoryUsage();
    const shared = segmentsInUse + segmentsFree + strings + shapes;
    const sample: MemorySample = { resident: rss, heapUsed, heapTotal, external, shared };
    this.first ??= sample;
    this.peak = this.peak === undefined ? sample : highest(this.peak, sample);
    this.samples += 1;
    return sample;
  }

  /** Takes a sample, and tells it beside the earlier ones. */
  getStats(): MemoryStats {
    const current = this.sample();
    const { first = current, peak = current, samples } = this;
    return { current, peak, growth: current.resident - first.resident, samples };
  }

  /** The most resident memory that any sample had. */
  get peakResident(): number {
    return this.peak?.resident ?? 0;
  }

  /** Forgets the samples. */
  reset(): void {
    this.first = undefined;
    this.peak = undefined;
    this.samples = 0;
  }
}

function highest(a: MemorySample, b: MemorySample): MemorySample {
  return {
    resident: Math.max(a.resident, b.resident),
    heapUsed: Math.max(a.heapUsed, b.heapUsed),
    heapTotal: Math.max(a.heapTotal, b.heapTotal),
    external: Math.max(a.external, b.external),
    shared: Math.max(a.shared, b.shared),
  };
}
