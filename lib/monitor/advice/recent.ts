import type { MonitorSample } from '../sample';

/** Samples that advice looks at. */
const LOOKED_AT = 10;
/** Samples that must show a thing for it to be more than a moment. */
const SUSTAINED = 3;

/** The newest samples of a monitor, and what they have in common. */
export class Recent {
  readonly samples: readonly MonitorSample[];
  readonly newest: MonitorSample;
  /** How long they are together. */
  readonly seconds: number;

  private constructor(samples: readonly MonitorSample[], newest: MonitorSample) {
    this.samples = samples;
    this.newest = newest;
    this.seconds = samples.reduce((sum, { seconds }) => sum + seconds, 0);
  }

  /** Undefined while there are too few to say more than what a moment was like. */
  static of(history: readonly MonitorSample[]): Recent | undefined {
    const newest = history.at(-1);
    return newest === undefined || history.length < SUSTAINED
      ? undefined
      : new Recent(history.slice(-LOOKED_AT), newest);
  }

  /** True when the newest samples show it, each of them; one at the least is not enough. */
  shows(what: (sample: MonitorSample) => boolean): boolean {
    return this.samples.slice(-SUSTAINED).every(what);
  }

  /** What a rate comes to over all samples. */
  total(rate: (sample: MonitorSample) => number): number {
    return this.samples.reduce((sum, sample) => sum + rate(sample) * sample.seconds, 0);
  }
}

/** A count in words: 12,345. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** A size in words. */
export function bytes(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} MB`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(1)} KB` : `${Math.round(value)} bytes`;
}

/** A time in words, of nanoseconds. */
export function time(ns: number): string {
  return ns >= 1e6 ? `${(ns / 1e6).toPrecision(3)} ms` : `${(ns / 1e3).toPrecision(3)} us`;
}
