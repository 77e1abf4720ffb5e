'use strict';

// Acknowledgement against a plain model: whatever fails how often, whoever dies, leaves or comes, on whichever channel, each message is
// handled once or is a dead letter, with the attempts that its payload asks for, and all figures add up.
//
// A message says itself what becomes of it: `failures` handlers fail with it, then `holds` handlers keep it for good, then it is handled. So
// its end does not depend on who gets it when. AGENTWIRE_FUZZ_RUNS=N runs N sequences; a failure prints how to run it again.

const assert = require('node:assert/strict');
const { after, before, it } = require('node:test');
const fc = require('fast-check');
const { EventBus } = require('agentwire');
const { assertLedger, Thread, uniqueName, waitUntil } = require('./helpers.js');

const { AGENTWIRE_FUZZ_RUNS, AGENTWIRE_FUZZ_SEED, AGENTWIRE_FUZZ_PATH } = process.env;
const numRuns = AGENTWIRE_FUZZ_RUNS ? Math.ceil(Number(AGENTWIRE_FUZZ_RUNS) / 5) : 12;
const seed = AGENTWIRE_FUZZ_SEED ? Number(AGENTWIRE_FUZZ_SEED) : Date.now() | 0;

const MAX_ATTEMPTS = 3;
const GROUP = 'workers';
const tenants = ['bus', 'acme', 'other'];
const terms = { group: GROUP, ack: true, maxAttempts: MAX_ATTEMPTS, backoffMs: 1, ackTimeoutMs: 60_000 };

/** In a thread: a member of the group on each channel. `calls` are counted by message. */
function join({ agentwire, state }, name, tenants, terms, calls) {
  state.bus ??= new agentwire.EventBus({ name, onError: () => {} }).ref();
  state.members ??= [];
  for (const tenant of tenants) {
    const bus = tenant === 'bus' ? state.bus : state.bus.channel(tenant);
    const handler = ({ n, failures, holds }, { attempt }) => {
      Atomics.add(calls, n, 1);
      if (attempt < failures) throw new Error(`failure ${attempt}`);
      if (attempt < failures + holds) return new Promise(() => {});
      return Promise.resolve();
    };
    state.members.push(bus.subscribe('work', handler, terms));
  }
}

function leave({ state }) {
  for (const member of state.members.splice(0)) member.unsubscribe();
}

let spare;
const startThread = async () => {
  const worker = new Thread(new (require('node:worker_threads').Worker)(require.resolve('./fixtures/thread.js')));
  await worker.run(() => {});
  return worker;
};
before(async () => {
  spare = await startThread();
});
after(() => spare.terminate());

/** The bus with its channels, the members in threads, and what the model knows of each message. */
class World {
  constructor() {
    this.bus = new EventBus({ name: uniqueName('ack-model'), onError: () => {} });
    this.channels = new Map(tenants.map((tenant) => [tenant, tenant === 'bus' ? this.bus : this.bus.channel(tenant)]));
    for (const channel of this.channels.values()) channel.createGroup(GROUP);
    this.calls = new Int32Array(new SharedArrayBuffer(4 * 4096));
    this.threads = [];
    this.messages = [];
  }

  async add() {
    const thread = spare;
    spare = await startThread();
    await thread.run(join, this.bus.name, tenants, terms, this.calls);
    this.threads.push(thread);
  }

  publish(tenant, { failures, holds, count }) {
    const channel = this.channels.get(tenant);
    for (let index = 0; index < count; index += 1) {
      const n = this.messages.length;
      this.messages.push({ tenant, n, failures, holds });
      assert.equal(channel.publish('work', { n, failures, holds }, { mandatory: true }), true);
    }
    channel.flush();
  }

  /** Nothing goes on any more: what is in flight is with handlers that keep it for good. */
  async rest() {
    await waitUntil(
      async () => {
        const before = this.figures();
        await new Promise((resolve) => setTimeout(resolve, 8));
        return before === this.figures();
      },
      () => 'the end of all attempts',
    );
  }

  figures() {
    const all = [...this.channels.values()].map((channel) => {
      const { admitted, handled, deadLettered, rerouted, inFlight, attempts } = channel.getMetrics();
      return [admitted, handled, deadLettered, rerouted, inFlight, attempts, channel.deadLetters.stats.added];
    });
    return JSON.stringify(all);
  }

  /** What must be true at rest, of each channel by itself. */
  check() {
    for (const [tenant, channel] of this.channels) {
      const own = this.messages.filter((message) => message.tenant === tenant);
      const metrics = channel.getMetrics();
      assertLedger(metrics, `the ledger of ${tenant}`);
      const { handled, inFlight, unmatched, deadLettered, admitted, rerouted, published } = metrics;
      const { added, held, replayed, purged, discarded, addedByReason } = channel.deadLetters.stats;
      assert.equal(published, own.length, 'nothing of another tenant');
      assert.equal(added, held + replayed + purged + discarded);
      assert.equal(addedByReason['no-subscriber'], unmatched);
      assert.equal(added, unmatched + deadLettered);
      assert.equal(admitted - rerouted, published - unmatched + replayed);
      // Each message is at one place.
      assert.equal(handled + inFlight + held, own.length, `${tenant}: ${JSON.stringify(metrics)}`);
      for (const letter of channel.deadLetters.list()) {
        const { failures, holds } = this.messages[letter.payload.n];
        assert.equal(this.messages[letter.payload.n].tenant, tenant);
        if (letter.reason === 'handler-error') assert.ok(failures >= MAX_ATTEMPTS && letter.attempts === MAX_ATTEMPTS);
        if (letter.reason === 'no-subscriber') assert.equal(letter.attempts, 0);
        if (letter.reason === 'subscriber-died')
          assert.ok(letter.attempts <= failures + holds, 'only what was begun counts');
      }
    }
  }

  /** In the end there is somebody who keeps nothing, and all that may be handled is. */
  async end() {
    for (const thread of this.threads.splice(0)) await thread.terminate();
    for (let round = 0; round < 3; round += 1) {
      await this.add();
      for (const channel of this.channels.values()) channel.deadLetters.replay({});
      await this.rest();
      this.check();
      await this.threads.pop().terminate();
      await this.rest();
    }
    const last = await startThread();
    await last.run(join, this.bus.name, tenants, { ...terms, maxAttempts: 20 }, this.calls);
    for (const channel of this.channels.values()) channel.deadLetters.replay({}, { force: true });
    await this.rest();
    await last.terminate();
    await this.rest();
    this.check();
    for (const { n } of this.messages) assert.ok(this.calls[n] > 0, `message ${n} was never handed to anybody`);
    this.bus.close();
  }
}

const command = (name, run, arbitraries = {}) =>
  fc.record({ name: fc.constant(name), run: fc.constant(run), ...arbitraries });
const commands = fc.oneof(
  { weight: 3, arbitrary: command('a member comes', (world) => (world.threads.length < 3 ? world.add() : undefined)) },
  {
    weight: 6,
    arbitrary: command('publish', (world, { tenant, ...given }) => world.publish(tenant, given), {
      tenant: fc.constantFrom(...tenants),
      failures: fc.nat(4),
      holds: fc.constantFrom(0, 0, 0, 1, 2),
      count: fc.integer({ min: 1, max: 20 }),
    }),
  },
  {
    weight: 2,
    arbitrary: command(
      'a thread dies',
      async (world, { which }) => {
        const [thread] = world.threads.splice(which % Math.max(1, world.threads.length), 1);
        await thread?.terminate();
      },
      { which: fc.nat(2) },
    ),
  },
  {
    weight: 1,
    arbitrary: command(
      'a member leaves',
      (world, { which }) => world.threads[which % Math.max(1, world.threads.length)]?.run(leave),
      {
        which: fc.nat(2),
      },
    ),
  },
  {
    weight: 2,
    arbitrary: command('replay', (world, { tenant }) => void world.channels.get(tenant).deadLetters.replay({}), {
      tenant: fc.constantFrom(...tenants),
    }),
  },
);

it('each message is handled or a dead letter, whatever happens', async (t) => {
  t.diagnostic(`AGENTWIRE_FUZZ_SEED=${seed}`);
  const property = fc.asyncProperty(fc.array(commands, { minLength: 3, maxLength: 14 }), async (sequence) => {
    const world = new World();
    try {
      for (const { run, ...given } of sequence) {
        await run(world, given);
        await world.rest();
        world.check();
      }
      await world.end();
    } finally {
      await Promise.all(world.threads.map((thread) => thread.terminate()));
      world.bus.close();
    }
  });
  await fc.assert(property, { seed, numRuns, path: AGENTWIRE_FUZZ_PATH, includeErrorInReport: true });
});
