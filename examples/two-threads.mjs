// Two agents in worker threads: one publishes tasks, the other answers. Run: node examples/two-threads.mjs
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { EventBus } from 'agentwire';

const bus = new EventBus({ name: 'example' });

if (isMainThread) {
  bus.subscribe('results.*', ({ words }, { topic }) => {
    console.log(`${topic}: ${words} words`);
    bus.close();
    worker.terminate();
  });
  const worker = new Worker(new URL(import.meta.url), { workerData: 'counter' });
  bus.subscribe('agents.*.ready', () => bus.publish('tasks.count', { text: 'the quick brown fox' }));
} else {
  bus.ref(); // an agent lives as long as its bus
  bus.subscribe('tasks.count', ({ text }) => {
    bus.publish(`results.${workerData}`, { words: text.split(' ').length });
  });
  bus.publish(`agents.${workerData}.ready`, {});
}
