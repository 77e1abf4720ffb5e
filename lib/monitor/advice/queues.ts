import type { BusSample, PoolSample, Recommendation } from '../sample';
import { bytes, count, type Recent } from './recent';

/** Messages that wait, from which on a queue is one. */
const DEEP = 1000;
/** The part of what is published that may be refused. */
const REFUSED = 0.01;
/** How full a pool may be. */
const FULL = 0.9;
/** Bytes of a message from which on copying outweighs everything else. */
const LARGE_BYTES = 16 * 1024;
/** Messages that end otherwise than handled. */
const ERRORS = 0.001;
/** Memory that has grown by so much, and by this part, bytes. */
const GROWN_BYTES = 64e6;
const GROWN = 1.2;

function nameOf({ name, tenant }: BusSample): string {
  return tenant === undefined
    ? `the bus ${JSON.stringify(name)}`
    : `the channel ${JSON.stringify(tenant)} of ${JSON.stringify(name)}`;
}

/** The buses for which the newest samples show it, each of them. */
function busesThat(recent: Recent, what: (bus: BusSample) => boolean): BusSample[] {
  const isSame = (a: BusSample) => (b: BusSample) => a.name === b.name && a.tenant === b.tenant;
  return recent.newest.buses.filter((bus) =>
    recent.shows(({ buses }) => {
      const then = buses.find(isSame(bus));
      return then !== undefined && what(then);
    }),
  );
}

/** More comes than is handled: messages wait. */
export function queueBottleneck(recent: Recent): Recommendation[] {
  // A thread that has messages in its mailbox has not come to them; handlers that wait for promises have taken theirs.
  const [behind] = recent.newest.threads
    .filter(({ queuedBytes, isParked }) => queuedBytes > 0 && !isParked)
    .sort((a, b) => b.queuedBytes - a.queuedBytes);
  return busesThat(recent, ({ queueDepth }) => queueDepth >= DEEP).map((bus) => ({
    code: 'queue-bottleneck',
    cause: `${count(bus.queueDepth)} messages of ${nameOf(bus)} wait or are with a handler, ${count(bus.published)} a second are published and ${count(bus.handled)} handled; ${
      behind === undefined
        ? 'every thread has taken its messages: handlers wait for something'
        : `the thread ${behind.name} is behind by ${bytes(behind.queuedBytes)}`
    }`,
    advice:
      behind === undefined
        ? "handlers' promises settle slowly: speed up what they wait for, subscribe with a larger maxInFlight where that holds them, or in more threads with the same group"
        : 'share the work: subscribe in several worker threads with the same group (createGroup, option group), with balancing "least-busy"; where messages go out of date, use expiresInMs or overflow: "drop-oldest"',
  }));
}

/** Publishers are turned away. */
export function refusedPublishes(recent: Recent): Recommendation[] {
  const isRefused = ({ refused, published }: BusSample) => refused > 0 && refused > REFUSED * published;
  return busesThat(recent, isRefused).map((bus) => ({
    code: 'refused-publishes',
    cause: `publish returned false ${count(bus.refused)} times a second on ${nameOf(bus)}: a subscription is full`,
    advice:
      'await writable(topic) before trying again; give the slow subscription a larger queueLimit or queueLimitBytes, members of a group to share with, or overflow: "drop-oldest" where old messages are worth less than new ones',
  }));
}

/** Messages end otherwise than handled. */
export function failingMessages(recent: Recent): Recommendation[] {
  if (!recent.shows(({ errorRate }) => errorRate > ERRORS)) return [];
  const failed = recent.total(({ buses }) => buses.reduce((sum, bus) => sum + bus.failed, 0));
  const dropped = recent.total(({ buses }) => buses.reduce((sum, bus) => sum + bus.dropped, 0));
  const dead = recent.total(({ buses }) => buses.reduce((sum, bus) => sum + bus.deadLettered, 0));
  return [
    {
      code: 'failing-messages',
      cause: `${(recent.newest.errorRate * 100).toPrecision(3)} % of messages end otherwise than handled: in ${recent.seconds.toFixed(0)} s ${count(failed)} whose handler threw, ${count(dropped)} dropped, ${count(dead)} put to the dead letters`,
      advice:
        'new EventBus({ onError }) shows each error; getMetrics({ perSubscription: true }) says whose and why; subscribe with ack: true to have messages tried again, and look at bus.deadLetters for those that nobody could handle',
    },
  ];
}

const poolAdvice: Record<PoolSample['kind'], string> = {
  messages:
    'slow subscribers hold it: give them a queueLimitBytes, or overflow: "drop-oldest"; send large payloads as blocks of a BufferPool, by their ticket',
  'buffer-pool':
    'make it with a larger maxBlocks, and see that every block is released (a block of a thread that ends comes back by itself)',
  'object-pool': 'make it with a larger maxPoolSize, and see that every object is released',
  ring: 'make it with a larger capacity, take items out in batches (drain), or by more consumers',
  stream: 'make it with a larger capacity, or read more at once',
};

/** A pool is too small for what is asked of it. */
export function poolTooSmall(recent: Recent): Recommendation[] {
  const isSame = (a: PoolSample) => (b: PoolSample) => a.name === b.name;
  const isShort = ({ utilization, exhausted, kind }: PoolSample) =>
    utilization >= FULL || (exhausted > 0 && kind === 'buffer-pool');
  const short = recent.newest.pools.filter((pool) =>
    recent.shows(({ pools }) => {
      const then = pools.find(isSame(pool));
      return then !== undefined && isShort(then);
    }),
  );
  return short.map((pool) => {
    const { name, kind, inUse, capacity } = pool;
    const size = kind === 'messages' || kind === 'stream' ? bytes : count;
    const missed = recent.samples.reduce((sum, { pools }) => sum + (pools.find(isSame(pool))?.exhausted ?? 0), 0);
    const times =
      missed === 0 ? '' : `; ${count(missed)} times in ${recent.seconds.toFixed(0)} s there was none to be had`;
    return {
      code: 'pool-too-small',
      cause: `${kind === 'messages' ? 'the memory for messages' : `${JSON.stringify(name)} (${kind})`} is full: ${size(inUse)} of ${size(capacity)} are taken${times}`,
      advice: poolAdvice[kind],
    };
  });
}

/** Messages are so large that copying them is most of the work. */
export function largeMessages(recent: Recent): Recommendation[] {
  const isLarge = (endpoint: number) =>
    recent.shows(
      ({ threads }) => (threads.find((one) => one.endpoint === endpoint)?.bytesPerMessage ?? 0) >= LARGE_BYTES,
    );
  return recent.newest.threads
    .filter(({ endpoint }) => isLarge(endpoint))
    .map(({ name, bytesPerMessage, published }) => ({
      code: 'large-messages',
      cause: `the thread ${name} publishes messages of ${bytes(bytesPerMessage)} on average, ${bytes(bytesPerMessage * published)} a second: each is encoded, copied and decoded for every subscription`,
      advice:
        'put large data into a block of a BufferPool (or a SharedArrayBuffer) and publish its ticket; subscribe with shared: true where several handlers of a thread read the same; publish what has changed, not the whole',
    }));
}

/** Memory grows and does not come back. */
export function growingMemory(recent: Recent): Recommendation[] {
  const { samples, newest } = recent;
  const [first] = samples;
  if (first === undefined || samples.length < 5) return [];
  const grown = newest.memory.resident - first.memory.resident;
  const isSteady = samples.every(
    ({ memory }, index) =>
      index === 0 || memory.resident >= (samples[index - 1] as typeof newest).memory.resident * 0.99,
  );
  if (!isSteady || grown < GROWN_BYTES || newest.memory.resident < first.memory.resident * GROWN) return [];
  const parts = (
    [
      [
        'heapUsed',
        "V8's heap of this thread",
        'look for what keeps objects (node --heap-prof): arrays and maps that only grow, contexts of messages that are kept',
      ],
      ['external', 'buffers outside of it', 'see that buffers are let go, or take them from a BufferPool'],
      [
        'shared',
        'messages on their way, and tables',
        'bound the queues of slow subscribers: queueLimit, queueLimitBytes, overflow; purge dead letters',
      ],
    ] as const
  )
    .map(([key, what, advice]) => ({ what, advice, by: newest.memory[key] - first.memory[key] }))
    .sort((a, b) => b.by - a.by);
  const [most] = parts;
  return [
    {
      code: 'growing-memory',
      cause: `the process has grown by ${bytes(grown)} in ${recent.seconds.toFixed(0)} s, to ${bytes(newest.memory.resident)}; of that ${parts
        .filter(({ by }) => by > 0)
        .map(({ what, by }) => `${bytes(by)} ${what}`)
        .join(', ')}`,
      advice:
        (most?.by ?? 0) > grown / 4
          ? (most?.advice ?? '')
          : 'it is in other threads: monitor their heaps there (a PerformanceMonitor in each), and bound them by resourceLimits of Worker',
    },
  ];
}
