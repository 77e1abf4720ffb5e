import { createRequire } from 'node:module';
import { timeBeside } from '../clock.mjs';
import { nanoseconds } from '../stats.mjs';

const { BloomFilter } = createRequire(import.meta.url)('../../index.js');

const ITEMS = 10_000;
const BATCH = 1000;

/** As they come out of a message: in one piece, where a template would leave it to the first reader to join the parts. */
const keys = (letter) =>
  Array.from({ length: ITEMS }, (_, index) => Buffer.from(`agent-${letter}${`${index}`.padStart(8, '0')}`).toString());

/** Row 9: a full filter of the default size is asked for strings of 15 characters, known and unknown, one by one and by batches. */
export async function bloom(run) {
  const { pick, say } = run;
  const known = keys('k');
  const unknown = keys('u');
  const filter = new BloomFilter(ITEMS, 0.01);
  filter.addBatch(known);
  const set = new Set(known);
  const batches = (list) =>
    Array.from({ length: ITEMS / BATCH }, (_, index) => list.slice(index * BATCH, (index + 1) * BATCH));
  const [knownBatches, unknownBatches] = [batches(known), batches(unknown)];
  const mostTaken = 0.01 * ITEMS;

  /** Each has a loop of its own. `asked` is a multiple of the keys. */
  const ns = await timeBeside(
    run,
    'row 9',
    {
      known(asked) {
        let taken = 0;
        for (let done = 0; done < asked; done += ITEMS) {
          for (let index = 0; index < ITEMS; index++) if (filter.mightContain(known[index])) taken++;
        }
        if (taken !== asked) spoilt();
      },
      unknown(asked) {
        let taken = 0;
        for (let done = 0; done < asked; done += ITEMS) {
          for (let index = 0; index < ITEMS; index++) if (filter.mightContain(unknown[index])) taken++;
        }
        if (taken > (asked / ITEMS) * mostTaken) spoilt();
      },
      'known, batch'(asked) {
        let taken = 0;
        for (let done = 0; done < asked; done += ITEMS) {
          for (const batch of knownBatches) {
            const answers = filter.mightContainBatch(batch);
            for (let index = 0; index < BATCH; index++) if (answers[index]) taken++;
          }
        }
        if (taken !== asked) spoilt();
      },
      'unknown, batch'(asked) {
        let taken = 0;
        for (let done = 0; done < asked; done += ITEMS) {
          for (const batch of unknownBatches) {
            const answers = filter.mightContainBatch(batch);
            for (let index = 0; index < BATCH; index++) if (answers[index]) taken++;
          }
        }
        if (taken > (asked / ITEMS) * mostTaken) spoilt();
      },
      Set(asked) {
        let taken = 0;
        for (let done = 0; done < asked; done += ITEMS) {
          for (let index = 0; index < ITEMS; index++) if (set.has(known[index])) taken++;
        }
        if (taken !== asked) spoilt();
      },
    },
    { repeats: pick(30, 100, 300) * ITEMS, rounds: pick(5, 7, 9) },
  );
  for (const [name, figure] of Object.entries(ns)) say(`row 9: ${name} ${nanoseconds(figure)}`);
  const peer = `Set.has ${nanoseconds(ns.Set)} (hashes kept in the strings)`;
  return [
    row('bloom filter, 15 characters: mightContain', Math.max(ns.known, ns.unknown), ns.Set, peer, 65),
    row(
      'bloom filter, 15 characters: a batch of 1,000',
      Math.max(ns['known, batch'], ns['unknown, batch']),
      ns.Set,
      peer,
      60,
    ),
  ];
}

/** Known or unknown, whichever takes longer. */
function row(work, ours, theirs, peer, aim) {
  return {
    row: '9',
    work,
    figure: nanoseconds(ours),
    peer,
    ratio: `${(ours / theirs).toFixed(2)} x`,
    must: { text: '< 100 ns', ok: ours < 100 },
    aim: { text: `${aim} ns`, ok: ours <= aim },
  };
}

function spoilt() {
  throw new Error('the filter did not answer as it must');
}
