'use strict';

// What has ended leaves nothing behind: no hold on what came after it, nobody who waits, no process that stays.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus } = require('agentwire');
const { runNode, turn, uniqueName, waitUntil } = require('./helpers.js');

const never = () => new Promise(() => {});

describe('a subscription of a bus that was drained', () => {
  it('does not end the one that has its place', async (t) => {
    const [drained, other] = [uniqueName('ended'), uniqueName('ended')].map((name) => new EventBus({ name }));
    t.after(() => other.close());
    const slow = Promise.withResolvers?.() ?? {};
    slow.promise ??= new Promise((resolve) => Object.assign(slow, { resolve }));
    const old = drained.subscribe('a', () => {});
    drained.subscribe('b', () => slow.promise);
    drained.publish('b', 1);
    drained.flush();
    const closing = drained.close({ drain: true });
    await turn();
    // Folds, so that the idle one gives its place back, and takes it.
    other.getMetrics();
    const got = [];
    const taker = other.subscribe('c', (value) => got.push(value));
    old.unsubscribe();
    assert.equal(taker.closed, false);
    assert.equal(other.countMatchingSubscriptions('c'), 1);
    other.publish('c', 'still here');
    await waitUntil(() => got.length === 1, 'the message');
    slow.resolve();
    assert.deepEqual(await closing, { drained: true, unfinished: 0 });
  });
});

describe('requests that gave up while they waited for room', () => {
  it('keep no process', async () => {
    const program = `
      const { EventBus } = require('agentwire');
      const bus = new EventBus();
      bus.subscribe('full', () => new Promise(() => {}), { queueLimit: 1 });
      bus.publish('full', 0);
      bus.flush();
      const requests = Array.from({ length: 200 }, (_, n) => bus.request('full', n, { timeoutMs: 2 }));
      Promise.allSettled(requests).then((all) => console.log(new Set(all.map(({ reason }) => reason.code))));
    `;
    const { code, stdout, stderr } = await runNode(['-e', program], { cwd: `${__dirname}/..`, timeout: 60_000 });
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /ERR_AGENTWIRE_REQUEST_TIMEOUT/);
  });
});

describe('a close that drains', () => {
  it('is over when the bus is closed at once', async () => {
    const program = `
      const { EventBus } = require('agentwire');
      const bus = new EventBus();
      bus.subscribe('a', () => new Promise(() => {}));
      bus.publish('a', 0);
      bus.flush();
      setImmediate(() => {
        const draining = bus.close({ drain: true, timeoutMs: 2 ** 31 - 1 });
        setImmediate(() => {
          bus.close();
          draining.then((result) => console.log(JSON.stringify(result)));
        });
      });
    `;
    const { code, stdout } = await runNode(['-e', program], { cwd: `${__dirname}/..`, timeout: 60_000 });
    assert.deepEqual([code, stdout.trim()], [0, '{"drained":false,"unfinished":1}']);
  });
});

describe('an error', () => {
  it('that is too large for an answer is cut', async (t) => {
    const bus = new EventBus({ name: uniqueName('ended'), onError: () => {} });
    t.after(() => bus.close());
    const fail = () => {
      throw new Error('x'.repeat(40 * 1024 * 1024));
    };
    bus.subscribe('q', fail);
    await assert.rejects(bus.request('q', 1), ({ code, message }) => {
      assert.equal(code, 'ERR_AGENTWIRE_REMOTE');
      assert.match(message, /^x+\.\.\.$/);
      return message.length < 20_000;
    });
  });
});

describe('an answer', () => {
  it('is not written over by another one that a getter of it gives', async (t) => {
    const bus = new EventBus({ name: uniqueName('ended') });
    t.after(() => bus.close());
    let inner;
    bus.subscribe('held', (_, context) => {
      inner = context;
      return new Promise(() => {});
    });
    const held = bus.request('held', 1);
    await waitUntil(() => inner !== undefined, 'the first request');
    const codes = [];
    const value = {
      get text() {
        try {
          inner.reply('x'.repeat(1000));
        } catch ({ code }) {
          codes.push(code);
        }
        return 'outer';
      },
    };
    bus.subscribe('outer', () => value);
    assert.deepEqual(await bus.request('outer', 1), { text: 'outer' });
    assert.deepEqual(codes, ['ERR_AGENTWIRE_REENTRANT']);
    inner.reply('later');
    assert.equal(await held, 'later');
  });
});

describe('a publish to a subscription with a few bytes', () => {
  it('is refused when these are taken, and holds up nobody', async (t) => {
    const bus = new EventBus({ name: uniqueName('ended') });
    t.after(() => bus.close());
    bus.subscribe('small', never, { queueLimitBytes: 1, maxInFlight: 1 });
    const got = [];
    bus.subscribe('free', (value) => got.push(value));
    const answers = Array.from({ length: 4 }, (_, n) => bus.publish('small', n));
    assert.equal(answers.at(-1), false, `${answers}`);
    bus.publish('free', 1);
    await waitUntil(() => got.length === 1, 'what is for others');
  });
});
