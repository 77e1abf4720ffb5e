// The key figures of the newest sample.

import { element, setText } from './dom.mjs';
import { bytes, count, latency, milliseconds, percent, rate } from './format.mjs';

/** `title`, then of a sample and of what is looked at `{value, more}`: the figure, and what stands below it. */
const tiles = [
  {
    title: 'Messages handled',
    show: (_sample, sum) => ({ value: rate(sum.handled), more: `${rate(sum.published)} published` }),
  },
  {
    title: 'Latency p50',
    show: (_sample, { latency: stats }) => ({ value: ofLatency(stats, 'p50'), more: 'half are handled within' }),
  },
  {
    title: 'Latency p95',
    metrics: ['communication.latency.p95'],
    show: (_sample, { latency: stats }) => ({ value: ofLatency(stats, 'p95'), more: '95 of 100 within' }),
  },
  {
    title: 'Latency p99',
    metrics: ['communication.latency.p99'],
    show: (_sample, { latency: stats }) => ({
      value: ofLatency(stats, 'p99'),
      more: `longest ${ofLatency(stats, 'max')}`,
    }),
  },
  {
    title: 'Queue depth',
    metrics: ['communication.queue.depth'],
    show: (_sample, sum) => ({ value: count(sum.queueDepth), more: `${count(sum.subscriptions)} subscriptions` }),
  },
  {
    title: 'Dead letters',
    metrics: ['communication.errors.rate', 'communication.errors.overflow'],
    show: (_sample, sum) => ({
      value: count(sum.deadLetters),
      more: `+${rate(sum.deadLettered)}, lost ${rate(sum.failed + sum.dropped)}`,
    }),
  },
  {
    title: 'CPU',
    metrics: ['process.cpu'],
    show: ({ cpu, process }) => ({ value: percent(cpu.percent), more: `of ${100 * process.cores}\u00a0%` }),
  },
  {
    title: 'Memory',
    metrics: ['process.memory'],
    show: ({ memory }) => ({
      value: bytes(memory.resident),
      more: `heap ${bytes(memory.heapUsed)}, bus ${bytes(memory.shared)}`,
    }),
  },
  {
    title: 'Event-loop delay',
    show: ({ eventLoop }) => ({
      value: milliseconds(eventLoop.delayP99Ms),
      more: `p99, loop ${percent(100 * eventLoop.utilization)} busy`,
    }),
  },
  {
    title: 'Garbage collection',
    show: ({ garbageCollection: { count: times, totalMs, longestMs }, seconds }) => ({
      value: `${milliseconds(totalMs / seconds)}/s`,
      more: times === 0 ? 'none' : `${times === 1 ? 'once' : `${times} times`}, longest ${milliseconds(longestMs)}`,
    }),
  },
];

const ofLatency = (stats, name) => (stats.count === 0 ? '-' : latency(stats[name]));

export class Tiles {
  #root;

  constructor(root) {
    this.#root = root;
  }

  show(sample, sum) {
    if (this.#root.children.length === 0) {
      for (const { title } of tiles) {
        const parts = [element('dt', { text: title }), element('dd', { class: 'value' }), element('dd')];
        this.#root.append(element('div', { class: 'tile' }, ...parts));
      }
    }
    for (const [index, { metrics = [], show }] of tiles.entries()) {
      const tile = this.#root.children[index];
      const { value, more } = show(sample, sum);
      setText(tile.children[1], value);
      setText(tile.children[2], more);
      const levels = sample.alerts.filter(({ metric }) => metrics.includes(metric)).map(({ level }) => level);
      tile.dataset.level = levels.includes('critical') ? 'critical' : (levels[0] ?? '');
    }
  }
}
