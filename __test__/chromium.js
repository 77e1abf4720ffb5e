'use strict';

// A headless Chromium, driven over two pipes by the DevTools protocol: https://chromedevtools.github.io/devtools-protocol/

const { spawn, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { waitUntil } = require('./helpers.js');

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** The program that AGENTWIRE_CHROMIUM names, else one on the PATH; undefined where there is none. */
function findChromium() {
  const candidates = process.env.AGENTWIRE_CHROMIUM ? [process.env.AGENTWIRE_CHROMIUM] : names;
  return candidates.find((name) => spawnSync(name, ['--version'], { timeout: 60_000 }).status === 0);
}

class Browser {
  #calls = new Map();
  #listeners = new Set();
  #number = 0;
  #rest = '';

  static start(program) {
    const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'agentwire-chromium-'));
    const options = ['--headless=new', '--remote-debugging-pipe', `--user-data-dir=${profile}`, '--hide-scrollbars'];
    // What the browser would ask of others by itself; and a sandbox, which root and containers may not have.
    options.push('--disable-background-networking', '--no-first-run', '--disable-gpu', '--disable-dev-shm-usage');
    options.push('--no-sandbox', '--force-color-profile=srgb');
    const child = spawn(program, options, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    return new Browser(child, profile);
  }

  constructor(child, profile) {
    this.child = child;
    this.profile = profile;
    this.exited = new Promise((resolve) => child.once('exit', resolve));
    for (const pipe of [child.stdio[3], child.stdio[4]]) pipe.on('error', () => {});
    child.stdio[4].setEncoding('utf8').on('data', (text) => {
      const messages = (this.#rest + text).split('\0');
      this.#rest = messages.pop();
      for (const message of messages) this.#receive(JSON.parse(message));
    });
  }

  async end() {
    // It may be gone before it has answered.
    this.call('Browser.close').catch(() => {});
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    await this.exited;
    clearTimeout(timer);
    // Processes of its own may outlive it by a moment.
    await fs.promises.rm(this.profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  #receive(message) {
    if (message.id === undefined) {
      for (const listener of this.#listeners) listener(message);
      return;
    }
    const { resolve, reject } = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    if (message.error === undefined) resolve(message.result);
    else reject(new Error(message.error.message));
  }

  call(method, params = {}, sessionId = undefined) {
    this.#number += 1;
    const id = this.#number;
    const answered = new Promise((resolve, reject) => this.#calls.set(id, { resolve, reject }));
    this.child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return answered;
  }

  /** A tab of this size that shares nothing with others, in which `seen` collects what the page says, is refused and asks for. */
  async open(url, { width = 1280, height = 1000, theme = 'light', scale = 1 } = {}) {
    const { browserContextId } = await this.call('Target.createBrowserContext');
    const { targetId } = await this.call('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.call('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId);
    this.#listeners.add((message) => message.sessionId === sessionId && page.hear(message));
    for (const domain of ['Page', 'Runtime', 'Network', 'Log', 'Audits']) await page.call(`${domain}.enable`);
    await page.resize(width, height, scale);
    await page.prefer(theme);
    await page.call('Page.navigate', { url });
    return page;
  }
}

class Page {
  seen = { errors: [], requests: [] };

  constructor(browser, sessionId) {
    this.browser = browser;
    this.sessionId = sessionId;
  }

  call(method, params) {
    return this.browser.call(method, params, this.sessionId);
  }

  hear({ method, params }) {
    const { errors, requests } = this.seen;
    if (method === 'Network.requestWillBeSent') requests.push(params.request.url);
    if (method === 'Runtime.exceptionThrown')
      errors.push(params.exceptionDetails.exception?.description ?? 'exception');
    if (method === 'Runtime.consoleAPICalled' && ['error', 'warning', 'assert'].includes(params.type)) {
      errors.push(params.args.map(({ value, description }) => value ?? description).join(' '));
    }
    if (method === 'Log.entryAdded' && params.entry.level === 'error') errors.push(params.entry.text);
    if (method === 'Audits.issueAdded' && params.issue.code === 'ContentSecurityPolicyIssue') {
      errors.push(JSON.stringify(params.issue.details));
    }
  }

  resize(width, height, deviceScaleFactor = 1) {
    return this.call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor, mobile: false });
  }

  prefer(theme) {
    return this.call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: theme }] });
  }

  /** Runs a function in the page; it sees only its arguments. */
  async run(action, ...args) {
    const expression = `(${action})(${args.map((arg) => JSON.stringify(arg)).join(', ')})`;
    const { result, exceptionDetails } = await this.call('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? 'the page threw');
    return result.value;
  }

  until(action, ...args) {
    return waitUntil(() => this.run(action, ...args).catch(() => false), `${action} in the page`);
  }

  /** All of the page, as PNG. */
  async screenshot(file) {
    const { cssContentSize } = await this.call('Page.getLayoutMetrics');
    const clip = { x: 0, y: 0, width: cssContentSize.width, height: cssContentSize.height, scale: 1 };
    const { data } = await this.call('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true, clip });
    fs.writeFileSync(file, Buffer.from(data, 'base64'));
  }
}

module.exports = { Browser, findChromium };
