import { AgentwireArgumentError } from '../errors';
import { native } from '../native';
import { now, nowBig, ticks } from './clock';

/** What a measured function returned, and how long it took. */
export interface Measured<T> {
  result: T;
  /** Nanoseconds, never below 0. */
  duration: bigint;
}

/**
 * Nanoseconds of a steady clock, which no change of the time of day moves: the same clock for every thread of the process, so that times of
 * one thread may be compared with those of another, and none sees a time before one that another has seen. Where it begins says nothing.
 *
 * It is the CPU's invariant counter (the time stamp counter of x86, the virtual counter of ARM), calibrated against the system's clock when the
 * first thread loads agentwire; where there is none, the system's clock. It is not corrected as that is by network time: the two may part by
 * some millionths.
 */
export class NanosecondTimer {
  private constructor() {}

  /** The time now. */
  static now(): bigint {
    return nowBig();
  }

  /** The same as a number, exact for 104 days. It makes no bigint. */
  static nowNs(): number {
    return now();
  }

  /** The CPU's counter as it is; the system's clock in nanoseconds where there is none. `frequencyHz` are its ticks in a second. */
  static rdtsc(): bigint {
    return ticks();
  }

  /** Ticks of `rdtsc()` in a second: 1,000,000,000 of the system's clock. */
  static get frequencyHz(): number {
    return native.counterFrequency();
  }

  /** Calls `fn`, and says how long it took. What it throws comes through. */
  static measure<T>(fn: () => T): Measured<T> {
    if (typeof fn !== 'function') throw new AgentwireArgumentError('fn', 'a function', fn);
    const begin = nowBig();
    const result = fn();
    return { result, duration: nowBig() - begin };
  }

  /** Calls `fn`, awaits what it returns, and says how long that took. What it rejects with comes through. */
  static async measureAsync<T>(fn: () => PromiseLike<T> | T): Promise<Measured<T>> {
    if (typeof fn !== 'function') throw new AgentwireArgumentError('fn', 'a function', fn);
    const begin = nowBig();
    const result = await fn();
    return { result, duration: nowBig() - begin };
  }
}
