import { createRequire } from 'node:module';
import { RingBuffer } from 'ringbuf.js';
import { timeBeside } from '../clock.mjs';
import { nanoseconds } from '../stats.mjs';

const { ZeroCopyRingBuffer } = createRequire(import.meta.url)('../../index.js');

const BYTES = 512;
const ITEMS = 1024;
/** What a ring's item carries is 4 bytes less than its size. */
const ITEM_SIZE = BYTES + 8;

/** Row 6: one thread puts an item of 512 B into a ring and takes it out again. Every item's first and last word are looked at. */
export async function ringAlone(run) {
  const { pick, say } = run;
  const item = new Uint8Array(BYTES);
  const words = new Uint32Array(item.buffer);
  const target = new Uint8Array(BYTES);
  const targetWords = new Uint32Array(target.buffer);
  const last = words.length - 1;
  const into = new ZeroCopyRingBuffer(ITEMS, ITEM_SIZE);
  const copied = new ZeroCopyRingBuffer(ITEMS, ITEM_SIZE);
  // As its documentation has it, over bytes; and over words of 4 bytes, of which it has fewer to copy.
  const peer = new RingBuffer(RingBuffer.getStorageForCapacity(ITEMS * BYTES, Uint8Array), Uint8Array);
  const wordPeer = new RingBuffer(RingBuffer.getStorageForCapacity(ITEMS * words.length, Uint32Array), Uint32Array);

  const ns = await timeBeside(
    run,
    'row 6',
    {
      'enqueue + dequeueInto'(count) {
        for (let index = 0; index < count; index++) {
          words[0] = words[last] = index;
          into.enqueue(item);
          if (into.dequeueInto(target) !== BYTES || targetWords[0] !== index || targetWords[last] !== index) spoilt();
        }
      },
      'enqueue + dequeue'(count) {
        for (let index = 0; index < count; index++) {
          words[0] = words[last] = index;
          copied.enqueue(item);
          const taken = copied.dequeue();
          if (taken.length !== BYTES || taken[0] !== (index & 255) || taken[BYTES - 4] !== (index & 255)) spoilt();
        }
      },
      'ringbuf.js'(count) {
        for (let index = 0; index < count; index++) {
          words[0] = words[last] = index;
          peer.push(item);
          if (peer.pop(target) !== BYTES || targetWords[0] !== index || targetWords[last] !== index) spoilt();
        }
      },
      'ringbuf.js, words'(count) {
        for (let index = 0; index < count; index++) {
          words[0] = words[last] = index;
          wordPeer.push(words);
          if (wordPeer.pop(targetWords) !== words.length || targetWords[0] !== index || targetWords[last] !== index) {
            spoilt();
          }
        }
      },
    },
    { repeats: pick(50_000, 200_000, 500_000), rounds: pick(5, 7, 9) },
  );
  for (const [name, figure] of Object.entries(ns)) say(`row 6: ${name} ${nanoseconds(figure)}`);
  const { 'enqueue + dequeueInto': ours, 'enqueue + dequeue': private_, 'ringbuf.js': theirs } = ns;
  const peerText = `ringbuf.js ${nanoseconds(theirs)} (over words ${nanoseconds(ns['ringbuf.js, words'])})`;
  return [
    {
      row: '6',
      work: 'ring, 512 B, one thread: enqueue + dequeueInto',
      figure: nanoseconds(ours),
      peer: peerText,
      ratio: `${(ours / theirs).toFixed(2)} x`,
      must: { text: '< 5 us', ok: ours < 5000 },
      aim: { text: '< 300 ns, 0.33 x or less', ok: ours < 300 && ours <= theirs / 3 },
    },
    {
      row: '6',
      work: 'ring, 512 B, one thread: enqueue + dequeue (a copy of its own)',
      figure: nanoseconds(private_),
      peer: peerText,
      ratio: `${(private_ / theirs).toFixed(2)} x`,
      must: { text: '< 5 us', ok: private_ < 5000 },
      aim: null,
    },
  ];
}

function spoilt() {
  throw new Error('a ring did not give back what was put in');
}
