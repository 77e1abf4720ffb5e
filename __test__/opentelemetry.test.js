'use strict';

// OpenTelemetry: the real SDK collects from a monitor; what is missing or wrong.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { describe, it } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const { promisify } = require('node:util');
const { metrics } = require('@opentelemetry/api');
const { MeterProvider, MetricReader } = require('@opentelemetry/sdk-metrics');
const { AgentwireArgumentError, EventBus, PerformanceMonitor, registerOpenTelemetry } = require('agentwire');
const { uniqueName, waitUntil } = require('./helpers.js');

/** Reads when it is asked to. */
class ManualReader extends MetricReader {
  async onShutdown() {}
  async onForceFlush() {}
}

function startProvider(t) {
  const reader = new ManualReader();
  const provider = new MeterProvider({ readers: [reader] });
  t.after(() => provider.shutdown());
  const collect = async () => {
    const { resourceMetrics, errors } = await reader.collect();
    assert.deepEqual(errors, []);
    const all = resourceMetrics.scopeMetrics.flatMap(({ metrics: list }) => list);
    // Of an instrument that nobody observes the SDK has a name, and no points.
    const seen = all.filter(({ dataPoints }) => dataPoints.length > 0);
    return Object.fromEntries(seen.map((metric) => [metric.descriptor.name, metric]));
  };
  return { provider, collect };
}

describe('the SDK', () => {
  it('reads the newest sample at each collection', async (t) => {
    const { provider, collect } = startProvider(t);
    const bus = new EventBus({ name: uniqueName('otel') });
    t.after(() => bus.close());
    let handled = 0;
    bus.subscribe('t', () => {
      handled += 1;
    });
    const monitor = new PerformanceMonitor();
    const { unregister } = registerOpenTelemetry(monitor, { meter: provider.getMeter('test') });
    assert.deepEqual(Object.keys(await collect()), [], 'no sample yet');
    for (const round of [1, 2]) {
      // After a pause the second message is measured, however many went before.
      await pause(15);
      for (let index = 0; index < 10; index += 1) bus.publish('t', index);
      await waitUntil(() => handled === 10 * round, 'the messages');
      monitor.getReport();
      const found = await collect();
      const published = found['agentwire.messages.published'];
      assert.equal(published.descriptor.unit, '{message}');
      assert.equal(published.isMonotonic, true);
      const [point] = published.dataPoints.filter(({ attributes }) => attributes.bus === bus.name);
      assert.equal(point.value, 10 * round);
      const p95 = found['agentwire.communication.latency.p95'];
      assert.equal(p95.descriptor.unit, 's');
      assert.ok(p95.dataPoints[0].value > 0);
      assert.ok(found['agentwire.process.memory.resident'].dataPoints[0].value > 1e6);
    }
    unregister();
    bus.publish('t', 'unseen');
    await waitUntil(() => handled === 21, 'the last message');
    monitor.getReport();
    // The SDK goes on telling what it was told last.
    const [last] = (await collect())['agentwire.messages.published'].dataPoints;
    assert.equal(last.value, 20);
  });

  it('is found through the global meter provider, with names of one’s own', async (t) => {
    const { provider, collect } = startProvider(t);
    metrics.setGlobalMeterProvider(provider);
    t.after(() => metrics.disable());
    const monitor = new PerformanceMonitor();
    monitor.getReport();
    registerOpenTelemetry(monitor, { prefix: 'mine.' });
    assert.ok('mine.communication.queue.depth' in (await collect()));
  });
});

describe('bad input', () => {
  it('names what is no meter and no option', () => {
    const monitor = new PerformanceMonitor();
    for (const options of [null, 5, { meter: {} }, { meter: 5 }, { prefix: 5 }]) {
      assert.throws(() => registerOpenTelemetry(monitor, options), AgentwireArgumentError);
    }
    assert.throws(() => registerOpenTelemetry(monitor, { metre: {} }), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION' });
    for (const source of [undefined, null, {}]) {
      assert.throws(() => registerOpenTelemetry(source), AgentwireArgumentError);
    }
  });

  it('says what to install where the package is missing', async () => {
    const program = `
      const Module = require('node:module');
      const load = Module._load;
      Module._load = (request, ...rest) => {
        if (request.startsWith('@opentelemetry/')) throw new Error('Cannot find module ' + request);
        return load(request, ...rest);
      };
      const { PerformanceMonitor, registerOpenTelemetry } = require('agentwire');
      try { registerOpenTelemetry(new PerformanceMonitor()); } catch ({ code, message }) { console.log(code, message); }
    `;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', program], { cwd: __dirname });
    assert.match(stdout, /^ERR_AGENTWIRE_PEER_MISSING .*npm install @opentelemetry\/api, or give a meter/);
  });
});
