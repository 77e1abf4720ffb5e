'use strict';

// on, once, off and emit: this thread's listeners at once and by reference, everybody else by copy.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus, MessageContext } = require('agentwire');
const { assertLedger, Thread, turn, waitUntil } = require('./helpers.js');
const { gotBy, openBus, startListener, waitForCount } = require('./listeners.js');

const settled = (bus) => waitUntil(() => bus.getMetrics().inFlight === 0, 'all messages to settle');

/** A thread that keeps what its listeners get: `state.got` has `[pattern, topic, payload, has a context]`. */
async function startEmitter(t, bus, patterns) {
  const thread = await Thread.start(t);
  await thread.run(
    ({ agentwire, state }, name, patterns) => {
      state.bus = new agentwire.EventBus({ name });
      state.got = [];
      for (const pattern of patterns) {
        state.bus.on(pattern, (payload, topic, context) =>
          state.got.push([pattern, topic, payload, context instanceof agentwire.MessageContext]),
        );
      }
    },
    bus.name,
    patterns,
  );
  return thread;
}

describe('emit in one thread', () => {
  it('calls the listeners at once, in order, with the payload itself', (t) => {
    const bus = openBus(t);
    const calls = [];
    const note = (name) => (payload, topic, context) => calls.push([name, payload, topic, context]);
    bus.on('a.b', note('exact')).on('a.*', note('one')).on('**', note('many')).on('a', note('other'));
    const payload = { f() {} };
    assert.equal(bus.emit('a.b', payload), true);
    assert.deepEqual(
      calls.map(([name]) => name),
      ['exact', 'one', 'many'],
    );
    for (const [, given, topic, context] of calls) {
      assert.equal(given, payload);
      assert.equal(topic, 'a.b');
      assert.equal(context, undefined);
    }
    assert.equal(bus.emit('a.b'), true);
    assert.equal(calls.at(-1)[1], undefined);
    // Nobody else listens: nothing was published.
    assert.equal(bus.getMetrics().published, 0);
  });

  it('says whether anybody listens', (t) => {
    const bus = openBus(t);
    assert.equal(bus.emit('a', 1), false);
    const listener = () => {};
    bus.on('a', listener);
    assert.equal(bus.emit('a', 1), true);
    bus.off('a', listener);
    assert.equal(bus.emit('a', 1), false);
    const subscription = bus.subscribe('a', () => {});
    assert.equal(bus.emit('a', 1), true);
    subscription.unsubscribe();
    assert.equal(bus.emit('a', 1), false);
    assert.equal(bus.emit('error', new Error('no topic is special')), false);
  });

  it('reaches the listeners of all EventBus objects of its name, and their close takes them off', (t) => {
    const bus = openBus(t);
    const other = new EventBus({ name: bus.name });
    const elsewhere = openBus(t);
    const payload = {};
    const got = [];
    bus.on('x', (given) => got.push(['bus', given === payload]));
    other.on('x', (given) => got.push(['other', given === payload]));
    elsewhere.on('x', () => got.push(['elsewhere']));
    other.emit('x', payload);
    assert.deepEqual(got.splice(0), [
      ['bus', true],
      ['other', true],
    ]);
    other.close();
    bus.emit('x', payload);
    assert.deepEqual(got, [['bus', true]]);
  });

  it('agrees with native on what matches', (t) => {
    let seed = 7;
    const random = (below) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return (seed >>> 8) % below;
    };
    const path = (kinds) => Array.from({ length: 1 + random(5) }, () => kinds[random(kinds.length)]).join('.');
    for (let round = 0; round < 30; round += 1) {
      const bus = new EventBus({ name: `${round} of ${t.name}` });
      let calls = 0;
      for (let count = 0; count < 10; count += 1) {
        bus.on(path(['a', 'b', '*', '**']), () => {
          calls += 1;
        });
      }
      for (let count = 0; count < 20; count += 1) {
        const topic = path(['a', 'b']);
        calls = 0;
        bus.emit(topic, 1);
        assert.equal(calls, bus.countMatchingSubscriptions(topic), topic);
      }
      assert.equal(bus.getMetrics().published, 0);
      bus.close();
    }
  });
});

describe('listeners that come and go', () => {
  it('once is called once, whatever brings the message, and is off before its call', async (t) => {
    const bus = openBus(t);
    const calls = [];
    bus.once('x', (payload) => {
      calls.push(payload);
      if (payload < 3) bus.emit('x', payload + 1);
    });
    bus.emit('x', 1);
    bus.emit('x', 5);
    assert.deepEqual(calls, [1]);
    bus.once('x', (payload) => calls.push(payload));
    bus.publish('x', 'published');
    bus.publish('x', 'too late');
    await settled(bus);
    assert.deepEqual(calls, [1, 'published']);
    assert.equal(bus.getMetrics().subscriptions, 0);
    assertLedger(bus.getMetrics());
  });

  it('a round of calls is not disturbed by what its listeners add and take off', (t) => {
    const bus = openBus(t);
    const calls = [];
    const second = () => calls.push('second');
    const late = () => calls.push('late');
    bus.on('x', () => {
      calls.push('first');
      bus.off('x', second);
      bus.on('x', late);
    });
    bus.on('x', second);
    bus.emit('x');
    assert.deepEqual(calls.splice(0), ['first', 'second']);
    bus.emit('x');
    assert.deepEqual(calls, ['first', 'late']);
  });

  it('added twice is called twice, and off takes the last one off', (t) => {
    const bus = openBus(t);
    const calls = [];
    const twice = () => calls.push('twice');
    bus.on('x', twice);
    bus.on('x', () => calls.push('between'));
    bus.on('x', twice);
    bus.emit('x');
    bus
      .off('x', twice)
      .off('y', twice)
      .off('x', () => {});
    bus.emit('x');
    bus.off('x', twice);
    bus.emit('x');
    assert.deepEqual(calls, ['twice', 'between', 'twice', 'twice', 'between', 'between']);
  });
});

describe('emit across threads', () => {
  it('brings a copy to listeners and subscriptions elsewhere, and nothing twice', async (t) => {
    const bus = openBus(t);
    const emitter = await startEmitter(t, bus, ['x.*', '**']);
    const listener = await startListener(t, bus, ['x.a']);
    const here = [];
    bus.on('x.*', (payload, _topic, context) => here.push(['on', payload, context]));
    bus.subscribe('x.*', (payload, context) => here.push(['subscribe', payload, context.topic]));
    const payload = { n: 1 };
    assert.equal(bus.emit('x.a', payload), true);
    assert.deepEqual(here, [['on', payload, undefined]]);
    payload.n = 2;
    await waitForCount(emitter, 2);
    await waitForCount(listener, 1);
    await settled(bus);
    assert.deepEqual(await gotBy(emitter), [
      ['x.*', 'x.a', { n: 1 }, true],
      ['**', 'x.a', { n: 1 }, true],
    ]);
    assert.deepEqual(await gotBy(listener), [['x.a', 'x.a', { n: 1 }]]);
    assert.equal(here[0][1], payload);
    assert.deepEqual(here.slice(1), [['subscribe', { n: 1 }, 'x.a']]);
    const metrics = bus.getMetrics();
    assertLedger(metrics);
    assert.deepEqual([metrics.admitted, metrics.handled], [5, 5]);
  });

  it('and publish of whatever thread, with its context', async (t) => {
    const bus = openBus(t);
    const emitter = await startEmitter(t, bus, []);
    const got = [];
    bus.on('y', (payload, topic, context) => {
      assert.ok(context instanceof MessageContext);
      got.push([payload, topic, context.headers, context.correlationId]);
    });
    bus.publish('y', 'own');
    await waitUntil(() => got.length === 1, 'the own one');
    await emitter.run(({ state }) => {
      state.bus.publish('y', 'published');
      state.bus.emit('y', 'emitted');
      state.bus.emit('y', 'with options', { headers: { a: 1 }, correlationId: 5n, priority: 0 });
      state.bus.emit('y', 'x'.repeat(100_000));
      state.bus.emit('y', 'large, with headers'.padEnd(100_000), { headers: { a: 2 } });
    });
    await waitUntil(() => got.length === 6, 'those of the other thread');
    assert.deepEqual(got.map(([payload, ...rest]) => [payload.slice(0, 19).trim(), ...rest]).sort(), [
      ['emitted', 'y', undefined, undefined],
      ['large, with headers', 'y', { a: 2 }, undefined],
      ['own', 'y', undefined, undefined],
      ['published', 'y', undefined, undefined],
      ['with options', 'y', { a: 1 }, 5n],
      ['x'.repeat(19), 'y', undefined, undefined],
    ]);
  });

  it('notices subscriptions of other threads as they come and go', async (t) => {
    const bus = openBus(t);
    let calls = 0;
    bus.on('z', () => {
      calls += 1;
    });
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.got = [];
    }, bus.name);
    for (let round = 0; round < 20; round += 1) {
      bus.emit('z', 'unheard');
      await thread.run(
        ({ state }, pattern) => {
          state.subscription = state.bus.subscribe(pattern, (payload) => state.got.push(payload));
        },
        ['z', '*', '**'][round % 3],
      );
      bus.emit('z', round);
      bus.flush();
      await waitForCount(thread, round + 1);
      await thread.run(({ state }) => state.subscription.unsubscribe());
    }
    assert.deepEqual(
      await gotBy(thread),
      Array.from({ length: 20 }, (_, index) => index),
    );
    assert.equal(calls, 40);
    assert.equal(bus.getMetrics().published, 20);
  });

  it('that a full subscription refuses reaches nobody', async (t) => {
    const bus = openBus(t);
    let calls = 0;
    bus.on('full', () => {
      calls += 1;
    });
    let open;
    const gate = new Promise((resolve) => {
      open = resolve;
    });
    bus.subscribe('full', () => gate, { queueLimit: 2 });
    assert.deepEqual([bus.emit('full', 1), bus.emit('full', 2), bus.emit('full', 3)], [true, true, false]);
    assert.equal(calls, 2);
    open();
    await bus.writable('full');
    assert.equal(bus.emit('full', 4), true);
    assert.equal(calls, 3);
  });

  it('of what cannot be copied throws before anybody got it', async (t) => {
    const bus = openBus(t);
    let calls = 0;
    bus.on('x', () => {
      calls += 1;
    });
    bus.subscribe('x', () => {});
    assert.throws(() => bus.emit('x', () => {}), { name: 'AgentwireValueError' });
    assert.equal(calls, 0);
  });
});

describe('a listener that fails', () => {
  it('is reported and counted, and the next ones are called', async (t) => {
    const told = [];
    const bus = openBus(t, { onError: (error, failure) => told.push([error, failure]) });
    const calls = [];
    bus.on('f', () => {
      throw 'thrown';
    });
    bus.on('*', async () => {
      await turn();
      throw 'rejected';
    });
    bus.on('f', () => ({
      // biome-ignore lint/suspicious/noThenProperty: what is tested.
      then() {
        throw 'from then';
      },
    }));
    bus.on('f', (payload) => calls.push(payload));
    assert.equal(bus.emit('f', 1), true);
    assert.deepEqual(calls, [1]);
    await waitUntil(() => told.length === 3, 'the reports');
    const failure = (pattern) => ({ reason: 'handler-error', topic: 'f', pattern });
    assert.deepEqual(told, [
      ['thrown', failure('f')],
      ['from then', failure('f')],
      ['rejected', failure('*')],
    ]);
    assert.equal(bus.getMetrics().listenerFailures, 3);
    bus.publish('f', 2);
    await settled(bus);
    assert.equal(bus.getMetrics().failed, 3);
    assert.equal(bus.getMetrics().listenerFailures, 3);
    assertLedger(bus.getMetrics());
  });
});

describe('wrong arguments', () => {
  it('are typed errors', (t) => {
    const bus = openBus(t);
    for (const given of [undefined, null, 5, {}]) {
      const expected = { code: 'ERR_AGENTWIRE_ARGUMENT' };
      for (const method of ['on', 'once', 'off']) {
        assert.throws(() => bus[method](given, () => {}), { ...expected, message: /pattern/ }, method);
        assert.throws(() => bus[method]('a', given), { ...expected, message: /listener/ }, method);
      }
      assert.throws(() => bus.emit(given, 1), { ...expected, message: /topic/ });
    }
    for (const topic of ['', 'a..b', 'a.*']) assert.throws(() => bus.emit(topic, 1), { code: 'ERR_AGENTWIRE_TOPIC' });
    assert.throws(() => bus.on('a..b', () => {}), { code: 'ERR_AGENTWIRE_TOPIC' });
    assert.throws(() => bus.emit('a', 1, { prority: 1 }), { code: 'ERR_AGENTWIRE_UNKNOWN_OPTION' });
    assert.equal(bus.getMetrics().subscriptions, 0);
  });
});
