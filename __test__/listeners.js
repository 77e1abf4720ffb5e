'use strict';

// What the tests of delivery share: buses that are closed after their test, and threads that keep what they get.

const { EventBus } = require('agentwire');
const { Thread, uniqueName, waitUntil } = require('./helpers.js');

/** A bus that is closed after the test. */
function openBus(t, options = {}) {
  const bus = new EventBus({ name: uniqueName('delivery'), ...options });
  t.after(() => bus.close());
  return bus;
}

/** A thread that keeps what it gets: `state.got` has `[topic, payload]`. */
async function startListener(t, bus, patterns) {
  const thread = await Thread.start(t);
  await thread.run(
    ({ agentwire, state }, name, patterns) => {
      state.bus = new agentwire.EventBus({ name });
      state.got = [];
      for (const pattern of patterns) {
        state.bus.subscribe(pattern, (payload, { topic }) => state.got.push([pattern, topic, payload]));
      }
    },
    bus.name,
    patterns,
  );
  return thread;
}

const gotBy = (thread) => thread.run(({ state }) => state.got);
const waitForCount = (thread, count) =>
  waitUntil(async () => (await thread.run(({ state }) => state.got.length)) >= count, `${count} messages`);

module.exports = { gotBy, openBus, startListener, waitForCount };
