// What only the compiler checks: the public entry gives types, in both module systems, and refuses what it should.
import { type BusMetrics, EventBus, EventPriority } from 'agentwire';

const bus: EventBus = new EventBus({ name: 'types' });
const isAdmitted: boolean = bus.publish('a.b', { n: 1 }, { priority: EventPriority.CRITICAL });
const subscription = bus.subscribe('a.*', (payload, context) => {
  const topic: string = context.topic;
  // @ts-expect-error A payload is whatever was published: it is to be checked before it is used.
  payload.n;
  return topic;
});
subscription.unsubscribe();
const metrics: BusMetrics = bus.getMetrics();

// @ts-expect-error A topic is a string.
bus.publish(1, {});
// @ts-expect-error A handler is a function.
bus.subscribe('a', 'handler');
// @ts-expect-error No such option.
new EventBus({ nmae: 'typo' });

export { isAdmitted, metrics };
