import { median } from './stats.mjs';

/**
 * Median ns per operation of each of the loops, whose rounds are interleaved: `loops` is `{name: (count) => ...}`, where the
 * function does `count` operations. A loop of its own for each, so that the optimizer does not mix them.
 */
export function timeBeside(loops, { repeats, rounds = 5 }) {
  const names = Object.keys(loops);
  const seen = new Map(names.map((name) => [name, []]));
  // The first rounds are warm-up.
  for (let round = -2; round < rounds; round++) {
    for (const name of names) {
      const start = process.hrtime.bigint();
      loops[name](repeats);
      const elapsed = Number(process.hrtime.bigint() - start);
      if (round >= 0) seen.get(name).push(elapsed / repeats);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(seen.get(name))]));
}
