'use strict';

// PerformanceMonitor: what it sees of buses, threads, memory, CPU, event loop and pools; alerts; how it begins and ends.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { describe, it } = require('node:test');
const { promisify } = require('node:util');
const { AgentwireArgumentError, BufferPool, CPUTracker, EventBus, MemoryTracker } = require('agentwire');
const { MemoryMappedBuffer, ObjectPool, PerformanceMonitor, ZeroCopyRingBuffer } = require('agentwire');
const { globalPerformanceMonitor } = require('agentwire');
const { Thread, uniqueName, waitUntil } = require('./helpers.js');

/** Nothing but latencies raises an alert. */
const calm = { memoryUsageMB: 1e9, cpuPercentage: 100, queueDepth: 1e9, poolUtilization: 1, errorRate: 1 };

function openBus(t, options) {
  const bus = new EventBus({ name: uniqueName('monitor'), ...options });
  t.after(() => bus.close());
  return bus;
}

/** Records the alerts of a monitor: `raised metric` and `cleared metric`. */
function listen(monitor) {
  const heard = [];
  const subject = (alert) => (alert.subject === undefined ? '' : ` of ${alert.subject}`);
  monitor.on('alert', (alert) => heard.push(`${alert.level} ${alert.metric}${subject(alert)}`));
  monitor.on('clear', (alert) => heard.push(`over ${alert.metric}${subject(alert)}`));
  return heard;
}

/** Takes a sample of a monitor that records so many latencies of so many milliseconds before. */
function sampleOf(monitor, ms, count = 100) {
  for (let index = 0; index < count; index += 1) monitor.recordLatency(ms * 1e6);
  return monitor.getReport();
}

describe('an alert', () => {
  it('is raised when its threshold is crossed, once, and over when the figure was well below for a while', () => {
    const monitor = new PerformanceMonitor({ ...calm, latencyP95Ms: 1, latencyP99Ms: 5 });
    const heard = listen(monitor);
    sampleOf(monitor, 0.9);
    assert.deepEqual(heard, []);
    const { alerts } = sampleOf(monitor, 2);
    assert.deepEqual(heard, ['warning communication.latency.p95']);
    assert.equal(alerts.length, 1);
    assert.ok(Math.abs(alerts[0].value - 2) < 0.02 && alerts[0].threshold === 1);
    assert.match(alerts[0].message, /communication\.latency\.p95: 95 % of messages.* 2\.0\d ms.*threshold of 1/);
    // About the threshold, and above the other one.
    for (const ms of [0.95, 1.2, 0.95, 0.95, 0.95, 0.5, 0.95, 7, 7]) sampleOf(monitor, ms);
    assert.deepEqual(heard.slice(1), ['critical communication.latency.p99']);
    for (const ms of [0.5, 0.5]) sampleOf(monitor, ms);
    assert.equal(heard.length, 2);
    assert.deepEqual(sampleOf(monitor, 0.5).alerts, []);
    assert.deepEqual(heard.slice(2).sort(), ['over communication.latency.p95', 'over communication.latency.p99']);
    sampleOf(monitor, 2);
    assert.equal(heard.length, 5);
  });

  it('is over as well when there are no messages any more', () => {
    const monitor = new PerformanceMonitor({ ...calm, latencyP99Ms: 1e9 });
    const heard = listen(monitor);
    sampleOf(monitor, 2);
    for (let sample = 0; sample < 3; sample += 1) monitor.getReport();
    assert.deepEqual(heard, ['warning communication.latency.p95', 'over communication.latency.p95']);
  });

  it('names the bus whose queue is deep, and is over when it is closed', (t) => {
    const bus = openBus(t);
    const monitor = new PerformanceMonitor({ ...calm, latencyP95Ms: 1e9, latencyP99Ms: 1e9, queueDepth: 5 });
    const heard = listen(monitor);
    bus.subscribe('t', () => new Promise(() => {}));
    for (let index = 0; index < 6; index += 1) bus.publish('t', index);
    bus.flush();
    const { sample } = monitor.getReport();
    assert.equal(sample.buses.find(({ name }) => name === bus.name).queueDepth, 6);
    assert.deepEqual(heard, [`warning communication.queue.depth of ${bus.name}`]);
    bus.close();
    monitor.getReport();
    assert.deepEqual(heard.slice(1), [`over communication.queue.depth of ${bus.name}`]);
  });

  it('names the pool that is nearly full', () => {
    const monitor = new PerformanceMonitor({ ...calm, latencyP95Ms: 1e9, latencyP99Ms: 1e9, poolUtilization: 0.9 });
    const heard = listen(monitor);
    const pool = new BufferPool(64, 10);
    const stop = monitor.watch(pool, 'blocks');
    const blocks = Array.from({ length: 9 }, () => pool.acquire());
    monitor.getReport();
    assert.deepEqual(heard, []);
    blocks.push(pool.acquire());
    assert.equal(pool.acquire(), null);
    const { sample } = monitor.getReport();
    assert.deepEqual(
      sample.pools.find(({ name }) => name === 'blocks'),
      { name: 'blocks', kind: 'buffer-pool', inUse: 10, capacity: 10, utilization: 1, exhausted: 1 },
    );
    assert.deepEqual(heard, ['warning communication.pool.utilization of blocks']);
    stop();
    assert.equal(monitor.getReport().sample.pools.length, 1);
    for (const block of blocks) pool.release(block);
  });

  it('says that messages fail', async (t) => {
    const bus = openBus(t, { onError: () => {} });
    const monitor = new PerformanceMonitor({ ...calm, latencyP95Ms: 1e9, latencyP99Ms: 1e9, errorRate: 0.5 });
    const heard = listen(monitor);
    let calls = 0;
    bus.subscribe('t', () => {
      calls += 1;
      throw new Error('of the handler');
    });
    for (let index = 0; index < 10; index += 1) bus.publish('t', index);
    await waitUntil(() => calls === 10 && bus.getMetrics().failed === 10, 'the failures');
    const { sample } = monitor.getReport();
    assert.equal(sample.errorRate, 1);
    assert.ok(sample.buses.find(({ name }) => name === bus.name).failed > 0);
    assert.deepEqual(heard, ['critical communication.errors.rate']);
  });

  it('that a listener throws at reaches the others, and the program goes on', async () => {
    const monitor = new PerformanceMonitor(calm);
    const warned = new Promise((resolve) => process.once('warning', resolve));
    monitor.on('alert', () => {
      throw new Error('of the listener');
    });
    const heard = listen(monitor);
    sampleOf(monitor, 2);
    assert.deepEqual(heard, ['warning communication.latency.p95']);
    assert.match((await warned).message, /'alert' threw.*of the listener/);
  });
});

describe('a sample', () => {
  it('has what happened to each bus and channel since the one before', async (t) => {
    const bus = openBus(t);
    const channel = bus.channel('tenant');
    let handled = 0;
    for (const one of [bus, channel]) {
      one.subscribe('t.*', () => {
        handled += 1;
      });
    }
    bus.publish('t.old', 0);
    await waitUntil(() => handled === 1, 'the first message');
    const monitor = new PerformanceMonitor();
    for (let index = 0; index < 100; index += 1) bus.publish(`t.${index % 2}`, index);
    channel.publish('t.0', 'of the tenant');
    await waitUntil(() => handled === 102, 'all messages');
    const { sample } = monitor.getReport();
    const [ofBus, ofChannel] = sample.buses.filter(({ name }) => name === bus.name);
    assert.deepEqual([ofBus.tenant, ofChannel.tenant], [undefined, 'tenant']);
    const times = (rate) => Math.round(rate * sample.seconds);
    assert.deepEqual([times(ofBus.published), times(ofBus.handled), times(ofChannel.published)], [100, 100, 1]);
    assert.deepEqual(ofBus.busiestTopics.map(({ topic, published }) => [topic, times(published)]).sort(), [
      ['t.0', 50],
      ['t.1', 50],
    ]);
    assert.ok(ofBus.latency.count > 0 && ofBus.latency.p50 > 0);
    assert.equal(sample.latency.stats.count, ofBus.latency.count + ofChannel.latency.count);
    const { boundaries, counts } = sample.latency.buckets;
    assert.equal(boundaries.length, counts.length + 1);
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      sample.latency.stats.count,
    );
    const next = monitor.getReport().sample;
    assert.equal(next.number, sample.number + 1);
    assert.deepEqual([next.buses[0].published, next.latency.stats.count], [0, 0]);
  });

  it('tells which thread takes the CPU, and what it was sent', async (t) => {
    const bus = openBus(t);
    const worker = await Thread.start(t);
    const { threadId } = worker.worker;
    await worker.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.bus.subscribe('t', () => {});
    }, bus.name);
    const monitor = new PerformanceMonitor();
    monitor.getReport();
    for (let index = 0; index < 50; index += 1) bus.publish('t', index);
    await worker.run(() => {
      const end = performance.now() + 200;
      while (performance.now() < end);
    });
    await waitUntil(() => bus.getMetrics().handled === 50, 'all messages');
    const { threads, cores, percent } = monitor.getReport().cpu;
    const [own, other] = [0, threadId].map((id) => threads.find((thread) => thread.threadId === id));
    assert.deepEqual([own.name, other.name], ['main', `worker ${threadId}`]);
    assert.ok(other.delivered > 0 && own.delivered === 0);
    assert.ok(percent >= 0 && percent <= cores * 100, `${percent} % of ${cores} cores`);
    if (process.platform === 'linux') {
      assert.ok(other.cpuPercent > own.cpuPercent, `${other.cpuPercent} > ${own.cpuPercent}`);
      assert.ok(other.cpuPercent > 10 && other.cpuPercent <= 100, `${other.cpuPercent}`);
    }
    await worker.terminate();
    await worker.exited;
    const left = monitor.getReport().cpu.threads;
    assert.ok(left.every((thread) => thread.threadId !== threadId));
  });

  it('has how long the event loop was held up, and what was collected', async () => {
    const monitor = new PerformanceMonitor({ ...calm, monitoringIntervalMs: 20 });
    const samples = [];
    monitor.on('sample', (sample) => samples.push(sample));
    monitor.startMonitoring();
    await waitUntil(() => samples.length > 1, 'the first samples');
    const end = performance.now() + 100;
    let garbage = [];
    while (performance.now() < end) garbage = Array.from({ length: 1000 }, () => ({ garbage }).garbage.length);
    await waitUntil(() => samples.some(({ eventLoop }) => eventLoop.delayMaxMs > 50), 'the delay');
    await waitUntil(() => samples.some(({ garbageCollection }) => garbageCollection.count > 0), 'the collection');
    assert.ok(samples.some(({ eventLoop }) => eventLoop.utilization > 0.5));
    monitor.stopMonitoring();
    const { length } = samples;
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(samples.length, length);
  });

  it('shows how full pools, rings and streams are that it is told of', () => {
    const monitor = new PerformanceMonitor();
    const objects = new ObjectPool(
      () => ({}),
      () => {},
      4,
    );
    const ring = new ZeroCopyRingBuffer(5, 64);
    const stream = new MemoryMappedBuffer(4096);
    monitor.watch(objects, 'objects');
    monitor.watch(ring, 'ring');
    monitor.watch(stream, 'stream');
    objects.acquire();
    ring.enqueue(new Uint8Array(8));
    stream.write(new Uint8Array(1024));
    const [messages, ...others] = monitor.getReport().sample.pools;
    assert.equal(messages.kind, 'messages');
    assert.ok(messages.capacity > 0 && messages.utilization >= 0);
    assert.deepEqual(
      others.map(({ name, inUse, capacity, exhausted }) => [name, inUse, capacity, exhausted]),
      [
        ['objects', 1, 4, 1],
        ['ring', 1, 4, 0],
        ['stream', stream.getStats().used, 4096, 0],
      ],
    );
    assert.throws(() => monitor.watch(ring, 'ring'), { code: 'ERR_AGENTWIRE_ARGUMENT', message: /"ring" already/ });
    assert.throws(() => monitor.watch(ring, 'messages'), { code: 'ERR_AGENTWIRE_ARGUMENT' });
    for (const none of [{}, null, 5, new Map()]) assert.throws(() => monitor.watch(none, 'x'), AgentwireArgumentError);
    for (const name of ['', 5, undefined]) assert.throws(() => monitor.watch(ring, name), AgentwireArgumentError);
  });
});

describe('what goes wrong', () => {
  it('in a pool that was closed is its end, and no end of the monitor', () => {
    const monitor = new PerformanceMonitor(calm);
    const stream = new MemoryMappedBuffer(4096);
    monitor.watch(stream, 'stream');
    assert.equal(monitor.getReport().sample.pools.length, 2);
    stream.close();
    assert.equal(monitor.getReport().sample.pools.length, 1);
    // The name is free again.
    monitor.watch(new MemoryMappedBuffer(4096), 'stream');
  });

  it('in a listener is told as a warning, of an async one too', async () => {
    const monitor = new PerformanceMonitor(calm);
    const warned = new Promise((resolve) => process.once('warning', resolve));
    monitor.once('sample', async () => {
      throw new Error('of an async listener');
    });
    monitor.getReport();
    assert.match((await warned).message, /'sample' threw.*of an async listener/);
  });

  it('when a listener asks for a report is nothing: it gets the sample that it is told of', () => {
    const monitor = new PerformanceMonitor(calm);
    const numbers = [];
    monitor.on('sample', () => numbers.push(monitor.getReport().sample.number));
    monitor.getReport();
    monitor.getReport();
    assert.deepEqual(numbers, [1, 2]);
  });

  it('with a bus that is closed and opened anew is nothing: it counts from its beginning', async (t) => {
    const name = uniqueName('monitor');
    const monitor = new PerformanceMonitor(calm);
    const published = [];
    for (const count of [10, 15]) {
      const bus = new EventBus({ name });
      t.after(() => bus.close());
      for (let index = 0; index < count; index += 1) bus.publish('t', index);
      bus.flush();
      const { sample } = monitor.getReport();
      published.push(Math.round(sample.buses[0].published * sample.seconds));
      bus.close();
    }
    assert.deepEqual(published, [10, 15]);
  });
});

describe('a monitor', () => {
  it('reports all that was recorded since it was made or reset, within 1 %', () => {
    const monitor = new PerformanceMonitor(calm);
    for (let ms = 1; ms <= 100; ms += 1) sampleOf(monitor, ms / 10, 1);
    const { latency, memory } = monitor.getReport();
    assert.equal(latency.count, 100);
    assert.ok(Math.abs(latency.p50 - 5e6) <= 5e4, `${latency.p50}`);
    assert.ok(memory.peakResident >= memory.resident && memory.heapUsed > 0);
    monitor.reset();
    assert.equal(monitor.getReport().latency.count, 0);
    monitor.reset();
    assert.deepEqual([monitor.history.length, monitor.exportData().alerts.length], [0, 0]);
    assert.equal(sampleOf(monitor, 1, 7).latency.count, 7);
  });

  it('forgets by a reset what buses did, and loses nothing by being started', async (t) => {
    const bus = openBus(t);
    let handled = 0;
    bus.subscribe('t', () => {
      handled += 1;
    });
    const monitor = new PerformanceMonitor(calm);
    for (let index = 0; index < 100; index += 1) bus.publish('t', index);
    await waitUntil(() => handled === 100, 'the messages');
    monitor.startMonitoring().stopMonitoring();
    const { latency, sample } = monitor.getReport();
    assert.ok(latency.count > 0);
    assert.equal(Math.round(sample.buses[0].published * sample.seconds), 100);
    for (let index = 0; index < 100; index += 1) bus.publish('t', index);
    await waitUntil(() => handled === 200, 'the other messages');
    monitor.reset();
    const after = monitor.getReport();
    assert.deepEqual([after.latency.count, after.sample.buses[0].published], [0, 0]);
  });

  it('keeps 300 samples and exports them as plain data', () => {
    const monitor = new PerformanceMonitor(calm);
    for (let sample = 0; sample < 305; sample += 1) monitor.getReport();
    assert.equal(monitor.history.length, 300);
    assert.equal(monitor.history.at(-1).number, 305);
    const exported = monitor.exportData();
    assert.equal(exported.samples.length, 300);
    assert.deepEqual(Object.keys(exported), ['thresholds', 'report', 'samples', 'alerts', 'histogram']);
    assert.deepEqual(structuredClone(exported), exported);
  });

  it('says what is wrong with what it is given', () => {
    for (const thresholds of [
      null,
      5,
      { latencyP95Ms: -1 },
      { latencyP95Ms: '1' },
      { poolUtilization: 90 },
      { errorRate: 2 },
      { cpuPercentage: 200 },
      { monitoringIntervalMs: 1 },
      { monitoringIntervalMs: 15.5 },
    ]) {
      assert.throws(() => new PerformanceMonitor(thresholds), AgentwireArgumentError, JSON.stringify(thresholds));
    }
    assert.throws(() => new PerformanceMonitor({ latencyP95: 1 }), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION' });
    const monitor = new PerformanceMonitor();
    for (const ns of [-1, Number.NaN, '5']) assert.throws(() => monitor.recordLatency(ns), AgentwireArgumentError);
    assert.throws(() => monitor.on('alarm', () => {}), AgentwireArgumentError);
    assert.throws(() => monitor.on('alert', 5), AgentwireArgumentError);
  });

  it('starts and stops as often as one likes', () => {
    const monitor = new PerformanceMonitor();
    assert.equal(monitor.isMonitoring, false);
    monitor.startMonitoring().startMonitoring();
    assert.equal(monitor.isMonitoring, true);
    monitor.stopMonitoring().stopMonitoring();
    assert.equal(monitor.isMonitoring, false);
    monitor.startMonitoring();
    monitor[Symbol.dispose]();
    assert.equal(monitor.isMonitoring, false);
  });

  it('prints nothing, and lets the process end', async () => {
    const program = `
      const { EventBus, PerformanceMonitor } = require('agentwire');
      const monitor = new PerformanceMonitor({ latencyP95Ms: 0, memoryUsageMB: 0, monitoringIntervalMs: 10 }).startMonitoring();
      const bus = new EventBus();
      bus.subscribe('t', () => {});
      for (let index = 0; index < 1000; index += 1) bus.publish('t', index);
      setTimeout(() => { process.exitCode = monitor.getReport().alerts.length > 0 ? 0 : 3; }, 100);
    `;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', program], { cwd: __dirname });
    assert.deepEqual([stdout, stderr], ['', '']);
  });

  it('of the whole thread is made when it is first used', () => {
    assert.ok(globalPerformanceMonitor instanceof PerformanceMonitor);
    assert.equal(globalPerformanceMonitor.getReport().sample.number, 1);
    assert.equal(globalPerformanceMonitor.history.length, 1);
  });
});

it('memory and CPU may be tracked by themselves', () => {
  const memory = new MemoryTracker();
  const { resident } = memory.sample();
  const kept = new Uint8Array(32 << 20).fill(1);
  const { current, peak, growth, samples } = memory.getStats();
  assert.equal(samples, 2);
  assert.ok(
    current.resident > resident && growth === current.resident - resident && peak.resident === current.resident,
  );
  assert.ok(current.external >= kept.length);
  memory.reset();
  assert.equal(memory.getStats().growth, 0);
  const cpu = new CPUTracker();
  const end = performance.now() + 50;
  while (performance.now() < end);
  const { percent, cores } = cpu.getStats();
  assert.ok(percent > 5 && percent <= cores * 100, `${percent}`);
});
