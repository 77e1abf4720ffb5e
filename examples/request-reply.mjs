// Three agents in threads of their own count words; whoever has the least to do gets the next question. The main thread asks, and
// gets the answers: also an error, and what a question without anybody to answer it ends with.
// Run: node examples/request-reply.mjs
import { isMainThread, threadId, Worker } from 'node:worker_threads';
import { EventBus } from 'agentwire';

const AGENTS = 3;
const bus = new EventBus({ name: 'request-example' });

if (isMainThread) {
  bus.createGroup('counters', { balancing: 'least-busy' });
  const workers = Array.from({ length: AGENTS }, () => new Worker(new URL(import.meta.url)));
  await everybodyIsThere();

  const texts = Array.from({ length: 30 }, (_, n) => 'word '.repeat(n + 1).trim());
  const answers = await Promise.all(texts.map((text) => bus.request('count.words', { text }, { timeoutMs: 10_000 })));
  const words = answers.reduce((sum, answer) => sum + answer.words, 0);
  const agents = new Set(answers.map((answer) => answer.agent)).size;
  console.log(`${words} words in ${answers.length} texts, counted by ${agents} agents`);

  // What a handler throws comes back as an error here.
  await bus.request('count.words', { text: 42 }).catch((error) => console.log(`${error.code}: ${error.message}`));
  // Nobody to ask is known at once; no timeout has to pass.
  await bus.request('count.stars', {}).catch((error) => console.log(error.code));

  for (const worker of workers) await worker.terminate();
  bus.close();
} else {
  bus.ref();
  const count = ({ text }) => {
    if (typeof text !== 'string') throw new TypeError(`a text is a string, and this is a ${typeof text}`);
    return { words: text.split(' ').length, agent: threadId };
  };
  // One question at a time; what waits goes to the others meanwhile.
  bus.subscribe('count.words', count, { group: 'counters', maxInFlight: 1 });
  bus.publish('agents.ready', threadId);
}

function everybodyIsThere() {
  let there = 0;
  return new Promise((resolve) => {
    bus.subscribe('agents.ready', () => {
      there += 1;
      if (there === AGENTS) resolve();
    });
    bus.ref(); // waiting for a message alone does not keep a thread alive
  });
}
