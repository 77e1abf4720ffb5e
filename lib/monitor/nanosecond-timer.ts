import { AgentwireArgumentError } from '../errors';

/** What a measured function returned, and how long it took. */
export interface Measured<T> {
  result: T;
  /** Nanoseconds, never below 0. */
  duration: bigint;
}

const { hrtime } = process;

/**
 * Nanoseconds of the steady clock, which no change of the time of day moves: the same clock for every thread of the machine, so that times of
 * one thread may be compared with those of another. Where it begins says nothing.
 *
 * On Linux, macOS and Windows this clock is read from the CPU's invariant counter, which the system calibrates, without a call into it.
 */
export class NanosecondTimer {
  private constructor() {}

  /** The time now. */
  static now(): bigint {
    return hrtime.bigint();
  }

  /** The same as a number: exact for a machine that has been up for less than 104 days, to 2 ns for one of 208. It makes no bigint. */
  static nowNs(): number {
    const [seconds, nanoseconds] = hrtime();
    return seconds * 1e9 + nanoseconds;
  }

  /** Calls `fn`, and says how long it took. What it throws comes through. */
  static measure<T>(fn: () => T): Measured<T> {
    if (typeof fn !== 'function') throw new AgentwireArgumentError('fn', 'a function', fn);
    const begin = hrtime.bigint();
    const result = fn();
    return { result, duration: hrtime.bigint() - begin };
  }

  /** Calls `fn`, awaits what it returns, and says how long that took. What it rejects with comes through. */
  static async measureAsync<T>(fn: () => PromiseLike<T> | T): Promise<Measured<T>> {
    if (typeof fn !== 'function') throw new AgentwireArgumentError('fn', 'a function', fn);
    const begin = hrtime.bigint();
    const result = await fn();
    return { result, duration: hrtime.bigint() - begin };
  }
}
