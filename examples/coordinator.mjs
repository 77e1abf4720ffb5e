// A coordinator whose workers are killed in the middle of their work: it starts others, and no job is lost. A job may be done twice,
// so each says which one it is.
// Run: node examples/coordinator.mjs
import { setTimeout as pause } from 'node:timers/promises';
import { isMainThread, Worker } from 'node:worker_threads';
import { EventBus } from 'agentwire';

const JOBS = 200;
const WORKERS = 3;
const KILLS = 6;
const bus = new EventBus({ name: 'coordinator-example' });

if (isMainThread) {
  bus.ref();
  const done = new Set();
  let twice = 0;
  const finished = new Promise((resolve) => {
    bus.subscribe('done', (job) => {
      if (done.has(job)) twice += 1;
      if (done.add(job).size === JOBS) resolve();
    });
  });
  const workers = new Set();
  let isOver = false;
  const start = () => {
    const worker = new Worker(new URL(import.meta.url));
    workers.add(worker);
    worker.once('exit', () => {
      workers.delete(worker);
      if (!isOver) start();
    });
  };
  const ready = new Promise((resolve) => bus.once('ready', resolve));
  for (let count = 0; count < WORKERS; count += 1) start();
  await ready;

  // All workers may be dead at some moment: `mandatory` keeps what finds none.
  for (let job = 0; job < JOBS; job += 1) {
    while (!bus.publish('jobs', job, { mandatory: true })) await bus.writable('jobs');
  }
  bus.flush();
  // What finds no worker, or dies with the last one, is a dead letter; it goes to whoever comes.
  const replaying = setInterval(() => bus.deadLetters.replay({ reason: ['no-subscriber', 'subscriber-died'] }), 20);

  for (let kill = 0; kill < KILLS; kill += 1) {
    await pause(40);
    const [victim] = workers;
    await victim?.terminate();
  }
  await finished;
  clearInterval(replaying);
  isOver = true;
  await Promise.all([...workers].map((worker) => worker.terminate()));
  const { rerouted } = bus.getMetrics();
  console.log(`${done.size} of ${JOBS} jobs are done, although ${KILLS} workers were killed`);
  console.log(
    `${rerouted} went on to another worker, ${bus.deadLetters.stats.replayed} were replayed, ${twice} done twice`,
  );
  bus.close();
} else {
  bus.ref();
  const work = async (job) => {
    await pause(5);
    bus.publish('done', job);
  };
  bus.subscribe('jobs', work, { group: 'workers', ack: true, maxInFlight: 4, maxAttempts: 20, backoffMs: 5 });
  bus.publish('ready', null);
}
