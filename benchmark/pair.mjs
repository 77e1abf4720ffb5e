// Two worker threads, a publisher and a subscriber, and a round of work for them over one of the transports.
import { MessageChannel, Worker } from 'node:worker_threads';
import { answerOf } from './crew.mjs';

export class Pair {
  /** Two threads that run this file of workers/. */
  static async start(name) {
    const file = new URL(`./workers/${name}`, import.meta.url);
    const { port1, port2 } = new MessageChannel();
    const pair = new Pair();
    pair.subscriber = new Worker(file, { workerData: { role: 'subscriber', port: port1 }, transferList: [port1] });
    pair.publisher = new Worker(file, { workerData: { role: 'publisher', port: port2 }, transferList: [port2] });
    await Promise.all([answerOf(pair.subscriber), answerOf(pair.publisher)]);
    return pair;
  }

  /** Runs one round: what the subscriber saw, and how long it took from the first publish to the last handler, ns. */
  async round(work) {
    const order = { ...work, epoch: process.hrtime.bigint() };
    this.subscriber.postMessage(order);
    await answerOf(this.subscriber);
    this.publisher.postMessage(order);
    const [seen, sent] = await Promise.all([answerOf(this.subscriber), answerOf(this.publisher)]);
    return { ...seen, ...sent, elapsed: Number(seen.end - sent.start) };
  }

  async stop() {
    await Promise.all([this.subscriber.terminate(), this.publisher.terminate()]);
  }
}
