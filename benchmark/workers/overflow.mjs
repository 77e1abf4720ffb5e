// A flood: `host` has a subscription that is slower than its publishers and has little room; the others publish as fast as they can.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { EventBus } from '../../index.mjs';
import { digest, prepareMessages } from '../message.mjs';
import { TURN } from '../port-window.mjs';

const { role, publisher: own, number: thread, progress } = workerData;
const TOPIC = 'flood.items';
/** A handler takes so long: several times as long as a publish. */
const WORK_NS = 5_000;
const messages = prepareMessages();
const state = {};

const host = {
  begin({ bus: name, publishers, overflow, queueLimit }) {
    state.bus = new EventBus({ name }).ref();
    state.last = new Int32Array(publishers).fill(-1);
    state.seen = { handled: 0, overtaken: 0, gaps: 0 };
    const { last, seen } = state;
    const handler = (message) => {
      const begin = performance.now();
      const from = message.priority % publishers;
      const number = Math.floor(message.priority / publishers);
      if (number <= last[from]) seen.overtaken++;
      else if (number !== last[from] + 1) seen.gaps++;
      last[from] = number;
      progress[thread] = ++seen.handled;
      digest(message);
      while (performance.now() < begin + WORK_NS / 1e6);
    };
    state.subscription = state.bus.subscribe(TOPIC, handler, { overflow, queueLimit });
  },
  flood() {},
  end() {
    const { bus, subscription, seen, last } = state;
    const { stats } = subscription;
    bus.close();
    return { stats, seen, last: [...last] };
  },
};

const flooding = {
  begin({ bus: name }) {
    state.bus = new EventBus({ name });
  },
  /** Refused messages are tried again once the topic is writable: so each is admitted in the end. */
  async flood({ each, publishers }) {
    let refused = 0;
    let resumed = 0;
    const start = performance.now();
    for (let sent = 0; sent < each; ) {
      const message = messages[sent % messages.length];
      message.priority = sent * publishers + own;
      if (state.bus.publish(TOPIC, message)) {
        progress[thread] = ++sent;
        if (sent % TURN === 0) await nextTurn();
        continue;
      }
      refused++;
      await state.bus.writable(TOPIC);
      resumed++;
    }
    state.bus.flush();
    return { refused, resumed, seconds: (performance.now() - start) / 1000 };
  },
  end: () => state.bus.close(),
};

const acts = role === 'host' ? host : flooding;
parentPort.on('message', async ({ act, order }) => {
  parentPort.postMessage((await acts[act](order)) ?? 'done');
});
parentPort.postMessage('ready');
