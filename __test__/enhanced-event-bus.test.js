'use strict';

// The original's habits on an EventBus: ids, promises, start and shutdown, groups, and what is said of options without a meaning.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireArgumentError } = require('agentwire');
const { EnhancedEventBus, EventBus, EventPriority, SubscriptionGroup } = require('agentwire/enhanced-event-bus');
const { assertLedger, runNode, Thread, uniqueName, waitUntil } = require('./helpers.js');

/** A logger that keeps what it is told: `[level, message, details]`. */
function keepingLogger() {
  const told = [];
  const keep = (level) => (message, details) => told.push([level, message, details]);
  return { told, warn: keep('warn'), error: keep('error'), info: keep('info'), debug: keep('debug') };
}

const warningsOf = ({ told }) => told.filter(([level]) => level === 'warn');

function open(t, config = {}) {
  const logger = keepingLogger();
  const bus = new EnhancedEventBus({ name: uniqueName('enhanced'), ...config }, logger);
  t.after(() => bus.close());
  return { bus, logger };
}

const settled = (bus) => waitUntil(() => bus.getMetrics().inFlight === 0, 'all messages to settle');

describe('subscribe and unsubscribe', () => {
  it('resolve with an id, and with whether there was one', async (t) => {
    const { bus, logger } = open(t);
    const got = [];
    const handler = (payload, { topic }) => got.push([topic, payload]);
    const id = await bus.subscribe('agent-1', 'tasks.*', { handler });
    assert.equal(typeof id, 'string');
    assert.deepEqual(bus.findMatchingSubscriptions('tasks.a').map(String), [id]);
    assert.equal(bus.publish('tasks.a', { n: 1 }), true);
    await settled(bus);
    assert.deepEqual(got, [['tasks.a', { n: 1 }]]);
    assert.equal(await bus.unsubscribe(id), true);
    assert.equal(await bus.unsubscribe(id), false);
    assert.equal(await bus.unsubscribe('no such id'), false);
    assert.deepEqual(bus.findMatchingSubscriptions('tasks.a'), []);
    assertLedger(bus.getMetrics());
    assert.deepEqual(warningsOf(logger), []);
  });

  it('a priority of 0 is CRITICAL: its handler is called first', async (t) => {
    const { bus } = open(t);
    const calls = [];
    await bus.subscribe('normal', 'p', { handler: () => calls.push('normal') });
    await bus.subscribe('critical', 'p', { priority: EventPriority.CRITICAL, handler: () => calls.push('critical') });
    bus.publish('p', null);
    await settled(bus);
    assert.deepEqual(calls, ['critical', 'normal']);
  });

  it('takes filters, transforms by function, and signals', async (t) => {
    const { bus } = open(t);
    const got = [];
    const controller = new AbortController();
    const id = await bus.subscribe('agent', 'files', {
      filter: { operator: 'AND', conditions: [{ field: 'size', operator: 'gt', value: 10 }] },
      transform: { type: 'map', fn: ({ size }) => size * 2 },
      signal: controller.signal,
      handler: (size) => got.push(size),
    });
    for (const size of [5, 20]) bus.publish('files', { size });
    await settled(bus);
    assert.deepEqual(got, [40]);
    controller.abort();
    assert.equal(await bus.unsubscribe(id), false);
  });

  it('is an EventBus beside it: handlers, streams, listeners and requests', async (t) => {
    const { bus } = open(t);
    assert.ok(bus instanceof EventBus);
    const got = [];
    const subscription = bus.subscribe('x', (payload) => got.push(payload));
    bus.on('x', (payload) => got.push(payload));
    const stream = bus.stream('x');
    bus.emit('x', 1);
    assert.deepEqual((await stream.next()).value.payload, 1);
    await settled(bus);
    assert.deepEqual(got, [1, 1]);
    subscription.unsubscribe();
    await stream.return();
    await bus.subscribe('answerer', 'question', { handler: (n) => n + 1 });
    assert.equal(await bus.request('question', 41), 42);
  });
});

describe('createSubscriptionGroup', () => {
  it('shares messages among the members, by the id', async (t) => {
    const { bus } = open(t);
    const group = await bus.createSubscriptionGroup('g', 'Workers', { loadBalancing: 'round-robin' });
    assert.ok(group instanceof SubscriptionGroup);
    assert.equal(group.name, 'g');
    const counts = [0, 0];
    for (const index of [0, 1]) {
      await bus.subscribe(`worker-${index}`, 'jobs', { groupId: 'g', handler: () => counts[index]++ });
    }
    for (let n = 0; n < 10; n += 1) bus.publish('jobs', n);
    await settled(bus);
    assert.deepEqual(counts, [5, 5]);
    assert.equal(group.stats.members, 2);
  });

  it('takes broadcast for all', async (t) => {
    const { bus } = open(t);
    const group = await bus.createSubscriptionGroup('g', 'Everybody', { deliveryMode: 'broadcast' });
    assert.equal(group.delivery, 'all');
    const other = { deliveryMode: 'one-of' };
    await assert.rejects(bus.createSubscriptionGroup('g', 'Everybody', other), { code: 'ERR_AGENTWIRE_GROUP' });
  });
});

describe('start and shutdown', () => {
  it('shutdown has what was admitted handled first; afterwards all is closed', async (t) => {
    const { bus, logger } = open(t);
    await bus.start();
    const got = [];
    await bus.subscribe('agent', 'x', { handler: (payload) => got.push(payload) });
    bus.publish('x', 1);
    await bus.shutdown();
    await bus.shutdown();
    assert.deepEqual(got, [1]);
    assert.equal(bus.closed, true);
    const closed = { code: 'ERR_AGENTWIRE_CLOSED' };
    await assert.rejects(bus.start(), closed);
    await assert.rejects(bus.subscribe('agent', 'x', { handler() {} }), closed);
    await assert.rejects(bus.createSubscriptionGroup('g', 'Group'), closed);
    assert.ok(logger.told.some(([level, , details]) => level === 'info' && details.drained === true));
  });

  it('a bus that was started and never shut down does not keep its process alive', async () => {
    const program = `
      const { AgentwireArgumentError, EnhancedEventBus } = require('agentwire/enhanced-event-bus');
      const bus = new EnhancedEventBus();
      bus.start().then(() => bus.subscribe('a', 'x', { handler() {} })).then(() => console.log('idle'));`;
    const { code, stdout, stderr } = await runNode(['-e', program], { cwd: __dirname });
    assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'idle\n', stderr: '' });
  });
});

it('is one bus with an EventBus of its name in another thread', async (t) => {
  const { bus } = open(t);
  const thread = await Thread.start(t);
  await thread.run(async ({ agentwire, state }, name) => {
    state.bus = new agentwire.EnhancedEventBus({ name });
    await state.bus.start();
    await state.bus.createSubscriptionGroup('g', 'Workers', { loadBalancing: 'random' });
    state.id = await state.bus.subscribe('worker', 'tasks.*', {
      groupId: 'g',
      handler: ({ n }) => state.bus.publish('results', { doubled: n * 2 }),
    });
  }, bus.name);
  const got = [];
  await bus.subscribe('main', 'results', { handler: (payload) => got.push(payload) });
  for (const n of [1, 2, 3]) bus.publish('tasks.double', { n });
  await waitUntil(() => got.length === 3, 'three results');
  assert.deepEqual(got, [{ doubled: 2 }, { doubled: 4 }, { doubled: 6 }]);
  // An id is that of the object that subscribed.
  const id = await thread.run(({ state }) => state.id);
  assert.equal(await bus.unsubscribe(id), false);
  assert.equal(await thread.run(({ state }, id) => state.bus.unsubscribe(id), id), true);
  assert.deepEqual(bus.findMatchingSubscriptions('tasks.double'), []);
});

describe('options without a meaning', () => {
  it('are reported once each, and only where something is asked that cannot be had', async (t) => {
    const { bus, logger } = open(t, {
      maxSubscriptions: 10,
      enableWildcards: true,
      enableMetrics: false,
      enableDeadLetterQueue: false,
      eventTimeout: undefined,
    });
    assert.deepEqual(
      warningsOf(logger).map(([, , { option, where }]) => [option, where]),
      ['maxSubscriptions', 'enableMetrics', 'enableDeadLetterQueue'].map((name) => [name, 'new EnhancedEventBus']),
    );
    logger.told.length = 0;
    const handler = () => {};
    for (const subscriber of ['a', 'b']) await bus.subscribe(subscriber, 'x', { handler, subscriptionPoolSize: 5 });
    const [[, message, details], ...more] = warningsOf(logger);
    assert.match(message, /"subscriptionPoolSize" of subscribe has no meaning here/);
    assert.deepEqual(details, { option: 'subscriptionPoolSize', where: 'subscribe' });
    assert.deepEqual(more, []);
  });

  it('become warnings of the process without a logger', async () => {
    const program = `
      const { AgentwireArgumentError, EnhancedEventBus } = require('agentwire');
      process.on('warning', ({ code, message }) => console.log(code, /"eventPoolSize"/.test(message)));
      new EnhancedEventBus({ eventPoolSize: 1 });`;
    const { code, stdout } = await runNode(['--no-warnings', '-e', program], { cwd: __dirname });
    assert.deepEqual({ code, stdout }, { code: 0, stdout: 'AGENTWIRE_OPTION true\n' });
  });
});

it('acknowledges by the original names: ackRequired, maxRetryAttempts and eventTimeout', async (t) => {
  const { bus, logger } = open(t, {
    maxRetryAttempts: 1,
    eventTimeout: 20,
    enableDeadLetterQueue: true,
    onError: () => {},
  });
  const attempts = [];
  const handler = (payload, { attempt }) => {
    attempts.push([payload, attempt]);
    if (payload === 'hangs') return new Promise(() => {});
    throw new Error('fails');
  };
  await bus.subscribe('agent', 'x', { handler, ackRequired: true, backoffMs: 0 });
  bus.publish('x', 'throws');
  bus.publish('x', 'hangs');
  await waitUntil(() => bus.deadLetters.stats.held === 2, 'the dead letters');
  assert.deepEqual(attempts.sort(), [
    ['hangs', 0],
    ['hangs', 1],
    ['throws', 0],
    ['throws', 1],
  ]);
  assert.deepEqual(
    bus.deadLetters
      .list()
      .map(({ reason }) => reason)
      .sort(),
    ['handler-error', 'timeout'],
  );
  assert.deepEqual(warningsOf(logger), []);
  const subscribe = (options) => bus.subscribe('agent', 'x', { handler, ...options });
  await assert.rejects(subscribe({ ackRequired: true, ack: true }), AgentwireArgumentError);
  await assert.rejects(subscribe({ ackRequired: 1 }), AgentwireArgumentError);
  assert.throws(() => new EnhancedEventBus({ maxRetryAttempts: -1 }), AgentwireArgumentError);
  assert.throws(() => new EnhancedEventBus({ eventTimeout: 0 }), AgentwireArgumentError);
});

it('tells handlers that fail to the logger, or to onError', async (t) => {
  const { bus, logger } = open(t);
  const fail = () => {
    throw new Error('of the handler');
  };
  await bus.subscribe('agent', 'x', { handler: fail });
  bus.publish('x', 1);
  await settled(bus);
  const errors = logger.told.filter(([level]) => level === 'error');
  assert.equal(errors.length, 1);
  assert.equal(errors[0][2].error.message, 'of the handler');
  const failures = [];
  const { bus: other, logger: silent } = open(t, { onError: (error) => failures.push(error.message) });
  await other.subscribe('agent', 'x', { handler: fail });
  other.publish('x', 1);
  await settled(other);
  assert.deepEqual(failures, ['of the handler']);
  assert.ok(!silent.told.some(([level]) => level === 'error'));
});

it('bad input is a typed error, and subscribes to nothing', async (t) => {
  const { bus } = open(t);
  const argument = (message) => ({ code: 'ERR_AGENTWIRE_ARGUMENT', message });
  assert.throws(() => new EnhancedEventBus(null), argument(/config must be an object; null/));
  for (const logger of [null, 5, {}, { warn() {}, error: 'text' }]) {
    assert.throws(() => new EnhancedEventBus({}, logger), argument(/logger/));
  }
  assert.throws(() => new EnhancedEventBus({ name: '' }), argument(/name/));
  const handler = () => {};
  for (const subscriberId of ['', 5, null, undefined]) {
    await assert.rejects(bus.subscribe(subscriberId, 'x', { handler }), argument(/subscriberId/));
  }
  for (const pattern of [undefined, null, 5]) {
    await assert.rejects(bus.subscribe('a', pattern, { handler }), argument(/pattern/));
  }
  await assert.rejects(bus.subscribe('a', 'b..c', { handler }), { code: 'ERR_AGENTWIRE_TOPIC' });
  for (const options of [undefined, null, 5])
    await assert.rejects(bus.subscribe('a', 'x', options), argument(/handler/));
  for (const wrong of [undefined, null, 'text']) {
    await assert.rejects(bus.subscribe('a', 'x', { handler: wrong }), argument(/handler/));
  }
  await assert.rejects(bus.subscribe('a', 'x', { handler, priority: 7 }), argument(/priority/));
  await assert.rejects(bus.subscribe('a', 'x', { handler, groupId: '' }), argument(/group/));
  await assert.rejects(bus.subscribe('a', 'x', { handler, groupId: 'g', group: 'h' }), argument(/groupId/));
  const transform = { type: 'map', function: '(x) => x' };
  await assert.rejects(bus.subscribe('a', 'x', { handler, transform }), argument(/source text/));
  await assert.rejects(bus.unsubscribe(5), argument(/subscriptionId/));
  await assert.rejects(bus.createSubscriptionGroup('', 'name'), argument(/name/));
  await assert.rejects(bus.createSubscriptionGroup('g'), argument(/name/));
  await assert.rejects(bus.createSubscriptionGroup('g', 'name', null), argument(/config/));
  await assert.rejects(bus.createSubscriptionGroup('g', 'name', { loadBalancing: 'fair' }), argument(/loadBalancing/));
  await assert.rejects(bus.createSubscriptionGroup('g', 'name', { deliveryMode: 'none' }), argument(/deliveryMode/));
  const unknown = { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION' };
  await assert.rejects(bus.createSubscriptionGroup('g', 'name', { balancing: 'random' }), unknown);
  assert.equal(bus.getMetrics().subscriptions, 0);
});
