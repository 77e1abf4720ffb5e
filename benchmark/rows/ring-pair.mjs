import { createRequire } from 'node:module';
import { RingBuffer } from 'ringbuf.js';
import { mediansOf } from '../beside.mjs';
import { perSecond } from '../stats.mjs';

const { ZeroCopyRingBuffer } = createRequire(import.meta.url)('../../index.js');

const BYTES = 64;
const ITEMS = 4096;

/** Memory for a round: a new ring each time, of as many items. */
const memories = {
  agentwire: () => new ZeroCopyRingBuffer(ITEMS, BYTES + 8).buffer,
  'ringbuf.js': () => RingBuffer.getStorageForCapacity(ITEMS * BYTES, Uint8Array),
  MessagePort: () => undefined,
};

/** Items of a round, so that each takes about as long. */
const lanes = [
  { transport: 'agentwire', form: 'single', items: 4_000_000 },
  { transport: 'agentwire', form: 'batch', items: 8_000_000 },
  { transport: 'agentwire', form: 'packed', items: 16_000_000 },
  { transport: 'ringbuf.js', form: 'single', items: 2_000_000 },
  { transport: 'ringbuf.js', form: 'packed', items: 4_000_000 },
  { transport: 'MessagePort', form: 'single', items: 200_000 },
];

/** Row 7: one thread puts items of 64 B into a ring, another takes them out; both spin when there is nothing to do. */
export async function ringPair({ pair, pick, beside }) {
  const byName = new Map(lanes.map((lane) => [`${lane.transport}, ${lane.form}`, lane]));
  const options = { transports: [...byName.keys()], rounds: pick(3, 5, 5), text: perSecond };
  const speeds = await beside('row 7', options, async (name) => {
    const { transport, form, items: most } = byName.get(name);
    const items = most / pick(8, 4, 1);
    const { elapsed, sum, torn } = await pair.round({ transport, form, items, memory: memories[transport]() });
    // Items that were lost, doubled or torn must not look fast.
    if (sum !== (items * (items - 1)) / 2 || torn !== 0) throw new Error(`${name}: items were spoilt`);
    return (items / elapsed) * 1e9;
  });
  const [single, batch, packed, peerSingle, peerPacked, port] = Object.values(mediansOf(speeds));
  const peer = `ringbuf.js ${perSecond(peerSingle)}, MessagePort ${perSecond(port)}`;
  const packedPeer = `ringbuf.js ${perSecond(peerPacked)}, MessagePort ${perSecond(port)}`;
  const line = (work, speed, peerText, theirs, aim) => ({
    row: '7',
    work,
    figure: perSecond(speed),
    peer: peerText,
    ratio: `${(speed / theirs).toFixed(1)} x`,
    must: null,
    aim: aim === null ? null : { text: `${aim} M/s, 3 x`, ok: speed >= aim * 1e6 && speed >= 3 * theirs },
  });
  return [
    line('ring, 64 B, two threads: one call each', single, peer, peerSingle, 5),
    line('ring, 64 B, two threads: 64 a call, packed', packed, packedPeer, peerPacked, 25),
    line('ring, 64 B, two threads: 64 a call, enqueueBatch and drain', batch, packedPeer, peerPacked, null),
  ];
}
