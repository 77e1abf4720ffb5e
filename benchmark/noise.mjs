// Which rounds of a measurement are noise: those far from the middle of all, by a bound that a few far ones cannot move.
import { median } from './stats.mjs';

/** So many median absolute deviations are three standard deviations, where rounds spread as a normal distribution does. */
const DEVIATIONS = 3 * 1.4826;
/** Rounds that are no further from their median than this part of it never count as noise: a machine is not steadier. */
export const STEADY = 0.1;
/** Medians of latencies depend on which core a thread was given. */
export const STEADY_LATENCY = 0.25;
/** An interrupt is a larger part of a round of nanoseconds. */
export const STEADY_NANOSECONDS = 0.2;

/** The median of the values, how far from it they usually are (the median absolute deviation), and how far is too far. */
export function boundOf(values, steady = STEADY) {
  const middle = median(values);
  const deviation = median(values.map((value) => Math.abs(value - middle)));
  return { middle, deviation, bound: Math.max(DEVIATIONS * deviation, steady * Math.abs(middle)) };
}

/**
 * The place of the value that is furthest beyond the bound, and how many bounds it is away from the median; undefined when all are within.
 *
 * Of two values nobody can say which one is far, so two that are far from each other have none; `disagree` says that they are.
 */
export function furthest(values, steady = STEADY) {
  if (values.length < 3) return undefined;
  const { middle, bound } = boundOf(values, steady);
  let worst;
  for (const [index, value] of values.entries()) {
    const distance = bound === 0 ? 0 : Math.abs(value - middle) / bound;
    if (distance > 1 && !(distance <= worst?.distance)) worst = { index, distance, value, middle };
  }
  return worst;
}

/** True when two values are so far from each other that a third one must say which is right. */
export function disagree(values, steady = STEADY) {
  if (values.length !== 2) return false;
  const [low, high] = values.toSorted((a, b) => a - b);
  return high - low > 2 * steady * Math.abs((low + high) / 2);
}
