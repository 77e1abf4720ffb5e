// How one thread's message reaches many subscribers in others: over agentwire, a BroadcastChannel, or a MessagePort to each subscriber.
import { BroadcastChannel } from 'node:worker_threads';
import { EventBus } from '../index.mjs';

const TOPIC = 'agents.all.news';

/** The subscribers' side, by name: has each of the handlers listen. The returned function ends it. */
export const listeners = {
  agentwire(name, handlers) {
    const bus = new EventBus({ name }).ref();
    for (const handler of handlers) bus.subscribe(TOPIC, handler);
    return () => bus.close();
  },
  BroadcastChannel(name, handlers) {
    const channels = handlers.map((handler) => {
      const channel = new BroadcastChannel(name);
      channel.onmessage = ({ data }) => handler(data);
      return channel;
    });
    return () => {
      for (const channel of channels) channel.close();
    };
  },
  MessagePort(_, handlers, { ports }) {
    for (const [index, port] of ports.entries()) port.on('message', handlers[index]);
    return () => {
      for (const [index, port] of ports.entries()) port.off('message', handlers[index]);
    };
  },
};

/** The publisher's side, by name: `send(message)` is false when there is no room. */
export const senders = {
  agentwire(name) {
    const bus = new EventBus({ name });
    return {
      send: (message) => bus.publish(TOPIC, message),
      writable: () => bus.writable(TOPIC),
      close: () => bus.close(),
    };
  },
  BroadcastChannel(name, { window }) {
    const channel = new BroadcastChannel(name);
    return { ...within(window, (message) => channel.postMessage(message)), close: () => channel.close() };
  },
  MessagePort(_, { window, ports }) {
    const post = (message) => {
      for (const port of ports) port.postMessage(message);
    };
    return { ...within(window, post), close: () => {} };
  },
};

/** Posts only so far ahead of the subscribers, for nothing else would bound it. */
function within(window, post) {
  const send = (message) => {
    if (!window.take()) return false;
    post(message);
    return true;
  };
  return { send, writable: () => window.writable() };
}
