// One thread of a mesh: its agents send to others and receive from others, over agentwire or MessagePorts. Every message carries its
// sender's number and how many that one has sent to this receiver before: what is lost, doubled or overtaken ends the thread.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { linksOf } from '../mesh-links.mjs';
import { digest, prepareMessages } from '../message.mjs';
import { TURN } from '../port-window.mjs';
import { clockSince } from '../thread-clock.mjs';
import { Topology } from '../topology.mjs';

const { number: thread, progress, shape } = workerData;
const topology = new Topology(shape);
const own = topology.agentsOf(thread);
const names = Array.from({ length: shape.agents }, (_, agent) => topology.nameOf(agent));
const links = linksOf(topology, workerData);
const prepared = prepareMessages();
const now = () => process.hrtime.bigint();

/** Bits of a message's number; those above it are its sender's. */
const NUMBER_BITS = 20;
const numberMask = (1 << NUMBER_BITS) - 1;

/** An agent that sends to its neighbours in turn. */
class Sender {
  #agent;
  #turn = 0;
  #number = 0;
  /** Messages that it has sent. */
  sent = 0;

  constructor(agent) {
    this.#agent = agent;
    this.target = topology.neighbourOf(agent, 0);
  }

  /** False when there is no room. */
  send(link, message) {
    const { target } = this;
    message.agent = names[target];
    message.data.agent = names[target];
    message.priority = (this.#agent << NUMBER_BITS) | this.#number;
    if (!link.send(target, message)) return false;
    this.sent++;
    if (++this.#turn === shape.neighbours) {
      this.#turn = 0;
      this.#number++;
    }
    this.target = topology.neighbourOf(this.#agent, this.#turn);
    return true;
  }
}

/** What is read of a message, so that it really is: see `digest`. */
let read = 0;

/** Has this thread's agents listen: what they saw once all is there. `clock` is given where latencies are wanted. */
function receive({ perAgent }, link, clock) {
  const all = perAgent * own.length;
  const latencies = new Float64Array(clock === undefined ? 0 : all);
  let received = 0;
  return new Promise((resolve, reject) => {
    const take = (agent, next, message) => {
      const [sender, number] = [message.priority >> NUMBER_BITS, message.priority & numberMask];
      if (number !== next[sender]) {
        const what = `agent ${agent} was sent message ${next[sender]} by agent ${sender}, and got ${number}`;
        reject(new Error(`messages were lost, doubled or overtaken: ${what}`));
      }
      next[sender]++;
      read += digest(message);
      progress[thread] = ++received;
      // The first tenth is warm-up.
      if (received < all) return;
      resolve({ end: now(), read, latencies: latencies.subarray(Math.floor(latencies.length / 10)) });
    };
    const handlerOf = (agent) => {
      const next = new Uint32Array(shape.agents);
      if (clock === undefined) return (message) => take(agent, next, message);
      return (message) => {
        latencies[received] = clock() - message.timestamp;
        take(agent, next, message);
      };
    };
    for (const agent of own) link.listen(agent, handlerOf(agent));
  });
}

let round;

const acts = {
  begin({ order }) {
    const clock = order.epoch === undefined ? undefined : clockSince(order.epoch);
    progress[thread] = 0;
    const link = links[order.transport](order.bus);
    const senders = new Map(own.map((agent) => [agent, new Sender(agent)]));
    round = { ...order, clock, link, senders, sent: 0, due: [], received: receive(order, link, clock) };
    parentPort.postMessage('listening');
  },

  async storm() {
    const { link, perAgent } = round;
    const senders = [...round.senders.values()];
    const start = now();
    for (let sent = 0; sent < perAgent * senders.length; ) {
      const sender = senders[sent % senders.length];
      if (!sender.send(link, prepared[sent % prepared.length])) await link.writable(sender.target);
      else if (++sent % TURN === 0) await nextTurn();
    }
    await finish({ start });
  },

  /** Messages of an agent are due. Where there is no room for them, later ones wait behind them. */
  async burst({ agent }) {
    round.start ??= now();
    round.due.push(round.senders.get(agent));
    if (round.due.length === 1) await sendDue(round);
  },
};

async function sendDue({ link, clock, perAgent, burst, due, start }) {
  for (; due.length > 0; due.shift()) {
    const [sender] = due;
    for (const goal = Math.min(sender.sent + burst, perAgent); sender.sent < goal; ) {
      const message = prepared[round.sent++ % prepared.length];
      message.timestamp = clock();
      while (!sender.send(link, message)) await link.writable(sender.target);
    }
  }
  if (round.sent === perAgent * own.length) await finish({ start });
}

async function finish(sent) {
  const seen = await round.received;
  round.link.close();
  parentPort.postMessage({ ...seen, ...sent });
}

parentPort.on('message', ({ act, ...given }) => acts[act](given));
parentPort.postMessage('ready');
