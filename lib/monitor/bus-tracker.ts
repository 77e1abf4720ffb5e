import { busOfNativeName } from '../bus/channel';
import { Endpoint } from '../bus/endpoint';
import { statsOf } from '../bus/stats';
import type { NativeBusFigures } from '../generated/binding';
import { HistogramCell } from '../generated/layout';
import { native } from '../native';
import { addCells, type Cells, emptyCells } from './latency-cells';
import { LatencyWindow, statsOfCells } from './latency-histogram';
import type { BusSample, BusTotals } from './sample';

/** Topics that a sample names of each bus. */
const BUSIEST_TOPICS = 20;
/** Topics whose counts are compared from sample to sample: those that most was published to in all. */
const COMPARED_TOPICS = 1000;

/** The cells of a histogram without a bucket. */
const none = emptyCells(HistogramCell.Buckets);

/** What is counted of a bus from its beginning, from which rates are taken. */
interface Counts extends BusTotals {
  /** Ended otherwise than handled; a message whose subscription was ended is none of these. */
  spoilt: number;
}

/** What is remembered of a bus. */
class TrackedBus {
  constructor(readonly serial: number) {}

  counts: Counts | undefined;
  topics = new Map<string, number>();
  /** What a topic had at most that is not among these, as there were more. */
  mostOfOthers = 0;
  readonly latency = new LatencyWindow();
}

/** All buses since the look before. */
export interface BusesSample {
  buses: BusSample[];
  /** What ended, and what of it otherwise than handled. */
  ended: number;
  spoilt: number;
  /** Latencies of all of them. Undefined where there is no bus. */
  latency: Cells | undefined;
}

/** The buses of this process, whichever thread has them open: counts from the beginning become rates. */
export class BusTracker {
  private tracked = new Map<string, TrackedBus>();

  /** What was since the look before, `seconds` ago. Of a bus that is new, all counts. */
  look(seconds: number): BusesSample {
    Endpoint.foldOutcomes();
    const found = native.allBuses();
    const before = this.tracked;
    this.tracked = new Map();
    const sum: BusesSample = { buses: [], ended: 0, spoilt: 0, latency: undefined };
    for (const bus of found) {
      // One that was closed and opened anew is another one.
      const known = before.get(bus.name);
      const tracked = known?.serial === bus.serial ? known : new TrackedBus(bus.serial);
      this.tracked.set(bus.name, tracked);
      sum.buses.push(this.sampleOf(bus, tracked, seconds, sum));
    }
    sum.buses.sort((a, b) => compare(a.name, b.name) || compare(a.tenant ?? '', b.tenant ?? ''));
    return sum;
  }

  private sampleOf(bus: NativeBusFigures, tracked: TrackedBus, seconds: number, sum: BusesSample): BusSample {
    const counts = countsOf(bus);
    const since = difference(counts, tracked.counts);
    tracked.counts = counts;
    sum.ended += since.handled + since.spoilt;
    sum.spoilt += since.spoilt;
    // Undefined where none was recorded yet.
    const latency = bus.latency === undefined ? none : tracked.latency.look(bus.latency);
    if (latency !== none) sum.latency ??= emptyCells(latency.length);
    if (sum.latency !== undefined) addCells(sum.latency, latency);
    const rate = (count: number) => (seconds > 0 ? count / seconds : 0);
    const { name, tenant } = busOfNativeName(bus.name);
    return {
      name,
      ...(tenant !== undefined && { tenant }),
      subscriptions: bus.metrics.subscriptions,
      topics: bus.metrics.topics,
      queueDepth: bus.metrics.ledger.inFlight,
      deadLetters: bus.deadLetters,
      published: rate(since.published),
      handled: rate(since.handled),
      failed: rate(since.failed),
      dropped: rate(since.dropped),
      refused: rate(since.refused),
      deadLettered: rate(since.deadLettered),
      totals: totalsOf(counts),
      latency: statsOfCells(latency),
      busiestTopics: busiestTopics(bus.name, tracked, rate),
    };
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function totalsOf({ spoilt: _, ...totals }: Counts): BusTotals {
  return totals;
}

function countsOf({ metrics: { counts, ledger } }: NativeBusFigures): Counts {
  const { handled, failed, deadLettered, dropped } = statsOf(ledger);
  const lost = dropped.undecodable + dropped.expired + dropped.subscriberDied;
  const tooMuch = dropped.overflow + dropped.oldest + dropped.newest;
  return {
    published: counts.published.reduce((sum, count) => sum + count, 0),
    handled,
    failed,
    dropped: lost + tooMuch,
    overflow: tooMuch,
    refused: counts.refused,
    deadLettered,
    spoilt: failed + lost + tooMuch + deadLettered,
  };
}

function difference(now: Counts, before: Counts | undefined): Counts {
  if (before === undefined) return now;
  const since = { ...now };
  for (const key of Object.keys(since) as (keyof Counts)[]) since[key] = Math.max(0, now[key] - before[key]);
  return since;
}

function busiestTopics(bus: string, tracked: TrackedBus, rate: (count: number) => number): BusSample['busiestTopics'] {
  const counts = native.busiestTopics(bus, COMPARED_TOPICS);
  const { topics: before, mostOfOthers } = tracked;
  tracked.mostOfOthers = counts.length < COMPARED_TOPICS ? 0 : (counts.at(-1)?.published ?? 0);
  tracked.topics = new Map(counts.map(({ topic, published }) => [topic, published]));
  return counts
    .map(({ topic, published }) => ({
      topic,
      published: rate(Math.max(0, published - (before.get(topic) ?? mostOfOthers))),
    }))
    .filter(({ published }) => published > 0)
    .sort((a, b) => b.published - a.published)
    .slice(0, BUSIEST_TOPICS);
}
