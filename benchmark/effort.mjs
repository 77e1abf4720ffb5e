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

/** Most time for rounds that are repeated because they were noisy, of a whole run, s. */
export const repeatSeconds = { quick: 10, judged: 30, full: 300 };
