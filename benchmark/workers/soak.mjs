// A long run in a process of its own: one thread publishes, first as fast as it can, then at half of that, and one receives.
// Prints what the process's memory was, second by second. The main thread only looks.
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { EventBus } from '../../index.mjs';
import { digest, prepareMessages } from '../message.mjs';

const TOPIC = 'agents.a42.inbox';
const BUS = { name: 'soak' };
const TURN = 2000;

const roles = { publish, receive };

if (isMainThread) await main(JSON.parse(process.argv[2]));
else roles[workerData.role]();

async function main({ seconds, peakSeconds }) {
  const received = new Float64Array(new SharedArrayBuffer(8));
  const [receiver, publisher] = ['receive', 'publish'].map(
    (role) => new Worker(new URL(import.meta.url), { workerData: { role, received } }),
  );
  const answer = (worker) => new Promise((resolve) => worker.once('message', resolve));
  await Promise.all([answer(receiver), answer(publisher)]);

  publisher.postMessage({ seconds: peakSeconds, rate: Number.POSITIVE_INFINITY });
  const peakSent = await answer(publisher);
  const peak = peakSent / peakSeconds;
  const rate = peak / 2;
  console.error(`peak ${Math.round(peak)} messages/s; now ${Math.round(rate)} for ${seconds} s`);

  const samples = [];
  const start = performance.now();
  const timer = setInterval(() => {
    const minute = (performance.now() - start) / 60_000;
    samples.push({ minute, resident: process.memoryUsage.rss() });
    if (samples.length % 60 === 0) console.error(`minute ${samples.length / 60}: ${samples.at(-1).resident} bytes`);
  }, 1000);
  publisher.postMessage({ seconds, rate });
  const sent = await answer(publisher);
  clearInterval(timer);
  const all = peakSent + sent;
  for (let tries = 0; received[0] < all && tries < 1000; tries++) await pause(10);
  if (received[0] !== all) throw new Error(`${all} messages were sent, ${received[0]} arrived`);
  process.stdout.write(JSON.stringify({ peak, rate, carried: sent / seconds, samples }), () => process.exit(0));
}

function receive() {
  const bus = new EventBus(BUS).ref();
  const { received } = workerData;
  let sum = 0;
  bus.subscribe(TOPIC, (message) => {
    sum += digest(message);
    if (sum > 0) received[0]++;
  });
  parentPort.postMessage('ready');
}

function publish() {
  const bus = new EventBus(BUS);
  const messages = prepareMessages();
  parentPort.on('message', async ({ seconds, rate }) => {
    const start = performance.now();
    let sent = 0;
    for (;;) {
      const elapsed = (performance.now() - start) / 1000;
      if (elapsed >= seconds) break;
      const due = Math.min(rate * elapsed - sent, TURN);
      for (let turn = 0; turn < due; turn++) {
        while (!bus.publish(TOPIC, messages[sent % messages.length])) await bus.writable(TOPIC);
        sent++;
      }
      // A turn of the event loop submits what is left; behind, there is no rest.
      if (due < TURN) await pause(1);
      else await nextTurn();
    }
    parentPort.postMessage(sent);
  });
  parentPort.postMessage('ready');
}
