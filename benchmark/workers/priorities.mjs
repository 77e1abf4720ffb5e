// Four priorities, each with a topic and a subscription of its own on one thread: `host` has the handlers, the others publish to one each.
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { EventBus } from '../../index.mjs';
import { digest, prepareMessages } from '../message.mjs';
import { TURN } from '../port-window.mjs';
import { clockSince } from '../thread-clock.mjs';

const { role, priority: own, priorities, number: thread, progress } = workerData;
/** A handler under load takes about so long, as one that does something. */
const WORK_NS = 2_000;
const GAP_MS = 1;
const topicOf = (priority) => `priorities.${priority}`;
const messages = prepareMessages();
const state = {};

const host = {
  /** Notes in which order messages of all priorities are handled, `backlog` of each. */
  beginShares({ bus: name, backlog }) {
    state.bus = new EventBus({ name }).ref();
    const order = new Uint8Array(priorities * backlog);
    let handled = 0;
    state.done = new Promise((resolve) => {
      for (let priority = 0; priority < priorities; priority++) {
        state.bus.subscribe(topicOf(priority), (message) => {
          digest(message);
          order[handled++] = priority;
          progress[thread] = handled;
          if (handled === order.length) resolve({ order });
        });
      }
    });
  },
  /** Stands still until the backlog of every priority is there. */
  runShares({ gate }) {
    Atomics.wait(gate, 0, 0);
    return state.done;
  },
  /** Notes how long messages of each priority take. */
  beginLoad({ bus: name, epoch }) {
    state.bus = new EventBus({ name }).ref();
    const clock = clockSince(epoch);
    const latencies = Array.from({ length: priorities }, () => []);
    for (const [priority, seen] of latencies.entries()) {
      state.bus.subscribe(topicOf(priority), (message) => {
        const begin = clock();
        seen.push(begin - message.timestamp);
        digest(message);
        while (clock() < begin + WORK_NS);
        progress[thread]++;
      });
    }
    state.latencies = latencies;
  },
  runLoad() {},
  end() {
    state.bus.close();
    return { latencies: state.latencies?.map((seen) => Float64Array.from(seen)) };
  },
};

const publisher = {
  beginShares: open,
  async runShares({ backlog, gate, arrived, publishers }) {
    for (let sent = 0; sent < backlog; ) {
      await publishOne(sent);
      if (++sent % TURN === 0) await nextTurn();
    }
    state.bus.flush();
    if (Atomics.add(arrived, 0, 1) === publishers - 1) {
      Atomics.store(gate, 0, 1);
      Atomics.notify(gate, 0);
    }
  },
  beginLoad: open,
  /** The lowest priority floods; the others send one message every millisecond or so, until they have sent enough. */
  async runLoad({ epoch, paced, arrived, publishers }) {
    const clock = clockSince(epoch);
    const isFlood = own === publishers - 1;
    let sent = 0;
    while (isFlood ? Atomics.load(arrived, 0) < publishers - 1 : sent < paced) {
      await publishOne(sent++, clock());
      if (!isFlood) await pause(GAP_MS);
      else if (sent % TURN === 0) await nextTurn();
    }
    if (!isFlood) Atomics.add(arrived, 0, 1);
    state.bus.flush();
    return { sent };
  },
  end: () => state.bus.close(),
};

function open({ bus: name }) {
  state.bus = new EventBus({ name });
}

async function publishOne(sent, timestamp = 0) {
  const message = messages[sent % messages.length];
  message.timestamp = timestamp;
  while (!state.bus.publish(topicOf(own), message, { priority: own })) await state.bus.writable(topicOf(own));
  if (role !== 'host') progress[thread] = sent;
}

const acts = role === 'host' ? host : publisher;
parentPort.on('message', async ({ act, order }) => {
  parentPort.postMessage((await acts[act](order)) ?? 'done');
});
parentPort.postMessage('ready');
