// One end of a pair: publishes or receives a round of messages over agentwire or a MessagePort.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { EventBus } from '../../index.mjs';
import { digest, prepareColdMessages, prepareMessages } from '../message.mjs';
import { Receipts, TURN, Window } from '../port-window.mjs';
import { clockSince } from '../thread-clock.mjs';

const { role, port } = workerData;
const now = () => process.hrtime.bigint();
const receipts = new Receipts(port);
const window = role === 'publisher' ? new Window([port]) : undefined;

const hot = prepareMessages();
const cold = prepareColdMessages();

const subscribe = { throughput: receive, latency: receiveTimed };
const publish = { throughput: send, latency: sendPaced };

parentPort.on('message', (order) => {
  const work = (role === 'publisher' ? publish : subscribe)[order.kind];
  work(order).then((result) => parentPort.postMessage(result));
});
parentPort.postMessage('ready');

/** Calls `handler` for each message of a round; the returned function ends it. */
function listen(order, handler) {
  if (order.transport === 'agentwire') {
    const bus = new EventBus({ name: order.bus }).ref();
    bus.subscribe(order.pattern, handler, order.subscribe);
    return () => bus.close();
  }
  port.on('message', handler);
  return () => port.off('message', handler);
}

function receive(order) {
  let received = 0;
  let sum = 0;
  return new Promise((resolve) => {
    const stop = listen(order, (message) => {
      sum += digest(order.cold && order.transport === 'MessagePort' ? message.message : message);
      received++;
      if (order.transport === 'MessagePort') receipts.count();
      if (received < order.messages) return;
      const end = now();
      stop();
      resolve({ received, sum, end });
    });
    parentPort.postMessage('listening');
  });
}

async function send(order) {
  const { messages } = order;
  const start = now();
  if (order.transport === 'agentwire') {
    const bus = new EventBus({ name: order.bus });
    for (let sent = 0; sent < messages; ) {
      const { topic, message } = order.cold
        ? cold[sent % cold.length]
        : { topic: order.topic, message: hot[sent % hot.length] };
      if (!bus.publish(topic, message)) await bus.writable(topic);
      else if (++sent % TURN === 0) await nextTurn();
    }
    bus.close();
  } else {
    for (let sent = 0; sent < messages; ) {
      if (!window.take()) {
        await window.writable();
        continue;
      }
      port.postMessage(order.cold ? cold[sent % cold.length] : hot[sent % hot.length]);
      if (++sent % TURN === 0) await nextTurn();
    }
  }
  return { start };
}

function receiveTimed(order) {
  const latencies = new Float64Array(order.messages);
  const clock = clockSince(order.epoch);
  let received = 0;
  return new Promise((resolve) => {
    const stop = listen(order, (message) => {
      latencies[received++] = clock() - message.timestamp;
      if (received < order.messages) return;
      stop();
      resolve({ received, latencies: latencies.subarray(order.warmup), end: now() });
    });
    parentPort.postMessage('listening');
  });
}

/** Publishes one message at a time: every `gapUs` while spinning (both threads active), or after a sleep (receiver parked). */
async function sendPaced(order) {
  const { messages, gapUs, sleep } = order;
  const bus = order.transport === 'agentwire' ? new EventBus({ name: order.bus }) : undefined;
  const start = now();
  const clock = clockSince(order.epoch);
  let due = clock();
  for (let sent = 0; sent < messages; sent++) {
    if (sleep) {
      await new Promise((resolve) => setTimeout(resolve, gapUs / 1000));
    } else {
      due = Math.max(due + gapUs * 1000, clock());
      while (clock() < due);
    }
    const message = hot[sent % hot.length];
    message.timestamp = clock();
    if (bus === undefined) {
      port.postMessage(message);
    } else {
      while (!bus.publish(order.topic, message)) await bus.writable(order.topic);
    }
    // The turn ends: what is still in the outbox is submitted here, as in any program.
    if (!sleep) await nextTurn();
  }
  bus?.close();
  return { start };
}
