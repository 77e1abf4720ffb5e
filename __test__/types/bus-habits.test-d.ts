// What only the compiler checks of the bus's habits: signals, `using`, streams, emitters.
import { type BatchMessage, EventBus, type Listener, type MessageStream, type Subscription } from 'agentwire';

const controller = new AbortController();

async function scopes(): Promise<void> {
  await using bus = new EventBus({ name: 'types' });
  using subscription: Subscription = bus.subscribe('a.*', () => {}, { signal: controller.signal });
  using other = new EventBus();
  other.publish('a', subscription.id);
}

// @ts-expect-error A controller is no signal.
new EventBus().subscribe('a', () => {}, { signal: controller });

async function streams(): Promise<void> {
  for await (const { topic, payload, context } of bus.stream<{ n: number }>('a.*', { highWaterMark: 5 })) {
    const text: string = `${topic} ${payload.n.toFixed()} ${context.priority}`;
    // @ts-expect-error No such property.
    payload.m;
    console.log(text);
  }
  for await (const { payload } of bus.stream('a')) {
    // @ts-expect-error A payload is whatever was published: it is to be checked before it is used.
    payload.n;
  }
  const stream: MessageStream<string> = bus.stream<string>('b', { signal: controller.signal });
  await using scoped = stream;
  const handled: number = scoped.stats.handled;
  console.log(handled);
}

const bus = new EventBus();
// @ts-expect-error The limit of a stream is its highWaterMark.
bus.stream('a', { queueLimit: 5 });

function emitter(): void {
  const chained: EventBus = bus
    .on('a.*', (payload: { n: number }, topic, context) => `${payload.n} ${topic.length} ${context?.priority}`)
    .once<string>('b', (payload) => payload.length)
    .off('b', () => {});
  const listened: boolean = chained.emit('a.b', { n: 1 }, { priority: 1 });
  // @ts-expect-error There is no context for what this thread emits.
  bus.on('a', (_payload, _topic, context) => context.priority);
  // @ts-expect-error A listener is a function.
  bus.on('a', 'listener');
  // @ts-expect-error A topic is a string.
  bus.emit(5);
  const listener: Listener<number> = (payload) => payload.toFixed();
  bus.on('a', listener);
  console.log(listened);
}

function batches(messages: readonly BatchMessage[]): number[] {
  const admitted: number =
    bus.publishBatch(messages) + bus.publishBatch([{ topic: 'a', payload: 1, options: { priority: 0 } }]);
  // @ts-expect-error A message has a payload.
  bus.publishBatch([{ topic: 'a' }]);
  // @ts-expect-error Many messages, or publish.
  bus.publishBatch({ topic: 'a', payload: 1 });
  return [admitted, ...bus.findMatchingSubscriptions('a')];
}

export { batches, emitter, scopes, streams };

interface Task {
  id: string;
  size: number;
}

function transforms(): void {
  const mapped = { transform: { type: 'map', fn: (task: Task) => task.size } } as const;
  bus.subscribe('t', (size) => size.toFixed(), mapped);
  bus.subscribe('t', (size) => size.toFixed(), { transform: { type: 'map', fn: ({ size }: Task) => size } });
  // @ts-expect-error A number, not a string.
  bus.subscribe('t', (size) => size.length, { transform: { type: 'map', fn: ({ size }: Task) => size } });
  // @ts-expect-error The handler's payload is what fn returns.
  bus.subscribe('t', (size: string) => size, { transform: { type: 'map', fn: ({ size }: Task) => size } });
  bus.subscribe('t', (task) => task.id, { transform: { type: 'filter', fn: (task: Task) => task.size > 5 } });
  bus.subscribe('t', (sum) => sum.toFixed(), {
    queueLimit: 100,
    transform: { type: 'reduce', fn: (sum: number, task: Task) => sum + task.size, initial: 0 },
  });
  bus.subscribe('t', (tasks: Task[]) => tasks[0].id, { transform: { type: 'aggregate', count: 5 } });
  bus.subscribe('t', (sizes) => sizes.length + sizes[0].toFixed().length, {
    transform: { type: 'aggregate', fn: (tasks: Task[]) => tasks.map(({ size }) => size), windowMs: 5 },
  });
  // @ts-expect-error By count or by time.
  bus.subscribe('t', () => {}, { transform: { type: 'aggregate' } });
  // @ts-expect-error No such transform.
  bus.subscribe('t', () => {}, { transform: { type: 'reverse', fn: () => {} } });
}

async function transformedStreams(): Promise<void> {
  for await (const { payload } of bus.stream('t', { transform: { type: 'map', fn: ({ size }: Task) => size } })) {
    payload.toFixed();
  }
  for await (const { payload } of bus.stream<Task>('t', { transform: { type: 'aggregate', count: 2 } })) {
    const first: Task = payload[0];
    console.log(first.id);
  }
}

export { transformedStreams, transforms };
