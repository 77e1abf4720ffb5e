import { median } from './stats.mjs';

/** Runs `work(transport, round)` for each of the transports in turn, `rounds` times over: what it gave, by transport. */
export async function beside(transports, rounds, work) {
  const seen = Object.fromEntries(transports.map((transport) => [transport, []]));
  for (let round = 0; round < rounds; round++) {
    for (const transport of transports) seen[transport].push(await work(transport, round));
  }
  return seen;
}

/** The medians of numbers by transport, as `beside` returns them. */
export function mediansOf(seen) {
  return Object.fromEntries(Object.entries(seen).map(([transport, numbers]) => [transport, median(numbers)]));
}

/** The median of each of the figures, where `beside` returns several by transport. */
export function medianFiguresOf(seen) {
  const middle = (all) =>
    Object.fromEntries(Object.keys(all[0]).map((name) => [name, median(all.map((one) => one[name]))]));
  return Object.fromEntries(Object.entries(seen).map(([transport, all]) => [transport, middle(all)]));
}
