import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import EventEmitter2 from 'eventemitter2';
import EventEmitter3 from 'eventemitter3';
import mitt from 'mitt';
import { mediansOf } from '../beside.mjs';
import { timeBeside } from '../clock.mjs';
import { nanoseconds, perSecond } from '../stats.mjs';

const { EventBus } = createRequire(import.meta.url)('../../index.js');

const FAN_OUT = 100;
const TOPIC = 'agents.done';

/** Row 14: emit to handlers on the same thread, to one and to many; publish to a handler on the same thread. */
export async function emitter(run) {
  return [await one(run), await many(run), await published(run)];
}

/** Emitters with so many listeners each, and a loop for each that checks their calls. */
function loopsFor(listeners) {
  let calls = 0;
  const listener = () => {
    calls += 1;
  };
  const bus = new EventBus({ name: `emitter-${listeners}` });
  const node = new EventEmitter().setMaxListeners(0);
  const second = new EventEmitter2({ maxListeners: 0 });
  const third = new EventEmitter3();
  const small = mitt();
  for (const target of [bus, node, second, third, small]) {
    // mitt keeps a listener once for each time that it is added, as the others do.
    for (let count = 0; count < listeners; count++) target.on(TOPIC, listener);
  }
  const payload = { n: 1 };
  const checked = (emit) => (count) => {
    calls = 0;
    emit(count);
    if (calls !== count * listeners) throw new Error(`${calls} calls instead of ${count * listeners}`);
  };
  const loops = {
    agentwire: checked((count) => {
      for (let index = 0; index < count; index++) bus.emit(TOPIC, payload);
    }),
    node: checked((count) => {
      for (let index = 0; index < count; index++) node.emit(TOPIC, payload);
    }),
    eventemitter2: checked((count) => {
      for (let index = 0; index < count; index++) second.emit(TOPIC, payload);
    }),
    eventemitter3: checked((count) => {
      for (let index = 0; index < count; index++) third.emit(TOPIC, payload);
    }),
    mitt: checked((count) => {
      for (let index = 0; index < count; index++) small.emit(TOPIC, payload);
    }),
  };
  return { loops, close: () => bus.close() };
}

const peersOf = ({ node, eventemitter2, eventemitter3, mitt }, show) =>
  `EventEmitter ${show(node)}, eventemitter2 ${show(eventemitter2)}, eventemitter3 ${show(eventemitter3)}, mitt ${show(mitt)}`;

async function one(run) {
  const { pick, say } = run;
  const { loops, close } = loopsFor(1);
  const times = await timeBeside(run, 'row 14, one handler', loops, {
    repeats: pick(1_000_000, 5_000_000, 10_000_000),
    rounds: pick(5, 7, 9),
  });
  close();
  const speed = (ns) => perSecond(1e9 / ns);
  say(`row 14: emit ${speed(times.agentwire)}; ${peersOf(times, speed)}`);
  return {
    row: '14',
    work: 'emit to one handler on the same thread',
    figure: speed(times.agentwire),
    peer: peersOf(times, speed),
    ratio: `${(times.node / times.agentwire).toFixed(2)} x`,
    must: { text: '5 M/s', ok: times.agentwire <= 200 },
    aim: { text: '10 M/s', ok: times.agentwire <= 100 },
  };
}

async function many(run) {
  const { pick, say } = run;
  const { loops, close } = loopsFor(FAN_OUT);
  const times = await timeBeside(run, `row 14, ${FAN_OUT} handlers`, loops, {
    repeats: pick(20_000, 100_000, 200_000),
    rounds: pick(5, 7, 9),
  });
  close();
  const each = (ns) => nanoseconds(ns / FAN_OUT);
  say(`row 14: emit to ${FAN_OUT} handlers, each ${each(times.agentwire)}; ${peersOf(times, each)}`);
  return {
    row: '14',
    work: `emit to ${FAN_OUT} handlers on the same thread, each`,
    figure: each(times.agentwire),
    peer: peersOf(times, each),
    ratio: `${(times.node / times.agentwire).toFixed(2)} x`,
    must: null,
    aim: { text: '20 ns', ok: times.agentwire / FAN_OUT <= 20 },
  };
}

/** No emitter copies or queues, so nothing here is a peer. From the first publish to the last handler. */
async function published({ pick, beside }) {
  const count = pick(100_000, 500_000, 1_000_000);
  const bus = new EventBus({ name: 'emitter-publish' });
  let left = 0;
  let done = () => {};
  bus.subscribe(TOPIC, () => {
    left -= 1;
    if (left === 0) done();
  });
  const payload = { n: 1 };
  const options = { transports: ['agentwire'], rounds: pick(5, 7, 9), warmUps: 2, text: perSecond };
  const { agentwire: speed } = mediansOf(
    await beside('row 14, publish to the same thread', options, async () => {
      left = count;
      const all = new Promise((resolve) => {
        done = resolve;
      });
      const start = process.hrtime.bigint();
      for (let index = 0; index < count; index++) {
        while (!bus.publish(TOPIC, payload)) await bus.writable(TOPIC);
      }
      await all;
      return (count / Number(process.hrtime.bigint() - start)) * 1e9;
    }),
  );
  bus.close();
  return {
    row: '14',
    work: 'publish to a handler on the same thread',
    figure: perSecond(speed),
    peer: '-',
    ratio: '-',
    must: null,
    aim: { text: '3 M/s', ok: speed >= 3e6 },
  };
}
