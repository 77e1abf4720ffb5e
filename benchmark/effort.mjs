/**
 * How much is measured: `quick` is about two minutes for everything, and rough; `judged` is what the targets are judged by, within five
 * minutes; `full` takes as long as it takes.
 */
export const efforts = ['quick', 'judged', 'full'];

/** The function that rows ask for their amounts: `pick(1, 3, 5)` is one of the three, by effort. */
export function pickFor(effort) {
  const index = efforts.indexOf(effort);
  return (...amounts) => amounts[index];
}

/** What a run must end within, s: where it falls behind, the parts that are left are measured as in a quick run, and the table says which. */
export const limitSeconds = { quick: Number.POSITIVE_INFINITY, judged: 300, full: Number.POSITIVE_INFINITY };

/**
 * The effort of the next part, of which `expected` are the seconds by effort, the further ones included; `done` were expected of those
 * that took `elapsed` seconds. A machine that was slow so far is taken to remain so.
 */
export function effortInTime(effort, { elapsed, done, expected }) {
  const pace = done === 0 ? 1 : Math.max(1, elapsed / done);
  return elapsed + pace * expected[efforts.indexOf(effort)] > limitSeconds[effort] ? 'quick' : effort;
}

/** Most time for rounds that are repeated because they were noisy, of a whole run, s. */
export const repeatSeconds = { quick: 10, judged: 30, full: 300 };
