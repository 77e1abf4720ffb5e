'use strict';

// Who answers a request and how often: context.reply, several handlers, signals, and options that make no sense.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { AgentwireArgumentError, EventBus } = require('agentwire');
const { deadlineMs, stall, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');

/** No answer is far away from this. */
const patient = { timeoutMs: deadlineMs };

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('replies'), onError: () => {} });
  t.after(() => bus.close());
  return bus;
}

describe('context.reply', () => {
  it('answers before the handler returns, and what the handler returns is no answer any more', async (t) => {
    const bus = openBus(t);
    bus.subscribe('x', (payload, { reply }) => {
      assert.equal(reply(payload * 2), true);
      return 'returned';
    });
    assert.equal(await bus.request('x', 4, patient), 8);
  });

  it('answers once: the second time it says false', async (t) => {
    const bus = openBus(t);
    const said = [];
    bus.subscribe('x', (_, { reply }) => void said.push(reply('first'), reply('second')));
    assert.equal(await bus.request('x', 1, patient), 'first');
    assert.deepEqual(said, [true, false]);
  });

  it('answers while the promise of the handler is pending, which stays in flight', async (t) => {
    const bus = openBus(t);
    let finish;
    const subscription = bus.subscribe('x', (_, { reply }) => {
      reply('early');
      return new Promise((resolve) => {
        finish = resolve;
      });
    });
    assert.equal(await bus.request('x', 1, patient), 'early');
    assert.equal(subscription.stats.inFlight, 1);
    finish('ignored');
    await waitUntil(() => subscription.stats.handled === 1, 'the handler to settle');
  });

  it('leaves the answer open when its value cannot be sent', async (t) => {
    const bus = openBus(t);
    let code;
    bus.subscribe('x', (_, { reply }) => {
      try {
        reply(() => {});
      } catch (error) {
        code = error.code;
      }
      return 'instead';
    });
    assert.equal(await bus.request('x', 1, patient), 'instead');
    assert.equal(code, 'ERR_AGENTWIRE_UNSUPPORTED');
  });

  it('is how the consumer of a stream answers, long after', async (t) => {
    const bus = openBus(t);
    const stream = bus.stream('x');
    const request = bus.request('x', 1, patient);
    const { value } = await stream.next();
    await turn();
    await turn();
    assert.equal(value.context.reply(value.payload + 1), true);
    assert.equal(await request, 2);
    await stream.return();
  });

  it('is undefined for a message that is no request', async (t) => {
    const bus = openBus(t);
    const replies = [];
    bus.subscribe('x', (_, { reply }) => void replies.push(reply));
    bus.publish('x', 1);
    bus.publish('x', 1, { correlationId: 1n });
    await waitUntil(() => replies.length === 2, 'two messages');
    assert.deepEqual(replies, [undefined, undefined]);
  });
});

describe('of several handlers', () => {
  it('the first answer counts, and the others are told that they are late', async (t) => {
    const bus = openBus(t);
    const replies = [];
    for (let i = 0; i < 3; i += 1) {
      bus.subscribe('x', (_, { reply }) => {
        replies.push(reply);
        return new Promise(() => {});
      });
    }
    const request = bus.request('x', 1, patient);
    await waitUntil(() => replies.length === 3, 'all handlers');
    assert.equal(replies[1]('second'), true);
    assert.equal(await request, 'second');
    assert.equal(replies[0]('first'), false);
    assert.equal(replies[2]('third'), false);
  });

  it('one that returns undefined leaves the answer to another, of another thread', async (t) => {
    const bus = openBus(t);
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name }).ref();
      state.bus.subscribe('x', () => 'worker');
    }, bus.name);
    const { release } = await stall(thread);
    let seen = 0;
    bus.subscribe('x', () => {
      seen += 1;
    });
    const request = bus.request('x', 1, patient);
    await waitUntil(() => seen === 1, 'the handler of this thread');
    await release();
    assert.equal(await request, 'worker');
  });

  it('undefined is the answer where all of them return it', async (t) => {
    const bus = openBus(t);
    for (let i = 0; i < 3; i += 1) bus.subscribe('x', async () => {});
    assert.equal(await bus.request('x', 1, patient), undefined);
  });
});

describe('a signal', () => {
  it('gives the request up with its reason, before and after it was sent', async (t) => {
    const bus = openBus(t);
    let handled = 0;
    bus.subscribe('x', () => {
      handled += 1;
      return new Promise(() => {});
    });
    const reason = new Error('given up');
    await assert.rejects(bus.request('x', 1, { signal: AbortSignal.abort(reason) }), (error) => error === reason);
    const controller = new AbortController();
    const request = bus.request('x', 2, { signal: controller.signal, ...patient });
    await waitUntil(() => handled > 0, 'the handler');
    controller.abort(reason);
    await assert.rejects(request, (error) => error === reason);
    assert.equal(handled, 1, 'the one aborted before was never published');
  });

  it('is left alone once the answer is there', async (t) => {
    const bus = openBus(t);
    bus.subscribe('x', () => 1);
    const controller = new AbortController();
    assert.equal(await bus.request('x', 1, { signal: controller.signal, ...patient }), 1);
    controller.abort();
    assert.equal(await bus.request('x', 1, patient), 1);
  });
});

it('waits for a full subscription', async (t) => {
  const bus = openBus(t);
  const held = [];
  bus.subscribe('x', (payload) => new Promise((resolve) => held.push(() => resolve(payload))), { queueLimit: 1 });
  const requests = [1, 2, 3].map((n) => bus.request('x', n, patient));
  for (let i = 0; i < 3; i += 1) {
    await waitUntil(() => held.length === 1, 'a handler');
    held.shift()();
  }
  assert.deepEqual(await Promise.all(requests), [1, 2, 3]);
});

describe('bad input', () => {
  const cases = {
    'a topic that is no string': ['ERR_AGENTWIRE_ARGUMENT', 1, 1],
    'options that are no object': ['ERR_AGENTWIRE_ARGUMENT', 'x', 1, 5],
    'null for options': ['ERR_AGENTWIRE_ARGUMENT', 'x', 1, null],
    'a timeout of 0': ['ERR_AGENTWIRE_ARGUMENT', 'x', 1, { timeoutMs: 0 }],
    'a negative timeout': ['ERR_AGENTWIRE_ARGUMENT', 'x', 1, { timeoutMs: -1 }],
    'a timeout that is no number': ['ERR_AGENTWIRE_ARGUMENT', 'x', 1, { timeoutMs: NaN }],
    'a timeout longer than a timer': ['ERR_AGENTWIRE_ARGUMENT', 'x', 1, { timeoutMs: 2 ** 31 }],
    'a signal that is none': ['ERR_AGENTWIRE_ARGUMENT', 'x', 1, { signal: {} }],
    'a priority that is none': ['ERR_AGENTWIRE_ARGUMENT', 'x', 1, { priority: 4 }],
    'an option that does not exist': ['ERR_AGENTWIRE_UNKNOWN_OPTION', 'x', 1, { timeout: 5 }],
    'a payload that cannot be sent': ['ERR_AGENTWIRE_UNSUPPORTED', 'x', () => {}],
  };
  for (const [what, [code, ...given]] of Object.entries(cases)) {
    it(`is refused: ${what}`, async (t) => {
      const bus = openBus(t);
      let handled = 0;
      bus.subscribe('**', () => {
        handled += 1;
      });
      await assert.rejects(bus.request(...given), (error) => {
        assert.equal(error.code, code);
        if (code === 'ERR_AGENTWIRE_ARGUMENT') assert.ok(error instanceof AgentwireArgumentError);
        return true;
      });
      await turn();
      assert.equal(handled, 0);
    });
  }
});
