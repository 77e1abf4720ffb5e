'use strict';

// Threads that are replaced while traffic flows, many buses in one process, and a bus in a worker of a worker.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus } = require('agentwire');
const { assertLedger, fixture, publishAll, stall, Thread, turn, uniqueName, waitUntil } = require('./helpers.js');
const { gotBy, openBus, waitForCount } = require('./listeners.js');

const numbers = (from, to) => Array.from({ length: to - from }, (_, index) => from + index);
const atRest = (bus) => waitUntil(() => bus.getMetrics().inFlight === 0, 'all messages to end');

// --- traffic that does not stop

/** Publishes numbered messages to `agent` until `state.end()`. `state.next` is the number of the next one. */
function startTraffic({ agentwire, state }, name, who) {
  const bus = new agentwire.EventBus({ name }).ref();
  let isOver = false;
  const publish = async () => {
    while (!isOver) {
      for (let count = 0; count < 20 && !isOver; count += 1) {
        if (bus.publish('agent', { who, n: state.next })) state.next += 1;
        else await bus.writable('agent');
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Until nothing waits in the outbox.
    await bus.writable('agent');
    bus.close();
  };
  state.next = 0;
  const ended = publish();
  state.end = () => {
    isOver = true;
    return ended;
  };
}

/** Words of the account that an agent keeps of each publisher, where it can be read after its end. */
const FIRST = 0;
const NEXT = 1;
const FAULTS = 2;
const accountWords = 4;
const newAccounts = (publishers) => new Int32Array(new SharedArrayBuffer(4 * accountWords * publishers)).fill(-1);

/** Subscribes to `agent` and keeps accounts. */
function startAgent({ agentwire, state }, name, accounts, words, options) {
  const [FIRST, NEXT, FAULTS] = [0, 1, 2];
  state.bus = new agentwire.EventBus({ name }).ref();
  state.bus.subscribe(
    'agent',
    ({ who, n }) => {
      const at = who * words;
      if (accounts[at + FIRST] === -1) {
        accounts[at + FIRST] = n;
        accounts[at + FAULTS] = 0;
      } else if (accounts[at + NEXT] !== n) {
        accounts[at + FAULTS] += 1;
      }
      accounts[at + NEXT] = n + 1;
    },
    options,
  );
}

const accountOf = (accounts, who) => {
  const at = who * accountWords;
  return { first: accounts[at + FIRST], next: accounts[at + NEXT], faults: accounts[at + FAULTS] };
};

describe('an agent that is replaced', () => {
  for (const how of ['terminate', 'exit']) {
    it(`while traffic flows: ${how}`, async (t) => {
      const bus = openBus(t);
      const here = { state: {}, agentwire: { EventBus } };
      const there = await Thread.start(t);
      const nextNumbers = async () => [here.state.next, await there.run(({ state }) => state.next)];
      const hire = async () => {
        const accounts = newAccounts(2);
        const thread = await Thread.start(t);
        await thread.run(startAgent, bus.name, accounts, accountWords, { queueLimit: 300 });
        // From here on everything is owed to it.
        return { accounts, thread, owedFrom: await nextNumbers() };
      };
      const hasTraffic = async (agent, count) => {
        const [first, second] = [0, 1].map((who) => agent.owedFrom[who] + count);
        const has = () => accountOf(agent.accounts, 0).next > first && accountOf(agent.accounts, 1).next > second;
        await waitUntil(has, 'traffic of both publishers');
      };

      startTraffic(here, bus.name, 0);
      await there.run(startTraffic, bus.name, 1);
      let agent = await hire();
      for (let round = 0; round < 4; round += 1) {
        await hasTraffic(agent, 500);
        if (how === 'exit') agent.thread.start(() => process.exit());
        else agent.thread.terminate();
        await agent.thread.exited;
        // Nothing goes to the dead: what is published now is nobody's.
        const { dropped, unmatched } = bus.getMetrics();
        assert.equal(bus.countMatchingSubscriptions('agent'), 0);
        await waitUntil(() => bus.getMetrics().unmatched > unmatched + 100, 'messages that nobody gets');
        assert.deepEqual(bus.getMetrics().dropped, dropped);
        for (const who of [0, 1]) {
          const { first, faults } = accountOf(agent.accounts, who);
          assert.ok(first <= agent.owedFrom[who], `publisher ${who}: from ${first}, owed from ${agent.owedFrom[who]}`);
          assert.equal(faults, 0, `publisher ${who}, round ${round}`);
        }
        agent = await hire();
      }
      await hasTraffic(agent, 500);
      await Promise.all([here.state.end(), there.run(({ state }) => state.end())]);
      await atRest(bus);
      const sent = await nextNumbers();
      for (const who of [0, 1]) {
        const { first, next, faults } = accountOf(agent.accounts, who);
        assert.ok(first <= agent.owedFrom[who]);
        assert.deepEqual({ next, faults }, { next: sent[who], faults: 0 }, `publisher ${who}`);
      }
      const metrics = bus.getMetrics();
      assertLedger(metrics);
      const { published, admitted, unmatched, handled, dropped } = metrics;
      assert.equal(published, sent[0] + sent[1]);
      assert.equal(admitted + unmatched, published);
      // Of the last ones before an end some find the subscription ended already.
      assert.equal(handled + dropped.subscriberDied + dropped.unsubscribed, admitted);
    });
  }

  it('because it is stuck leaves nobody waiting, and the new one gets what comes after it', async (t) => {
    const bus = openBus(t);
    const subscribe = ({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name }).ref();
      state.got = [];
      state.bus.subscribe('agent', (payload) => state.got.push(payload), { queueLimit: 100 });
    };
    const stuck = await Thread.start(t);
    await stuck.run(subscribe, bus.name);
    await stall(stuck);
    for (const n of numbers(0, 100)) assert.equal(bus.publish('agent', n), true);
    assert.equal(bus.publish('agent', 'too much'), false);
    const writable = bus.writable('agent');
    await stuck.terminate();
    await writable;
    assert.deepEqual([bus.getMetrics().dropped.subscriberDied, bus.getMetrics().inFlight], [100, 0]);
    assert.equal(bus.publish('agent', 'for nobody'), true);
    bus.flush();

    const fresh = await Thread.start(t);
    await fresh.run(subscribe, bus.name);
    await publishAll(bus, 'agent', numbers(100, 1000));
    await waitForCount(fresh, 900);
    assert.deepEqual(await gotBy(fresh), numbers(100, 1000));
    await atRest(bus);
    const { published, unmatched, refused, admitted, handled } = bus.getMetrics();
    assert.deepEqual([published, unmatched, admitted, handled], [1001, 1, 1000, 900]);
    assert.ok(refused >= 1);
  });

  it('by one that subscribes before it ends hands over without a gap', async (t) => {
    const bus = openBus(t);
    const here = { state: {}, agentwire: { EventBus } };
    startTraffic(here, bus.name, 0);
    const accounts = [newAccounts(1), newAccounts(1)];
    const [old, fresh] = [await Thread.start(t), await Thread.start(t)];
    await old.run(startAgent, bus.name, accounts[0], accountWords, {});
    await waitUntil(() => accountOf(accounts[0], 0).next > 500, 'traffic');
    await fresh.run(startAgent, bus.name, accounts[1], accountWords, {});
    const both = here.state.next;
    await waitUntil(() => accounts.every((account) => accountOf(account, 0).next > both), 'both to have the same');
    await old.terminate();
    const last = here.state.next;
    await waitUntil(() => accountOf(accounts[1], 0).next > last, 'the new one to go on');
    await here.state.end();
    await atRest(bus);
    const [before, after] = accounts.map((account) => accountOf(account, 0));
    assert.deepEqual([before.faults, after.faults, after.next], [0, 0, here.state.next]);
    assert.ok(after.first <= before.next, `${before.next} is the first that the old one did not get`);
    const { published, admitted, unmatched, handled, dropped } = bus.getMetrics();
    assert.equal(published, here.state.next);
    // Each message went to the old one, to both, or to the new one.
    assert.ok(admitted > published - unmatched);
    assert.equal(handled + dropped.subscriberDied + dropped.unsubscribed, admitted);
  });
});

describe('many buses', () => {
  const count = 200;

  it('of one process keep their messages and figures apart', async (t) => {
    const names = numbers(0, count).map((index) => uniqueName(`bus-${index}`));
    const buses = names.map((name) => new EventBus({ name }));
    t.after(() => {
      for (const bus of buses) bus.close();
    });
    const got = buses.map(() => []);
    for (const [index, bus] of buses.entries()) bus.subscribe('back', (payload) => got[index].push(payload));
    const thread = await Thread.start(t);
    await thread.run(({ agentwire, state }, names) => {
      state.faults = 0;
      state.buses = names.map((name) => new agentwire.EventBus({ name }).ref());
      for (const [index, bus] of state.buses.entries()) {
        bus.subscribe('there', (payload) => {
          if (payload[0] !== index) state.faults += 1;
          bus.publish('back', payload);
        });
      }
    }, names);

    const perBus = 1 + count;
    // Every bus gets another number of messages.
    for (const k of numbers(0, perBus)) {
      for (const [index, bus] of buses.entries()) if (k <= index) bus.publish('there', [index, k]);
    }
    await waitUntil(() => got.every(({ length }, index) => length === index + 1), 'all answers');
    for (const [index, payloads] of got.entries()) {
      assert.deepEqual(
        payloads,
        numbers(0, index + 1).map((k) => [index, k]),
      );
    }
    assert.equal(await thread.run(({ state }) => state.faults), 0);
    await waitUntil(() => buses.every((bus) => bus.getMetrics().inFlight === 0), 'all to settle');
    for (const [index, bus] of buses.entries()) {
      const { published, admitted, handled, unmatched, subscriptions, topics } = bus.getMetrics();
      const twice = 2 * (index + 1);
      assert.deepEqual(
        [published, admitted, handled, unmatched, subscriptions, topics],
        [twice, twice, twice, 0, 2, 2],
        `bus ${index}`,
      );
    }
  });

  it('are closed one by one, and begin anew where nobody has them open', async (t) => {
    const names = numbers(0, count).map((index) => uniqueName(`bus-${index}`));
    const buses = names.map((name) => new EventBus({ name }));
    t.after(() => {
      for (const bus of buses) bus.close();
    });
    const got = buses.map(() => 0);
    const listen = (index) =>
      buses[index].subscribe('x', () => {
        got[index] += 1;
      });
    for (const index of buses.keys()) listen(index);
    const thread = await Thread.start(t);
    /** Every third is open in the other thread as well. */
    const isShared = (index) => index % 3 === 0;
    await thread.run(
      ({ agentwire, state }, names) => {
        state.buses = names.map((name) => new agentwire.EventBus({ name }).ref());
      },
      names.filter((_, index) => isShared(index)),
    );
    const publishThere = () =>
      thread.run(({ state }) => {
        for (const bus of state.buses) bus.publish('x', null);
        state.buses[0].flush();
      });

    for (const [index, bus] of buses.entries()) {
      bus.publish('x', null);
      if (index % 2 === 0) bus.close();
    }
    await publishThere();
    const isClosed = (index) => index % 2 === 0;
    const due = (index) => (isClosed(index) ? 0 : 1 + Number(isShared(index)));
    await waitUntil(() => got.every((calls, index) => calls >= due(index)), 'those that are open');
    await turn();
    assert.deepEqual(got, [...got.keys()].map(due));
    for (const [index, bus] of buses.entries()) {
      assert.equal(bus.closed, isClosed(index));
      if (isClosed(index)) assert.throws(() => bus.publish('x', null), { code: 'ERR_AGENTWIRE_CLOSED' });
    }

    for (const index of buses.keys()) {
      if (!isClosed(index)) continue;
      buses[index] = new EventBus({ name: names[index] });
      const { published, unmatched, dropped, subscriptions, topics } = buses[index].getMetrics();
      // What was published before the close and not handed over, then what nobody listened to.
      const figures = [published, unmatched, dropped.unsubscribed, subscriptions, topics];
      assert.deepEqual(figures, isShared(index) ? [2, 1, 1, 0, 1] : [0, 0, 0, 0, 0], `bus ${index}`);
      listen(index);
      buses[index].publish('x', null);
    }
    await waitUntil(() => got.every((calls, index) => !isClosed(index) || calls === 1), 'those that were opened again');
  });
});

describe('a worker of a worker', () => {
  /** Has a thread subscribe to what is for it. `state.got` has the numbers that it got, by sender. */
  const open = ({ agentwire, state }, name, own) => {
    state.bus = new agentwire.EventBus({ name }).ref();
    state.got = {};
    state.count = 0;
    state.bus.subscribe(`to.${own}`, ({ from, n }) => {
      state.got[from] ??= [];
      state.got[from].push(n);
      state.count += 1;
    });
  };
  const send = async ({ state }, own, receivers, first, last) => {
    for (let n = first; n < last; n += 1) {
      for (const receiver of receivers) {
        while (!state.bus.publish(`to.${receiver}`, { from: own, n })) await state.bus.writable(`to.${receiver}`);
      }
    }
    state.bus.flush();
  };
  const stateOf = ({ state }) => ({ got: state.got, count: state.count });

  /** Runs an action in the inner worker, by way of the middle one. */
  class Inner {
    static async start(middle) {
      await middle.run(({ state, require }, file) => {
        const { Worker } = require('node:worker_threads');
        const inner = new Worker(file);
        const pending = new Map();
        let calls = 0;
        inner.on('message', ({ call, value, error }) => {
          const { resolve, reject } = pending.get(call);
          pending.delete(call);
          if (error === undefined) resolve(value);
          else reject(error);
        });
        state.ask = (source, args) => {
          calls += 1;
          const call = calls;
          const answer = new Promise((resolve, reject) => pending.set(call, { resolve, reject }));
          inner.postMessage({ call, source, args });
          return answer;
        };
        state.endInner = () => inner.terminate();
      }, fixture('thread.js'));
      return new Inner(middle);
    }

    constructor(middle) {
      this.middle = middle;
    }

    run(action, ...args) {
      return this.middle.run(({ state }, source, args) => state.ask(source, args), action.toString(), args);
    }
  }

  /** Three levels: this thread, a worker, a worker of that. */
  async function startLevels(t, bus) {
    const middle = await Thread.start(t);
    const inner = await Inner.start(middle);
    await middle.run(open, bus.name, 'middle');
    await inner.run(open, bus.name, 'inner');
    return { middle, inner };
  }

  function openHere(t) {
    const here = { agentwire: { EventBus }, state: {} };
    open(here, uniqueName('levels'), 'main');
    t.after(() => here.state.bus.close());
    return { run: async (action, ...args) => action(here, ...args), state: here.state };
  }

  const levels = ['main', 'middle', 'inner'];
  const others = (own) => levels.filter((level) => level !== own);

  it('is on the bus, in all directions', async (t) => {
    const main = openHere(t);
    const { bus } = main.state;
    const threads = { main, ...(await startLevels(t, bus)) };
    const each = 1500;
    await Promise.all(levels.map((own) => threads[own].run(send, own, others(own), 0, each)));
    for (const own of levels) {
      const has = async () => (await threads[own].run(stateOf)).count === 2 * each;
      await waitUntil(has, `all messages for ${own}`);
      const { got } = await threads[own].run(stateOf);
      assert.deepEqual(Object.keys(got).sort(), others(own).sort());
      for (const from of others(own)) assert.deepEqual(got[from], numbers(0, each), `from ${from} to ${own}`);
    }
    await atRest(bus);
    const { published, admitted, handled } = bus.getMetrics();
    assert.deepEqual([published, admitted, handled], [6 * each, 6 * each, 6 * each]);
  });

  it('ends with the worker in the middle, and both are replaced', async (t) => {
    const main = openHere(t);
    const { bus } = main.state;
    for (let round = 0; round < 3; round += 1) {
      const { middle, inner } = await startLevels(t, bus);
      const before = bus.getMetrics();
      main.state.got = {};
      main.state.count = 0;
      await Promise.all([
        main.run(send, 'main', ['middle', 'inner'], 0, 500),
        middle.run(send, 'middle', ['main', 'inner'], 0, 500),
        inner.run(send, 'inner', ['main', 'middle'], 0, 500),
      ]);
      // Both go on sending, and one of them dies with the other in the middle of it.
      const forever = ({ state }, own) => {
        let n = 500;
        const more = async () => {
          for (let count = 0; count < 50; count += 1) {
            if (state.bus.publish('to.main', { from: own, n })) n += 1;
            else await state.bus.writable('to.main');
          }
          setImmediate(more);
        };
        more();
      };
      await inner.run(forever, 'inner');
      await middle.run(forever, 'middle');
      await waitUntil(() => main.state.got.inner?.length > 700 && main.state.got.middle?.length > 700, 'traffic');
      await main.run(send, 'main', ['middle', 'inner'], 500, 600);
      await middle.terminate();
      await waitUntil(() => bus.getMetrics().subscriptions === 1, 'the end of the inner worker');
      await atRest(bus);
      for (const from of ['middle', 'inner']) {
        const got = main.state.got[from];
        assert.deepEqual(got, numbers(0, got.length), `what came from ${from}`);
      }
      const metrics = bus.getMetrics();
      assertLedger(metrics);
      // Everything that was published had one receiver.
      assert.deepEqual(
        [metrics.unmatched, metrics.admitted],
        [before.unmatched, metrics.published - metrics.unmatched],
      );
      assert.equal(bus.publish('to.inner', null), true);
      bus.flush();
      assert.equal(bus.getMetrics().unmatched, before.unmatched + 1);
    }
  });

  it('ends, and the worker in the middle goes on', async (t) => {
    const main = openHere(t);
    const { bus } = main.state;
    const { middle, inner } = await startLevels(t, bus);
    await inner.run(send, 'inner', ['main', 'middle'], 0, 300);
    await middle.run(({ state }) => state.endInner());
    assert.equal(bus.countMatchingSubscriptions('to.inner'), 0);
    await middle.run(send, 'middle', ['main'], 0, 300);
    await main.run(send, 'main', ['middle'], 0, 300);
    await waitUntil(() => main.state.count === 600, 'what both sent');
    await waitUntil(async () => (await middle.run(stateOf)).count === 600, 'what the middle one is owed');
    assert.deepEqual((await middle.run(stateOf)).got, { inner: numbers(0, 300), main: numbers(0, 300) });
    assert.deepEqual(main.state.got, { inner: numbers(0, 300), middle: numbers(0, 300) });
    await atRest(bus);
    assertLedger(bus.getMetrics());
    assert.equal(bus.getMetrics().dropped.subscriberDied, 0);
  });
});
