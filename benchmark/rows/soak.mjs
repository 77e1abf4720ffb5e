import { measureInChild } from '../child.mjs';
import { bytes, median, perSecond, slopeOf } from '../stats.mjs';

const BLOCKS = 20;

/**
 * Row 18: the target message at half of what this machine carries, for ten minutes, between 100 agents on 4 threads: how fast resident memory grows. The first
 * fifth of the time is left out, in which heaps and allocators take what they will keep.
 *
 * Samples of one second hang together, since memory goes up and down with the collector's rounds: least squares over them would
 * believe in a slope too soon. So the line is drawn through the medians of 20 stretches of time; the noise is twice its slope's
 * standard error.
 */
export async function soak({ pick, say }) {
  const isShort = pick(true, false, false);
  const order = { seconds: isShort ? 60 : 600, peakSeconds: isShort ? 3 : 10 };
  const { peak, rate, carried, samples } = await measureInChild('soak.mjs', order, {
    onLine: (line) => say(`row 18: ${line}`),
  });
  const settled = samples.slice(Math.floor(samples.length / 5));
  const lineOf = (name) => {
    const points = Array.from({ length: BLOCKS }, (_, block) => {
      const edge = (index) => Math.floor((index * settled.length) / BLOCKS);
      const part = settled.slice(edge(block), edge(block + 1));
      return { x: median(part.map(({ minute }) => minute)), y: median(part.map((sample) => sample[name])) };
    });
    return { ...slopeOf(points), last: points.at(-1).y };
  };
  const { slope, error, last } = lineOf('resident');
  const noise = 2 * error;
  const [heaps, own] = [lineOf('heaps'), lineOf('own')];
  // A machine that had other things to do carried less: that was no run at half of peak, whatever the memory did.
  const isAtRate = carried >= 0.95 * rate;
  return [
    {
      row: '18',
      work: `${order.seconds / 60} min at half of peak (${perSecond(carried)} of ${perSecond(peak)}): growth of resident memory`,
      figure: `${bytes(slope)} a minute, noise ${bytes(noise)}, of ${bytes(last)}; V8's heaps ${bytes(heaps.slope)}, messages and tables ${bytes(own.slope)}`,
      peer: '-',
      ratio: '',
      must: null,
      // In a single minute heaps and allocators are still growing to the size that they will keep.
      aim: isShort ? null : { text: 'none (within noise), at half of peak', ok: isAtRate && slope <= noise },
    },
  ];
}
