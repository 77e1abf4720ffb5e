// One end of a load: the publisher or the subscriber, for both transports, round after round.

import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { EventBus } from 'agentwire';
import { type LoadMessage, makeLoadMessage, noTally, type Tally, tally } from './load-messages.js';

export type Transport = 'agentwire' | 'MessagePort';

export interface LoadEnd {
  role: 'publisher' | 'subscriber';
  busName: string;
  port: MessagePort;
}

/** To either end: the next round. The subscriber is told first, and the publisher when it is ready. */
export interface RoundOrder {
  transport: Transport;
  messages: number;
}

/** Times are process.hrtime, which the threads of a process share. */
export type RoundReport =
  | { kind: 'ready' }
  | { kind: 'sent'; startedAt: bigint; refused: number }
  | { kind: 'received'; endedAt: bigint; seen: Tally };

const TOPIC = 'load.task';

/**
 * A port has no bound: whatever is posted waits in memory. So the publisher may be this many messages ahead of the
 * subscriber, who acknowledges in bulk. Of 512 to 32,768 this was the fastest: 560,000 messages/s, against 330,000 with
 * the largest, where what waits keeps the garbage collector busy.
 */
const PORT_WINDOW = 2_048;
const PORT_ACKNOWLEDGE_EVERY = PORT_WINDOW / 4;

/** After the last message, time for one that was delivered twice to show up. */
const LINGER_MS = 20;
/** Without any message for this long, the rest is lost. */
const STALL_MS = 10_000;

class Publisher {
  readonly #bus: EventBus;
  readonly #port: MessagePort;
  #credit = PORT_WINDOW;
  #credited: (() => void) | undefined;

  constructor(bus: EventBus, port: MessagePort) {
    this.#bus = bus;
    this.#port = port;
    port.on('message', (acknowledged: number) => {
      this.#credit += acknowledged;
      this.#credited?.();
    });
  }

  async send({ transport, messages }: RoundOrder): Promise<RoundReport> {
    const startedAt = process.hrtime.bigint();
    const refused = transport === 'agentwire' ? await this.#overBus(messages) : await this.#overPort(messages);
    return { kind: 'sent', startedAt, refused };
  }

  async #overBus(messages: number): Promise<number> {
    let refused = 0;
    for (let sequence = 0; sequence < messages; sequence += 1) {
      const message = makeLoadMessage(sequence);
      while (!this.#bus.publish(TOPIC, message)) {
        refused += 1;
        await this.#bus.writable(TOPIC);
      }
    }
    this.#bus.flush();
    return refused;
  }

  async #overPort(messages: number): Promise<number> {
    let refused = 0;
    for (let sequence = 0; sequence < messages; sequence += 1) {
      while (this.#credit === 0) {
        refused += 1;
        await new Promise<void>((resolve) => (this.#credited = resolve));
      }
      this.#port.postMessage(makeLoadMessage(sequence));
      this.#credit -= 1;
    }
    return refused;
  }
}

class Subscriber {
  readonly #report: (report: RoundReport) => void;
  #expected = 0;
  #seen = noTally();
  #watch: NodeJS.Timeout | undefined;

  constructor(bus: EventBus, port: MessagePort, report: (report: RoundReport) => void) {
    this.#report = report;
    bus.subscribe<LoadMessage>(TOPIC, (message) => this.#take(message));
    port.on('message', (message: LoadMessage) => {
      this.#take(message);
      if (this.#seen.received % PORT_ACKNOWLEDGE_EVERY === 0 || this.#seen.received === this.#expected) {
        port.postMessage(this.#seen.received % PORT_ACKNOWLEDGE_EVERY || PORT_ACKNOWLEDGE_EVERY);
      }
    });
  }

  expect({ messages }: RoundOrder): void {
    this.#expected = messages;
    this.#seen = noTally();
    let before = -1;
    this.#watch = setInterval(() => {
      if (this.#seen.received === before) this.#end(0);
      before = this.#seen.received;
    }, STALL_MS);
    this.#report({ kind: 'ready' });
  }

  #take(message: LoadMessage): void {
    tally(this.#seen, message);
    if (this.#seen.received === this.#expected) this.#end(LINGER_MS);
  }

  #end(lingerMs: number): void {
    const endedAt = process.hrtime.bigint();
    clearInterval(this.#watch);
    setTimeout(() => this.#report({ kind: 'received', endedAt, seen: this.#seen }), lingerMs);
  }
}

function main({ role, busName, port }: LoadEnd): void {
  const control = parentPort!;
  const report = (message: RoundReport): void => control.postMessage(message);
  const bus = new EventBus({ name: busName });
  if (role === 'publisher') {
    const publisher = new Publisher(bus, port);
    control.on('message', (order: RoundOrder) => {
      publisher.send(order).then(report, (error: unknown) => {
        setImmediate(() => {
          throw error;
        });
      });
    });
  } else {
    const subscriber = new Subscriber(bus, port, report);
    control.on('message', (order: RoundOrder) => subscriber.expect(order));
  }
}

if (!isMainThread) main(workerData as LoadEnd);
