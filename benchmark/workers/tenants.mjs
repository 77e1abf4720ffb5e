// Two tenants on one thread: `host` has both their handlers, `modest` sends to one at its pace, `flood` to the other as fast as it can.
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { EventBus } from '../../index.mjs';
import { digest, prepareMessages } from '../message.mjs';
import { clockSince } from '../thread-clock.mjs';

const { role, number: thread, progress } = workerData;
/** A handler of the flood takes about so long, as one that does something. */
const WORK_NS = 5_000;
const GAP_MS = 1;
const TURN = 500;
const messages = prepareMessages();

/** The buses of both tenants: channels, or one and the same. */
function open({ way, bus: name }) {
  const bus = new EventBus({ name }).ref();
  const of = (tenant) => (way === 'one bus' ? bus : bus.channel(tenant));
  return { bus, modest: of('modest'), flood: of('flood') };
}

const state = {};

const acts = {
  host: {
    begin(order) {
      const { bus, modest, flood } = open(order);
      const latencies = [];
      const clock = clockSince(order.epoch);
      let flooded = 0;
      const done = new Promise((resolve) => {
        modest.subscribe('modest.inbox', (message) => {
          latencies.push(clock() - message.timestamp);
          progress[thread]++;
          if (latencies.length === order.messages) resolve({ latencies, flooded });
        });
      });
      flood.subscribe('flood.inbox', (message) => {
        const end = clock() + WORK_NS;
        digest(message);
        while (clock() < end);
        flooded++;
      });
      Object.assign(state, { bus, done });
    },
    run: () => state.done,
    end: () => state.bus.close(),
  },
  modest: {
    begin(order) {
      Object.assign(state, open(order));
    },
    async run(order) {
      const clock = clockSince(order.epoch);
      for (let sent = 0; sent < order.messages; sent++) {
        await pause(GAP_MS);
        const message = messages[sent % messages.length];
        message.timestamp = clock();
        while (!state.modest.publish('modest.inbox', message)) await state.modest.writable('modest.inbox');
      }
    },
    end: () => state.bus.close(),
  },
  flood: {
    begin(order) {
      Object.assign(state, open(order));
    },
    run(order) {
      state.isOver = order.way === 'alone';
      state.flooding = flood();
    },
    async end() {
      state.isOver = true;
      await Promise.race([state.flooding, pause(1_000)]);
      state.bus.close();
    },
  },
};

async function flood() {
  for (let sent = 0; !state.isOver; ) {
    const full = !state.flood.publish('flood.inbox', messages[sent % messages.length]);
    if (full) await Promise.race([state.flood.writable('flood.inbox').catch(() => {}), pause(100)]);
    else if (++sent % TURN === 0) await nextTurn();
  }
}

parentPort.on('message', async ({ act, order }) => {
  parentPort.postMessage((await acts[role][act](order)) ?? 'done');
});
parentPort.postMessage('ready');
