// What only the compiler checks: the types of acknowledgement, dead letters and channels.
import { type DeadLetter, type DeadLetterReason, EventBus, type QuotaUsage } from 'agentwire';

const bus = new EventBus({ name: 'types', deadLetters: { limit: 10, limitBytes: 1_000_000 } });
const terms = { ack: true, ackTimeoutMs: 1000, maxAttempts: 3, backoffMs: 10 };
const subscription = bus.subscribe('jobs', (job: { id: number }, { attempt }) => job.id + attempt, terms);
const { deadLettered, attempts } = subscription.stats;
const timedOut: number = attempts.timedOut;
const admitted: boolean = bus.publish('jobs', { id: 1 }, { mandatory: true });

const letters: DeadLetter[] = bus.deadLetters.list({ reason: ['timeout', 'expired'], topic: 'jobs' });
const letter: DeadLetter | undefined = bus.deadLetters.get(1);
const replayed: number = bus.deadLetters.replay({ group: 'g' }, { force: true });
bus.deadLetters.on('letter', ({ timestamp, error, reason }) => {
  const at: bigint = timestamp;
  const text: string | undefined = error;
  const why: DeadLetterReason = reason;
  return [at, text, why];
});
const channel: EventBus = bus.channel('acme', { messages: 10, onError: () => {} });
const quota: QuotaUsage | undefined = channel.quota;

// @ts-expect-error A stream has no acknowledgement.
bus.stream('jobs', { ack: true });
// @ts-expect-error Anything may have been published.
const number: number = letters[0].payload;
// @ts-expect-error There is no such reason.
bus.deadLetters.list({ reason: 'tired' });
// @ts-expect-error All are purged by saying so.
bus.deadLetters.purge();
// @ts-expect-error A quota has no such figure.
bus.channel('acme', { topics: 5 });

export { admitted, deadLettered, letter, number, quota, replayed, timedOut };
