'use strict';
// The bus amid what programs and test runners do around it: contexts, fake timers, errors that cannot be shown.
const assert = require('node:assert/strict');
const { AsyncLocalStorage } = require('node:async_hooks');
const { describe, it, mock } = require('node:test');
const { EventBus } = require('..');
const { waitUntil } = require('./helpers.js');

describe('a bus in its surroundings', () => {
  it('goes on when a handler throws an error that cannot be shown', async () => {
    const failures = [];
    const bus = new EventBus({ name: 'unshowable', onError: (error) => failures.push(error) });
    const quiet = new EventBus({ name: 'unshowable' });
    const unshowable = () => {
      const error = new Error('x');
      Object.defineProperty(error, 'stack', { value: Symbol('no string') });
      throw error;
    };
    let handled = 0;
    bus.subscribe('a', unshowable);
    quiet.subscribe('a', unshowable);
    bus.subscribe('a', () => handled++);
    const warned = mock.method(process, 'emitWarning', () => {});
    for (let i = 0; i < 50; i++) bus.publish('a', i);
    await waitUntil(() => handled === 50 && bus.getMetrics().inFlight === 0, 'all are handled');
    assert.equal(failures.length, 50);
    assert.equal(warned.mock.callCount(), 1);
    warned.mock.restore();
    assert.equal(bus.getMetrics().failed, 100);
    bus.close();
    quiet.close();
  });

  it('calls handlers in no publisher’s asynchronous context', async () => {
    const bus = new EventBus({ name: 'contexts' });
    const requests = new AsyncLocalStorage();
    const seen = [];
    bus.subscribe('a', (payload) => seen.push([payload, requests.getStore()]));
    requests.run('request 1', () => bus.publish('a', 1));
    requests.run('request 2', () => bus.publish('a', 2));
    await waitUntil(() => seen.length === 2, 'both are handled');
    assert.deepEqual(seen, [
      [1, undefined],
      [2, undefined],
    ]);
    bus.close();
  });

  it('does not stand still under fake timers', async () => {
    const bus = new EventBus({ name: 'fake timers' });
    let handled = 0;
    bus.subscribe('a', () => handled++);
    mock.timers.enable({ apis: ['setImmediate', 'setTimeout'] });
    bus.publish('a', 1);
    bus.publish('a', 2);
    mock.timers.reset();
    await waitUntil(() => handled === 2, 'both are handled');
    bus.close();
  });

  it('waits with `writable` until records that were left behind have found their place', async () => {
    const bus = new EventBus({ name: 'left behind' });
    let [first, second] = [0, 0];
    bus.subscribe('a.*', () => first++, { queueLimit: 200 });
    bus.subscribe('b', () => second++, { queueLimit: 10 });
    // The gate of a topic is as its last submit left it: this one stays open while the queue fills from the other.
    let admitted = Number(bus.publish('a.2', 0));
    bus.flush();
    for (let i = 0; i < 195; i++) admitted += Number(bus.publish('a.1', i));
    // More than there is room for.
    for (let i = 0; i < 40; i++) admitted += Number(bus.publish('a.2', i));
    for (let i = 0; i < 30; i++) {
      while (!bus.publish('b', i)) await bus.writable('b');
    }
    while (!bus.publish('b', 'x'.repeat(10_000))) await bus.writable('b');
    await waitUntil(() => second === 31 && first === admitted, 'everything arrives');
    assert.equal(bus.getMetrics().inFlight, 0);
    bus.close();
  });

  it('settles `writable` when something else than a drained queue made room', async () => {
    const bus = new EventBus({ name: 'other room' });
    const settle = [];
    bus.subscribe('a.*', () => new Promise((resolve) => settle.push(resolve)), { queueLimit: 300 });
    bus.subscribe('b', () => {});
    bus.publish('a.2', 0);
    bus.flush();
    for (let i = 0; i < 294; i++) bus.publish('a.1', i);
    for (let i = 0; i < 40; i++) bus.publish('a.2', i);
    let isWritable = false;
    const writable = bus.writable('b').then(() => {
      isWritable = true;
    });
    await waitUntil(() => settle.length === 300, 'the queue is full');
    assert.equal(isWritable, false);
    // Room for what is left behind, far above half of the limit.
    for (const resolve of settle.splice(0, 80)) resolve();
    await waitUntil(() => settle.length > 220, 'what was left behind arrives');
    await writable;
    for (const resolve of settle) resolve();
    bus.close();
  });

  it('submits what was published before `close` ends its own subscriptions', () => {
    const bus = new EventBus({ name: 'close order' });
    const witness = new EventBus({ name: 'close order' });
    bus.subscribe('a', () => {});
    for (let i = 0; i < 5; i++) bus.publish('a', i);
    bus.close();
    const { published, unmatched, admitted } = witness.getMetrics();
    assert.deepEqual([published, unmatched, admitted], [5, 0, 5]);
    witness.close();
  });

  it('reads each option once', async () => {
    const bus = new EventBus({ name: 'options' });
    let handled = 0;
    bus.subscribe('a', () => handled++);
    let reads = 0;
    const options = {
      get priority() {
        return reads++ === 0 ? 2 : 99;
      },
    };
    for (let i = 0; i < 200; i++) {
      reads = 0;
      assert.equal(bus.publish('a', i, options), true);
    }
    await waitUntil(() => handled === 200, 'all are handled');
    assert.equal(bus.getMetrics().malformed, 0);
    bus.close();
  });
});
