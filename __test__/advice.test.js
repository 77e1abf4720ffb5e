'use strict';

// The rules of the monitor's advice on samples that were made up: what the tests with real conditions cannot bring about on every machine, and
// the borders between advice and none.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { LatencyHistogram } = require('agentwire');
const { recommend } = require('../dist/monitor/advice/recommend.js');

const latency = (ns) => {
  const histogram = new LatencyHistogram(10_000);
  for (let index = 0; ns !== undefined && index < 100; index += 1) histogram.record(ns);
  return { stats: histogram.getStats(), buckets: { boundaries: [], counts: [] } };
};
const bus = (figures = {}) => ({
  ...{ name: 'orders', subscriptions: 1, topics: 1, queueDepth: 0, deadLetters: 0 },
  ...{ published: 0, handled: 0, failed: 0, dropped: 0, refused: 0, deadLettered: 0, busiestTopics: [] },
  ...figures,
});
const thread = (figures = {}) => ({
  ...{ endpoint: 1, threadId: 0, name: 'main', cpuPercent: 1, delivered: 0, published: 0, messagesPerSubmit: 0 },
  ...{ bytesPerMessage: 0, queuedBytes: 0, isParked: true },
  ...figures,
});
const pool = (figures) => ({ name: 'p', inUse: 0, capacity: 100, utilization: 0, exhausted: 0, ...figures });

/** A sample of a program that is well, but for these parts. */
const sample = (parts = {}) => ({
  number: 1,
  time: 0,
  seconds: 1,
  process: { pid: 1, name: 'p', node: '20', platform: 'linux', cores: 4, uptimeSeconds: 1 },
  memory: { resident: 1e8, heapUsed: 1e7, heapTotal: 2e7, external: 1e6, shared: 1e6 },
  cpu: { percent: 20, userPercent: 15, systemPercent: 5 },
  eventLoop: { delayP50Ms: 0, delayP99Ms: 1, delayMaxMs: 2, utilization: 0.1 },
  garbageCollection: { count: 1, totalMs: 1, longestMs: 1, majorCount: 0 },
  latency: latency(),
  buses: [bus()],
  threads: [thread()],
  pools: [],
  errorRate: 0,
  alerts: [],
  ...parts,
});
const same = (parts, count = 5) => Array.from({ length: count }, () => sample(parts));
const codesOf = (history) => recommend(history).map(({ code }) => code);
/** The one advice on samples that are all alike. */
const adviceOn = (parts) => {
  const [first, ...others] = recommend(same(parts));
  assert.deepEqual(others, []);
  return first;
};

describe('nothing is said', () => {
  it('without samples, with too few, and of a program that is well', () => {
    const bad = { errorRate: 1, buses: [bus({ failed: 10 })] };
    assert.deepEqual(recommend([]), []);
    assert.deepEqual(recommend(same(bad, 2)), []);
    assert.deepEqual(recommend(same({}, 300)), []);
  });

  it('of what is over, or came up just now', () => {
    const bad = { errorRate: 1, buses: [bus({ failed: 10 })] };
    assert.deepEqual(codesOf([...same(bad, 9), sample()]), []);
    assert.deepEqual(codesOf([...same({}, 8), ...same(bad, 2)]), []);
    assert.deepEqual(codesOf([...same({}, 7), ...same(bad, 3)]), ['failing-messages']);
  });

  it('of figures at their borders', () => {
    assert.deepEqual(codesOf(same({ errorRate: 0.001 })), []);
    assert.deepEqual(codesOf(same({ buses: [bus({ queueDepth: 999 })] })), []);
    assert.deepEqual(codesOf(same({ buses: [bus({ published: 1000, refused: 10 })] })), []);
    assert.deepEqual(codesOf(same({ pools: [pool({ kind: 'ring', utilization: 0.89 })] })), []);
    assert.deepEqual(codesOf(same({ threads: [thread({ published: 9999, messagesPerSubmit: 1 })] })), []);
    assert.deepEqual(codesOf(same({ threads: [thread({ published: 10, bytesPerMessage: 16_383 })] })), []);
    const { stats, buckets } = latency(900_000);
    assert.deepEqual(codesOf(same({ latency: { stats, buckets } })), []);
  });

  it('of an object pool that had to make objects, but is not full', () => {
    assert.deepEqual(codesOf(same({ pools: [pool({ kind: 'object-pool', utilization: 0.5, exhausted: 9 })] })), []);
  });

  it('of as many busy threads as there are cores, of many idle ones, and of a machine that others keep busy', () => {
    const threads = (count, cpuPercent) =>
      Array.from({ length: count }, (_, index) => thread({ endpoint: index + 1, threadId: index, cpuPercent }));
    const cpu = { percent: 390, userPercent: 390, systemPercent: 0 };
    assert.deepEqual(codesOf(same({ threads: threads(4, 97), cpu })), []);
    assert.deepEqual(codesOf(same({ threads: threads(50, 1), cpu })), []);
    assert.deepEqual(codesOf(same({ threads: threads(8, 6), cpu: { ...cpu, percent: 48 } })), []);
    assert.deepEqual(codesOf(same({ threads: threads(8, 48), cpu })), ['more-threads-than-cores']);
  });
});

describe('a pool that is full', () => {
  const settings = {
    messages: /queueLimitBytes.*overflow.*BufferPool/,
    'buffer-pool': /maxBlocks/,
    'object-pool': /maxPoolSize/,
    ring: /capacity.*drain/,
    stream: /capacity/,
  };
  for (const [kind, setting] of Object.entries(settings)) {
    it(`of the kind ${kind} is told with the setting that it has`, () => {
      const name = kind === 'messages' ? 'messages' : 'mine';
      const full = pool({ kind, name, inUse: 95, utilization: 0.95 });
      const { code, cause, advice } = adviceOn({ pools: [full] });
      assert.equal(code, 'pool-too-small');
      assert.match(
        cause,
        kind === 'messages' ? /^the memory for messages is full: 95 bytes of/ : /"mine".*95 (bytes )?of 100/,
      );
      assert.match(advice, setting);
    });
  }

  it('is told by name, beside others that are not', () => {
    const pools = [pool({ kind: 'ring', name: 'empty' }), pool({ kind: 'ring', name: 'full', utilization: 1 })];
    assert.match(adviceOn({ pools }).cause, /"full"/);
  });
});

describe('buses', () => {
  it('of one name are told apart by tenant', () => {
    const buses = [bus(), bus({ tenant: 'acme', queueDepth: 20_000 }), bus({ tenant: 'other' })];
    const { code, cause } = adviceOn({ buses });
    assert.equal(code, 'queue-bottleneck');
    assert.match(cause, /20,000 messages of the channel "acme" of "orders"/);
  });

  it('are each told', () => {
    const buses = ['a', 'b'].map((name) => bus({ name, published: 100, refused: 50 }));
    assert.deepEqual(codesOf(same({ buses })), ['refused-publishes', 'refused-publishes']);
  });
});

describe('garbage collection', () => {
  it('of the young generation and of the old one have each their setting', () => {
    const young = { count: 50, totalMs: 100, longestMs: 5, majorCount: 0 };
    assert.match(adviceOn({ garbageCollection: young }).advice, /--max-semi-space-size.*maxYoungGenerationSizeMb/);
    const old = { count: 5, totalMs: 100, longestMs: 50, majorCount: 3 };
    assert.match(adviceOn({ garbageCollection: old }).advice, /--max-old-space-size.*maxOldGenerationSizeMb/);
  });

  it('counts by all of the time: a long collection in a short sample is not most of it', () => {
    const short = { seconds: 0.001, garbageCollection: { count: 1, totalMs: 5, longestMs: 5, majorCount: 0 } };
    assert.deepEqual(codesOf([...same({}, 4), sample(short), ...same({}, 4)]), []);
    // Not even where no time was measured.
    assert.deepEqual(codesOf([...same({}, 4), sample({ ...short, seconds: 0 }), ...same({}, 4)]), []);
  });
});

describe('memory that grows', () => {
  const growing = (key) =>
    Array.from({ length: 10 }, (_, index) => {
      const memory = { resident: 1e8, heapUsed: 1e7, heapTotal: 2e7, external: 1e6, shared: 1e6 };
      memory.resident += index * 1e7;
      if (key !== undefined) memory[key] += index * 9e6;
      return sample({ memory });
    });
  const cases = [
    ['heapUsed', /--heap-prof/],
    ['external', /buffers are let go/],
    ['shared', /queueLimit.*dead letters/],
    [undefined, /other threads.*resourceLimits/],
  ];
  for (const [key, setting] of cases) {
    it(`is told by where it goes: ${key ?? 'another thread'}`, () => {
      const [{ code, cause, advice }, ...others] = recommend(growing(key));
      assert.deepEqual([code, others], ['growing-memory', []]);
      assert.match(cause, /has grown by 90\.0 MB in 10 s, to 190\.0 MB/);
      assert.match(advice, setting);
    });
  }

  it('is not told when it comes back', () => {
    const history = growing('heapUsed');
    history[5].memory.resident = 1.2e8;
    assert.deepEqual(codesOf(history), []);
  });
});

describe('a high latency', () => {
  it('is told by itself only where nothing explains it', () => {
    const slow = { latency: latency(5_000_000) };
    assert.match(adviceOn(slow).cause, /95 % of messages are handled within 5\.\d+ ms/);
    assert.deepEqual(codesOf(same({ ...slow, buses: [bus({ queueDepth: 5000 })] })), ['queue-bottleneck']);
  });
});

it('advice is plain data with a text that has figures', () => {
  const found = recommend(
    same({ errorRate: 0.5, buses: [bus({ failed: 5 })], pools: [pool({ kind: 'ring', utilization: 1 })] }),
  );
  assert.deepEqual(JSON.parse(JSON.stringify(found)), found);
  for (const { code, cause, advice } of found) {
    assert.match(code, /^[a-z]+(-[a-z]+)+$/);
    assert.match(cause, /\d/);
    assert.doesNotMatch(`${cause} ${advice}`, /NaN|Infinity|undefined|null/);
  }
});
