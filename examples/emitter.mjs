// One bus as an EventEmitter: a listener of the same thread gets the object itself, that of another thread a copy.
// Run: node examples/emitter.mjs
import { isMainThread, threadId, Worker } from 'node:worker_threads';
import { EventBus } from 'agentwire';

const bus = new EventBus({ name: 'emitter-example' });

if (isMainThread) {
  const job = { id: 1, log: [] };
  bus.on('jobs.done', ({ log }) => log.push('here, by reference'));
  bus.once('ready', () => bus.emit('jobs.done', job));
  bus.once('seen', ({ thread, log }) => {
    console.log(`here: ${JSON.stringify(job.log)}; thread ${thread} got ${JSON.stringify(log)}`);
    bus.close();
  });
  bus.ref();
  new Worker(new URL(import.meta.url));
} else {
  bus.ref();
  bus.once('jobs.done', ({ log }) => {
    bus.emit('seen', { thread: threadId, log });
    bus.close();
  });
  bus.emit('ready');
}
