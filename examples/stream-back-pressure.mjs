// A worker produces as fast as it is let; the main thread takes one message at a time, and the worker waits for it.
// Run: node examples/stream-back-pressure.mjs
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, Worker } from 'node:worker_threads';
import { EventBus } from 'agentwire';

const bus = new EventBus({ name: 'stream-example' });
const COUNT = 100;

if (isMainThread) {
  const readings = bus.stream('sensors.*', { highWaterMark: 8 });
  new Worker(new URL(import.meta.url));
  bus.ref(); // waiting for a message alone does not keep a thread alive
  let sum = 0;
  for await (const { topic, payload } of readings) {
    if (topic === 'sensors.done') {
      console.log(
        `${COUNT} readings, sum ${sum}; the worker had to wait ${payload.waits > 0 ? 'for us' : 'for nobody'}`,
      );
      break; // unsubscribes
    }
    sum += payload.value;
    await sleep(1); // slow work
  }
  bus.close();
} else {
  let waits = 0;
  for (let value = 1; value <= COUNT; value += 1) {
    while (!bus.publish('sensors.heat', { value })) {
      waits += 1;
      await bus.writable('sensors.heat');
    }
  }
  while (!bus.publish('sensors.done', { waits })) await bus.writable('sensors.done');
}
