// The charts of the page: what each of them shows of the history.

import { MOST_LINES, TimeChart } from './chart.mjs';
import { element, switcher } from './dom.mjs';
import { count, latency, percent, rate } from './format.mjs';
import { HistogramChart } from './histogram.mjs';
import { keyOf, nameOf } from './history.mjs';
import { AMBER, BLUE, GREEN, PURPLE, SKY, VERMILLION } from './palette.mjs';

export class Charts {
  #history;
  #busSlots;
  #threadSlots;
  #seconds = 60;
  #threadFigure = 'cpuPercent';
  #endFigure = 'rates';
  #throughput = new TimeChart('Throughput', { format: rate });
  #latencies = new TimeChart('Latency, publish to handler', { format: latency, isLogarithmic: true });
  #histogram;
  #depths = new TimeChart('Queue depth', { format: count });
  #threads;
  #ends;

  constructor(history, busSlots, threadSlots) {
    this.#history = history;
    this.#busSlots = busSlots;
    this.#threadSlots = threadSlots;
    const control = (label, options, choose) =>
      switcher(label, options, (value) => {
        choose(value);
        this.show();
      });
    this.#histogram = new HistogramChart('Latency histogram', [
      element('span', { class: 'remark', text: 'all buses' }),
      control(
        'Time that the histogram is of',
        [
          { text: '1 min', value: 60 },
          { text: '10 s', value: 10 },
          { text: '5 min', value: 300 },
        ],
        (value) => (this.#seconds = value),
      ),
    ]);
    this.#threads = new TimeChart('Load of threads', {
      format: percent,
      controls: [
        control(
          'What is shown of threads',
          [
            { text: 'CPU', value: 'cpuPercent' },
            { text: 'delivered', value: 'delivered' },
          ],
          (value) => (this.#threadFigure = value),
        ),
      ],
    });
    this.#ends = new TimeChart('Errors and dead letters', {
      format: rate,
      controls: [
        control(
          'What is shown of errors',
          [
            { text: 'per second', value: 'rates' },
            { text: 'letters kept', value: 'kept' },
          ],
          (value) => (this.#endFigure = value),
        ),
      ],
    });
  }

  /** In the order in which they are read. */
  get roots() {
    return [this.#throughput, this.#latencies, this.#histogram, this.#depths, this.#threads, this.#ends].map(
      ({ root }) => root,
    );
  }

  show() {
    const { times, samples } = this.#history;
    if (samples.length === 0) return;
    const sums = samples.map((sample) => this.#history.sumOf(sample));
    const of = (label, slot, value, more) => ({ label, slot, values: sums.map(value), ...more });
    this.#throughput.show(times, [
      of('published', BLUE, ({ published }) => published, { isFilled: true }),
      of('handled', GREEN, ({ handled }) => handled),
    ]);
    this.#latencies.show(times, [
      of('p99', VERMILLION, ({ latency }) => latency.p99),
      of('p95', AMBER, ({ latency }) => latency.p95),
      of('p50', GREEN, ({ latency }) => latency.p50),
    ]);
    this.#histogram.show(this.#history.buckets(this.#seconds));
    this.#depths.show(times, this.#busLines('queueDepth'));
    if (this.#threadFigure === 'cpuPercent') this.#threads.show(times, this.#threadLines(), percent);
    else this.#threads.show(times, this.#threadLines(), rate);
    if (this.#endFigure === 'kept') this.#ends.show(times, this.#busLines('deadLetters'), count);
    else {
      const rates = [
        of('failed', VERMILLION, ({ failed }) => failed),
        of('dropped', AMBER, ({ dropped }) => dropped),
        of('refused', SKY, ({ refused }) => refused),
        of('dead letters', PURPLE, ({ deadLettered }) => deadLettered),
      ];
      this.#ends.show(times, rates, rate);
    }
  }

  /** A line for each bus that is looked at; where there are many, for those with the most. */
  #busLines(figure) {
    const { samples } = this.#history;
    const perSample = samples.map((sample) => new Map(this.#history.busesOf(sample).map((bus) => [keyOf(bus), bus])));
    const buses = new Map(perSample.flatMap((found) => [...found]));
    const lines = [...buses].map(([key, bus]) => ({
      label: nameOf(bus),
      slot: this.#busSlots.of(key),
      values: perSample.map((found) => found.get(key)?.[figure] ?? null),
    }));
    return largest(lines);
  }

  #threadLines() {
    const { samples } = this.#history;
    const perSample = samples.map(({ threads }) => new Map(threads.map((thread) => [thread.endpoint, thread])));
    const threads = new Map(perSample.flatMap((found) => [...found]));
    const lines = [...threads].map(([endpoint, { name }]) => ({
      label: name,
      slot: this.#threadSlots.of(endpoint),
      values: perSample.map((found) => found.get(endpoint)?.[this.#threadFigure] ?? null),
    }));
    return largest(lines);
  }
}

/** The lines with the largest sums, in their own order. */
function largest(lines) {
  if (lines.length <= MOST_LINES) return lines;
  const sum = ({ values }) => values.reduce((total, value) => total + (value ?? 0), 0);
  const kept = new Set([...lines].sort((a, b) => sum(b) - sum(a)).slice(0, MOST_LINES));
  return lines.filter((line) => kept.has(line));
}
