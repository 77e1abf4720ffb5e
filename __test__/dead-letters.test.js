'use strict';

// bus.deadLetters: what is there, listening, replay, purge, bounds.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireArgumentError, AgentwireClosedError, AgentwireError, EventBus } = require('agentwire');
const { assertLedger, publishAll, runScenario, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t, options = {}) {
  const bus = new EventBus({ name: uniqueName('letters'), onError: () => {}, ...options });
  t.after(() => bus.close());
  return bus;
}

const mandatory = { mandatory: true };

async function publishUnmatched(bus, count, topic = 'nobody') {
  for (let n = 0; n < count; n += 1) assert.equal(bus.publish(topic, n, mandatory), true);
  bus.flush();
}

it('a message that nobody is subscribed to is one, if it is mandatory', async (t) => {
  const bus = openBus(t);
  bus.publish('nobody', 1);
  bus.publish('nobody', { n: 2 }, { ...mandatory, headers: { h: 1 } });
  bus.publish('nobody', new Uint8Array(10_000).fill(3), mandatory);
  bus.flush();
  const letters = bus.deadLetters.list();
  assert.deepEqual(
    letters.map(({ reason, subscription, pattern }) => [reason, subscription, pattern]),
    Array(2).fill(['no-subscriber', undefined, undefined]),
  );
  assert.deepEqual([letters[0].payload, letters[0].headers], [{ n: 2 }, { h: 1 }]);
  assert.deepEqual(letters[1].payload, new Uint8Array(10_000).fill(3));
  assert.equal(bus.getMetrics().unmatched, 3);
});

it('one whose every filter keeps it away is one as well', async (t) => {
  const bus = openBus(t);
  const filter = { operator: 'AND', conditions: [{ field: 'n', operator: 'eq', value: 1 }] };
  bus.subscribe('x', () => {}, { filter });
  bus.publish('x', { n: 1 }, mandatory);
  bus.publish('x', { n: 2 }, mandatory);
  bus.flush();
  assert.deepEqual(
    bus.deadLetters.list().map(({ payload }) => payload),
    [{ n: 2 }],
  );
});

it('what expires is one where it would be acknowledged, and is counted as dropped elsewhere', async (t) => {
  const bus = openBus(t);
  const held = () => new Promise(() => {});
  const acked = bus.subscribe('a', held, { ack: true, maxInFlight: 1 });
  const plain = bus.subscribe('b', held, { maxInFlight: 1 });
  for (const topic of ['a', 'b']) {
    bus.publish(topic, 'first');
    bus.publish(topic, 'second', { expiresInMs: 20 });
  }
  await waitUntil(() => bus.deadLetters.stats.held === 1 && plain.stats.dropped.expired === 1, 'expiry');
  assert.equal(bus.deadLetters.list()[0].reason, 'expired');
  assert.equal(bus.deadLetters.list()[0].payload, 'second');
  assertLedger(acked.stats);
});

describe('list, replay and purge', () => {
  it('take a filter', async (t) => {
    const bus = openBus(t);
    bus.subscribe(
      'bad.*',
      () => {
        throw new Error('bad');
      },
      { ack: true, maxAttempts: 1, group: 'g' },
    );
    await publishUnmatched(bus, 3, 'lost.a');
    await publishUnmatched(bus, 2, 'lost.b');
    await publishAll(bus, 'bad.x', [1, 2]);
    await waitUntil(() => bus.deadLetters.stats.held === 7, 'all letters');
    const { deadLetters } = bus;
    const count = (filter) => deadLetters.list(filter).length;
    assert.equal(count(), 7);
    assert.equal(count({ reason: 'no-subscriber' }), 5);
    assert.equal(count({ reason: ['handler-error', 'timeout'] }), 2);
    assert.equal(count({ topic: 'lost.*' }), 5);
    assert.equal(count({ topic: '**', group: 'g' }), 2);
    assert.equal(count({ subscription: 1e9 }), 0);
    assert.deepEqual(
      deadLetters.list({ topic: 'lost.**', limit: 2 }).map(({ id }) => id),
      [1, 2],
    );
    assert.equal(deadLetters.get(4).topic, 'lost.b');
    assert.equal(deadLetters.get(99), undefined);
    assert.equal(deadLetters.purge({ topic: 'lost.b' }), 2);
    assert.equal(deadLetters.purge(1), 1);
    assert.equal(deadLetters.purge(1), 0);
    assert.equal(deadLetters.get(1), undefined);
    const got = [];
    bus.subscribe('lost.**', (payload) => got.push(payload));
    assert.equal(deadLetters.replay({ reason: 'no-subscriber' }), 2);
    await waitUntil(() => got.length === 2, 'the replayed ones');
    assert.deepEqual(got, [1, 2]);
    // They fail again: each replay looks only at what was there when it was called.
    assert.equal(deadLetters.replay({}), 2);
    await waitUntil(() => deadLetters.list({ group: 'g' }).length === 2, 'them to come back');
    assert.ok(deadLetters.list().every(({ replays }) => replays === 1));
    const { added, held, replayed, purged, discarded, addedByReason } = deadLetters.stats;
    assert.equal(added, held + replayed + purged + discarded);
    assert.deepEqual([held, purged], [2, 3]);
    assert.deepEqual([addedByReason['no-subscriber'], addedByReason['handler-error']], [5, 4]);
    assert.equal(deadLetters.purge({}), 2);
  });

  it('a letter stays readable when it is gone', async (t) => {
    const bus = openBus(t);
    await publishUnmatched(bus, 1);
    const letter = bus.deadLetters.get(1);
    bus.deadLetters.purge({});
    assert.deepEqual([letter.payload, letter.topic], [0, 'nobody']);
  });

  it('many letters are listed page by page', async (t) => {
    const bus = openBus(t);
    for (let turns = 0; turns < 10; turns += 1) {
      await publishUnmatched(bus, 100);
      await turn();
    }
    const letters = bus.deadLetters.list();
    assert.equal(letters.length, 1000);
    assert.equal(letters[999].id, 1000);
  });

  it('refuse what makes no sense', (t) => {
    const bus = openBus(t);
    const refused = (call) => assert.throws(() => call(bus.deadLetters), AgentwireError);
    refused((letters) => letters.list(null));
    refused((letters) => letters.list({ reason: 'bad luck' }));
    refused((letters) => letters.list({ topics: 'x' }));
    refused((letters) => letters.list({ limit: 0 }));
    refused((letters) => letters.replay('1'));
    refused((letters) => letters.replay(1, { force: 1 }));
    refused((letters) => letters.purge());
    refused((letters) => letters.get(0));
    refused((letters) => letters.on('letters', () => {}));
    refused((letters) => letters.on('letter'));
  });
});

describe('the limits', () => {
  it('have the oldest go for newer ones', async (t) => {
    const bus = openBus(t, { deadLetters: { limit: 3 } });
    await publishUnmatched(bus, 5);
    assert.deepEqual(
      bus.deadLetters.list().map(({ payload }) => payload),
      [2, 3, 4],
    );
    assert.deepEqual([bus.deadLetters.stats.discarded, bus.deadLetters.stats.held], [2, 3]);
  });

  it('are those of the bus: who says otherwise is told', (t) => {
    const bus = openBus(t, { deadLetters: { limit: 3 } });
    const open = (deadLetters) => {
      const again = new EventBus({ name: bus.name, deadLetters });
      again.close();
    };
    open({ limit: 3 });
    open(undefined);
    assert.throws(
      () => open({ limit: 4 }),
      (error) =>
        error instanceof AgentwireError && error.code === 'ERR_AGENTWIRE_LIMITS' && /at most 3/.test(error.message),
    );
    for (const limits of [5, { limit: 0 }, { limitBytes: 0 }]) {
      assert.throws(() => open(limits), AgentwireArgumentError);
    }
    assert.throws(() => open({ most: 1 }), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION' });
  });
});

describe("on('letter')", () => {
  it('hears of letters of all threads, each once', async (t) => {
    const bus = openBus(t);
    await publishUnmatched(bus, 1);
    const heard = [];
    const once = [];
    const listener = (letter) => heard.push(letter.payload);
    bus.deadLetters.on('letter', listener);
    bus.deadLetters.once('letter', (letter) => once.push(letter.payload));
    const thread = await Thread.start(t);
    await thread.run(({ agentwire }, name) => {
      const inThread = new agentwire.EventBus({ name });
      for (let n = 1; n <= 300; n += 1) inThread.publish('nobody', n, { mandatory: true });
      inThread.close();
    }, bus.name);
    await waitUntil(() => heard.length === 300, 'the letters');
    assert.deepEqual(
      heard,
      Array.from({ length: 300 }, (_, i) => i + 1),
    );
    assert.deepEqual(once, [1]);
    bus.deadLetters.off('letter', listener);
    await publishUnmatched(bus, 1);
    await turn();
    assert.equal(heard.length, 300);
  });

  it('a listener that throws is reported, and others hear all the same', async (t) => {
    const errors = [];
    const bus = openBus(t, { onError: (error) => errors.push(error.message) });
    const heard = [];
    bus.deadLetters.on('letter', () => {
      throw new Error('thrown');
    });
    bus.deadLetters.on('letter', async () => {
      throw new Error('rejected');
    });
    bus.deadLetters.on('letter', ({ payload }) => heard.push(payload));
    await publishUnmatched(bus, 2);
    await waitUntil(() => heard.length === 2 && errors.length === 4, 'the listeners');
    assert.deepEqual(errors.sort(), ['rejected', 'rejected', 'thrown', 'thrown']);
  });

  it('two buses of a thread listen each for itself', async (t) => {
    const bus = openBus(t);
    const again = new EventBus({ name: bus.name });
    t.after(() => again.close());
    const heard = [[], []];
    const listeners = heard.map(
      (list) =>
        ({ payload }) =>
          list.push(payload),
    );
    bus.deadLetters.on('letter', listeners[0]);
    again.deadLetters.on('letter', listeners[1]);
    await publishUnmatched(bus, 1);
    await waitUntil(() => heard[0].length + heard[1].length === 2, 'both');
    again.deadLetters.off('letter', listeners[1]);
    again.close();
    await publishUnmatched(bus, 1);
    await waitUntil(() => heard[0].length === 2, 'the one that stayed');
    assert.deepEqual(heard, [[0, 0], [0]]);
  });

  it('who replays whatever comes does not keep a poison message going for ever', async (t) => {
    const bus = openBus(t);
    let calls = 0;
    bus.subscribe(
      'x',
      () => {
        calls += 1;
        throw new Error('never');
      },
      { ack: true, maxAttempts: 2, backoffMs: 0 },
    );
    const kept = [];
    bus.deadLetters.on('letter', (letter) => {
      if (bus.deadLetters.replay(letter.id) === 0) kept.push(letter);
    });
    bus.publish('x', 1);
    await waitUntil(() => kept.length === 1, 'the end of it');
    assert.deepEqual([calls, kept[0].replays], [34, 16]);
    assert.equal(bus.deadLetters.replay(kept[0].id, { force: true }), 1);
  });
});

it('what is replayed to the own thread keeps it alive until it came', async () => {
  assert.equal(await runScenario('own-replay'), '1\na dead letter\n');
});

it('a bus that is closed has none to look at', (t) => {
  const bus = openBus(t);
  const { deadLetters } = bus;
  bus.close();
  assert.throws(() => bus.deadLetters, AgentwireClosedError);
  assert.throws(() => deadLetters.list(), AgentwireClosedError);
  assert.throws(() => deadLetters.stats, AgentwireClosedError);
});
