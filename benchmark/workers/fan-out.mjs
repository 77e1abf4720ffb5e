// One thread of a fan-out: it publishes, or has some of the subscribers. Every message carries its number; a subscriber that loses one,
// gets one twice or out of order ends the thread.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { listeners, senders } from '../fan-out-ways.mjs';
import { digest, prepareMessages } from '../message.mjs';
import { Receipts, TURN, Window } from '../port-window.mjs';

/** `receiptPorts` lead from the publisher to each thread with subscribers, `ports` to each subscriber. */
const { number: thread, progress, role, subscribers, window: size, receiptPorts, ports } = workerData;
const now = () => process.hrtime.bigint();
/** What is read of a message, so that it really is: see `digest`. */
let read = 0;

function subscriber() {
  const receipts = new Receipts(receiptPorts[0], size);
  let received;
  const handlerOf = (index, onMessage, reject) => {
    let next = 0;
    return (message) => {
      if (message.priority !== next) {
        const what = `subscriber ${index} of thread ${thread} was to get message ${next}, and got ${message.priority}`;
        reject(new Error(`messages were lost, doubled or overtaken: ${what}`));
      }
      next++;
      read += digest(message);
      onMessage();
    };
  };
  return {
    listen({ transport, bus, messages }) {
      const isPeer = transport !== 'agentwire';
      let count = 0;
      progress[thread] = 0;
      received = new Promise((resolve, reject) => {
        const onMessage = () => {
          progress[thread] = ++count;
          // As many as a message has subscribers here: one message more has arrived.
          if (isPeer && count % subscribers === 0) receipts.count();
          if (count === messages * subscribers) resolve({ end: now(), stop });
        };
        const handlers = Array.from({ length: subscribers }, (_, index) => handlerOf(index, onMessage, reject));
        const stop = listeners[transport](bus, handlers, { ports });
      });
    },
    async go() {
      const { end, stop } = await received;
      stop();
      return { end, read };
    },
  };
}

function publisher() {
  const prepared = prepareMessages();
  const window = new Window(receiptPorts, size);
  return {
    listen() {},
    async go({ transport, bus, messages }) {
      const sender = senders[transport](bus, { window, ports });
      const start = now();
      for (let sent = 0; sent < messages; ) {
        const message = prepared[sent % prepared.length];
        message.priority = sent;
        if (!sender.send(message)) await sender.writable();
        else if (++sent % TURN === 0) await nextTurn();
      }
      await nextTurn();
      sender.close();
      return { start };
    },
  };
}

const acts = role === 'publish' ? publisher() : subscriber();
parentPort.on('message', async ({ act, order }) => parentPort.postMessage((await acts[act](order)) ?? 'done'));
parentPort.postMessage('ready');
