'use strict';

// The bus against a plain model of it: who receives what in what order, what is refused, and counters that add up, whatever is asked
// for in whatever order in this thread and two workers.
//
// AGENTWIRE_FUZZ_RUNS=N runs N sequences. A failure prints a seed, a path and a replayPath: AGENTWIRE_FUZZ_SEED=S runs the same
// sequences again, with AGENTWIRE_FUZZ_PATH=P and AGENTWIRE_FUZZ_REPLAY=R only the one that failed, shrunk as it was.

const assert = require('node:assert/strict');
const { after, before, it } = require('node:test');
const fc = require('fast-check');
const { compareReport, Publishers } = require('./fixtures/bus-model/compare.js');
const { busNames, turn } = require('./fixtures/bus-model/door-commands.js');
const { BusModel } = require('./fixtures/bus-model/model.js');
const { sequences } = require('./fixtures/bus-model/sequences.js');
const { Threads } = require('./fixtures/bus-model/threads.js');
const { assertLedger, uniqueName } = require('./helpers.js');

const { AGENTWIRE_FUZZ_RUNS, AGENTWIRE_FUZZ_SEED, AGENTWIRE_FUZZ_PATH, AGENTWIRE_FUZZ_REPLAY } = process.env;
const numRuns = AGENTWIRE_FUZZ_RUNS ? Number(AGENTWIRE_FUZZ_RUNS) : 150;
const seed = AGENTWIRE_FUZZ_SEED ? Number(AGENTWIRE_FUZZ_SEED) : Date.now() | 0;

const threadCount = 3;
const mostCommands = 120;

/** What so many sequences come upon for sure. A generator that leaves one of these out would prove little. */
const enoughRuns = 150;
const common = [
  ...['return', 'answer', 'throw', 'resolve', 'resolve with an answer', 'reject', 'hold', 'leave'].map(
    (does) => `called: ${does}`,
  ),
  'refused',
  'filtered',
  'writable later',
  'died with messages in flight',
  'waits for a handler to settle',
  'handed over when a handler had settled',
  'slept, and was refused',
  'refused by a group',
  'the turn of another than the first',
  ...['round-robin', 'least-busy', 'random, found out', 'to a member that is stalled'],
  ...['a value', 'undefined', 'REMOTE', 'NO_SUBSCRIBER', 'REQUEST_DROPPED'].map((what) => `answer: ${what}`),
  ...['oldest', 'newest', 'unsubscribed', 'subscriberDied', 'expired'].map((reason) => `dropped: ${reason}`),
];

let threads;
before(async () => {
  threads = await Threads.start(threadCount);
});
after(() => threads.end());

/** A model and the threads with one EventBus object each, on buses that nobody used before. */
function begin(performed, notes) {
  const names = new Map(busNames.map((name) => [name, uniqueName(`model-${name}`)]));
  const model = new BusModel(threadCount, notes);
  const real = { threads, performed, trail: [], publishers: new Publishers(), nameOf: (name) => names.get(name) };
  return { model, real };
}

async function openAll(model, real, name, places = model.places) {
  for (const place of places) {
    const door = model.open(place, name);
    await real.threads.ask(place.index, 'open', door.id, real.nameOf(name));
  }
}

/** Ends everything: then nothing is in flight, and the ledger of each bus adds up. */
async function end(model, real) {
  for (const name of busNames) await openAll(model, real, name, [model.places[0]]);
  const kept = model.places[0].doors.slice(-busNames.length);
  for (const door of model.doors) {
    if (kept.includes(door)) continue;
    model.close(door);
    await real.threads.ask(door.place.index, 'close', door.id);
  }
  for (const place of model.places) await turn(model, real, place);
  for (const place of model.places) {
    for (const held of [...place.held]) {
      model.settle(place, held, true);
      const { report } = await real.threads.ask(place.index, 'settle', held.key, true);
      compareReport(model, place, report, real.publishers);
    }
  }
  model.noteDrops();
  const { report } = await real.threads.ask(0, 'find', kept[0].id, 'a');
  for (const [id, metrics] of report.metrics.filter(([id]) => kept.some((door) => door.id === id))) {
    assertLedger(metrics, `the ledger of the bus of door ${id}`);
    assert.equal(metrics.inFlight, 0, JSON.stringify(metrics));
    assert.equal(metrics.subscriptions, 0);
  }
  for (const door of kept) {
    model.close(door);
    await real.threads.ask(0, 'close', door.id);
  }
  for (const { index } of model.places) await real.threads.ask(index, 'closeAll');
}

it('behaves as the model does', async (t) => {
  t.diagnostic(`AGENTWIRE_FUZZ_SEED=${seed}`);
  const performed = new Map();
  const notes = new Map();
  const property = fc.asyncProperty(sequences(mostCommands, AGENTWIRE_FUZZ_REPLAY), async (sequence) => {
    const { model, real } = begin(performed, notes);
    try {
      await threads.begin();
      await openAll(model, real, busNames[0]);
      await fc.asyncModelRun(() => ({ model, real }), sequence);
      await end(model, real);
    } catch (error) {
      await threads.startAnew();
      throw new Error(`after ${real.trail.join(';\n  ')}:\n${error.stack}\n`);
    }
  });
  await fc.assert(property, { seed, numRuns, path: AGENTWIRE_FUZZ_PATH, includeErrorInReport: true });
  t.diagnostic(`${numRuns} sequences: ${JSON.stringify(Object.fromEntries(performed))}`);
  t.diagnostic(JSON.stringify(Object.fromEntries(notes)));
  if (numRuns < enoughRuns || AGENTWIRE_FUZZ_PATH) return;
  for (const what of common) assert.ok(notes.has(what), `it never came to this: ${what}`);
});
