// One of several threads that publish, or the one that they publish to. Every message carries its publisher and its number: what is lost, doubled
// or overtaken ends the thread.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BroadcastChannel, parentPort, workerData } from 'node:worker_threads';
import { EventBus } from '../../index.mjs';
import { digest, prepareMessages } from '../message.mjs';
import { Receipts, TURN, Window } from '../port-window.mjs';
import { prepareSized, sizedDigest } from '../sized-message.mjs';

/** `ports` lead from the receiver to each publisher. `bytes` is given where messages are of a size, and not the one of the targets. */
const { role, publisher: own, publishers, ports, bytes, window: size, number: thread, progress } = workerData;
const TOPIC = 'inflow.items';
const now = () => process.hrtime.bigint();
const read = bytes === undefined ? digest : sizedDigest;
/** What is read of messages, so that they really are. */
let sum = 0;

/** How the receiver listens; the returned function ends it. */
const listeners = {
  agentwire(name, handler) {
    const bus = new EventBus({ name }).ref();
    bus.subscribe(TOPIC, handler);
    return () => bus.close();
  },
  MessagePort(_, handler) {
    for (const port of ports) port.on('message', handler);
    return () => {
      for (const port of ports) port.off('message', handler);
    };
  },
  BroadcastChannel(name, handler) {
    const channel = new BroadcastChannel(name);
    channel.onmessage = ({ data }) => handler(data);
    return () => channel.close();
  },
};

/** How a publisher sends: `send(message)` is false when there is no room. */
const senders = {
  agentwire(name) {
    const bus = new EventBus({ name });
    return {
      send: (message) => bus.publish(TOPIC, message),
      writable: () => bus.writable(TOPIC),
      close: () => bus.close(),
    };
  },
  MessagePort: () =>
    within(
      (message) => ports[0].postMessage(message),
      () => {},
    ),
  BroadcastChannel(name) {
    const channel = new BroadcastChannel(name);
    return within(
      (message) => channel.postMessage(message),
      () => channel.close(),
    );
  },
};

const window = role === 'publish' ? new Window(ports, size) : undefined;

/** Posts only so far ahead of the receiver, for nothing else would bound it. */
function within(post, close) {
  const send = (message) => {
    if (!window.take()) return false;
    post(message);
    return true;
  };
  return { send, writable: () => window.writable(), close };
}

function receiver() {
  const receipts = ports.map((port) => new Receipts(port, size));
  let received;
  return {
    listen({ transport, bus, each }) {
      const isPeer = transport !== 'agentwire';
      const next = new Uint32Array(publishers);
      let count = 0;
      received = new Promise((resolve, reject) => {
        const stop = listeners[transport](bus, (message) => {
          const from = message.priority % publishers;
          const number = Math.floor(message.priority / publishers);
          if (number !== next[from]++) {
            reject(new Error(`lost, doubled or overtaken: message ${number} of ${from} came for ${next[from] - 1}`));
          }
          sum += read(message);
          if (isPeer) receipts[from].count();
          progress[thread] = ++count;
          if (count === each * publishers) resolve({ end: now(), stop });
        });
      });
    },
    async go() {
      const { end, stop } = await received;
      stop();
      return { end, sum };
    },
  };
}

function publisher() {
  const prepared = bytes === undefined ? prepareMessages() : prepareSized(bytes);
  // As many bytes of a turn, whatever the size of a message.
  const turn = bytes === undefined ? TURN : Math.max(1, Math.min(TURN, Math.floor((4 << 20) / bytes)));
  return {
    listen() {},
    async go({ transport, bus, each }) {
      const sender = senders[transport](bus);
      const start = now();
      for (let sent = 0; sent < each; ) {
        const message = prepared[sent % prepared.length];
        message.priority = sent * publishers + own;
        if (!sender.send(message)) await sender.writable();
        else if (++sent % turn === 0) await nextTurn();
      }
      await nextTurn();
      sender.close();
      return { start };
    },
  };
}

const acts = role === 'publish' ? publisher() : receiver();
parentPort.on('message', async ({ act, order }) => parentPort.postMessage((await acts[act](order)) ?? 'done'));
parentPort.postMessage('ready');
