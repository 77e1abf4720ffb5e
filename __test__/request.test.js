'use strict';

// bus.request: what comes back, from whom, and what a request ends with that gets no answer.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireClosedError, AgentwireRemoteError, AgentwireRequestError, EventBus } = require('agentwire');
const { assertSame } = require('./fixtures/same.js');
const { makeValues } = require('./fixtures/values.js');
const { assertLedger, deadlineMs, stall, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

/** No answer is far away from this. */
const patient = { timeoutMs: deadlineMs };

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('request'), onError: () => {} });
  t.after(() => bus.close());
  return bus;
}

/** A thread that subscribes a handler, sent as text. */
async function answering(t, bus, pattern, handler, options) {
  const thread = await Thread.start(t);
  await thread.run(
    ({ agentwire, require, state }, name, pattern, source, options) => {
      state.bus = new agentwire.EventBus({ name, onError: () => {} }).ref();
      state.handler = require('node:vm').runInThisContext(`(${source})`);
      state.subscription = state.bus.subscribe(pattern, (...given) => state.handler(...given), options);
    },
    bus.name,
    pattern,
    handler.toString(),
    options,
  );
  return thread;
}

const failsWith = (code, expected = AgentwireRequestError) => {
  return (error) => {
    assert.ok(error instanceof expected, String(error));
    assert.equal(error.code, code);
    return true;
  };
};

async function atRest(bus) {
  await waitUntil(() => bus.getMetrics().inFlight === 0, 'the bus to come to rest');
  assertLedger(bus.getMetrics());
}

describe('the answer', () => {
  it('is what the handler returns, or its promise resolves with, in the same thread', async (t) => {
    const bus = openBus(t);
    bus.subscribe('sum', ({ a, b }) => a + b);
    bus.subscribe('later', async (payload) => {
      await turn();
      return { payload };
    });
    assert.equal(await bus.request('sum', { a: 1, b: 2 }, patient), 3);
    assert.deepEqual(await bus.request('later', [1], patient), { payload: [1] });
    await atRest(bus);
  });

  it('may be any value, from another thread', async (t) => {
    const bus = openBus(t);
    await answering(t, bus, 'echo', (payload) => payload);
    for (const [name, value, expected] of makeValues()) {
      const answer = await bus.request('echo', value, patient);
      try {
        assertSame(answer, expected);
      } catch (error) {
        error.message = `${name}: ${error.message}`;
        throw error;
      }
    }
    await atRest(bus);
  });

  it('and the question may be of 1 MiB', async (t) => {
    const bus = openBus(t);
    await answering(t, bus, 'flip', (payload) => payload.map((byte) => byte ^ 0xff));
    const bytes = Uint8Array.from({ length: 1 << 20 }, (_, i) => i % 251);
    const flipped = await bus.request('flip', bytes, patient);
    assert.equal(
      Buffer.compare(
        flipped,
        bytes.map((byte) => byte ^ 0xff),
      ),
      0,
    );
    await atRest(bus);
  });

  it('finds its own request among a thousand, in whatever order they are answered', async (t) => {
    const bus = openBus(t);
    await answering(t, bus, 'n', (n) => new Promise((resolve) => (n % 2 ? setImmediate(resolve, -n) : resolve(-n))));
    const numbers = Array.from({ length: 1000 }, (_, i) => i + 1);
    const answers = await Promise.all(numbers.map((n) => bus.request('n', n, patient)));
    assert.deepEqual(
      answers,
      numbers.map((n) => -n),
    );
  });

  it('comes with headers, a correlation id and a priority of the request', async (t) => {
    const bus = openBus(t);
    await answering(t, bus, 'ctx', (_, { headers, correlationId, priority }) => ({ headers, correlationId, priority }));
    const options = { headers: { h: 1 }, correlationId: 9n, priority: 0 };
    assertSame(await bus.request('ctx', null, { ...options, ...patient }), options);
  });
});

describe("a handler's error", () => {
  it('rejects with its name, message and code', async (t) => {
    const bus = openBus(t);
    const thread = await answering(t, bus, 'bad', () => {
      throw Object.assign(new RangeError('too far'), { code: 'E_FAR' });
    });
    await assert.rejects(bus.request('bad', 1, patient), (error) => {
      assert.ok(error instanceof AgentwireRemoteError);
      const { code, message, remoteName, remoteCode, remoteStack } = error;
      assert.deepEqual([code, message], ['ERR_AGENTWIRE_REMOTE', 'too far']);
      assert.deepEqual([remoteName, remoteCode], ['RangeError', 'E_FAR']);
      assert.match(remoteStack, /too far/);
      return true;
    });
    const { failed } = await thread.run(({ state }) => state.subscription.stats);
    assert.equal(failed, 1);
  });

  it('may be a rejection, no Error at all, or an answer that cannot be sent', async (t) => {
    const bus = openBus(t);
    bus.subscribe('rejects', () => Promise.reject(new TypeError('no')));
    bus.subscribe('text', () => {
      throw 'text';
    });
    bus.subscribe('function', () => () => {});
    const remote = (topic) => bus.request(topic, 1, patient).then(assert.fail, (error) => error);
    const [rejects, text, unsendable] = await Promise.all(['rejects', 'text', 'function'].map(remote));
    assert.deepEqual([rejects.code, rejects.remoteName, rejects.message], ['ERR_AGENTWIRE_REMOTE', 'TypeError', 'no']);
    assert.deepEqual([text.code, text.message], ['ERR_AGENTWIRE_REMOTE', 'text']);
    assert.equal(unsendable.code, 'ERR_AGENTWIRE_REMOTE');
    assert.equal(unsendable.remoteCode, 'ERR_AGENTWIRE_UNSUPPORTED');
    await atRest(bus);
  });
});

describe('without an answer', () => {
  it('ends at its timeout, and a late answer reaches nobody', async (t) => {
    const bus = openBus(t);
    let answer;
    bus.subscribe('slow', () => new Promise((resolve) => (answer = resolve)));
    bus.subscribe('fast', () => 'in time');
    // Until the handler was called before the time was over, however slow the machine.
    for (let timeoutMs = 50; answer === undefined; timeoutMs *= 2) {
      await assert.rejects(bus.request('slow', 1, { timeoutMs }), failsWith('ERR_AGENTWIRE_REQUEST_TIMEOUT'));
    }
    answer('late');
    assert.equal(await bus.request('fast', 1, patient), 'in time');
    await atRest(bus);
  });

  it('is not handed to a handler once its requester gave up', async (t) => {
    const bus = openBus(t);
    const thread = await answering(t, bus, 'stuck', () => 1);
    const { release } = await stall(thread);
    const request = bus.request('stuck', 1, { timeoutMs: 20 });
    bus.flush();
    const sent = performance.now();
    await assert.rejects(request, failsWith('ERR_AGENTWIRE_REQUEST_TIMEOUT'));
    // The message's own time begins when it is submitted.
    await waitUntil(() => performance.now() > sent + 25, 'the time of the message to be over');
    await release();
    await atRest(bus);
    const { handled, dropped } = bus.getMetrics();
    assert.deepEqual([handled, dropped.expired], [0, 1]);
  });

  it('fails at once when nobody is subscribed, or no filter wants it', async (t) => {
    const bus = openBus(t);
    await assert.rejects(bus.request('nobody', 1, patient), failsWith('ERR_AGENTWIRE_NO_SUBSCRIBER'));
    const filter = { operator: 'AND', conditions: [{ field: 'wanted', operator: 'eq', value: true }] };
    bus.subscribe('picky', () => 1, { filter });
    await assert.rejects(bus.request('picky', { wanted: false }, patient), failsWith('ERR_AGENTWIRE_NO_SUBSCRIBER'));
  });

  it('fails when the message is dropped, as its subscription has ended', async (t) => {
    const bus = openBus(t);
    const subscription = bus.subscribe('ends', () => 1);
    const request = bus.request('ends', 1, patient);
    bus.flush();
    subscription.unsubscribe();
    await assert.rejects(request, failsWith('ERR_AGENTWIRE_REQUEST_DROPPED'));
  });

  it('fails when a full subscription does without the message', async (t) => {
    const bus = openBus(t);
    bus.subscribe('full', () => new Promise(() => {}), { queueLimit: 1, overflow: 'drop-newest' });
    bus.publish('full', 1);
    bus.flush();
    await assert.rejects(bus.request('full', 2, patient), failsWith('ERR_AGENTWIRE_REQUEST_DROPPED'));
  });

  for (const where of ['in its mailbox', 'with its handler']) {
    it(`fails when the thread that should answer is terminated with the message ${where}`, async (t) => {
      const bus = openBus(t);
      const thread = await answering(t, bus, 'dies', () => new Promise(() => {}));
      if (where === 'in its mailbox') await stall(thread);
      const failed = assert.rejects(bus.request('dies', 1, patient), failsWith('ERR_AGENTWIRE_SUBSCRIBER_DIED'));
      bus.flush();
      if (where === 'with its handler') await thread.run(() => new Promise((resolve) => setImmediate(resolve)));
      await thread.terminate();
      await failed;
      await atRest(bus);
    });
  }

  it('ends with the bus', async (t) => {
    const bus = openBus(t);
    bus.subscribe('open', () => new Promise(() => {}));
    const open = [1, 2, 3].map((n) => bus.request('open', n, { timeoutMs: Infinity }));
    const failed = open.map((each) => assert.rejects(each, failsWith('ERR_AGENTWIRE_CLOSED', AgentwireClosedError)));
    await turn();
    bus.close();
    await Promise.all(failed);
    await assert.rejects(bus.request('open', 1), failsWith('ERR_AGENTWIRE_CLOSED', AgentwireClosedError));
  });
});
