// A chart: title, controls, legend, and uPlot below. Nothing here knows of messages.

import { element, setText } from './dom.mjs';
import { clock, short } from './format.mjs';
import { classOf, dashOf, themeColours } from './palette.mjs';

const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const HEIGHT = 220;
/** Below the plot, for one line of text. */
export const AXIS_HEIGHT = 28;
/** Left of it, for a figure with its unit. */
export const AXIS_WIDTH = 68;
/** Seconds between two labels of the time axis. */
const TIME_STEPS = [1, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400];
/** A chart that has just begun shows a minute, most of which is to come. */
const LEAST_SECONDS = 60;
/** More lines than that nobody tells apart. */
export const MOST_LINES = 12;

/** The card around a chart, with room for controls. */
export class ChartCard {
  constructor(title, controls = []) {
    this.title = title;
    this.legend = element('ul', { class: 'legend' });
    this.plot = element('div', { class: 'plot', role: 'img' });
    const heading = element('div', { class: 'card-head' }, element('h3', { text: title }), ...controls);
    this.root = element('article', { class: 'card chart' }, heading, this.legend, this.plot);
  }

  /** The figures beside the names; they are what a screen reader is told of the chart. */
  showLegend(entries) {
    while (this.legend.children.length > entries.length) this.legend.lastChild.remove();
    while (this.legend.children.length < entries.length) {
      const parts = [element('span'), element('span'), element('strong')];
      this.legend.append(element('li', {}, ...parts));
    }
    for (const [index, { label, slot, value }] of entries.entries()) {
      const [swatch, name, figure] = this.legend.children[index].children;
      swatch.className = slot === undefined ? 'swatch none' : `swatch ${classOf(slot)}`;
      setText(name, label);
      setText(figure, value);
    }
    this.plot.setAttribute('aria-label', `${this.title}: ${entries.map((e) => `${e.label} ${e.value}`).join(', ')}`);
  }
}

/** Options of uPlot that all charts share. */
export function commonOptions(plot, colours) {
  return {
    width: Math.max(plot.clientWidth, 100),
    height: HEIGHT,
    legend: { show: false },
    // On the right half of a time of day, which stands below the last tick.
    padding: [10, 26, 0, 0],
    cursor: { y: false, drag: { x: false, y: false } },
    axisStyle: {
      stroke: colours.text,
      font: FONT,
      grid: { stroke: colours.grid, width: 1 },
      ticks: { show: false },
    },
  };
}

/** Keeps a chart as wide as its card, and draws it anew in the colours of another theme. */
export function keepInShape(plot, getChart, redraw) {
  new ResizeObserver(() => {
    const chart = getChart();
    if (chart !== undefined && plot.clientWidth > 0 && chart.width !== plot.clientWidth) {
      chart.setSize({ width: plot.clientWidth, height: HEIGHT });
    }
  }).observe(plot);
  document.addEventListener('themechange', redraw);
}

/** Lines over time. */
export class TimeChart {
  #card;
  #format;
  #isLogarithmic;
  #chart;
  #form = '';
  #lines = [];
  #data = [[]];

  /**
   * @param format - of a value, with its unit
   * @param isLogarithmic - values are above 0 then; what is not leaves a gap
   */
  constructor(title, { format, isLogarithmic = false, controls }) {
    this.#card = new ChartCard(title, controls);
    this.#format = format;
    this.#isLogarithmic = isLogarithmic;
    keepInShape(
      this.#card.plot,
      () => this.#chart,
      () => this.#build(),
    );
  }

  get root() {
    return this.#card.root;
  }

  /** `lines`: `{label, slot, values, isFilled}`; the values stand beside the times, null where there is none. */
  show(times, lines, format = this.#format) {
    this.#lines = lines;
    const clean = (value) => (value === null || (this.#isLogarithmic && !(value > 0)) ? null : value);
    this.#data = [times, ...lines.map(({ values }) => values.map(clean))];
    const form = JSON.stringify(lines.map(({ label, slot, isFilled }) => [label, slot, isFilled]));
    if (form !== this.#form || format !== this.#format) {
      this.#form = form;
      this.#format = format;
      this.#build();
    } else {
      this.#chart?.setData(this.#data);
    }
    this.#showLegend();
  }

  #showLegend() {
    const index = this.#chart?.cursor.idx ?? undefined;
    const entries = this.#lines.map(({ label, slot }, line) => {
      const value = this.#data[line + 1].at(index ?? -1);
      return { label, slot, value: value === null || value === undefined ? '-' : this.#format(value) };
    });
    this.#card.showLegend(entries);
  }

  #build() {
    this.#chart?.destroy();
    this.#chart = undefined;
    if (this.#lines.length === 0) return;
    const colours = themeColours();
    const { axisStyle, cursor, ...common } = commonOptions(this.#card.plot, colours);
    const options = {
      ...common,
      cursor: { ...cursor, sync: { key: 'time' }, points: { size: 7 } },
      series: [{}, ...this.#lines.map((line) => seriesOf(line, colours))],
      scales: {
        x: { time: true, range: (_u, from, to) => [Math.min(from, to - LEAST_SECONDS), to] },
        y: this.#isLogarithmic ? { distr: 3, range: wholeDecades } : { range: fromZero },
      },
      axes: [
        {
          ...axisStyle,
          size: AXIS_HEIGHT,
          space: 70,
          incrs: TIME_STEPS,
          values: (_u, splits) => splits.map((time) => clock(time * 1000)),
        },
        {
          ...axisStyle,
          size: AXIS_WIDTH,
          values: (_u, splits) => splits.map((value) => (value === null ? '' : short(this.#format(value)))),
          ...(this.#isLogarithmic && { filter: (_u, splits) => splits.map((v) => (isPowerOfTen(v) ? v : null)) }),
        },
      ],
      hooks: { setCursor: [() => this.#showLegend()] },
    };
    this.#chart = new uPlot(options, this.#data, this.#card.plot);
  }
}

function seriesOf({ label, slot, isFilled = false }, colours) {
  const stroke = colours.line(slot);
  return {
    label,
    stroke,
    width: isFilled ? 1.5 : 2,
    dash: dashOf(slot),
    points: { show: (u) => u.data[0].length === 1 },
    ...(isFilled && { fill: `${stroke}2e` }),
  };
}

/** Of 0 to the largest, so that heights compare; with nothing to show a scale all the same. */
function fromZero(_u, _least, most) {
  if (!(most > 0)) return [0, 1];
  return uPlot.rangeNum(0, most, { min: { pad: 0, hard: 0, mode: 0 }, max: { pad: 0.1, soft: 0, mode: 0 } });
}

function wholeDecades(_u, least, most) {
  if (!(least > 0)) return [100, 1e6];
  const from = Math.floor(Math.log10(least));
  const to = Math.ceil(Math.log10(most));
  return [10 ** from, 10 ** Math.max(to, from + 1)];
}

/** Ticks of a logarithmic axis come from multiplications, so they may be a little off. */
function isPowerOfTen(value) {
  const exponent = Math.log10(value);
  return Math.abs(exponent - Math.round(exponent)) < 1e-6;
}
