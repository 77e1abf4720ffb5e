// What a thread sends and receives, counted and timed at the two ends of the bus: at publish, and at a handler's entry.

import { type EventBus, EventPriority } from 'agentwire';
import { LatencyHistogram } from './latency.js';
import { type JobMessage, MESSAGE_TYPES, type TrafficSnapshot } from './messages.js';

/** A message before it is sent: the sender adds the time. */
export type Draft<T extends JobMessage = JobMessage> = T extends JobMessage ? Omit<T, 'sentAt'> : never;

export class Traffic {
  /** Indexed by message type, like all that follows. */
  readonly sent = noCounts();
  readonly received = noCounts();
  readonly #latency = Array.from({ length: MESSAGE_TYPES }, () => new LatencyHistogram());
  refused = 0;

  /** To be called first thing in a handler. */
  arrived(message: { type: number; sentAt: bigint }): void {
    const ns = Number(process.hrtime.bigint() - message.sentAt);
    this.received[message.type] += 1;
    this.#latency[message.type].record(ns);
  }

  departed(type: number): void {
    this.sent[type] += 1;
  }

  latencyOf(type: number): LatencyHistogram {
    return this.#latency[type];
  }

  /** Of the messages of all types. */
  latency(): LatencyHistogram {
    const all = new LatencyHistogram();
    for (const histogram of this.#latency) all.merge(histogram.snapshot());
    return all;
  }

  snapshot(): TrafficSnapshot {
    return {
      sent: [...this.sent],
      received: [...this.received],
      refused: this.refused,
      latency: this.#latency.map((histogram) => histogram.snapshot()),
    };
  }

  merge(other: TrafficSnapshot): void {
    for (let type = 0; type < MESSAGE_TYPES; type += 1) {
      this.sent[type] += other.sent[type];
      this.received[type] += other.received[type];
      this.#latency[type].merge(other.latency[type]);
    }
    this.refused += other.refused;
  }
}

function noCounts(): number[] {
  return new Array<number>(MESSAGE_TYPES).fill(0);
}

export class Sender {
  readonly #bus: EventBus;
  readonly #traffic: Traffic;

  constructor(bus: EventBus, traffic: Traffic) {
    this.#bus = bus;
    this.#traffic = traffic;
  }

  /** Publishes once. False: not admitted, nobody gets it. */
  offer(topic: string, draft: Draft, priority: EventPriority = EventPriority.NORMAL): boolean {
    const admitted = this.#bus.publish(topic, { ...draft, sentAt: process.hrtime.bigint() }, { priority });
    if (admitted) this.#traffic.departed(draft.type);
    else this.#traffic.refused += 1;
    return admitted;
  }

  /** Publishes, and waits for room as often as it takes. Each try is timed anew: a refused message was never on its way. */
  async send(topic: string, draft: Draft, priority?: EventPriority): Promise<void> {
    while (!this.offer(topic, draft, priority)) await this.#bus.writable(topic);
  }
}
