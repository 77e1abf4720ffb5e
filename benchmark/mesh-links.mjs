// How the agents of one thread hear of those of the others: over agentwire, or over a MessagePort between each two threads.
import { EventBus } from '../index.mjs';
import { Receipts, Window } from './port-window.mjs';

/**
 * The ways by name: each makes a link with `listen(agent, handler)`, `send(agent, message)` (false when there is no room),
 * `writable(agent)` and `close()`. The ports, and what was counted at them, last as long as the thread.
 */
export function linksOf(topology, { window: size, outgoing, incoming }) {
  const agents = Array.from({ length: topology.agents }, (_, agent) => agent);
  const names = agents.map((agent) => topology.nameOf(agent));
  const topics = agents.map((agent) => topology.topicOf(agent));
  const out = new Map(outgoing.map(({ to, port }) => [to, { port, window: new Window([port], size) }]));
  const outTo = agents.map((agent) => out.get(topology.hostOf(agent)));
  const handlers = new Map();
  for (const port of incoming) {
    const receipts = new Receipts(port, size);
    // The message says whom it is for.
    port.on('message', (message) => {
      handlers.get(message.agent)(message);
      receipts.count();
    });
  }
  return {
    agentwire(name) {
      const bus = new EventBus({ name });
      return {
        listen: (agent, handler) => bus.subscribe(topics[agent], handler),
        send: (agent, message) => bus.publish(topics[agent], message),
        writable: (agent) => bus.writable(topics[agent]),
        close: () => bus.close(),
      };
    },
    MessagePort: () => ({
      listen: (agent, handler) => handlers.set(names[agent], handler),
      send(agent, message) {
        const { port, window } = outTo[agent];
        if (!window.take()) return false;
        port.postMessage(message);
        return true;
      },
      writable: (agent) => outTo[agent].window.writable(),
      close: () => handlers.clear(),
    }),
  };
}
