'use strict';

// A handler that fails is counted and reported; it never takes its thread down, and the messages behind it arrive.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { describe, it } = require('node:test');
const { EventBus } = require('agentwire');
const { turn, Thread, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t, options = {}) {
  const bus = new EventBus({ name: uniqueName('errors'), ...options });
  t.after(() => bus.close());
  return bus;
}

/** The warnings of a test. */
function collectWarnings(t) {
  const warnings = [];
  const collect = (warning) => warnings.push(warning);
  process.on('warning', collect);
  t.after(() => process.off('warning', collect));
  return warnings;
}

/** Everything that can be thrown. */
const throwables = [
  new Error('an error'),
  new TypeError('an error of another class'),
  'a string',
  undefined,
  null,
  5,
  10n,
  Symbol('a symbol'),
  Object.create(null),
  {
    toString() {
      throw new Error('from toString');
    },
  },
  Object.defineProperty(new Error('no stack'), 'stack', {
    get() {
      throw new Error('from the stack');
    },
  }),
  new Proxy(new Error('behind a proxy'), {
    get() {
      throw new Error('from the proxy');
    },
  }),
];

describe('onError', () => {
  it('is told of everything that handlers throw or reject with', async (t) => {
    const told = [];
    const bus = openBus(t, { onError: (error, failure) => told.push([error, failure]) });
    const warnings = collectWarnings(t);
    bus.subscribe('sync.*', (index) => {
      throw throwables[index];
    });
    bus.subscribe('async.**', async (index) => {
      await turn();
      throw throwables[index];
    });
    for (let i = 0; i < throwables.length; i += 1) {
      bus.publish('sync.x', i);
      bus.publish('async.x', i);
    }
    await waitUntil(() => told.length === 2 * throwables.length, 'all failures');
    for (const [kind, pattern] of [
      ['sync.x', 'sync.*'],
      ['async.x', 'async.**'],
    ]) {
      const ofKind = told.filter(([, { topic }]) => topic === kind);
      for (const [index, [error, failure]] of ofKind.entries()) {
        assert.ok(Object.is(error, throwables[index]), `${kind} ${index}`);
        assert.deepEqual(failure, { reason: 'handler-error', topic: kind, pattern });
      }
    }
    await turn();
    assert.deepEqual(warnings, []);
  });

  it('may itself throw or reject anything', async (t) => {
    for (const isAsync of [false, true]) {
      let calls = 0;
      const onError = () => {
        calls += 1;
        throw throwables[calls % throwables.length];
      };
      const bus = openBus(t, { onError: isAsync ? async () => onError() : onError });
      const warnings = collectWarnings(t);
      const subscription = bus.subscribe('x', (payload) => {
        if (payload < throwables.length) throw new Error('from the handler');
      });
      for (let i = 0; i <= throwables.length; i += 1) bus.publish('x', i);
      await waitUntil(() => subscription.stats.handled === 1, 'the message behind');
      assert.equal(calls, throwables.length);
      await waitUntil(() => warnings.length === throwables.length, 'the warnings');
      for (const warning of warnings) {
        assert.equal(warning.name, 'AgentwireWarning');
        assert.match(warning.message, /^onError of the bus/);
      }
    }
  });

  it('is that of the object which subscribed', async (t) => {
    const told = [];
    const one = openBus(t, { onError: () => told.push('one') });
    const two = openBus(t, { name: one.name, onError: () => told.push('two') });
    one.subscribe('x', () => {
      throw new Error('no');
    });
    two.subscribe('x', () => {});
    two.publish('x', 1);
    await waitUntil(() => told.length > 0, 'the report');
    await turn();
    assert.deepEqual(told, ['one']);
  });
});

describe('without onError', () => {
  it('each subscription warns once, with the way to see more', async (t) => {
    const warnings = collectWarnings(t);
    const bus = openBus(t);
    const fail = (payload) => {
      throw new Error(`failure ${payload}`);
    };
    const subscriptions = [bus.subscribe('w.a', fail), bus.subscribe('w.*', async (payload) => fail(payload))];
    for (let i = 0; i < 50; i += 1) bus.publish('w.a', i);
    await waitUntil(() => subscriptions.every(({ stats }) => stats.failed === 50), 'all failures');
    await turn();
    assert.equal(warnings.length, 2);
    for (const { name, code, message } of warnings) {
      assert.deepEqual([name, code], ['AgentwireWarning', 'AGENTWIRE_HANDLER_ERROR']);
      assert.match(message, /failure 0/);
      assert.match(message, /topic "w\.a"/);
      assert.match(message, /onError/);
    }
    assert.deepEqual(warnings.map(({ message }) => /pattern "(.*?)"/.exec(message)[1]).sort(), ['w.*', 'w.a']);
  });

  it('anything can be thrown', async (t) => {
    const warnings = collectWarnings(t);
    const bus = openBus(t);
    const subscriptions = throwables.map((throwable) =>
      bus.subscribe('any', () => {
        throw throwable;
      }),
    );
    let behind = 0;
    bus.subscribe('any', () => {
      behind += 1;
    });
    bus.publish('any', 1);
    await waitUntil(() => behind === 1 && warnings.length === throwables.length, 'the subscription behind them');
    for (const { stats } of subscriptions) assert.equal(stats.failed, 1);
  });

  it('a handler of another thread takes neither thread down', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t, { stderr: true });
    await thread.run(({ agentwire, state }, name) => {
      state.warnings = 0;
      process.on('warning', () => {
        state.warnings += 1;
      });
      state.bus = new agentwire.EventBus({ name });
      state.bus.subscribe('x', (payload) => {
        if (payload < 100) throw new Error('in the thread');
        state.bus.publish('done', payload);
      });
    }, bus.name);
    let done;
    bus.subscribe('done', (payload) => {
      done = payload;
    });
    for (let i = 0; i <= 100; i += 1) bus.publish('x', i);
    await waitUntil(() => done === 100, 'the message behind');
    assert.equal(await thread.run(({ state }) => state.warnings), 1);
    await waitUntil(() => bus.getMetrics().inFlight === 0, 'the thread to count');
    assert.equal(bus.getMetrics().failed, 100);
  });
});

it('an error thrown in a callback of the handler is the program’s own', async (t) => {
  const bus = openBus(t, { onError: () => assert.fail('not the handler’s error') });
  const subscription = bus.subscribe('x', () => {
    process.nextTick(() => {
      throw new Error('later');
    });
  });
  // The test runner listens for uncaught exceptions itself: step into its place for a moment.
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  t.after(() => {
    for (const listener of listeners) process.on('uncaughtException', listener);
  });
  const caught = once(process, 'uncaughtException');
  bus.publish('x', 1);
  const [error] = await caught;
  assert.equal(error.message, 'later');
  await waitUntil(() => subscription.stats.handled === 1, 'the outcome');
});
