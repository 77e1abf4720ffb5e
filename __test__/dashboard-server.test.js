'use strict';

// What a served monitor answers, to whom, and how it ends.

const assert = require('node:assert/strict');
const http = require('node:http');
const net = require('node:net');
const path = require('node:path');
const { describe, it } = require('node:test');
const { EventBus, globalPerformanceMonitor, PerformanceMonitor } = require('agentwire');
const { MonitorSource } = require('./fixtures/monitor-source.js');
const { runNode, uniqueName, waitUntil } = require('./helpers.js');

const { serveDashboard } = require('../dist/monitor/dashboard/server.js');

async function serve(t, source = new MonitorSource(3), options = { port: 0 }) {
  const server = await serveDashboard(source, options);
  t.after(() => server.close());
  return { server, source };
}

/** One request, on a connection of its own. */
function ask(server, target, { method = 'GET', headers = {}, host = '127.0.0.1' } = {}) {
  return new Promise((resolve, reject) => {
    const options = { host, port: server.port, path: target, method, headers, agent: false };
    const request = http.request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
    });
    request.on('error', reject).end();
  });
}

/** Reads the stream of events as they come. */
async function follow(t, server) {
  const events = [];
  const request = http.get({ host: '127.0.0.1', port: server.port, path: '/api/events', agent: false });
  t.after(() => request.destroy());
  const response = await new Promise((resolve, reject) => request.on('response', resolve).on('error', reject));
  let text = '';
  response.setEncoding('utf8').on('data', (part) => {
    text += part;
    const whole = text.split('\n\n');
    text = whole.pop();
    for (const block of whole) events.push(Object.fromEntries(block.split('\n').map((line) => line.split(/: ?(.*)/s))));
  });
  const ended = new Promise((resolve) => response.on('close', resolve));
  response.on('error', () => {});
  return { response, events, ended, samples: () => events.filter(({ id }) => id !== undefined) };
}

const refused = (promise, code, message) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.code, code, error.stack);
    assert.match(error.message, message);
    return true;
  });

describe('a served monitor', () => {
  it('answers with the page, its files and the samples', async (t) => {
    const { server, source } = await serve(t);
    assert.equal(server.url, `http://127.0.0.1:${server.port}/`);
    const { status, headers, text } = await ask(server, '/');
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'text/html; charset=utf-8');
    const files = [...text.matchAll(/(?:src|href)="([^":]+\.\w+)"/g)].map(([, file]) => file);
    assert.ok(files.includes('uplot.js') && files.includes('app.mjs'), files.join());
    for (const file of files) {
      const answer = await ask(server, `/${file}`);
      assert.equal(answer.status, 200, file);
      assert.match(answer.headers['content-type'], /^text\/(css|javascript|plain); charset=utf-8$/, file);
    }
    const history = await ask(server, '/api/history?whatever');
    assert.equal(history.headers['content-type'], 'application/json; charset=utf-8');
    assert.equal(history.headers['cache-control'], 'no-store');
    const { samples, recommendations } = JSON.parse(history.text);
    // The topics are those of the newest sample alone.
    const expected = JSON.parse(JSON.stringify(source.history));
    for (const { buses } of expected.slice(0, -1)) for (const bus of buses) bus.busiestTopics = [];
    assert.deepEqual(samples, expected);
    assert.notDeepEqual(samples.at(-1).buses[0].busiestTopics, []);
    assert.deepEqual(recommendations, source.recommendations());
  });

  it('allows the page nothing but its own files, with every answer', async (t) => {
    const { server } = await serve(t);
    for (const target of ['/', '/style.css', '/api/history', '/nothing']) {
      const { headers } = await ask(server, target);
      const policy = new Map(headers['content-security-policy'].split('; ').map((rule) => rule.split(/ (.*)/)));
      assert.equal(policy.get('default-src'), "'none'");
      for (const rule of ['base-uri', 'form-action', 'frame-ancestors']) assert.equal(policy.get(rule), "'none'", rule);
      for (const rule of ['script-src', 'style-src', 'connect-src']) assert.equal(policy.get(rule), "'self'", rule);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['referrer-policy'], 'no-referrer');
      assert.equal(headers['access-control-allow-origin'], undefined);
    }
  });

  it('can only be read, and has nothing else', async (t) => {
    const { server } = await serve(t);
    for (const target of ['/', '/app.mjs', '/api/history', '/api/events']) {
      const { status, headers } = await ask(server, target, { method: 'POST' });
      assert.deepEqual([status, headers.allow], [405, 'GET, HEAD'], target);
      const head = await ask(server, target, { method: 'HEAD' });
      assert.deepEqual([head.status, head.text], [200, ''], target);
    }
    const others = [
      '/nothing',
      '/index.html.map',
      '/../server.js',
      '/%2e%2e/server.js',
      '/page/index.html',
      '//',
      '/api',
    ];
    for (const target of others) assert.equal((await ask(server, target)).status, 404, target);
    const { text } = await ask(server, '/nothing');
    assert.match(text, /\/api\/history/);
  });

  it('of this machine alone refuses names that others can give it', async (t) => {
    const { server } = await serve(t);
    for (const host of [
      'evil.example',
      'evil.example:80',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
      '[::2]',
      'localhost:80:80',
      '10.0.0.1',
    ]) {
      const { status, text } = await ask(server, '/api/history', { headers: { host } });
      assert.equal(status, 403, host);
      assert.match(text, /own machine.*serve\(\{ host \}\)/);
    }
    for (const host of [
      'localhost',
      `LOCALHOST:${server.port}`,
      'a.localhost',
      '127.0.0.1',
      '127.1.2.3:1',
      '[::1]:5',
    ]) {
      assert.equal((await ask(server, '/', { headers: { host } })).status, 200, host);
    }
  });

  it('of all addresses is asked by any name', async (t) => {
    const { server } = await serve(t, undefined, { port: 0, host: '0.0.0.0' });
    assert.equal(server.url, `http://localhost:${server.port}/`);
    assert.equal((await ask(server, '/', { headers: { host: 'build-7.example' } })).status, 200);
  });

  it('sends the newest sample at once, then each one, to every reader', async (t) => {
    const { server, source } = await serve(t);
    const readers = [await follow(t, server), await follow(t, server)];
    for (const { response } of readers) {
      assert.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8');
      assert.equal(response.headers['cache-control'], 'no-store');
    }
    source.push();
    source.push();
    for (const reader of readers) {
      await waitUntil(() => reader.samples().length === 3, 'three events');
      assert.deepEqual(
        reader.samples().map(({ id }) => id),
        ['3', '4', '5'],
      );
      const { sample, recommendations } = JSON.parse(reader.samples()[2].data);
      assert.deepEqual(sample, JSON.parse(JSON.stringify(source.history.at(-1))));
      assert.deepEqual(recommendations, source.recommendations());
    }
  });

  it('cuts off a reader that does not read, and nobody else', async (t) => {
    const { server, source } = await serve(t);
    const slow = net.connect(server.port, '127.0.0.1');
    slow.on('error', () => {});
    t.after(() => slow.destroy());
    slow.pause();
    slow.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const quick = await follow(t, server);
    const name = 'n'.repeat(256 * 1024);
    const process = { ...source.history[0].process, name };
    const isCut = new Promise((resolve) => slow.on('close', () => resolve(true)));
    let cut = false;
    isCut.then(() => (cut = true));
    // The system's buffers take some megabytes before the reader is seen to be slow.
    let pushed = 0;
    await waitUntil(() => {
      source.push({ process });
      pushed += 1;
      // A socket that is paused does not notice its end; what it can still read ends then.
      if (pushed > 200) slow.resume();
      return cut;
    }, 'the slow reader to be cut off');
    await waitUntil(() => quick.samples().length === pushed + 1, 'the other reader to get everything');
  });

  it('has no more than so many readers at a time', async (t) => {
    const { server } = await serve(t);
    for (let i = 0; i < 64; i += 1) await follow(t, server);
    const { status, text } = await ask(server, '/api/events');
    assert.equal(status, 503);
    assert.match(text, /64 are connected/);
  });

  it('ends all connections when it is closed, and says so', async (t) => {
    const { server, source } = await serve(t);
    const reader = await follow(t, server);
    const idle = net.connect(server.port, '127.0.0.1');
    await new Promise((resolve) => idle.once('connect', resolve));
    const idleEnded = new Promise((resolve) => idle.on('close', resolve));
    idle.on('error', () => {}).resume();
    assert.equal(source.listeners.size, 1);
    const { port } = server;
    await Promise.all([server.close(), server.close()]);
    await Promise.all([reader.ended, idleEnded]);
    assert.equal(reader.events.at(-1).event, 'end');
    assert.equal(source.listeners.size, 0);
    // It still says where it was, and the port is free.
    assert.equal(server.port, port);
    const next = await serveDashboard(source, { port });
    await next[Symbol.asyncDispose]();
    await server.close();
  });
});

describe('monitor.serve', () => {
  it('serves what the monitor sees', async (t) => {
    const bus = new EventBus({ name: uniqueName() });
    t.after(() => bus.close());
    bus.subscribe('a.*', () => {});
    const monitor = new PerformanceMonitor({ monitoringIntervalMs: 20 }).startMonitoring();
    t.after(() => monitor.stopMonitoring());
    const server = await monitor.serve({ port: 0 });
    t.after(() => server.close());
    const reader = await follow(t, server);
    bus.publish('a.b', 1);
    const isSeen = ({ data }) => {
      const { sample } = JSON.parse(data);
      return sample.buses.some(({ name, handled }) => name === bus.name && handled > 0);
    };
    await waitUntil(() => reader.samples().some(isSeen), 'the message in a sample');
    const { samples } = JSON.parse((await ask(server, '/api/history')).text);
    assert.ok(samples.length > 0 && samples.length <= monitor.history.length);
    await refused(monitor.serve({ port: server.port }), 'ERR_AGENTWIRE_PORT_IN_USE', /in use/);
  });

  it('serves a monitor that takes no samples, and the global one', async (t) => {
    const server = await globalPerformanceMonitor.serve({ port: 0 });
    t.after(() => server.close());
    assert.deepEqual(JSON.parse((await ask(server, '/api/history')).text), { samples: [], recommendations: [] });
  });
});

describe('serve', () => {
  it('refuses what is no port and no host', async () => {
    const source = new MonitorSource();
    for (const port of [-1, 65_536, 1.5, '80', Number.NaN, null]) {
      await refused(
        serveDashboard(source, { port }),
        'ERR_AGENTWIRE_ARGUMENT',
        /^port must be an integer from 0 to 65,535/,
      );
    }
    for (const host of ['', 'http://127.0.0.1', 'a b', 5, null, 'no-such-host.invalid', '203.0.113.1']) {
      await refused(
        serveDashboard(source, { port: 0, host }),
        'ERR_AGENTWIRE_ARGUMENT',
        /^host must be an address or a name/,
      );
    }
    await refused(serveDashboard(source, { prot: 0 }), 'ERR_AGENTWIRE_UNKNOWN_OPTION', /prot.*port, host/);
    await refused(serveDashboard(source, null), 'ERR_AGENTWIRE_ARGUMENT', /^options must be an object/);
    assert.equal(source.listeners.size, 0);
  });

  it('says what to do where the port is taken', async (t) => {
    const { server, source } = await serve(t);
    const again = serveDashboard(source, { port: server.port });
    await refused(again, 'ERR_AGENTWIRE_PORT_IN_USE', new RegExp(`port ${server.port} .* in use.*port: 0`));
    assert.equal(source.listeners.size, 1);
  });

  it('listens on the IPv6 loopback too', async (t) => {
    const server = await serveDashboard(new MonitorSource(1), { port: 0, host: '::1' }).catch((error) => error);
    if (server instanceof Error) return t.skip(`no IPv6 here: ${server.message}`);
    t.after(() => server.close());
    assert.equal(server.url, `http://[::1]:${server.port}/`);
    assert.equal((await ask(server, '/', { host: '::1' })).status, 200);
  });

  it('lets the process end, unless it is asked to keep it', async () => {
    const program = (afterwards) => `
      const { serveDashboard } = require(${JSON.stringify(path.join(__dirname, '../dist/monitor/dashboard/server.js'))});
      const { MonitorSource } = require(${JSON.stringify(path.join(__dirname, 'fixtures/monitor-source.js'))});
      const http = require('node:http');
      serveDashboard(new MonitorSource(1), { port: 0 }).then(async (server) => {
        // A reader in another process does not hold this one either.
        const reader = 'require("node:http").get(process.argv[1], (r) => r.resume()).on("error", () => {})';
        const child = require('node:child_process').spawn(process.execPath, ['-e', reader, server.url + 'api/events']);
        child.unref();
        for (const stream of child.stdio) { stream.unref(); }
        await new Promise((resolve) => setTimeout(resolve, 500));
        process.on('exit', () => process.stdout.write('ended'));
        ${afterwards}
      });`;
    assert.equal((await runNode(['-e', program('')])).stdout, 'ended');
    const kept = program(
      'server.ref(); setTimeout(() => { process.stdout.write("kept "); server.close(); }, 300).unref();',
    );
    assert.equal((await runNode(['-e', kept])).stdout, 'kept ended');
    const released = program(
      'server.ref(); server.unref(); setTimeout(() => process.stdout.write("kept "), 60000).unref();',
    );
    assert.equal((await runNode(['-e', released])).stdout, 'ended');
  });
});
