// One stream of events, four threads that want different parts of it; what a thread does not want never wakes it.
// Run: node examples/filters.mjs
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { EventBus } from 'agentwire';

const wants = {
  urgent: { operator: 'AND', conditions: [{ field: 'priority', operator: 'gte', value: 8 }] },
  europe: {
    operator: 'AND',
    conditions: [{ field: 'customer.country', operator: 'in', value: ['DE', 'FR', 'IT'], caseSensitive: false }],
  },
  suspicious: {
    operator: 'OR',
    conditions: [
      { field: 'tags', operator: 'contains', value: 'fraud' },
      {
        operator: 'AND',
        conditions: [
          { field: 'amount', operator: 'gt', value: 9_000 },
          { field: 'customer.email', operator: 'matches', value: '@(mail|post)\\.example$' },
        ],
      },
    ],
  },
  everything: undefined,
};

const bus = new EventBus({ name: 'filters-example' });

if (isMainThread) {
  const events = 10_000;
  const names = Object.keys(wants);
  const workers = names.map((name) => new Worker(new URL(import.meta.url), { workerData: name }));
  let ready = 0;
  let reports = 0;

  bus.subscribe('agents.*.ready', async () => {
    ready += 1;
    if (ready < names.length) return;
    for (let n = 0; n < events; n += 1) {
      const event = {
        n,
        priority: n % 10,
        amount: (n * 37) % 10_000,
        tags: n % 500 === 0 ? ['new', 'fraud'] : ['new'],
        customer: { country: ['de', 'us', 'jp', 'fr'][n % 4], email: `c${n}@${n % 3 === 0 ? 'mail' : 'work'}.example` },
      };
      while (!bus.publish('orders.placed', event)) await bus.writable('orders.placed');
    }
    bus.publish('orders.end', null);
  });
  bus.subscribe('agents.*.report', ({ handled, filtered }, { topic }) => {
    console.log(`${topic.split('.')[1]}: ${handled} of ${events} events, ${filtered} kept away before its thread`);
    reports += 1;
    if (reports === names.length) for (const worker of workers) worker.terminate();
  });
} else {
  bus.ref(); // an agent lives as long as its bus
  const orders = bus.subscribe('orders.placed', () => {}, { filter: wants[workerData] });
  bus.subscribe('orders.end', () => {
    const report = () => {
      const { admitted, handled, filtered } = orders.stats;
      if (handled === admitted) bus.publish(`agents.${workerData}.report`, { handled, filtered });
      else setImmediate(report);
    };
    report();
  });
  bus.publish(`agents.${workerData}.ready`, null);
}
