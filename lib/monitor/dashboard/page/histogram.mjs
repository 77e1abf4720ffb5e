// How long messages took: a bar for each bucket, on a logarithmic axis, and lines where the percentiles are.

import { AXIS_HEIGHT, AXIS_WIDTH, ChartCard, commonOptions, keepInShape } from './chart.mjs';
import { count, exactly, latency, percent, short } from './format.mjs';
import { AMBER, BLUE, GREEN, themeColours, VERMILLION } from './palette.mjs';

const MARKS = [
  { label: 'p50', part: 0.5, slot: GREEN },
  { label: 'p95', part: 0.95, slot: AMBER },
  { label: 'p99', part: 0.99, slot: VERMILLION },
];

export class HistogramChart {
  #card;
  #chart;
  #buckets = [];
  #total = 0;

  constructor(title, controls) {
    this.#card = new ChartCard(title, controls);
    keepInShape(
      this.#card.plot,
      () => this.#chart,
      () => this.#build(),
    );
  }

  get root() {
    return this.#card.root;
  }

  /** `buckets`: `{from, to, count}`, ns, rising. */
  show(buckets) {
    // A logarithmic axis has no 0.
    this.#buckets = buckets.map(({ from, to, count }) => ({ from: Math.max(from, to / 2), to, count }));
    this.#total = buckets.reduce((sum, { count }) => sum + count, 0);
    if (this.#chart === undefined) this.#build();
    else this.#chart.setData(this.#data());
    this.#showLegend();
  }

  #data() {
    const { length } = this.#buckets;
    if (length === 0)
      return [
        [1, 2],
        [null, null],
      ];
    return [this.#buckets.map(({ from, to }) => Math.sqrt(from * to)), this.#buckets.map(({ count }) => count)];
  }

  #showLegend() {
    const index = this.#chart?.cursor.idx ?? undefined;
    const bucket = index === undefined ? undefined : this.#buckets[index];
    if (bucket === undefined) {
      const marks = MARKS.map(({ label, part, slot }) => ({ label, slot, value: latencyText(this.#percentile(part)) }));
      this.#card.showLegend([{ label: 'messages', slot: BLUE, value: count(this.#total) }, ...marks]);
      return;
    }
    const upTo = this.#buckets.slice(0, index + 1).reduce((sum, { count }) => sum + count, 0);
    this.#card.showLegend([
      { label: `${latency(bucket.from)} to ${latency(bucket.to)}`, slot: BLUE, value: exactly(bucket.count) },
      { label: 'of all', value: percent((100 * bucket.count) / this.#total) },
      { label: 'up to here', value: percent((100 * upTo) / this.#total) },
    ]);
  }

  /** As fine as the buckets are, a quarter of a doubling; between their bounds as if evenly spread. */
  #percentile(part) {
    let rest = part * this.#total;
    for (const { from, to, count } of this.#buckets) {
      if (rest <= count) return from + ((to - from) * rest) / count;
      rest -= count;
    }
    return undefined;
  }

  #build() {
    this.#chart?.destroy();
    const colours = themeColours();
    const { axisStyle, ...common } = commonOptions(this.#card.plot, colours);
    const blue = colours.line(BLUE);
    const options = {
      ...common,
      cursor: { ...common.cursor, points: { show: false } },
      series: [{}, { stroke: blue, fill: `${blue}b0`, paths: (u) => this.#bars(u), points: { show: false } }],
      scales: {
        x: { time: false, distr: 3, range: () => this.#range() },
        y: { range: (_u, _least, most) => [0, most > 0 ? most * 1.12 : 1] },
      },
      axes: [
        {
          ...axisStyle,
          size: AXIS_HEIGHT,
          space: 60,
          values: (_u, splits) => splits.map((ns) => (ns === null ? '' : short(latency(ns)))),
        },
        { ...axisStyle, size: AXIS_WIDTH, values: (_u, splits) => splits.map((value) => short(count(value))) },
      ],
      hooks: { setCursor: [() => this.#showLegend()], draw: [(u) => this.#drawMarks(u, colours)] },
    };
    this.#chart = new uPlot(options, this.#data(), this.#card.plot);
  }

  /** To the next 1, 2 or 5 of a decade, so that the axis stands still while messages come. */
  #range() {
    if (this.#buckets.length === 0) return [100, 1e6];
    return [roundDown(this.#buckets[0].from), roundUp(this.#buckets.at(-1).to)];
  }

  #bars(u) {
    const path = new Path2D();
    const floor = u.valToPos(0, 'y', true);
    for (const { from, to, count } of this.#buckets) {
      const [left, right] = [u.valToPos(from, 'x', true), u.valToPos(to, 'x', true)];
      const top = u.valToPos(count, 'y', true);
      // A pixel between them.
      path.rect(left, top, Math.max(1, right - left - devicePixelRatio), floor - top);
    }
    return { fill: path };
  }

  #drawMarks(u, colours) {
    const { ctx, bbox } = u;
    ctx.save();
    ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textAlign = 'left';
    ctx.textBaseline = 'top';
    let free = Number.NEGATIVE_INFINITY;
    let row = 0;
    for (const { label, part, slot } of MARKS) {
      const value = this.#percentile(part);
      if (value === undefined) continue;
      const x = Math.round(u.valToPos(value, 'x', true));
      ctx.strokeStyle = colours.line(slot);
      ctx.lineWidth = 2 * devicePixelRatio;
      ctx.setLineDash([5 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      // Below one another where they would be one upon the other.
      row = x < free ? row + 1 : 0;
      ctx.fillStyle = colours.strong;
      const left = x + 5 * devicePixelRatio;
      ctx.fillText(label, left, bbox.top + row * 15 * devicePixelRatio);
      free = left + ctx.measureText(label).width + 4 * devicePixelRatio;
    }
    ctx.restore();
  }
}

const latencyText = (ns) => (ns === undefined ? '-' : latency(ns));

function steps(value) {
  const decade = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * decade);
}
const roundDown = (value) => steps(value).findLast((step) => step <= value * 1.000001) ?? value;
const roundUp = (value) => steps(value).find((step) => step >= value * 0.999999) ?? value;
