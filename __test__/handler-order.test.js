'use strict';

// Who of one thread is called first for a message, and what a requester hears of a subscription that does without.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { EventBus, EventPriority } = require('agentwire');
const { uniqueName, waitUntil } = require('./helpers.js');

const { CRITICAL, HIGH, LOW, NORMAL } = EventPriority;

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('order') });
  t.after(() => bus.close());
  return bus;
}

it('is decided by priority, wherever the messages of a handler wait', async (t) => {
  const bus = openBus(t);
  const called = [];
  const subscribe = (name, options) => bus.subscribe('x', () => called.push(name), options);
  subscribe('low', { priority: LOW });
  subscribe('normal, one at a time', { priority: NORMAL, maxInFlight: 1 });
  subscribe('normal', {});
  subscribe('high, of a group', { priority: HIGH, group: 'g' });
  subscribe('critical, one at a time', { priority: CRITICAL, maxInFlight: 1 });
  subscribe('high', { priority: HIGH });
  assert.equal(bus.publish('x', null), true);
  const due = ['critical, one at a time', 'high, of a group', 'high', 'normal, one at a time', 'normal', 'low'];
  await waitUntil(() => called.length === due.length, 'all handlers');
  assert.deepEqual(called, due);
});

it('is decided by priority among members of several groups and others', async (t) => {
  const bus = openBus(t);
  const called = [];
  for (const group of ['a', 'b', 'c', undefined]) {
    const priority = { a: LOW, b: CRITICAL, c: HIGH }[group] ?? NORMAL;
    bus.subscribe('x', () => called.push(priority), { priority, group });
  }
  assert.equal(bus.publish('x', null), true);
  await waitUntil(() => called.length === 4, 'all handlers');
  assert.deepEqual(called, [CRITICAL, HIGH, NORMAL, LOW]);
});

for (const [where, payload] of [
  ['mailbox', 'small'],
  ['mailbox, for one too large to lie there', 'x'.repeat(10_000)],
]) {
  it(`has a requester hear that a full subscription dropped its message (${where})`, async (t) => {
    const bus = openBus(t);
    const handler = () => new Promise(() => {});
    const subscription = bus.subscribe('x', handler, { queueLimit: 1, overflow: 'drop-newest' });
    assert.equal(bus.publish('x', 'the first'), true);
    await assert.rejects(bus.request('x', payload), { code: 'ERR_AGENTWIRE_REQUEST_DROPPED' });
    assert.equal(subscription.stats.dropped.newest, 1);
  });
}

it('has a group count what was admitted, not what another group refused', async (t) => {
  const bus = openBus(t);
  const group = bus.createGroup('with room');
  bus.subscribe('x', () => {}, { group });
  bus.subscribe('x', () => new Promise(() => {}), { group: 'full', queueLimit: 1 });
  assert.equal(bus.publish('x', 1), true);
  assert.equal(bus.publish('x', 2), false);
  const { assigned, admitted } = group.stats;
  assert.deepEqual([assigned, admitted], [1, 1]);
});
