// Buses, threads, topics and pools of the newest sample.

import { element, setText } from './dom.mjs';
import { bytes, count, latency, percent, rate } from './format.mjs';
import { keyOf, nameOf } from './history.mjs';
import { classOf } from './palette.mjs';

/** Rows of a table; the rest is told as a number. */
const MOST_ROWS = 20;
const MOST_TOPICS = 12;
/** As a monitor warns by default. */
const NEARLY_FULL = 0.9;
const TEXT = new Set(['Bus', 'Kind']);

/** Headings; those of columns of text stand on the left. */
const columns = {
  buses: [
    'Bus',
    'Published',
    'Handled',
    'p50',
    'p95',
    'p99',
    'Queue',
    'Failed',
    'Dropped',
    'Refused',
    'Dead letters',
    'Topics',
    'Subscriptions',
  ],
  threads: ['Thread', 'CPU', 'Delivered', 'Published', 'Per submit', 'Mailbox', 'State'],
  topics: ['Topic', 'Bus', 'Published', ''],
  pools: ['Pool', 'Kind', 'In use', 'Capacity', '', 'Ran out'],
};

export class Tables {
  #buses = new Table('Buses', columns.buses, 'wide');
  #threads = new Table('Threads', columns.threads);
  #topics = new Table('Busiest topics', columns.topics);
  #pools = new Table('Pools', columns.pools, 'wide');
  #history;
  #busSlots;
  #threadSlots;

  constructor(root, history, busSlots, threadSlots) {
    this.#history = history;
    this.#busSlots = busSlots;
    this.#threadSlots = threadSlots;
    root.append(this.#buses.root, this.#threads.root, this.#topics.root, this.#pools.root);
  }

  show(sample) {
    const buses = [...this.#history.busesOf(sample)];
    // By name, unless not all of them can be shown.
    if (buses.length > MOST_ROWS) buses.sort((a, b) => b.published - a.published);
    this.#buses.show(buses.map((bus) => this.#busRow(bus)));
    this.#threads.show([...sample.threads].sort(byLoad).map((thread) => this.#threadRow(thread)));
    this.#topics.show(this.#topicRows(buses));
    this.#pools.show(sample.pools.map(poolRow));
  }

  #busRow(bus) {
    const { latency: stats } = bus;
    const of = (ns) => (stats.count === 0 ? '-' : latency(ns));
    const trouble = (perSecond) => ({ text: rate(perSecond), isTrouble: perSecond > 0, isZero: perSecond === 0 });
    return [
      { text: nameOf(bus), slot: this.#busSlots.of(keyOf(bus)) },
      { text: rate(bus.published) },
      { text: rate(bus.handled) },
      { text: of(stats.p50) },
      { text: of(stats.p95) },
      { text: of(stats.p99) },
      { text: count(bus.queueDepth) },
      trouble(bus.failed),
      trouble(bus.dropped),
      trouble(bus.refused),
      { text: count(bus.deadLetters), isTrouble: bus.deadLetters > 0, isZero: bus.deadLetters === 0 },
      { text: count(bus.topics) },
      { text: count(bus.subscriptions) },
    ];
  }

  #threadRow({ endpoint, name, cpuPercent, delivered, published, messagesPerSubmit, queuedBytes, isParked }) {
    return [
      { text: name, slot: this.#threadSlots.of(endpoint) },
      { text: cpuPercent === null ? '-' : percent(cpuPercent) },
      { text: rate(delivered) },
      { text: rate(published) },
      { text: messagesPerSubmit > 0 ? count(messagesPerSubmit) : '-' },
      { text: bytes(queuedBytes) },
      { text: isParked ? 'waits' : 'active' },
    ];
  }

  #topicRows(buses) {
    const topics = buses.flatMap((bus) => bus.busiestTopics.map(({ topic, published }) => ({ topic, published, bus })));
    topics.sort((a, b) => b.published - a.published);
    const most = topics[0]?.published ?? 0;
    return topics
      .slice(0, MOST_TOPICS)
      .map(({ topic, published, bus }) => [
        { text: topic },
        { text: nameOf(bus), slot: this.#busSlots.of(keyOf(bus)), isText: true },
        { text: rate(published) },
        { meter: most === 0 ? 0 : published / most, meterSlot: this.#busSlots.of(keyOf(bus)) },
      ]);
  }
}

const byLoad = (a, b) => (b.cpuPercent ?? b.delivered) - (a.cpuPercent ?? a.delivered);

function poolRow({ name, kind, inUse, capacity, utilization, exhausted }) {
  const amount = kind === 'messages' || kind === 'stream' ? bytes : count;
  return [
    { text: name },
    { text: kind === 'messages' ? 'memory' : kind, isText: true },
    { text: amount(inUse) },
    { text: amount(capacity) },
    { meter: utilization, text: percent(100 * utilization) },
    { text: count(exhausted), isTrouble: exhausted > 0, isZero: exhausted === 0 },
  ];
}

/** A table whose cells are changed in place, so that what is selected or scrolled to stays so. */
class Table {
  #body = element('tbody');
  #rest = element('p', { class: 'remark', hidden: '' });

  constructor(title, names, classes = '') {
    const id = `table-${title.toLowerCase().replace(/\W+/g, '-')}`;
    const head = names.map((name) =>
      element('th', { scope: 'col', text: name, class: TEXT.has(name) ? 'text' : undefined }),
    );
    const table = element('table', {}, element('thead', {}, element('tr', {}, ...head)), this.#body);
    // Scrolled by keyboard where it is wider than the card.
    const scroller = element('div', { class: 'scroller', tabindex: '0', role: 'region', 'aria-labelledby': id }, table);
    const heading = element('div', { class: 'card-head' }, element('h3', { id, text: title }));
    this.root = element('article', { class: `card ${classes}` }, heading, scroller, this.#rest);
  }

  show(rows) {
    this.root.hidden = rows.length === 0;
    const shown = rows.slice(0, MOST_ROWS);
    const { children } = this.#body;
    while (children.length > shown.length) this.#body.lastChild.remove();
    while (children.length < shown.length) this.#body.append(rowFor(shown[children.length]));
    for (const [index, cells] of shown.entries()) {
      for (const [column, cell] of cells.entries()) showCell(children[index].children[column], cell);
    }
    this.#rest.hidden = rows.length <= MOST_ROWS;
    setText(this.#rest, `and ${rows.length - shown.length} more`);
  }
}

function rowFor(cells) {
  const made = cells.map((cell, column) => {
    const parts = [];
    if (cell.slot !== undefined) parts.push(element('span', { class: 'swatch' }));
    if (cell.meter !== undefined)
      parts.push(element('span', { class: 'track', 'aria-hidden': 'true' }, element('span')));
    parts.push(element('span'));
    const isText = column === 0 || cell.isText;
    return element(
      column === 0 ? 'th' : 'td',
      { scope: column === 0 ? 'row' : undefined, class: isText ? 'text' : '' },
      ...parts,
    );
  });
  return element('tr', {}, ...made);
}

function showCell(cell, { text = '', slot, meter, meterSlot, isTrouble = false, isZero = false }) {
  setText(cell.lastChild, text);
  cell.classList.toggle('trouble', isTrouble);
  cell.classList.toggle('zero', isZero);
  if (slot !== undefined) cell.firstChild.className = `swatch ${classOf(slot)}`;
  if (meter === undefined) return;
  const bar = cell.firstChild.firstChild;
  bar.className = meterSlot === undefined ? (meter > NEARLY_FULL ? 'full' : '') : classOf(meterSlot);
  // Not an attribute `style`, which the policy of the page forbids.
  bar.style.width = `${(100 * Math.min(1, meter)).toFixed(1)}%`;
}
