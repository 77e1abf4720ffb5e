import type { BusSample, MonitorSample } from '../monitor/sample';
import { printColumns } from './columns';
import type { Paint } from './output';
import { bytes, clock, count, duration, latency, milliseconds, percent, rate } from './quantity';
import { fit, printable, widthOf } from './terminal-text';
import type { MonitorEvent } from './top-client';
import { busTable, nameOfBus, poolTable, type ThreadOrder, type TopTable, threadTable, topicTable } from './top-tables';

/** What is shown: the newest of a monitor, and what was chosen by keys. */
export interface TopState {
  readonly event: MonitorEvent;
  /** Name of the bus that is looked at, as `nameOfBus` has it; undefined for all. */
  readonly bus: string | undefined;
  readonly threadOrder: ThreadOrder;
  /** On the right of the first line: "live", and the like. */
  readonly connection: string;
  /** Below it, when there is something to say of the connection. */
  readonly notice: string | undefined;
}

/** How much room there is. */
export interface TopSize {
  readonly columns: number;
  /** Lines for all of it; Infinity outside of a screen. */
  readonly rows: number;
}

/** Lines of alerts and of advice that a screen has room for. */
const MOST_ALERTS = 4;
const MOST_ADVICE = 2;
/** A screen lower than this has its lines for figures. */
const ROWS_FOR_ADVICE = 30;

/** The newest sample as lines. */
export function topLines(state: TopState, { columns, rows }: TopSize, paint: Paint): string[] {
  const { sample } = state.event;
  const buses = sample.buses.filter((bus) => state.bus === undefined || nameOfBus(bus) === state.bus);
  const lines = [headLine(state, columns, paint)];
  if (state.notice !== undefined) lines.push(paint.scalar(fit(state.notice, columns)));
  lines.push(...figureLines(sample, buses, state.bus, columns, paint));
  lines.push(...alertLines(state.event, { columns, rows }, paint));
  const tables = [
    busTable(buses),
    threadTable(sample.threads, state.threadOrder),
    topicTable(buses),
    poolTable(sample.pools),
  ];
  lines.push(...tableLines(tables, { columns, rows: rows - lines.length }, paint));
  if (sample.buses.length === 0) lines.push('', 'No bus is open.');
  return lines;
}

function headLine({ event, connection }: TopState, columns: number, paint: Paint): string {
  const { name, pid, node, cores, uptimeSeconds } = event.sample.process;
  const right = `${connection}  ${clock(event.sample.time)}`;
  const parts = [printable(name), `pid ${pid}`, `Node ${printable(node)}`, `${cores} cores`];
  const left = fit([...parts, `up ${duration(uptimeSeconds)}`].join('  '), columns - widthOf(right) - 2);
  const space = ' '.repeat(Math.max(1, columns - widthOf(left) - widthOf(right)));
  return `${paint.title(left)}${space}${connection === 'live' ? paint.string(right) : paint.scalar(right)}`;
}

/** Lines of a name and figures; those for which there is no room are left out. */
function figureLines(
  sample: MonitorSample,
  buses: readonly BusSample[],
  bus: string | undefined,
  columns: number,
  paint: Paint,
): string[] {
  const sum = (figure: (bus: BusSample) => number) => buses.reduce((total, each) => total + figure(each), 0);
  const stats = bus === undefined ? sample.latency.stats : buses[0]?.latency;
  const ofLatency = (figure: 'p50' | 'p95' | 'p99' | 'max') =>
    stats === undefined || stats.count === 0 ? '-' : latency(stats[figure]);
  const { cpu, memory, eventLoop, garbageCollection, seconds } = sample;
  const collecting = seconds > 0 ? garbageCollection.totalMs / seconds : 0;
  const lines: [string, string[]][] = [
    [
      bus === undefined ? 'messages' : fit(bus, 12),
      [
        `${rate(sum(({ handled }) => handled))} handled`,
        `${rate(sum(({ published }) => published))} published`,
        `queue ${count(sum(({ queueDepth }) => queueDepth))}`,
        `dead letters ${count(sum(({ deadLetters }) => deadLetters))}`,
      ],
    ],
    [
      'latency',
      [`p50 ${ofLatency('p50')}`, `p95 ${ofLatency('p95')}`, `p99 ${ofLatency('p99')}`, `longest ${ofLatency('max')}`],
    ],
    [
      'process',
      [
        `CPU ${percent(cpu.percent)} of ${100 * sample.process.cores} %`,
        `memory ${bytes(memory.resident)}`,
        `loop p99 ${milliseconds(eventLoop.delayP99Ms)}, ${percent(100 * eventLoop.utilization)} busy`,
        `GC ${milliseconds(collecting)}/s`,
        `heap ${bytes(memory.heapUsed)}, bus ${bytes(memory.shared)}`,
      ],
    ],
  ];
  return lines.map(([name, figures]) => {
    let text = '';
    for (const figure of figures) {
      if (widthOf(text) + 14 + 3 + figure.length > columns) break;
      text += text === '' ? figure : `   ${figure}`;
    }
    return `${paint.name(name)}${' '.repeat(Math.max(1, 14 - widthOf(name)))}${text}`;
  });
}

function alertLines({ sample, recommendations }: MonitorEvent, { columns, rows }: TopSize, paint: Paint): string[] {
  const isScreen = rows !== Number.POSITIVE_INFINITY;
  const alerts = [...sample.alerts].sort((a, b) => Number(b.level === 'critical') - Number(a.level === 'critical'));
  const shown = isScreen ? alerts.slice(0, MOST_ALERTS) : alerts;
  const lines = shown.map(({ level, message }) => {
    const mark = level === 'critical' ? paint.error(level) : paint.scalar(level);
    return `${mark}${' '.repeat(14 - level.length)}${fit(printable(message), columns - 14)}`;
  });
  if (alerts.length > shown.length) lines.push(paint.remark(`and ${alerts.length - shown.length} alerts more`));
  if (rows < ROWS_FOR_ADVICE) return separated(lines);
  for (const { cause, advice } of isScreen ? recommendations.slice(0, MOST_ADVICE) : recommendations) {
    lines.push(`${paint.string('advice')}        ${fit(printable(`${cause} ${advice}`), columns - 14)}`);
  }
  return separated(lines);
}

const separated = (lines: string[]) => (lines.length === 0 ? [] : ['', ...lines]);

/** The tables below one another; each gets a line in turn until there is no room, and says how much it leaves out. */
function tableLines(tables: readonly TopTable[], { columns, rows }: TopSize, paint: Paint): string[] {
  const wanted = tables.filter((table) => table.rows.length > 0);
  const shares = share(
    rows,
    wanted.map((table) => table.rows.length),
  );
  return wanted.flatMap((table, index) => {
    const room = shares[index] as number;
    if (room === 0) return [];
    const isCut = room < table.rows.length;
    const shown = isCut ? table.rows.slice(0, Math.max(1, room - 1)) : table.rows;
    const lines = ['', ...printColumns(table.columns, shown, columns, paint)];
    if (isCut && room > 1) lines.push(paint.remark(`and ${table.rows.length - shown.length} more`));
    return lines;
  });
}

/** So many of `rows` for each that wants some, a heading and an empty line for each of them included. */
function share(rows: number, wanted: readonly number[]): number[] {
  if (rows === Number.POSITIVE_INFINITY) return [...wanted];
  const shares = wanted.map(() => 0);
  let left = rows;
  for (let given = true; given; ) {
    given = false;
    for (const [index, want] of wanted.entries()) {
      const has = shares[index] as number;
      const cost = has === 0 ? 3 : 1;
      if (has >= want || cost > left) continue;
      shares[index] = has + 1;
      left -= cost;
      given = true;
    }
  }
  return shares;
}
