'use strict';

// Use after close() is a clear error, never a crash and never silence.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { AgentwireClosedError, EventBus } = require('agentwire');
const { turn, uniqueName, waitUntil } = require('./helpers.js');

function closedBus() {
  const bus = new EventBus({ name: uniqueName('closed') });
  bus.publish('used', 1);
  bus.subscribe('used', () => {});
  bus.close();
  return bus;
}

const expected = (bus) => (error) => {
  assert.ok(error instanceof AgentwireClosedError);
  assert.equal(error.code, 'ERR_AGENTWIRE_CLOSED');
  assert.equal(error.message, `the bus "${bus.name}" is closed; open a new one with new EventBus({name})`);
  return true;
};

const uses = {
  publish: (bus) => bus.publish('used', 1),
  'publish to a new topic': (bus) => bus.publish('new', 1),
  'publish with options': (bus) => bus.publish('used', 1, { priority: 0, headers: { a: 1 } }),
  subscribe: (bus) => bus.subscribe('used', () => {}),
  stream: (bus) => bus.stream('used'),
  on: (bus) => bus.on('used', () => {}),
  once: (bus) => bus.once('used', () => {}),
  emit: (bus) => bus.emit('used', 1),
  publishBatch: (bus) => bus.publishBatch([]),
  findMatchingSubscriptions: (bus) => bus.findMatchingSubscriptions('used'),
  flush: (bus) => bus.flush(),
  countMatchingSubscriptions: (bus) => bus.countMatchingSubscriptions('used'),
  getMetrics: (bus) => bus.getMetrics(),
  ref: (bus) => bus.ref(),
};

for (const [name, use] of Object.entries(uses)) {
  it(`${name} throws`, () => {
    const bus = closedBus();
    assert.throws(() => use(bus), expected(bus));
  });

  it(`${name} throws while another object has the bus open`, () => {
    const bus = closedBus();
    const other = new EventBus({ name: bus.name });
    assert.throws(() => use(bus), expected(bus));
    other.close();
  });
}

it('writable rejects', async () => {
  const bus = closedBus();
  await assert.rejects(bus.writable('used'), expected(bus));
});

it('close, unref and unsubscribe are harmless', () => {
  const bus = new EventBus({ name: uniqueName('closed') });
  const subscription = bus.subscribe('used', () => {});
  assert.equal(bus.closed, false);
  bus.ref();
  bus.close();
  assert.equal(bus.closed, true);
  bus.close();
  assert.equal(bus.unref(), bus);
  subscription.unsubscribe();
  assert.equal(subscription.closed, true);
  assert.equal(bus.closed, true);
});

it('a handle is not mistaken for that of a later bus', async (t) => {
  const closed = closedBus();
  const open = new EventBus({ name: uniqueName('closed') });
  t.after(() => open.close());
  const got = [];
  open.subscribe('**', (payload) => got.push(payload));
  assert.throws(() => closed.publish('used', 'wrong'), { code: 'ERR_AGENTWIRE_CLOSED' });
  open.publish('used', 'right');
  await waitUntil(() => got.length > 0, 'the message');
  await turn();
  assert.deepEqual(got, ['right']);
});

it('a handler that is running when the bus closes may finish', async () => {
  const bus = new EventBus({ name: uniqueName('closed') });
  const watcher = new EventBus({ name: bus.name });
  let release;
  bus.subscribe('slow', () => new Promise((resolve) => (release = resolve)));
  bus.publish('slow', 1);
  await waitUntil(() => release !== undefined, 'the handler');
  bus.close();
  assert.equal(watcher.getMetrics().inFlight, 1);
  release();
  await waitUntil(() => watcher.getMetrics().handled === 1, 'its end');
  watcher.close();
});

it('hundreds of buses may be opened and closed', async () => {
  for (let i = 0; i < 500; i += 1) {
    const bus = new EventBus({ name: uniqueName('closed') });
    let got;
    bus.subscribe('x', (payload) => {
      got = payload;
    });
    bus.publish('x', i);
    await waitUntil(() => got === i, 'the message');
    bus.close();
  }
});
