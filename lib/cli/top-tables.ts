import type { BusSample, MonitorSample, PoolSample, ThreadSample } from '../monitor/sample';
import type { Cell, Column } from './columns';
import { bytes, count, latency, percent, rate } from './quantity';
import { printable } from './terminal-text';

/** A table of a sample: columns from the most important on. */
export interface TopTable {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
}

/** So many buses are found by name; of more the busiest come first. */
const MOST_BY_NAME = 8;

/** What threads are sorted by. */
export const threadOrders = ['CPU', 'delivered', 'published', 'name'] as const;
export type ThreadOrder = (typeof threadOrders)[number];

/** A bus by name, or a tenant's channel of it. */
export const nameOfBus = ({ name, tenant }: BusSample): string =>
  printable(tenant === undefined ? name : `${name} / ${tenant}`);

/** A figure that ought to be 0. */
const trouble = (value: number, text: string): Cell => ({ text, style: value > 0 ? 'error' : 'remark' });

export function busTable(buses: readonly BusSample[]): TopTable {
  const ordered = buses.length > MOST_BY_NAME ? [...buses].sort((a, b) => b.published - a.published) : buses;
  const titles = ['published', 'handled', 'queue', 'p50', 'p95', 'p99', 'failed', 'dropped', 'refused', 'dead'];
  return {
    columns: [{ title: 'BUS' }, ...titles.map((title) => ({ title }))],
    rows: ordered.map((bus) => {
      const of = (ns: number) => (bus.latency.count === 0 ? '-' : latency(ns));
      return [
        nameOfBus(bus),
        rate(bus.published),
        rate(bus.handled),
        count(bus.queueDepth),
        of(bus.latency.p50),
        of(bus.latency.p95),
        of(bus.latency.p99),
        trouble(bus.failed, rate(bus.failed)),
        trouble(bus.dropped, rate(bus.dropped)),
        trouble(bus.refused, rate(bus.refused)),
        trouble(bus.deadLetters, count(bus.deadLetters)),
      ];
    }),
  };
}

export function threadTable(threads: readonly ThreadSample[], order: ThreadOrder): TopTable {
  const titles = ['CPU', 'delivered', 'published', 'mailbox', 'state'];
  return {
    columns: [{ title: 'THREAD' }, ...titles.map((title) => ({ title }))],
    rows: [...threads]
      .sort(comparators[order])
      .map((thread) => [
        printable(thread.name),
        thread.cpuPercent === null ? '-' : percent(thread.cpuPercent),
        rate(thread.delivered),
        rate(thread.published),
        bytes(thread.queuedBytes),
        thread.isParked ? { text: 'waits', style: 'remark' } : 'active',
      ]),
  };
}

const comparators: Record<ThreadOrder, (a: ThreadSample, b: ThreadSample) => number> = {
  CPU: (a, b) => (b.cpuPercent ?? b.delivered) - (a.cpuPercent ?? a.delivered),
  delivered: (a, b) => b.delivered - a.delivered,
  published: (a, b) => b.published - a.published,
  name: (a, b) => a.threadId - b.threadId,
};

export function topicTable(buses: readonly BusSample[]): TopTable {
  const topics = buses.flatMap((bus) => bus.busiestTopics.map(({ topic, published }) => ({ topic, published, bus })));
  topics.sort((a, b) => b.published - a.published);
  return {
    columns: [{ title: 'TOPIC' }, { title: 'published' }, { title: 'bus', isText: true }],
    rows: topics.map(({ topic, published, bus }) => [printable(topic), rate(published), nameOfBus(bus)]),
  };
}

export function poolTable(pools: MonitorSample['pools']): TopTable {
  const titles = ['full', 'in use', 'of', 'ran out'];
  return {
    columns: [{ title: 'POOL' }, ...titles.map((title) => ({ title })), { title: 'kind', isText: true }],
    rows: pools.map((pool) => [
      printable(pool.name),
      percent(100 * pool.utilization),
      amountOf(pool)(pool.inUse),
      amountOf(pool)(pool.capacity),
      trouble(pool.exhausted, count(pool.exhausted)),
      { text: pool.kind === 'messages' ? 'memory' : pool.kind, style: 'remark' },
    ]),
  };
}

const amountOf = ({ kind }: PoolSample) => (kind === 'messages' || kind === 'stream' ? bytes : count);
