// Agents that ask each other: a planner asks two workers of a group, each in a thread of its own. Run: node examples/request-reply.mjs
import { isMainThread, threadId, Worker } from 'node:worker_threads';
import { AgentwireRemoteError, AgentwireRequestError, EventBus } from 'agentwire';

const bus = new EventBus({ name: 'request-reply' });

if (isMainThread) {
  const agents = 2;
  const workers = new Set();
  const ready = new Promise((resolve) => {
    bus.subscribe('agents.ready', (id) => {
      if (workers.add(id).size === agents) resolve();
    });
  });
  const threads = Array.from({ length: agents }, () => new Worker(new URL(import.meta.url)));
  await ready;

  // The group hands each request to one agent; what its handler returns is the answer.
  const texts = ['the quick brown fox', 'jumps over', 'the lazy dog'];
  const counts = await Promise.all(texts.map((text) => bus.request('words.count', { text }, { timeoutMs: 5000 })));
  for (const [index, words] of counts.entries()) console.log(`${JSON.stringify(texts[index])}: ${words} words`);

  // What a handler throws is the rejection.
  try {
    await bus.request('words.count', { text: '' });
  } catch (error) {
    if (!(error instanceof AgentwireRemoteError)) throw error;
    console.log(`refused: ${error.message}`);
  }

  // Nobody is there: that is known at once, without waiting for the time to be over.
  try {
    await bus.request('words.translate', { text: 'fox' }, { timeoutMs: 5000 });
  } catch (error) {
    if (!(error instanceof AgentwireRequestError)) throw error;
    console.log(`no answer: ${error.message}`);
  }

  await Promise.all(threads.map((thread) => thread.terminate()));
  bus.close();
} else {
  bus.ref(); // an agent lives as long as its bus
  bus.subscribe(
    'words.count',
    async ({ text }) => {
      if (text === '') throw new Error('there is nothing to count');
      return text.split(' ').length;
    },
    { group: 'counters' },
  );
  bus.publish('agents.ready', threadId);
}
