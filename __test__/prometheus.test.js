'use strict';

// Prometheus: the text is read back by a reader that is as strict as the format, whatever buses and topics are called; the handler.

const assert = require('node:assert/strict');
const http = require('node:http');
const { describe, it } = require('node:test');
const { setTimeout: pause } = require('node:timers/promises');
const fc = require('fast-check');
const {
  AgentwireArgumentError,
  BufferPool,
  EventBus,
  PerformanceMonitor,
  prometheusHandler,
  prometheusText,
} = require('agentwire');
const { uniqueName, waitUntil } = require('./helpers.js');

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** Reads labels as the format's grammar has them, character by character. */
function readLabels(text, at) {
  const labels = {};
  let next = at + 1;
  while (text[next] !== '}') {
    const [name] =
      /^[a-zA-Z_][a-zA-Z0-9_]*/.exec(text.slice(next)) ?? assert.fail(`a label's name at ${text.slice(next)}`);
    next += name.length;
    assert.equal(text.slice(next, next + 2), '="');
    next += 2;
    let value = '';
    while (text[next] !== '"') {
      assert.ok(next < text.length && text[next] !== '\n', 'a label ends on its line');
      if (text[next] === '\\') {
        next += 1;
        const escaped = { '\\': '\\', '"': '"', n: '\n' }[text[next]];
        assert.ok(escaped !== undefined, `\\${text[next]} is no escape`);
        value += escaped;
      } else value += text[next];
      next += 1;
    }
    assert.ok(!(name in labels), `${name} twice`);
    labels[name] = value;
    next += 1;
    if (text[next] === ',') next += 1;
    else assert.equal(text[next], '}');
  }
  return { labels, end: next + 1 };
}

/** The families of a text: `{name, type, help, points}`. Throws for what the format does not allow. */
function read(text) {
  assert.ok(text === '' || text.endsWith('\n'));
  const families = [];
  const seen = new Set();
  for (const line of text.split('\n').slice(0, -1)) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name, rest] = comment;
      assert.match(name, NAME);
      if (kind === 'HELP') {
        assert.ok(!families.some((family) => family.name === name), `${name} twice`);
        families.push({ name, help: rest, points: [] });
      } else {
        assert.equal(families.at(-1).name, name, 'TYPE stands behind HELP');
        assert.match(rest, /^(counter|gauge)$/);
        families.at(-1).type = rest;
      }
      continue;
    }
    assert.ok(!line.startsWith('#'), line);
    const [name] = /^[^{\s]+/.exec(line);
    assert.match(name, NAME);
    const { labels, end } =
      line[name.length] === '{' ? readLabels(line, name.length) : { labels: {}, end: name.length };
    const value = /^ (NaN|[+-]Inf|-?\d+(\.\d+)?(e[+-]?\d+)?)$/.exec(line.slice(end));
    assert.ok(value !== null, `no value in ${line}`);
    assert.equal(families.at(-1).name, name, 'points stand behind their family');
    const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
    assert.ok(!seen.has(key), `${key} twice`);
    seen.add(key);
    families.at(-1).points.push({ labels, value: Number(value[1]) });
  }
  for (const { name, type, points } of families) {
    assert.ok(type !== undefined && points.length > 0, name);
    assert.equal(type === 'counter', name.endsWith('_total'), name);
  }
  return Object.fromEntries(families.map((family) => [family.name, family]));
}

describe('the text', () => {
  it('has what a bus did, in base units, and counters that only grow', async (t) => {
    const bus = new EventBus({ name: uniqueName('prometheus'), onError: () => {} });
    t.after(() => bus.close());
    const monitor = new PerformanceMonitor();
    let calls = 0;
    bus.subscribe('good', () => {
      calls += 1;
    });
    bus.subscribe('bad', () => {
      calls += 1;
      throw new Error('of the handler');
    });
    const of = (families, name) => families[name].points.find(({ labels }) => labels.bus === bus.name).value;
    for (const round of [1, 2]) {
      // After a pause the second message is measured, however many went before.
      await pause(15);
      for (let index = 0; index < 5; index += 1) bus.publish('good', index);
      bus.publish('bad', 0);
      await waitUntil(() => calls === 6 * round, 'the messages');
      const families = read(monitor.prometheus());
      assert.equal(of(families, 'agentwire_messages_published_total'), 6 * round);
      assert.equal(of(families, 'agentwire_messages_handled_total'), 5 * round);
      assert.equal(of(families, 'agentwire_messages_failed_total'), round);
      const p95 = of(families, 'agentwire_message_latency_p95_seconds');
      assert.ok(p95 > 0 && p95 < 60, `${p95} s`);
      assert.equal(families.agentwire_communication_latency_p95_seconds.points[0].value, p95);
      assert.ok(families.agentwire_process_memory_resident_bytes.points[0].value > 1e6);
      assert.ok(families.agentwire_thread_delivered_per_second.points.some(({ labels }) => labels.thread === 'main'));
      const alerts = families.agentwire_alerts.points.map(({ labels }) => labels.level);
      assert.deepEqual(alerts, ['warning', 'critical']);
    }
  });

  it('is well formed whatever buses, tenants and pools are called', () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 20 })
      .map((text) => `n${text.toWellFormed?.() ?? text}`);
    const property = fc.property(name, name, name, (busName, tenant, poolName) => {
      fc.pre(poolName !== 'messages');
      const bus = new EventBus({ name: busName });
      const channel = bus.channel(tenant);
      const monitor = new PerformanceMonitor();
      monitor.watch(new BufferPool(64, 4), poolName);
      try {
        const families = read(monitor.prometheus());
        const [first, second] = families.agentwire_queue_depth.points;
        assert.deepEqual(first.labels, { bus: busName });
        assert.deepEqual(second.labels, { bus: busName, tenant });
        assert.ok(families.agentwire_pool_capacity.points.some(({ labels }) => labels.pool === poolName));
      } finally {
        channel.close();
        bus.close();
      }
    });
    fc.assert(property, { numRuns: Number(process.env.AGENTWIRE_FUZZ_RUNS ?? 100) });
  });

  it('of a sample is the same whoever writes it', () => {
    const monitor = new PerformanceMonitor();
    const { sample } = monitor.getReport();
    assert.equal(prometheusText(sample), prometheusText(JSON.parse(JSON.stringify(sample))));
  });
});

describe('the handler', () => {
  it('answers a server of node:http, and refuses what is no reading', async (t) => {
    const monitor = new PerformanceMonitor();
    const server = http.createServer(prometheusHandler(monitor)).listen(0, '127.0.0.1');
    t.after(() => server.close());
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `http://127.0.0.1:${server.address().port}/metrics`;
    const empty = await fetch(url);
    assert.deepEqual([empty.status, await empty.text()], [200, '']);
    monitor.getReport();
    const full = await fetch(url);
    assert.equal(full.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.ok('agentwire_communication_queue_depth' in read(await full.text()));
    const head = await fetch(url, { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
    const post = await fetch(url, { method: 'POST', body: 'x' });
    assert.deepEqual([post.status, post.headers.get('allow')], [405, 'GET, HEAD']);
  });
});

it('what could not be told apart, or not be read, is refused before anybody scrapes', () => {
  // In UTF-8 the two are one: a text with the same series twice, which Prometheus refuses as a whole.
  const bus = new EventBus({ name: uniqueName('halves') });
  const monitor = new PerformanceMonitor();
  for (const half of ['\ud800', 'a\udfff']) {
    assert.throws(() => new EventBus({ name: half }), AgentwireArgumentError);
    assert.throws(() => bus.channel(half), AgentwireArgumentError);
    assert.throws(() => monitor.watch(new BufferPool(64, 4), half), AgentwireArgumentError);
  }
  bus.close();
  for (const source of [undefined, null, 5, {}, { history: 5 }]) {
    assert.throws(() => prometheusHandler(source), AgentwireArgumentError);
  }
  for (const sample of [undefined, null, 5, {}, monitor.history]) {
    assert.throws(() => prometheusText(sample), AgentwireArgumentError);
  }
});

it('JSON has everything, with a name and a version of its form', () => {
  const monitor = new PerformanceMonitor();
  monitor.recordLatency(5000);
  const { format, version, report, histogram, samples } = JSON.parse(JSON.stringify(monitor));
  assert.deepEqual([format, version], ['agentwire.monitor', 1]);
  assert.equal(report.latency.count, 1);
  assert.equal(histogram.boundaries.at(-1), null);
  assert.equal(samples.length, 1);
});
