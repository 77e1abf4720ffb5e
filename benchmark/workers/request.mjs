// One side of requests and replies: asks, or answers. Every answer must be that to its own request.
import { parentPort, workerData } from 'node:worker_threads';
import { EventBus } from '../../index.mjs';
import { digest, prepareMessages } from '../message.mjs';

const TOPIC = 'agents.a42.ask';
const { number: thread, progress, role, port } = workerData;
const now = () => process.hrtime.bigint();

/** What the answering side makes of a message. */
const answerTo = (message) => ({ id: message.id, taskId: message.data.taskId, digest: digest(message) });

/** How a request is made, by transport: `ask(message)` resolves with the answer. */
const askers = {
  agentwire(name) {
    const bus = new EventBus({ name });
    return { ask: (message) => bus.request(TOPIC, message), close: () => bus.close() };
  },
  /** A number with each request finds the promise that waits for its answer. */
  MessagePort() {
    const waiting = new Map();
    let last = 0;
    const onAnswer = ({ correlation, answer }) => {
      waiting.get(correlation)(answer);
      waiting.delete(correlation);
    };
    port.on('message', onAnswer);
    const ask = (message) =>
      new Promise((resolve) => {
        const correlation = ++last;
        waiting.set(correlation, resolve);
        port.postMessage({ correlation, message });
      });
    return { ask, close: () => port.off('message', onAnswer) };
  },
};

/** How they are answered; the returned function ends it. */
const answerers = {
  agentwire(name) {
    const bus = new EventBus({ name }).ref();
    bus.subscribe(TOPIC, answerTo);
    return () => bus.close();
  },
  MessagePort() {
    const onRequest = ({ correlation, message }) => port.postMessage({ correlation, answer: answerTo(message) });
    port.on('message', onRequest);
    return () => port.off('message', onRequest);
  },
};

function asking() {
  const prepared = prepareMessages();
  return {
    begin() {},
    /** `together` requests wait at any time, each for its own answer. */
    async run({ transport, bus, requests, together }) {
      const asker = askers[transport](bus);
      const times = new Float64Array(requests);
      let begun = 0;
      const one = async () => {
        while (begun < requests) {
          const index = begun++;
          const message = prepared[index % prepared.length];
          const before = performance.now();
          const { id, taskId, digest: sum } = await asker.ask(message);
          times[index] = (performance.now() - before) * 1e6;
          if (id !== message.id || taskId !== message.data.taskId || sum !== digest(message)) {
            throw new Error(`${transport}: request ${message.id} got the answer to ${id}`);
          }
          progress[thread] = index;
        }
      };
      const start = now();
      await Promise.all(Array.from({ length: together }, one));
      const elapsed = Number(now() - start);
      asker.close();
      return { times, elapsed };
    },
    end() {},
  };
}

function answering() {
  let stop;
  return {
    begin({ transport, bus }) {
      stop = answerers[transport](bus);
    },
    run() {},
    end() {
      stop();
    },
  };
}

const acts = role === 'ask' ? asking() : answering();
parentPort.on('message', async ({ act, order }) => parentPort.postMessage((await acts[act](order)) ?? 'done'));
parentPort.postMessage('ready');
