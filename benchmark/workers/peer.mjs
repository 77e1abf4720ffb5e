// One end of a pair: publishes or receives a round of messages over agentwire or a MessagePort.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { EventBus } from '../../index.mjs';
import { digest, prepareColdMessages, prepareMessages } from '../message.mjs';

const { role, port } = workerData;
const now = () => process.hrtime.bigint();
/** How far the MessagePort's publisher may be ahead: its fastest (32,768 in flight halve its speed), and memory stays bounded. */
const WINDOW = 2048;
const ACKNOWLEDGE_EVERY = 512;
/** A publisher yields to its event loop after so many messages. */
const TURN = 2000;

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
    bus.subscribe(order.pattern, handler);
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
      if (order.transport === 'MessagePort' && received % ACKNOWLEDGE_EVERY === 0) port.postMessage(received);
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
    let acknowledged = 0;
    let wake;
    const onAcknowledge = (count) => {
      acknowledged = count;
      wake?.();
    };
    port.on('message', onAcknowledge);
    for (let sent = 0; sent < messages; ) {
      port.postMessage(order.cold ? cold[sent % cold.length] : hot[sent % hot.length]);
      if (++sent % TURN === 0) await nextTurn();
      while (sent - acknowledged > WINDOW) await new Promise((resolve) => (wake = resolve));
    }
    port.off('message', onAcknowledge);
  }
  return { start };
}

/** A clock that both threads share and that makes no garbage: nanoseconds since `epoch`, a hrtime. */
function clockSince(epoch) {
  let offset = 0;
  let narrowest = Number.POSITIVE_INFINITY;
  // The tightest of many readings: one may be interrupted between the two clocks.
  for (let reading = 0; reading < 1000; reading++) {
    const before = performance.now();
    const middle = Number(now() - epoch);
    const after = performance.now();
    if (after - before >= narrowest) continue;
    narrowest = after - before;
    offset = middle - ((before + after) / 2) * 1e6;
  }
  return () => performance.now() * 1e6 + offset;
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
