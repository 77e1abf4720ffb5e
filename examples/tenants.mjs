// Two tenants on one bus. Each has a channel: topics, groups and dead letters of its own, and a quota. One floods its channel; the other
// one's messages do not wait behind that flood, although the same thread handles both.
// Run: node examples/tenants.mjs
import { EventBus } from 'agentwire';

const bus = new EventBus({ name: 'tenants-example' });
const greedy = bus.channel('greedy', { messages: 5_000, subscriptions: 10 });
const modest = bus.channel('modest', { messages: 5_000 });

const order = [];
greedy.subscribe('**', () => order.push('greedy'));
const done = new Promise((resolve) => {
  modest.subscribe('**', ({ last }) => {
    order.push('modest');
    if (last) resolve();
  });
});

let admitted = 0;
while (greedy.publish('orders.new', { number: admitted })) admitted += 1;
console.log(`the greedy tenant's quota is used up after ${admitted} messages; the next one is refused`);

for (let number = 1; number <= 10; number += 1) modest.publish('orders.new', { number, last: number === 10 });
await done;
const before = order.length - 10;
console.log(`the modest tenant's 10 messages were handled after ${before} of these, and not after all of them`);

// Nothing of one is seen from the other.
console.log(`of greedy's ${greedy.getMetrics().published} messages modest sees ${modest.getMetrics().published - 10}`);
const { messages, subscriptions } = greedy.quota;
console.log(
  `greedy uses ${messages.used} of ${messages.limit} messages and ${subscriptions.used} of ${subscriptions.limit} subscriptions`,
);
bus.close();
