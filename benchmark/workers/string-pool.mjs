// One of the threads of row 10: interns all strings of a shared pool, and then all of them again.
import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';

const { OptimizedStringPool } = createRequire(import.meta.url)('../../index.js');

const { name, gate, number, threads, strings } = workerData;
const pool = OptimizedStringPool.shared(name);
const first = Math.floor((strings / threads) * number);
const texts = Array.from({ length: strings }, (_, index) =>
  Buffer.from(`agent-${(index + first) % strings}`).toString(),
);

// All begin together.
if (Atomics.add(gate, 0, 1) === threads - 1) Atomics.notify(gate, 0);
for (let seen = Atomics.load(gate, 0); seen < threads; seen = Atomics.load(gate, 0)) Atomics.wait(gate, 0, seen);

let highest = 0;
function pass() {
  const start = process.hrtime.bigint();
  let sum = 0;
  for (let index = 0; index < strings; index++) {
    const id = pool.intern(texts[index]);
    sum += id;
    if (id > highest) highest = id;
  }
  return { sum, ns: Number(process.hrtime.bigint() - start) / strings };
}

const fill = pass();
const again = pass();
if (fill.sum !== again.sum) throw new Error('an id has changed');
parentPort.postMessage({ fill: fill.ns, again: again.ns, sum: again.sum, highest });
