import { mediansOf } from './beside.mjs';
import { STEADY_NANOSECONDS } from './noise.mjs';

/**
 * Median ns per operation of each of the loops, whose rounds are interleaved: `loops` is `{name: (count) => ...}`, where the
 * function does `count` operations. A loop of its own for each, so that the optimizer does not mix them.
 */
export async function timeBeside({ beside }, what, loops, { repeats, rounds = 5 }) {
  const options = { transports: Object.keys(loops), rounds, warmUps: 2, steady: STEADY_NANOSECONDS };
  const seen = await beside(what, options, (name) => {
    const start = process.hrtime.bigint();
    loops[name](repeats);
    return Number(process.hrtime.bigint() - start) / repeats;
  });
  return mediansOf(seen);
}
