import { EventBus } from '../../index.mjs';
import { mediansOf } from '../beside.mjs';
import { Crew } from '../crew.mjs';
import { perSecond } from '../stats.mjs';
import { addsUp, atRest, droppedOf, mustHold } from './claims.mjs';

const WORKERS = new URL('../workers/overflow.mjs', import.meta.url);
const PUBLISHERS = 2;
const QUEUE_LIMIT = 1_000;
const policies = ['reject', 'block', 'drop-newest', 'drop-oldest'];

/**
 * Scenario overflow: two threads flood a subscription that takes 5 us for each message and has room for 1,000, once with each of the policies. What was
 * published, what handlers saw and what the ledger says must agree.
 */
export async function overflow({ pick, beside }) {
  const crew = await Crew.start(WORKERS, [
    { workerData: { role: 'host' } },
    ...Array.from({ length: PUBLISHERS }, (_, publisher) => ({ workerData: { role: 'publish', publisher } })),
  ]);
  const each = pick(10_000, 20_000, 50_000);
  const seenBy = Object.fromEntries(policies.map((policy) => [policy, []]));
  const what = 'scenario overflow';
  const options = { transports: policies, rounds: pick(1, 3, 3), text: (speed) => `${perSecond(speed)} published` };
  const speeds = await beside(what, options, async (policy, round) => {
    const order = {
      bus: `overflow-${policy}-${round}`,
      publishers: PUBLISHERS,
      each,
      overflow: policy,
      queueLimit: QUEUE_LIMIT,
    };
    const bus = new EventBus({ name: order.bus });
    const tell = (act) => {
      crew.tell({ act, order });
      return crew.answers(`${what}, ${policy}`);
    };
    await tell('begin');
    const floods = (await tell('flood')).slice(1);
    const metrics = await atRest(bus);
    const [{ stats, seen, last }] = await tell('end');
    bus.close();
    const sum = (name) => floods.reduce((total, flood) => total + flood[name], 0);
    seenBy[policy].push({ metrics, stats, seen, last, refused: sum('refused'), resumed: sum('resumed') });
    return (PUBLISHERS * each) / Math.max(...floods.map(({ seconds }) => seconds));
  });
  await crew.stop();
  const medians = mediansOf(speeds);
  return policies.map((policy) => row(policy, medians[policy], seenBy[policy], each));
}

function row(policy, speed, rounds, each) {
  const all = PUBLISHERS * each;
  const every = (claim) => rounds.every(claim);
  const { stats, refused, metrics } = rounds[0];
  const drops = policy.startsWith('drop');
  const common = {
    'every publish was admitted in the end': every(
      (one) => one.stats.admitted === all && one.metrics.published === all,
    ),
    'the subscription and the bus say the same': every((one) => one.stats.admitted === one.metrics.admitted),
    'handlers saw what is counted as handled': every((one) => one.seen.handled === one.stats.handled),
    'nothing was overtaken': every((one) => one.seen.overtaken === 0),
    'the ledger adds up': every((one) => addsUp(one.stats) && one.stats.inFlight === 0),
  };
  const lossless = {
    'it overflowed': every((one) => one.metrics.refused > 0),
    'every message was handled': every((one) => one.stats.handled === all && one.seen.gaps === 0),
    'nothing was dropped': every((one) => droppedOf(one.stats) === 0),
  };
  const claims = {
    reject: {
      ...common,
      ...lossless,
      'each refusal ended with writable': every((one) => one.refused > 0 && one.resumed === one.refused),
    },
    block: { ...common, ...lossless, 'publish slept instead of returning false': every((one) => one.refused === 0) },
    'drop-newest': {
      ...common,
      'publish never returned false': every((one) => one.refused === 0),
      'the newest were dropped, and nothing else': every(
        (one) => one.stats.dropped.newest > 0 && one.stats.dropped.newest === droppedOf(one.stats),
      ),
    },
    'drop-oldest': {
      ...common,
      'publish never returned false': every((one) => one.refused === 0),
      'the oldest were dropped, and nothing else': every(
        (one) => one.stats.dropped.oldest > 0 && one.stats.dropped.oldest === droppedOf(one.stats),
      ),
      'the very newest message was handled': every((one) => one.last.includes(each - 1)),
    },
  }[policy];
  const count = (number) => number.toLocaleString('en');
  return {
    row: 'overflow',
    work: `${policy}: ${count(all)} messages of ${PUBLISHERS} threads for ${count(QUEUE_LIMIT)} places, published/s`,
    figure: perSecond(speed),
    peer: drops
      ? `${count(stats.handled)} handled, ${count(droppedOf(stats))} dropped`
      : `${count(stats.handled)} handled, refused ${count(policy === 'reject' ? refused : metrics.refused)} times`,
    ratio: '-',
    ...mustHold(drops ? 'never false, the ledger adds up' : 'none lost, the ledger adds up', claims),
    aim: null,
  };
}
