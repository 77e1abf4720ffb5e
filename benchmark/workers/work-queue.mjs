// One of several threads that share work: a producer, or a consumer that is a member of a group. Every message has a number, and whoever
// handles one adds to the counter of that number, which all threads share.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { EventBus } from '../../index.mjs';
import { digest, prepareMessages } from '../message.mjs';
import { TURN } from '../port-window.mjs';

const { role, producer, number: thread, progress } = workerData;
const TOPIC = 'work.items';
const GROUP = 'consumers';
const messages = prepareMessages();
const now = () => process.hrtime.bigint();
const state = {};

const consumer = {
  begin({ bus: name, seen, ack }) {
    state.bus = new EventBus({ name }).ref();
    state.handled = 0;
    state.bus.createGroup(GROUP);
    state.bus.subscribe(
      TOPIC,
      (message) => {
        digest(message);
        Atomics.add(seen, message.priority, 1);
        progress[thread] = ++state.handled;
        state.end = now();
      },
      { group: GROUP, ack },
    );
  },
  produce() {},
  end() {
    const { bus, handled, end } = state;
    bus.close();
    return { handled, end };
  },
};

const producing = {
  begin({ bus: name }) {
    state.bus = new EventBus({ name });
  },
  async produce({ each }) {
    const start = now();
    for (let sent = 0; sent < each; ) {
      const message = messages[sent % messages.length];
      message.priority = producer * each + sent;
      if (!state.bus.publish(TOPIC, message)) await state.bus.writable(TOPIC);
      else if (++sent % TURN === 0) await nextTurn();
      progress[thread] = sent;
    }
    state.bus.flush();
    return { start };
  },
  end: () => state.bus.close(),
};

const acts = role === 'consume' ? consumer : producing;
parentPort.on('message', async ({ act, order }) => {
  parentPort.postMessage((await acts[act](order)) ?? 'done');
});
parentPort.postMessage('ready');
