// Where the time of a message goes: each stage alone, on one thread, ns for one target message.
import { createRequire } from 'node:module';
import { prepareMessages } from '../message.mjs';
import { median, table } from '../stats.mjs';

const require = createRequire(import.meta.url);
const { Encoder } = require('../../dist/codec/encoder.js');
const { Decoder } = require('../../dist/codec/decoder.js');
const { Slot } = require('../../dist/codec/slot.js');
const { Tables } = require('../../dist/codec/tables.js');
const { EventBus } = require('../../index.js');

/** The stages as `[name, ns, what it is]`, of which the last two are for comparison. It judges nothing. */
export async function stages({ pick, keep, say }) {
  const repeats = pick(50_000, 200_000, 1_000_000);
  const messages = prepareMessages();
  const at = (index) => messages[index % messages.length];
  const tables = new Tables();
  const memory = new Uint8Array(new SharedArrayBuffer(64 * 1024));
  const encoder = new Encoder(tables);
  const decoder = new Decoder(tables);
  encoder.attach(memory);
  decoder.attach(memory);
  const slot = new Slot();
  let end = 0;
  const encode = time(repeats, (index) => {
    end = encoder.writeRoot(at(index), 0, memory.length, slot);
  });
  const decode = time(repeats, () => decoder.readRoot(0, end));
  const stringify = time(repeats, (index) => JSON.stringify(at(index)));
  const text = JSON.stringify(messages[0]);
  const parse = time(repeats, () => JSON.parse(text));

  const bus = new EventBus({ name: 'stages' });
  const unheard = time(repeats, (index) => bus.publish('stages.unheard', at(index)));
  const small = time(repeats, () => bus.publish('stages.unheard', 1));
  const whole = await timeWhole(bus, repeats, at);
  bus.close();
  const rows = [
    ['encode', encode, 'JavaScript: value to bytes in the outbox'],
    ['record', small, 'JavaScript: topic, header, commit; and its share of submit: route, no receiver'],
    ['encode + record', unheard, 'publish to a topic that nobody listens to'],
    [
      'admit, copy, drain, deliver',
      Math.max(0, whole - unheard - decode),
      'native: into the mailbox and the inbox; JavaScript: context, handler',
    ],
    ['decode', decode, 'JavaScript: bytes to value'],
    ['all', whole, 'publish to handler on one thread'],
    ['JSON.stringify', stringify, 'for comparison'],
    ['JSON.parse', parse, 'for comparison'],
  ];
  keep('stages', rows);
  say(`\none message, stage by stage:\n${stagesText(rows)}\n`);
  return [];
}

/** The table of stages, as text. */
export function stagesText(rows) {
  return table([['stage', 'ns', 'what it is'], ...rows.map(([name, ns, what]) => [name, ns.toFixed(0), what])]);
}

function time(repeats, work) {
  const rounds = [];
  for (let index = 0; index < repeats / 4; index++) work(index);
  for (let round = 0; round < 5; round++) {
    const start = process.hrtime.bigint();
    for (let index = 0; index < repeats; index++) work(index);
    rounds.push(Number(process.hrtime.bigint() - start) / repeats);
  }
  return median(rounds);
}

/** Publish to handler on this one thread: both sides' work, without the wait for another core. */
async function timeWhole(bus, repeats, at) {
  const batch = 512;
  let received = 0;
  let wake;
  let goal = 0;
  const subscription = bus.subscribe('stages.heard', () => {
    if (++received === goal) wake();
  });
  const rounds = [];
  for (let round = 0; round < 5; round++) {
    const start = process.hrtime.bigint();
    for (let sent = 0; sent < repeats; sent += batch) {
      goal = received + batch;
      const done = new Promise((resolve) => (wake = resolve));
      for (let index = 0; index < batch; index++) bus.publish('stages.heard', at(sent + index));
      await done;
    }
    rounds.push(Number(process.hrtime.bigint() - start) / (Math.ceil(repeats / batch) * batch));
  }
  subscription.unsubscribe();
  return median(rounds);
}
