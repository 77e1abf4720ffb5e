'use strict';

// Channels: what of one tenant another does not see, quotas, and turns where tenants share a thread.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireArgumentError, AgentwireClosedError, EventBus } = require('agentwire');
const { assertLedger, publishAll, stall, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('channels'), onError: () => {} });
  t.after(() => bus.close());
  return bus;
}

const code = (expected) => (error) => error.code === expected;

describe('a channel', () => {
  it('is a bus of its own: nothing crosses', async (t) => {
    const bus = openBus(t);
    const [acme, other] = [bus.channel('acme'), bus.channel('other')];
    const got = { bus: [], acme: [], other: [] };
    for (const [name, one] of Object.entries({ bus, acme, other })) {
      one.subscribe('**', (payload) => got[name].push(payload));
      one.on('heard', () => got[name].push('heard'));
    }
    for (const [name, one] of Object.entries({ bus, acme, other })) {
      one.publish('x', name);
      one.flush();
    }
    await waitUntil(() => Object.values(got).every(({ length }) => length === 1), 'the messages');
    assert.deepEqual(got, { bus: ['bus'], acme: ['acme'], other: ['other'] });
    acme.emit('heard');
    await waitUntil(() => got.acme.length === 3, 'the emitted one');
    assert.equal(got.bus.length + got.other.length, 2);
    for (const one of [bus, acme, other]) {
      const metrics = one.getMetrics({ perTopic: true, perSubscription: true });
      assert.equal(metrics.subscriptions, 2);
      assert.equal(metrics.published, one === acme ? 2 : 1);
      assertLedger(metrics);
      assert.deepEqual(one.findMatchingSubscriptions('secret.of.acme').length, 1);
    }
    assert.deepEqual(
      other.getMetrics({ perTopic: true }).perTopic.map(({ topic }) => topic),
      ['x'],
    );
    assert.deepEqual([acme.tenant, acme.name, bus.tenant], ['acme', bus.name, undefined]);
  });

  it('has groups, requests and dead letters of its own', async (t) => {
    const bus = openBus(t);
    const [acme, other] = [bus.channel('acme'), bus.channel('other')];
    const fail = () => {
      throw new Error('fails');
    };
    const options = { ack: true, maxAttempts: 2, backoffMs: 0, group: 'workers' };
    const served = [];
    acme.subscribe('work', fail, options);
    other.subscribe('work', (payload) => served.push(payload), options);
    bus.subscribe('work', (payload) => served.push(payload), options);
    acme.publish('work', 'of acme');
    await waitUntil(() => acme.deadLetters.stats.held === 1, 'the letter');
    assert.deepEqual(served, [], 'members of other tenants are not of its group');
    assert.deepEqual([other.deadLetters.list(), bus.deadLetters.list()], [[], []]);
    assert.equal(acme.createGroup('workers').stats.members, 1);
    await assert.rejects(other.request('nobody', 1), code('ERR_AGENTWIRE_NO_SUBSCRIBER'));
    acme.subscribe('asked', () => 42);
    assert.equal(await acme.request('asked', 1), 42);
    await assert.rejects(bus.request('asked', 1), code('ERR_AGENTWIRE_NO_SUBSCRIBER'));
  });

  it('is the same in every thread', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name }).ref();
      const channel = state.bus.channel('acme', { messages: 100 });
      channel.subscribe('double', (n) => 2 * n);
    }, bus.name);
    const channel = bus.channel('acme', { messages: 100 });
    assert.equal(await channel.request('double', 4), 8);
    assert.throws(() => bus.channel('acme', { messages: 99 }), code('ERR_AGENTWIRE_QUOTA'));
    assert.throws(() => bus.channel('acme'), code('ERR_AGENTWIRE_QUOTA'));
  });

  it('ends with its bus object, or by itself', async (t) => {
    const bus = openBus(t);
    const [first, second] = [bus.channel('first'), bus.channel('second')];
    first.close();
    assert.throws(() => first.publish('x', 1), AgentwireClosedError);
    assert.equal(second.publish('x', 1), true);
    bus.close();
    assert.throws(() => second.publish('x', 1), /the channel "second" is closed/);
    assert.throws(() => second.quota, AgentwireClosedError);
    assert.throws(() => bus.channel('third'), AgentwireClosedError);
  });

  it('is drained with its bus', async (t) => {
    const bus = openBus(t);
    const acme = bus.channel('acme');
    const again = new EventBus({ name: bus.name });
    t.after(() => again.close());
    const done = [];
    acme.subscribe('x', async (payload) => {
      await turn();
      done.push(payload);
    });
    again.channel('acme').publish('x', 1);
    again.channel('acme').flush();
    assert.deepEqual(await bus.close({ drain: true, timeoutMs: 60_000 }), { drained: true, unfinished: 0 });
    assert.deepEqual(done, [1]);
    assert.equal(acme.closed, true);
  });

  it('cannot be opened as a bus, and has no channels', (t) => {
    const bus = openBus(t);
    const channel = bus.channel('acme');
    const nativeName = `\u0000channel\u0000${JSON.stringify([bus.name, 'acme'])}`;
    assert.throws(() => new EventBus({ name: nativeName }), AgentwireArgumentError);
    assert.throws(() => channel.channel('sub'), code('ERR_AGENTWIRE_CHANNEL'));
    for (const tenant of ['', 5, undefined, 'x'.repeat(257)]) {
      assert.throws(() => bus.channel(tenant), AgentwireArgumentError);
    }
    for (const quota of [null, { messages: 0 }, { bytes: 1.5 }, { subscriptions: -1 }, { tableEntries: 2 ** 40 }]) {
      assert.throws(() => bus.channel('x', quota), AgentwireArgumentError);
    }
    assert.throws(() => bus.channel('x', { message: 1 }), code('ERR_AGENTWIRE_UNKNOWN_OPTION'));
  });
});

describe('a quota', () => {
  it('of messages fills the channel: publish is false, and writable says when to go on', async (t) => {
    const bus = openBus(t);
    const acme = bus.channel('acme', { messages: 10 });
    const other = bus.channel('other', { messages: 10 });
    const held = [];
    const hold = () => new Promise((resolve) => held.push(resolve));
    for (const topic of ['a', 'b']) acme.subscribe(topic, hold);
    other.subscribe('a', () => {});
    let admitted = 0;
    while (acme.publish(admitted % 2 === 0 ? 'a' : 'b', admitted)) admitted += 1;
    assert.equal(admitted, 10, 'of all its subscriptions together');
    assert.deepEqual(acme.quota.messages, { used: 10, limit: 10 });
    assert.equal(other.publish('a', 1), true, 'another tenant is not concerned');
    let isWritable = false;
    const writable = acme.writable('a').then(() => {
      isWritable = true;
    });
    await waitUntil(() => held.length === 10, 'the handlers');
    for (const resolve of held.splice(0, 4)) resolve();
    await turn();
    assert.equal(isWritable, false, 'half of it must be free');
    held.pop()();
    await writable;
    assert.equal(acme.publish('a', 1), true);
    for (const resolve of held) resolve();
  });

  it('of bytes likewise', async (t) => {
    const bus = openBus(t);
    const acme = bus.channel('acme', { bytes: 100_000 });
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name }).ref();
      state.bus.channel('acme', { bytes: 100_000 }).subscribe('x', () => {});
    }, bus.name);
    const stalled = await stall(thread);
    let admitted = 0;
    while (acme.publish('x', new Uint8Array(10_000))) admitted += 1;
    assert.ok(admitted >= 9 && admitted <= 11, `${admitted}`);
    await stalled.release();
    await acme.writable('x');
    await waitUntil(() => acme.quota.bytes.used === 0, 'the bytes to be handed over');
    assertLedger(acme.getMetrics());
  });

  it('is shared by subscriptions that drop, which never refuse', async (t) => {
    const bus = openBus(t);
    const acme = bus.channel('acme', { messages: 4 });
    const held = [];
    acme.subscribe('full', () => new Promise((resolve) => held.push(resolve)));
    const got = { newest: [], oldest: [] };
    const newest = acme.subscribe('n', (payload) => got.newest.push(payload), { overflow: 'drop-newest' });
    const oldest = acme.subscribe('o', (payload) => got.oldest.push(payload), { overflow: 'drop-oldest' });
    await publishAll(acme, 'full', [1, 2, 3]);
    acme.flush();
    for (const topic of ['n', 'o']) for (const payload of [1, 2, 3]) assert.equal(acme.publish(topic, payload), true);
    acme.flush();
    await waitUntil(() => newest.stats.inFlight + oldest.stats.inFlight === 0, 'them to be handled');
    for (const { stats } of [newest, oldest]) {
      assertLedger(stats);
      assert.equal(stats.admitted, 3);
      assert.ok(stats.handled >= 1 || stats.dropped.newest === 3, JSON.stringify(stats));
    }
    assert.ok(newest.stats.dropped.newest + oldest.stats.dropped.newest + oldest.stats.dropped.oldest > 0);
    for (const resolve of held) resolve();
  });

  it('of subscriptions is an error', async (t) => {
    const bus = openBus(t);
    const acme = bus.channel('acme', { subscriptions: 2 });
    const first = acme.subscribe('a', () => {});
    acme.subscribe('b', () => {});
    assert.throws(() => acme.subscribe('c', () => {}), code('ERR_AGENTWIRE_QUOTA'));
    first.unsubscribe();
    assert.throws(() => acme.subscribe('a..b', () => {}), code('ERR_AGENTWIRE_TOPIC'));
    acme.subscribe('c', () => {});
    assert.deepEqual(acme.quota.subscriptions, { used: 2, limit: 2 });
    assert.equal(acme.quota.refusedSubscriptions, 1);
  });

  it('of table entries has what comes later travel inline', async (t) => {
    const bus = openBus(t);
    const acme = bus.channel('acme', { tableEntries: 5 });
    const got = [];
    acme.subscribe('**', (payload, { topic }) => got.push([topic, payload]));
    const expected = [];
    for (let round = 0; round < 5; round += 1) {
      for (let n = 0; n < 20; n += 1) {
        const message = [`topic.${n}`, { [`key ${n} of acme`]: `a string of acme that comes again ${n}` }];
        expected.push(message);
        while (!acme.publish(...message)) await acme.writable(message[0]);
      }
      await turn();
    }
    await waitUntil(() => got.length === expected.length, 'the messages');
    assert.deepEqual(got, expected);
    assert.deepEqual(acme.quota.tableEntries, { used: 5, limit: 5 });
    assert.equal(acme.getMetrics().topics, 5);
  });
});

describe('where tenants share a thread', () => {
  it('they are served in turn, whatever waits', async (t) => {
    const bus = openBus(t);
    const [flooding, modest] = [bus.channel('flooding'), bus.channel('modest')];
    const order = [];
    flooding.subscribe('x', () => order.push('flooding'));
    modest.subscribe('x', () => order.push('modest'));
    // In one turn, so that all of it waits before the first handler is called.
    for (let n = 0; n < 5_000; n += 1) assert.equal(flooding.publish('x', n), true);
    for (let n = 0; n < 50; n += 1) assert.equal(modest.publish('x', n), true);
    await waitUntil(() => order.length === 5_050, 'all messages');
    const last = order.lastIndexOf('modest');
    // Not behind the 5,000: with as many of the other's as it has itself, and a batch or two that were under way.
    assert.ok(last < 50 + 50 + 1_024, `the last of 50 messages was number ${last}`);
    for (const channel of [flooding, modest]) assertLedger(channel.getMetrics());
  });

  it('a bus that is no channel has its turn as well', async (t) => {
    const bus = openBus(t);
    const flooding = bus.channel('flooding');
    const order = [];
    flooding.subscribe('x', () => order.push('flooding'));
    bus.subscribe('x', () => order.push('bus'));
    for (let n = 0; n < 5_000; n += 1) flooding.publish('x', n);
    for (let n = 0; n < 50; n += 1) bus.publish('x', n);
    await waitUntil(() => order.length === 5_050, 'all messages');
    assert.ok(order.lastIndexOf('bus') < 100 + 1_024, `${order.lastIndexOf('bus')}`);
  });

  it('each keeps its order, and CRITICAL overtakes', async (t) => {
    const bus = openBus(t);
    const channels = ['a', 'b', 'c'].map((tenant) => bus.channel(tenant));
    const got = channels.map(() => []);
    for (const [index, channel] of channels.entries()) channel.subscribe('x', (payload) => got[index].push(payload));
    const expected = Array.from({ length: 1_000 }, (_, n) => n);
    for (const n of expected) for (const channel of channels) channel.publish('x', n);
    channels[2].publish('x', 'urgent', { priority: 0 });
    await waitUntil(() => got.every(({ length }, index) => length === 1_000 + (index === 2 ? 1 : 0)), 'all messages');
    assert.deepEqual(got[0], expected);
    assert.deepEqual(got[1], expected);
    assert.ok(got[2].indexOf('urgent') < 900, `${got[2].indexOf('urgent')}`);
    assert.deepEqual(
      got[2].filter((payload) => payload !== 'urgent'),
      expected,
    );
  });
});
