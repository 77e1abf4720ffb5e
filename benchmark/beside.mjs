// Measurements beside each other: in each round every transport in turn, so that what slows the machine down for a while meets all.
//
// A noisy round is repeated, not averaged away. When all rounds are done, each transport's figures are looked at (noise.mjs): the round whose
// figure is furthest beyond the bound is set aside, with the figures of all transports in it, and one more round takes its place; and
// again, until no round is far, or half as many as were planned have been repeated, or the run's time for that is used up. What
// was set aside is kept in `records`; a measurement that ran out of repeats is `unsettled` and says so.
//
// What this cannot do: it takes the side of the majority. Where something disturbs most of the rounds, the quiet ones are the ones that
// are set aside; load.mjs looks for what else uses the cores. And of three rounds it finds one that is far, but not two.
import { disagree, furthest, STEADY } from './noise.mjs';
import { median } from './stats.mjs';

/** What the noise of a round is judged by, where it has several figures: the tail of latencies is never steady. */
const keyFigure = (figures) => (typeof figures === 'number' ? figures : (figures.p50 ?? Object.values(figures)[0]));

export class Rounds {
  /** `{what, rounds, kept, repeated, unsettled}` of each measurement. */
  records = [];
  #say;
  #secondsLeft;

  /** `repeatSeconds` is the time of all repeats together. */
  constructor({ say, repeatSeconds }) {
    this.#say = say;
    this.#secondsLeft = repeatSeconds;
  }

  /**
   * Runs `work(transport, round)` for each of the transports in turn, `rounds` times over: what it gave, by transport, of the rounds that
   * count. It gives a number, or an object of numbers. `text(figures)` is how they are shown; `steady` is the part of the median that rounds may
   * always differ by; `warmUps` rounds come first and count for nothing.
   */
  async beside(what, { transports, rounds, text, steady = STEADY, warmUps = 0, keyOf = keyFigure }, work) {
    const measure = async (round, label) => {
      const figures = {};
      for (const transport of transports) {
        figures[transport] = await work(transport, round);
        if (text !== undefined) this.#say(`${what}, ${label}: ${transport} ${text(figures[transport])}`);
      }
      return { round, figures };
    };
    // Numbers of warm-up rounds are negative: what a round is named by, such as a bus, is new in each.
    for (let round = -warmUps; round < 0; round++) {
      for (const transport of transports) await work(transport, round);
    }
    const start = performance.now();
    const kept = [];
    for (let round = 0; round < rounds; round++) kept.push(await measure(round, `round ${round + 1} of ${rounds}`));
    const secondsEach = (performance.now() - start) / 1000 / rounds;

    const keysOf = (transport) => kept.map(({ figures }) => keyOf(figures[transport]));
    const far = () =>
      transports
        .flatMap((transport) => {
          const found = furthest(keysOf(transport), steady);
          return found === undefined ? [] : [{ transport, ...found }];
        })
        .sort((a, b) => b.distance - a.distance)[0];
    const repeated = [];
    let repeatsLeft = Math.ceil(rounds / 2);
    const mayRepeat = () => {
      if (repeatsLeft === 0 || this.#secondsLeft < secondsEach) return false;
      repeatsLeft--;
      this.#secondsLeft -= secondsEach;
      return true;
    };
    let next = rounds;
    const opposed = () => transports.some((transport) => disagree(keysOf(transport), steady));
    // A third round is no repeat: it decides.
    if (opposed() && mayRepeat()) kept.push(await measure(next++, 'a third round, since two disagree'));
    for (let found = far(); found !== undefined && mayRepeat(); found = far()) {
      const { index, transport, value, middle } = found;
      const { round, figures } = kept[index];
      repeated.push({ round: round + 1, transport, figure: value, median: middle, figures });
      kept[index] = await measure(next++, `repeat of round ${round + 1}, which was noisy`);
    }
    const unsettled = far()?.transport ?? (opposed() ? transports[0] : null);
    const byTransport = Object.fromEntries(
      transports.map((transport) => [transport, kept.map(({ figures }) => figures[transport])]),
    );
    this.records.push({ what, rounds, kept: byTransport, repeated, unsettled });
    return byTransport;
  }

  /** The records since the last call. */
  take() {
    return this.records.splice(0);
  }
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
