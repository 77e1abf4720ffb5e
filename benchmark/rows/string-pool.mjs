import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { medianFiguresOf } from '../beside.mjs';
import { timeBeside } from '../clock.mjs';
import { STEADY_NANOSECONDS } from '../noise.mjs';
import { nanoseconds } from '../stats.mjs';

const { OptimizedStringPool } = createRequire(import.meta.url)('../../index.js');

const STRINGS = 10_000;
const THREADS = 4;

/** Row 10: a string that the thread knows becomes its id; and four threads that fill a shared pool, and then read it. */
export async function stringPool(run) {
  return [await hit(run), await shared(run)];
}

async function hit(run) {
  const { pick, say } = run;
  const texts = Array.from({ length: STRINGS }, (_, index) =>
    Buffer.from(`agent-${`${index}`.padStart(9, '0')}`).toString(),
  );
  const pool = new OptimizedStringPool();
  const map = new Map();
  let expected = 0;
  for (const text of texts) {
    expected += pool.intern(text);
    map.set(text, pool.intern(text));
  }
  const { intern, peer } = await timeBeside(
    run,
    'row 10, hit',
    {
      intern(asked) {
        for (let done = 0; done < asked; done += STRINGS) {
          let sum = 0;
          for (let index = 0; index < STRINGS; index++) sum += pool.intern(texts[index]);
          if (sum !== expected) spoilt();
        }
      },
      peer(asked) {
        for (let done = 0; done < asked; done += STRINGS) {
          let sum = 0;
          for (let index = 0; index < STRINGS; index++) sum += map.get(texts[index]);
          if (sum !== expected) spoilt();
        }
      },
    },
    { repeats: pick(50, 200, 500) * STRINGS, rounds: pick(5, 7, 9) },
  );
  say(`row 10: intern ${nanoseconds(intern)}, Map.get ${nanoseconds(peer)}`);
  return {
    row: '10',
    work: 'string pool, 15 characters: intern of a known string',
    figure: nanoseconds(intern),
    peer: `Map.get ${nanoseconds(peer)}`,
    ratio: `${(intern / peer).toFixed(2)} x`,
    must: { text: '< 200 ns', ok: intern < 200 },
    aim: { text: '40 ns', ok: intern <= 40 },
  };
}

/** Every thread interns every string, each beginning elsewhere, then goes through all of them again. The slowest thread's figures. */
async function shared({ pick, beside }) {
  const strings = pick(100_000, 300_000, 1_000_000);
  const options = {
    transports: ['agentwire'],
    rounds: pick(1, 3, 3),
    steady: STEADY_NANOSECONDS,
    text: ({ fill, again }) => `${nanoseconds(fill)} each, again ${nanoseconds(again)}`,
    keyOf: ({ again }) => again,
  };
  const what = `row 10, ${strings.toLocaleString('en')} strings from ${THREADS} threads`;
  const seen = await beside(what, options, (_, round) => fillAndRead(`row-10-${process.pid}-${round}`, strings));
  const { fill, again } = medianFiguresOf(seen).agentwire;
  return {
    row: '10',
    work: `shared string pool, ${strings.toLocaleString('en')} strings from ${THREADS} threads: intern again, without a lock`,
    figure: nanoseconds(again),
    peer: `the first time ${nanoseconds(fill)}`,
    ratio: '',
    must: null,
    aim: null,
  };
}

/** A new shared pool, filled and then read by all threads. */
async function fillAndRead(name, strings) {
  // Keeps the pool alive until the last thread is done.
  const pool = OptimizedStringPool.shared(name);
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const workers = Array.from(
    { length: THREADS },
    (_, number) =>
      new Worker(new URL('../workers/string-pool.mjs', import.meta.url), {
        workerData: { name, gate, number, threads: THREADS, strings },
      }),
  );
  const answers = await Promise.all(
    workers.map(
      (worker) =>
        new Promise((resolve, reject) => {
          worker.once('message', resolve);
          worker.once('error', reject);
          worker.once('exit', (code) => reject(new Error(`a thread ended with code ${code}`)));
        }),
    ),
  );
  if (answers.some(({ sum }) => sum !== answers[0].sum)) spoilt();
  if (pool.intern('the next one') !== answers[0].highest + 1) spoilt();
  const slowest = (part) => Math.max(...answers.map((answer) => answer[part]));
  return { fill: slowest('fill'), again: slowest('again') };
}

function spoilt() {
  throw new Error('the string pool did not answer as it must');
}
