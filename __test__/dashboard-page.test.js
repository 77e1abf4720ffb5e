'use strict';

// The page of a served monitor in a real browser. AGENTWIRE_CHROMIUM names one that is not on the PATH; AGENTWIRE_SCREENSHOTS names a
// folder for pictures of it.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, before, describe, it } = require('node:test');
const { Browser, findChromium } = require('./chromium.js');
const { makeSample, MonitorSource } = require('./fixtures/monitor-source.js');
const { waitUntil } = require('./helpers.js');

const { serveDashboard } = require('../dist/monitor/dashboard/server.js');

const program = findChromium();
const skip = program === undefined && 'no Chromium: install one, or name it in AGENTWIRE_CHROMIUM';
const pictures = process.env.AGENTWIRE_SCREENSHOTS;
if (pictures) fs.mkdirSync(pictures, { recursive: true });

async function serve(t, source, port = 0) {
  const server = await serveDashboard(source, { port });
  t.after(() => server.close());
  return server;
}

const isIn = (state) => document.getElementById('state').dataset.state === state;
const tile = (title) =>
  [...document.querySelectorAll('.tile')].find((tile) => tile.children[0].textContent === title)?.children[1]
    .textContent;
const cells = (title) =>
  [...document.querySelectorAll('#tables article')]
    .filter((card) => card.querySelector('h3').textContent === title)
    .flatMap((card) => [...card.querySelectorAll('tbody tr')])
    .map((row) => [...row.children].map((cell) => cell.textContent.replaceAll('\u00a0', ' ')));

/** How many colours each chart has pixels of; one that is blank has none. */
const coloursOfCharts = () =>
  [...document.querySelectorAll('.chart')].map((card) => {
    const canvas = card.querySelector('canvas');
    if (canvas === null) return { title: card.querySelector('h3').textContent, colours: 0 };
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    for (let i = 0; i < data.length; i += 4)
      if (data[i + 3] > 200) colours.add(data[i] * 65_536 + data[i + 1] * 256 + data[i + 2]);
    return { title: card.querySelector('h3').textContent, colours: colours.size };
  });

describe('the page', { skip }, () => {
  let browser;
  let shown;
  before(() => {
    browser = Browser.start(program);
    shown = new MonitorSource(298);
  });
  after(() => browser.end());

  it('shows charts, figures and tables, and asks nobody else', async (t) => {
    const server = await serve(t, shown);
    const page = await browser.open(server.url, { width: 1440 });
    await page.until(isIn, 'live');
    await page.until(() => document.querySelectorAll('.chart canvas').length === 6);
    for (const { title, colours } of await page.run(coloursOfCharts)) assert.ok(colours > 5, `${title}: ${colours}`);
    const threads = await page.run(cells, 'Threads');
    assert.equal(threads.length, 8);
    assert.ok(threads.some(([name]) => name === 'main'));
    const buses = await page.run(cells, 'Buses');
    assert.deepEqual(
      buses.map(([name]) => name),
      ['agents', 'telemetry', 'audit'],
    );
    assert.match(buses[0][1], /^[\d.]+ k\/s$/);
    assert.equal((await page.run(cells, 'Busiest topics'))[0][0], 'tasks.count');
    assert.equal((await page.run(cells, 'Pools'))[1][4], '91 %');
    const advice = await page.run(() => document.getElementById('advice').textContent);
    assert.match(advice, /BufferPool\(blockSize, 2048\)/);
    const alerts = await page.run(() => [...document.querySelectorAll('#alerts li')].map((item) => item.className));
    assert.deepEqual(alerts, ['critical', 'warning']);
    if (pictures) await page.screenshot(path.join(pictures, 'light.png'));

    assert.deepEqual(page.seen.errors, []);
    const others = page.seen.requests.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:'));
    assert.deepEqual(others, []);
  });

  it('changes with each sample, and by bus', async (t) => {
    const source = new MonitorSource(30);
    const page = await browser.open((await serve(t, source)).url);
    await page.until(isIn, 'live');
    const next = makeSample(31);
    next.buses[0].handled = 1_230_000_000;
    source.push({ buses: next.buses });
    await waitUntil(async () => (await page.run(tile, 'Messages handled')) === '1.23\u00a0G/s', 'the new figure');
    await page.run(() => {
      const select = document.getElementById('bus');
      select.value = [...select.options].find(({ text }) => text === 'audit').value;
      select.dispatchEvent(new Event('change'));
    });
    await waitUntil(async () => (await page.run(cells, 'Buses')).length === 1, 'the one bus');
    assert.equal((await page.run(cells, 'Buses'))[0][0], 'audit');
    // What is pressed changes its chart.
    await page.run(() =>
      [...document.querySelectorAll('.switch button')].find(({ textContent }) => textContent === 'delivered').click(),
    );
    const label = await page.run(() => document.querySelectorAll('.plot')[4].getAttribute('aria-label'));
    assert.match(label, /^Load of threads: .*main .*k\/s/);
    assert.deepEqual(page.seen.errors, []);
  });

  it('shows names as text, whatever they hold', async (t) => {
    const source = new MonitorSource(2);
    const hostile = '<img src=x onerror="document.title=1">';
    const { buses, alerts, process: about, ...rest } = makeSample(3);
    Object.assign(buses[0], { name: hostile, busiestTopics: [{ topic: hostile, published: 1e9 }] });
    const alert = {
      metric: 'process.cpu',
      level: 'warning',
      value: 1,
      threshold: 1,
      message: hostile,
      since: rest.time,
    };
    source.advice = [{ code: 'a', cause: hostile, advice: `<script>alert(1)</script>` }];
    source.push({ ...rest, buses, alerts: [...alerts, alert], process: { ...about, name: hostile } });
    const page = await browser.open((await serve(t, source)).url);
    await page.until(isIn, 'live');
    await waitUntil(async () => (await page.run(cells, 'Busiest topics'))[0]?.[0] === hostile, 'the topic');
    assert.equal(await page.run(() => document.querySelectorAll('body img, body script').length), 0);
    assert.ok((await page.run(() => document.getElementById('process').textContent)).startsWith(hostile));
    assert.ok((await page.run(() => document.getElementById('alerts').textContent)).includes(hostile));
    assert.deepEqual(page.seen.errors, []);
  });

  it('says that the process has ended or the connection is lost, and goes on when it is back', async (t) => {
    const first = await serve(t, new MonitorSource(20));
    const page = await browser.open(first.url);
    await page.until(isIn, 'live');
    const { port } = first;
    await first.close();
    await page.until(isIn, 'ended');
    assert.match(await page.run(() => document.getElementById('notice').textContent), /stopped serving/);
    assert.ok(await page.run(() => document.body.classList.contains('old')));
    if (pictures) await page.screenshot(path.join(pictures, 'ended.png'));

    const source = new MonitorSource(1);
    source.push({ process: { ...makeSample(1).process, name: 'started-anew' } });
    const second = await serve(t, source, port);
    await page.until(isIn, 'live');
    await page.until(() => document.getElementById('process').textContent.startsWith('started-anew'));
    assert.ok(await page.run(() => document.getElementById('notice').hidden));
    // Without a word of farewell, as when a process is killed.
    await page.call('Network.emulateNetworkConditions', {
      offline: true,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: -1,
    });
    for (const socket of second.sockets) socket.destroy();
    await page.until(isIn, 'reconnecting');
    await page.call('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: -1,
    });
    await page.until(isIn, 'live');
  });

  it('says what is missing while there is no bus, and no sample', async (t) => {
    const source = new MonitorSource();
    const page = await browser.open((await serve(t, source)).url);
    await page.until(isIn, 'live');
    await page.until(() => document.getElementById('notice').textContent.startsWith('Waiting for the first sample'));
    source.options = { buses: [] };
    source.push();
    await page.until(() => document.getElementById('empty').textContent.startsWith('No bus is open yet'));
    assert.ok(await page.run(() => document.getElementById('charts').hidden));
    if (pictures) await page.screenshot(path.join(pictures, 'empty.png'));
    source.options = {};
    source.push();
    await page.until(
      () => document.getElementById('empty').hidden && document.querySelectorAll('.chart canvas').length === 6,
    );
    assert.deepEqual(page.seen.errors, []);
  });

  it('is light or dark as the system is, or as the button says, also the next time', async (t) => {
    const page = await browser.open((await serve(t, shown)).url, { width: 1440, theme: 'dark' });
    await page.until(isIn, 'live');
    await page.until(() => document.querySelectorAll('.chart canvas').length === 6);
    const background = () => getComputedStyle(document.body).backgroundColor;
    const dark = await page.run(background);
    for (const { title, colours } of await page.run(coloursOfCharts)) assert.ok(colours > 5, `${title}: ${colours}`);
    if (pictures) await page.screenshot(path.join(pictures, 'dark.png'));
    await page.prefer('light');
    await page.until((dark) => getComputedStyle(document.body).backgroundColor !== dark, dark);
    const light = await page.run(background);
    await page.run(() => document.getElementById('theme').click());
    assert.equal(await page.run(background), dark);
    await page.call('Page.reload');
    await page.until(() => document.getElementById('state')?.dataset.state === 'live');
    assert.equal(await page.run(background), dark);
    await page.run(() => document.getElementById('theme').click());
    assert.equal(await page.run(background), light);
    assert.equal(await page.run(() => localStorage.getItem('agentwire-theme')), null);
    assert.deepEqual(page.seen.errors, []);
  });

  it('is as readable as its colours promise', async (t) => {
    const page = await browser.open((await serve(t, shown)).url);
    await page.until(isIn, 'live');
    for (const theme of ['light', 'dark']) {
      await page.prefer(theme);
      await page.until((theme) => document.documentElement.dataset.theme === theme, theme);
      const contrasts = await page.run(() => {
        const value = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
        const luminance = (name) => {
          const parts = [1, 3, 5].map((at) => Number.parseInt(value(name).slice(at, at + 2), 16) / 255);
          const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const contrast = (a, b) => {
          const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
          return (high + 0.05) / (low + 0.05);
        };
        const text = ['--text', '--muted', '--accent', '--good', '--warning', '--critical'];
        const pairs = text.flatMap((name) => [
          [name, '--surface', 4.5],
          [name, '--page', 4.5],
        ]);
        pairs.push(
          ['--warning', '--warning-back', 4.5],
          ['--critical', '--critical-back', 4.5],
          ['--muted', '--warning-back', 4.5],
        );
        pairs.push(['--muted', '--critical-back', 4.5], ['--text', '--sunken', 4.5], ['--muted', '--sunken', 4.5]);
        for (let slot = 0; slot < 6; slot += 1) pairs.push([`--c${slot}`, '--surface', 3]);
        return pairs
          .filter(([a, b, least]) => contrast(a, b) < least)
          .map(([a, b]) => `${a} on ${b}: ${contrast(a, b).toFixed(2)}`);
      });
      assert.deepEqual(contrasts, [], theme);
    }
  });

  it('fits a narrow screen', async (t) => {
    const page = await browser.open((await serve(t, shown)).url, { width: 400, height: 800 });
    await page.until(isIn, 'live');
    await page.until(() => document.querySelectorAll('.chart canvas').length === 6);
    const { page: width, window } = await page.run(() => ({
      page: document.documentElement.scrollWidth,
      window: innerWidth,
    }));
    assert.deepEqual([width, window], [400, 400]);
    if (pictures) await page.screenshot(path.join(pictures, 'narrow.png'));
    // And back to a wide one.
    await page.resize(1280, 800);
    await page.until(() => document.querySelector('.chart canvas').getBoundingClientRect().width > 500);
  });
});
