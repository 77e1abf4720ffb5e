import { Crew } from '../crew.mjs';
import { STEADY_NANOSECONDS } from '../noise.mjs';
import { nanoseconds } from '../stats.mjs';
import { Curve } from './curve.mjs';

const WORKERS = new URL('../workers/subscriptions.mjs', import.meta.url);
/** Beyond so many eventemitter2 takes longer for a message than anybody waits. */
const MOST_OF_PEER = 100_000;
const AGENTWIRE = ['agentwire, emit', 'agentwire, publish'];
const EXACT = 'EventEmitter (exact)';

/** 1 to 1,000,000 subscriptions with wildcards on one thread: how long a message takes that one of them matches. */
export async function subscriptionsGrowth({ pick, beside, grow }) {
  const curve = new Curve();
  const counts = pick([1, 100, 10_000], [1, 100, 10_000, 100_000], [1, 10, 100, 1000, 10_000, 100_000, 1_000_000]);
  for (const subscriptions of counts) {
    const ways = [...AGENTWIRE, ...(subscriptions <= MOST_OF_PEER ? ['eventemitter2'] : []), EXACT];
    // A thread of its own: what it held goes with it.
    const crew = await Crew.start(WORKERS, [{ workerData: { subscriptions, ways } }]);
    const what = `growth, ${subscriptions.toLocaleString('en')} subscriptions`;
    const options = {
      transports: ways,
      rounds: pick(3, 5, 7),
      warmUps: 2,
      steady: STEADY_NANOSECONDS,
      text: nanoseconds,
    };
    const count = (way) => (way === 'eventemitter2' ? pick(2_000, 5_000, 20_000) : pick(30_000, 100_000, 300_000));
    curve.add(
      subscriptions,
      await beside(what, options, async (way) => {
        crew.tell({ way, count: count(way) });
        const [ns] = await crew.answers(`${what}: ${way}`);
        return ns;
      }),
    );
    await crew.stop();
  }
  grow({
    name: 'subscriptions',
    title: `1 to ${counts.at(-1).toLocaleString('en')} subscriptions with wildcards, of which one matches`,
    x: { label: 'subscriptions', scale: 'count' },
    y: { label: 'time of a message from publish or emit to the end of its handler', scale: 'ns', better: 'lower' },
    series: curve.series,
  });
  return [];
}
