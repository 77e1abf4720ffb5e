'use strict';

// Subscriptions and buses that end, and what becomes of what was published.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus } = require('agentwire');
const { turn, waitUntil } = require('./helpers.js');
const { gotBy, openBus, startListener, waitForCount } = require('./listeners.js');

describe('unsubscribe', () => {
  it('takes effect at once, within a handler too', async (t) => {
    const bus = openBus(t);
    const got = [];
    const first = bus.subscribe('u', (payload) => {
      got.push(`first ${payload}`);
      if (payload === 2) first.unsubscribe();
    });
    const second = bus.subscribe('u', (payload) => {
      got.push(`second ${payload}`);
      if (payload === 1) third.unsubscribe();
    });
    const third = bus.subscribe('u', (payload) => got.push(`third ${payload}`));
    for (let i = 0; i < 5; i += 1) bus.publish('u', i);
    await waitUntil(() => second.stats.handled === 5, 'all messages');
    const expected = [
      'first 0',
      'second 0',
      'third 0',
      'first 1',
      'second 1',
      'first 2',
      'second 2',
      'second 3',
      'second 4',
    ];
    assert.deepEqual(got, expected);
    assert.deepEqual([first.closed, second.closed, third.closed], [true, false, true]);
    assert.equal(bus.countMatchingSubscriptions('u'), 1);
    first.unsubscribe();
    assert.equal(bus.countMatchingSubscriptions('u'), 1, 'twice is once');
  });

  it('leaves the other subscriptions of a handler', async (t) => {
    const bus = openBus(t);
    let count = 0;
    const handler = () => {
      count += 1;
    };
    const one = bus.subscribe('same', handler);
    bus.subscribe('same', handler);
    bus.publish('same', 1);
    await waitUntil(() => count === 2, 'both');
    one.unsubscribe();
    bus.publish('same', 2);
    await waitUntil(() => count === 3, 'the one that is left');
    await turn();
    assert.equal(count, 3);
  });

  it('lets places be used again', async (t) => {
    const bus = openBus(t);
    let count = 0;
    for (let i = 0; i < 2000; i += 1) {
      const subscription = bus.subscribe(`again.${i % 3}`, (payload) => {
        assert.equal(payload, i);
        count += 1;
      });
      bus.publish(`again.${i % 3}`, i);
      if (i % 2 === 0) await waitUntil(() => count === i / 2 + 1, `message ${i}`);
      else bus.flush();
      subscription.unsubscribe();
    }
    const { subscriptions, dropped } = bus.getMetrics();
    await waitUntil(() => bus.getMetrics().inFlight === 0, 'the end of all');
    assert.equal(subscriptions, 0);
    assert.equal(dropped.undecodable, 0);
    assert.equal(bus.getMetrics().dropped.unsubscribed, 1000);
    assert.equal(bus.getMetrics().handled, 1000);
  });

  it('keeps what was published before a subscription from it', async (t) => {
    const bus = openBus(t);
    const got = [];
    bus.subscribe('before', (payload) => {
      got.push(`old ${payload}`);
      if (payload === 0) bus.subscribe('before', (later) => got.push(`new ${later}`));
      if (payload === 1) bus.publish('before', 2);
    });
    bus.publish('before', 0);
    bus.publish('before', 1);
    await waitUntil(() => got.includes('new 2'), 'the new subscription');
    assert.deepEqual(got, ['old 0', 'old 1', 'old 2', 'new 2']);
  });
});

describe('buses', () => {
  it('of different names have nothing in common', async (t) => {
    const [one, two] = [openBus(t), openBus(t)];
    const got = [];
    one.subscribe('**', (payload) => got.push(`one ${payload}`));
    two.subscribe('**', (payload) => got.push(`two ${payload}`));
    one.publish('topic', 1);
    two.publish('topic', 2);
    one.publish('topic', 3);
    await waitUntil(() => got.length === 3, 'three messages');
    await turn();
    assert.deepEqual(got.sort(), ['one 1', 'one 3', 'two 2']);
  });

  it('of one name are one bus, and each object lets go of its own', async (t) => {
    const one = openBus(t);
    const two = openBus(t, { name: one.name });
    const got = [];
    one.subscribe('x', (payload) => got.push(`one ${payload}`));
    two.subscribe('x', (payload) => got.push(`two ${payload}`));
    one.publish('x', 1);
    two.publish('x', 2);
    await waitUntil(() => got.length === 4, 'both get both');
    one.close();
    two.publish('x', 3);
    await waitUntil(() => got.length === 5, 'the one that is left');
    await turn();
    assert.deepEqual(got, ['one 1', 'two 1', 'one 2', 'two 2', 'two 3']);
    assert.deepEqual([one.closed, two.closed], [true, false]);
  });

  it('have the name "default" unless they are given one', async (t) => {
    const one = new EventBus();
    const two = new EventBus({ name: 'default' });
    t.after(() => {
      one.close();
      two.close();
    });
    assert.equal(one.name, 'default');
    const got = [];
    two.subscribe('x', (payload) => got.push(payload));
    one.publish('x', 1);
    await waitUntil(() => got.length === 1, 'the message');
  });

  it('begin anew when the last object was closed', async (t) => {
    const one = openBus(t);
    one.subscribe('x', () => assert.fail('of the closed bus'));
    one.publish('x', 1);
    one.close();
    const two = openBus(t, { name: one.name });
    assert.deepEqual(
      [two.getMetrics().published, two.getMetrics().topics, two.countMatchingSubscriptions('x')],
      [0, 0, 0],
    );
    const got = [];
    two.subscribe('x', (payload, { topic }) => got.push([topic, payload]));
    two.publish('x', 2);
    await waitUntil(() => got.length === 1, 'the message');
    assert.deepEqual(got, [['x', 2]]);
  });
});

describe('close', () => {
  it('submits what was published', async (t) => {
    const bus = openBus(t);
    const thread = await startListener(t, bus, ['last']);
    for (let i = 0; i < 100; i += 1) bus.publish('last', i);
    bus.close();
    await waitForCount(thread, 100);
    const got = (await gotBy(thread)).map(([, , payload]) => payload);
    assert.deepEqual(
      got,
      Array.from({ length: 100 }, (_, i) => i),
    );
  });

  it('submits what was published on the other buses of the thread, once', async (t) => {
    const [closing, other] = [openBus(t), openBus(t)];
    const got = [];
    other.subscribe('x', (payload) => got.push(payload));
    other.publish('x', 1);
    closing.publish('y', 1);
    other.publish('x', 2);
    closing.close();
    other.publish('x', 3);
    await waitUntil(() => got.length >= 3, 'three messages');
    await turn();
    assert.deepEqual(got, [1, 2, 3]);
  });

  it('ends the subscriptions, within a handler too', async (t) => {
    const bus = openBus(t);
    const watcher = openBus(t, { name: bus.name });
    const got = [];
    const subscription = bus.subscribe('x', (payload) => {
      got.push(payload);
      if (payload === 1) bus.close();
    });
    for (let i = 0; i < 10; i += 1) bus.publish('x', i);
    await waitUntil(() => bus.closed && watcher.getMetrics().inFlight === 0, 'the close');
    assert.deepEqual(got, [0, 1]);
    assert.equal(subscription.closed, true);
    assert.equal(watcher.getMetrics().dropped.unsubscribed, 8);
    assert.equal(watcher.countMatchingSubscriptions('x'), 0);
    bus.close();
  });
});
