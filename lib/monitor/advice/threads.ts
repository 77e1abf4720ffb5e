import type { Recommendation, ThreadSample } from '../sample';
import { count, type Recent, time } from './recent';

/** Percent of a core from which on a thread is at work. */
const AT_WORK = 5;
/** Percent of all cores that this process takes when its threads are taken to stand in each other's way; others may have the rest. */
const ALL_BUSY = 50;
/** The part of the time that goes into collections, from which on it is too much. */
const TOO_MUCH_COLLECTING = 0.05;
/** A collection that all messages of a thread wait for, ms. */
const LONG_COLLECTION_MS = 10;
/** Messages behind the event loop that wait for so long are felt, ms. */
const HELD_UP_MS = 20;

/** More threads are at work than there are cores: they take turns, and each message waits for the turn of its thread. */
export function moreThreadsThanCores(recent: Recent): Recommendation[] {
  const { cores } = recent.newest.process;
  const isAtWork = ({ cpuPercent, delivered, published }: ThreadSample) =>
    cpuPercent === null ? delivered + published > 0 : cpuPercent >= AT_WORK;
  // A thread may have several endpoints: one for each context.
  const atWork = ({ threads }: Recent['newest']) =>
    new Set(threads.filter(isAtWork).map(({ threadId }) => threadId)).size;
  if (!recent.shows((sample) => atWork(sample) > cores && sample.cpu.percent >= ALL_BUSY * cores)) return [];
  return [
    {
      code: 'more-threads-than-cores',
      cause: `${atWork(recent.newest)} threads are at work on ${cores} cores, which are ${Math.round(recent.newest.cpu.percent / cores)} % busy: a message waits until its thread has a core`,
      advice: `start as many worker threads as there are cores (os.availableParallelism() says ${cores}) and have several agents in each: an agent is a subscription, which costs next to nothing`,
    },
  ];
}

/** The collector takes much of the time, or stops the thread for long. */
export function longCollections(recent: Recent): Recommendation[] {
  // Of all the time: a collection may be told in a sample that is shorter than itself.
  const share =
    recent.samples.reduce((sum, { garbageCollection }) => sum + garbageCollection.totalMs, 0) / 1000 / recent.seconds;
  const longest = Math.max(...recent.samples.map(({ garbageCollection }) => garbageCollection.longestMs));
  const long = recent.samples.filter(
    ({ garbageCollection }) => garbageCollection.longestMs >= LONG_COLLECTION_MS,
  ).length;
  if (share < TOO_MUCH_COLLECTING && long < 2) return [];
  const majors = recent.samples.reduce((sum, { garbageCollection }) => sum + garbageCollection.majorCount, 0);
  const young =
    'give the young generation more room (node --max-semi-space-size=64, or resourceLimits.maxYoungGenerationSizeMb of a Worker)';
  const old =
    'keep fewer objects, or give the old generation more room (node --max-old-space-size, or resourceLimits.maxOldGenerationSizeMb)';
  return [
    {
      code: 'long-collections',
      cause: `garbage collection takes ${(share * 100).toFixed(1)} % of this thread's time, the longest ${longest.toFixed(1)} ms, ${majors} of the old generation in ${recent.seconds.toFixed(0)} s: messages wait meanwhile`,
      advice: `${majors > recent.samples.length ? old : young}; make less garbage: subscribe with shared: true where several handlers of a thread get the same messages, take objects from an ObjectPool, and filter natively (option filter) rather than in the handler`,
    },
  ];
}

/** Handlers, or whatever else runs in this thread, keep the event loop for long. */
export function blockedEventLoop(recent: Recent): Recommendation[] {
  if (!recent.shows(({ eventLoop }) => eventLoop.delayP99Ms >= HELD_UP_MS)) return [];
  const { delayP99Ms, utilization } = recent.newest.eventLoop;
  return [
    {
      code: 'blocked-event-loop',
      cause: `this thread's event loop is held up for ${delayP99Ms.toFixed(0)} ms (p99) and busy ${(utilization * 100).toFixed(0)} % of the time: messages for its agents wait as long`,
      advice:
        'find what runs for long (node --cpu-prof), split it or move it to a worker thread; a subscription there needs nothing but the name of the bus',
    },
  ];
}

/** Messages are published one by one, each with a submit of its own. */
export function oneMessageAtATime(recent: Recent): Recommendation[] {
  const many = 10_000;
  const few = 2;
  const isSlow = (endpoint: number) =>
    recent.shows(({ threads }) => {
      const thread = threads.find((one) => one.endpoint === endpoint);
      return thread !== undefined && thread.published >= many && thread.messagesPerSubmit < few;
    });
  const slow = recent.newest.threads.filter(({ endpoint }) => isSlow(endpoint));
  return slow.map(({ name, published, messagesPerSubmit }) => ({
    code: 'one-message-at-a-time',
    cause: `the thread ${name} publishes ${count(published)} messages a second and hands over ${messagesPerSubmit.toFixed(1)} at once: each submit costs as much as several messages`,
    advice:
      'publish what belongs together in one turn of the event loop (or by publishBatch), and leave the submit to the end of the turn: no flush() after each message, no CRITICAL where nothing waits for it',
  }));
}

/** Most of the latency is the way, not the work: what a reader is told when nothing above explains a high latency. */
export function highLatency(recent: Recent, others: readonly Recommendation[]): Recommendation[] {
  if (others.length > 0) return [];
  const slow = 1e6;
  if (!recent.shows(({ latency }) => latency.stats.count > 0 && latency.stats.p95 > slow)) return [];
  const { p50, p95 } = recent.newest.latency.stats;
  const parked = recent.newest.threads.filter(({ isParked }) => isParked).length;
  return [
    {
      code: 'high-latency',
      cause: `95 % of messages are handled within ${time(p95)}, half of them within ${time(p50)}; ${parked} of ${recent.newest.threads.length} threads sleep between messages, and a sleeping thread takes 10 to 140 us to wake`,
      advice:
        'look which handlers take long (getMetrics({ perSubscription: true })); have fewer, busier threads rather than many that sleep; publish what is urgent with priority CRITICAL',
    },
  ];
}
