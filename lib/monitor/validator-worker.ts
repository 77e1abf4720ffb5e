/** The other thread of a PerformanceValidator: publishes what it is told to. */
import { parentPort, workerData } from 'node:worker_threads';
import { EventBus } from '../bus/event-bus';
import { now } from './clock';

/** What the validator asks for. */
export interface ValidatorOrder {
  /** Messages to publish. */
  count: number;
  /** Messages of one turn of the event loop; between turns others have theirs. */
  perTurn: number;
}

const { bus: name, topic, message } = workerData as { bus: string; topic: string; message: { timestamp: number } };
const bus = new EventBus({ name });

parentPort?.on('message', (order: ValidatorOrder) => {
  publish(order).catch((error: unknown) => {
    throw error;
  });
});
parentPort?.postMessage('ready');

async function publish({ count, perTurn }: ValidatorOrder): Promise<void> {
  for (let sent = 0; sent < count; ) {
    // On the clock that all threads share.
    message.timestamp = now();
    if (!bus.publish(topic, message)) {
      await bus.writable(topic);
      continue;
    }
    sent += 1;
    if (sent % perTurn === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  bus.flush();
}
