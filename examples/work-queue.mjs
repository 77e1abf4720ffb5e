// A work queue: two workers share jobs, each job at least once. One job fails twice and then succeeds, one never does and ends in the
// dead letters, from where it is tried again once its cause is gone.
// Run: node examples/work-queue.mjs
import { isMainThread, threadId, Worker } from 'node:worker_threads';
import { EventBus } from 'agentwire';

const bus = new EventBus({ name: 'work-queue-example', onError: () => {} });

if (isMainThread) {
  bus.ref();
  const workers = Array.from({ length: 2 }, () => new Worker(new URL(import.meta.url)));
  await count('worker.ready', workers.length);

  const jobs = [{ id: 1 }, { id: 2, failures: 2 }, { id: 3, needs: 'a switch' }, { id: 4 }];
  const done = count('job.done', 3);
  // A job that fails for good is heard of at once.
  const dead = new Promise((resolve) => bus.deadLetters.once('letter', resolve));
  for (const job of jobs) bus.publish('jobs', job);
  for (const { id, attempt } of await done) console.log(`job ${id} is done after ${attempt} failures`);

  const { payload, reason, error, attempts } = await dead;
  console.log(`job ${payload.id} is a dead letter: ${reason} after ${attempts} attempts, "${error}"`);

  // Somebody has thrown the switch; the same bytes go to the group again.
  bus.publish('switch', true);
  const again = count('job.done', 1);
  bus.deadLetters.replay({ reason: 'handler-error' });
  console.log(`job ${(await again)[0].id} is done as well; ${bus.deadLetters.stats.held} dead letters are left`);

  for (const worker of workers) await worker.terminate();
  bus.close();
} else {
  bus.ref();
  let isSwitched = false;
  bus.subscribe('switch', (value) => {
    isSwitched = value;
  });
  const work = ({ id, failures = 0, needs }, { attempt }) => {
    if (attempt < failures) throw new Error(`failure ${attempt + 1} of ${failures}`);
    if (needs && !isSwitched) throw new Error(`it needs ${needs}`);
    bus.publish('job.done', { id, attempt, by: threadId });
  };
  // Returning acknowledges. After a failure the other worker gets the job, a while later.
  bus.subscribe('jobs', work, { group: 'workers', ack: true, maxAttempts: 3, backoffMs: 10, ackTimeoutMs: 5_000 });
  bus.publish('worker.ready', threadId);
}

/** So many messages of a topic. */
function count(topic, most) {
  const messages = [];
  return new Promise((resolve) => {
    const subscription = bus.subscribe(topic, (message) => {
      messages.push(message);
      if (messages.length < most) return;
      subscription.unsubscribe();
      resolve(messages);
    });
  });
}
