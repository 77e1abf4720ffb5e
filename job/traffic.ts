// What a thread sends and receives, counted and timed at the two ends of the bus: at publish, and at a handler's entry.

import { type EventBus, EventPriority } from 'agentwire';
import { LatencyHistogram } from './latency.js';
import type { JobMessage, TrafficSnapshot } from './messages.js';

/** A message before it is sent: the sender adds the time. */
export type Draft<T extends JobMessage = JobMessage> = T extends JobMessage ? Omit<T, 'sentAt'> : never;

export class Traffic {
  readonly sent: number[] = [];
  readonly received: number[] = [];
  readonly latency: LatencyHistogram[] = [];
  refused = 0;

  /** To be called first thing in a handler. */
  arrived(message: { type: number; sentAt: bigint }): void {
    const ns = Number(process.hrtime.bigint() - message.sentAt);
    this.received[message.type] = (this.received[message.type] ?? 0) + 1;
    (this.latency[message.type] ??= new LatencyHistogram()).record(ns);
  }

  departed(type: number): void {
    this.sent[type] = (this.sent[type] ?? 0) + 1;
  }

  snapshot(): TrafficSnapshot {
    return {
      // Array.from fills the holes of types that were never seen.
      sent: Array.from(this.sent, (count) => count ?? 0),
      received: Array.from(this.received, (count) => count ?? 0),
      refused: this.refused,
      latency: Array.from(this.latency, (histogram) => histogram?.snapshot()),
    };
  }

  merge(other: TrafficSnapshot): void {
    other.sent.forEach((count, type) => (this.sent[type] = (this.sent[type] ?? 0) + count));
    other.received.forEach((count, type) => (this.received[type] = (this.received[type] ?? 0) + count));
    this.refused += other.refused;
    other.latency.forEach((part, type) => {
      if (part !== undefined) (this.latency[type] ??= new LatencyHistogram()).merge(part);
    });
  }
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
