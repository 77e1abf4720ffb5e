import { median } from '../stats.mjs';

/** Collects the rounds of several ways at one value of x after the other, as lines of a plot. */
export class Curve {
  #series = new Map();

  /** What `beside` returned at `x`: the median, and the lowest and highest of the rounds that count. */
  add(x, seen) {
    for (const [name, values] of Object.entries(seen)) {
      if (!this.#series.has(name)) this.#series.set(name, { name, points: [] });
      const point = { x, y: median(values), low: Math.min(...values), high: Math.max(...values) };
      this.#series.get(name).points.push(point);
    }
  }

  get series() {
    return [...this.#series.values()];
  }
}
