// A thread with very many subscriptions, each with a pattern of its own, in agentwire and its peers. Asked how long a message takes that
// one of them matches.
import { EventEmitter } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import eventemitter2 from 'eventemitter2';
import { EventBus } from '../../index.mjs';
import { patternOf, topicOf } from '../robots.mjs';

const { subscriptions, ways, number: thread, progress } = workerData;
/** Different topics that are asked for by turns. */
const TOPICS = 100;
const topicCount = Math.min(TOPICS, subscriptions);
const topics = Array.from({ length: topicCount }, (_, index) =>
  topicOf(Math.floor((index * subscriptions) / topicCount)),
);
const payload = { n: 1 };
let calls = 0;
let goal = 0;
let reached = () => {};
const listener = () => {
  if (++calls === goal) reached();
};

const robots = function* () {
  for (let robot = 0; robot < subscriptions; robot++) {
    if ((robot & 1023) === 0) progress[thread]++;
    yield robot;
  }
};

/** Emits or publishes `count` messages; all have been handled when it resolves. */
const makers = {
  eventemitter2() {
    const emitter = new eventemitter2.EventEmitter2({ wildcard: true, delimiter: '.', maxListeners: 0 });
    for (const robot of robots()) emitter.on(patternOf(robot), listener);
    return (count) => {
      for (let index = 0; index < count; index++) emitter.emit(topics[index % topics.length], payload);
    };
  },
  'EventEmitter (exact)'() {
    const emitter = new EventEmitter();
    for (const robot of robots()) emitter.on(topicOf(robot), listener);
    return (count) => {
      for (let index = 0; index < count; index++) emitter.emit(topics[index % topics.length], payload);
    };
  },
  'agentwire, emit': () => {
    const { bus } = many();
    // The first emit to a topic looks through all listeners of the thread, which takes a while where there are a million.
    for (const topic of topics) {
      bus.emit(topic, payload);
      progress[thread]++;
    }
    return (count) => {
      for (let index = 0; index < count; index++) bus.emit(topics[index % topics.length], payload);
    };
  },
  'agentwire, publish': () => {
    const { bus } = many();
    return async (count) => {
      const all = new Promise((resolve) => {
        reached = resolve;
      });
      goal = calls + count;
      for (let index = 0; index < count; index++) {
        const topic = topics[index % topics.length];
        while (!bus.publish(topic, payload)) await bus.writable(topic);
      }
      await all;
    };
  },
};

let shared;
/** Emit and publish have the same listeners. */
function many() {
  if (shared !== undefined) return shared;
  const bus = new EventBus({ name: `subscriptions-${subscriptions}` });
  for (const robot of robots()) bus.on(patternOf(robot), listener);
  shared = { bus };
  return shared;
}

const works = Object.fromEntries(ways.map((way) => [way, makers[way]()]));

parentPort.on('message', async ({ way, count }) => {
  calls = 0;
  goal = 0;
  const start = process.hrtime.bigint();
  await works[way](count);
  const ns = Number(process.hrtime.bigint() - start) / count;
  if (calls !== count) throw new Error(`${way}: ${calls} calls instead of ${count}`);
  progress[thread]++;
  parentPort.postMessage(ns);
});
parentPort.postMessage('ready');
