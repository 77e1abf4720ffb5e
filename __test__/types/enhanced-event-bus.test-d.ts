// What only the compiler checks of EnhancedEventBus.
import {
  EnhancedEventBus,
  type EventBus,
  type EventBusConfig,
  type EventBusLogger,
  EventPriority,
  type SubscriptionGroup,
} from 'agentwire/enhanced-event-bus';

const config: EventBusConfig = { name: 'types', maxSubscriptions: 10 };
const logger: EventBusLogger = console;
const bus = new EnhancedEventBus(config, logger);
const plain: EventBus = bus;

interface Task {
  size: number;
}

async function subscriptions(): Promise<boolean> {
  await bus.start();
  const group: SubscriptionGroup = await bus.createSubscriptionGroup('g', 'Name', { loadBalancing: 'least-busy' });
  const id: string = await bus.subscribe('agent', 'a.*', {
    priority: EventPriority.HIGH,
    groupId: group.name,
    handler: (task: Task, { topic }) => topic.length + task.size,
  });
  await bus.subscribe('agent', 'a', {
    transform: { type: 'map', fn: ({ size }: Task) => size },
    handler: (size: number) => size.toFixed(),
  });
  bus.subscribe('a', (payload: Task) => payload.size).unsubscribe();
  // @ts-expect-error A handler is needed.
  await bus.subscribe('agent', 'a', { priority: EventPriority.HIGH });
  // @ts-expect-error Source text is never run.
  await bus.subscribe('agent', 'a', { handler: () => {}, transform: { type: 'map', function: '(x) => x' } });
  // @ts-expect-error No such way to balance.
  await bus.createSubscriptionGroup('g', 'Name', { loadBalancing: 'fair' });
  // @ts-expect-error Ids are strings.
  await bus.unsubscribe(5);
  await bus.shutdown();
  return bus.unsubscribe(id);
}

// @ts-expect-error A logger has a method warn.
new EnhancedEventBus({}, { info: () => {} });

export { plain, subscriptions };
