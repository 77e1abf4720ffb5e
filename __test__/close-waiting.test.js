'use strict';

// An EventBus that is closed while messages of its thread wait in the outbox and somebody awaits room.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { EventBus } = require('agentwire');
const { Thread, uniqueName } = require('./helpers.js');

/**
 * A bus whose thread has a message in its outbox, which a subscription that came after the publisher had found the topic free, and that
 * others filled, has no room for.
 */
async function busWithStalledOutbox(t) {
  const bus = new EventBus({ name: uniqueName('close') });
  t.after(() => bus.close());
  assert.equal(bus.publish('x', 'nobody listens'), true);
  bus.flush();
  const thread = await Thread.start(t);
  await thread.run(({ agentwire, state }, name) => {
    state.bus = new agentwire.EventBus({ name });
    state.got = [];
    state.bus.subscribe('x', (payload) => new Promise(() => state.got.push(payload)), { queueLimit: 1 });
    state.bus.publish('x', 'the first');
    state.bus.flush();
  }, bus.name);
  // The publisher's gate is open still: it says yes, and its word holds.
  assert.equal(bus.publish('x', 'waits in the outbox'), true);
  bus.flush();
  assert.equal(bus.getMetrics().published, 2);
  return { bus, thread };
}

it('submits what waits, and rejects who waits for room', async (t) => {
  const { bus, thread } = await busWithStalledOutbox(t);
  const waiting = assert.rejects(bus.writable('x'), { code: 'ERR_AGENTWIRE_CLOSED' });
  bus.close();
  assert.equal(bus.closed, true);
  await waiting;
  const { published, admitted } = await thread.run(({ state }) => state.bus.getMetrics());
  assert.deepEqual([published, admitted], [3, 2]);
});

it('leaves those who wait for room on other buses of the thread', async (t) => {
  const { bus } = await busWithStalledOutbox(t);
  const other = new EventBus({ name: uniqueName('other') });
  t.after(() => other.close());
  other.subscribe('y', () => {});
  // Not while the outbox holds something back.
  const waiting = other.writable('y');
  bus.close();
  await waiting;
});
