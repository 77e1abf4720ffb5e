import { EventBus } from '../../index.mjs';
import { mediansOf } from '../beside.mjs';
import { Crew } from '../crew.mjs';
import { perSecond } from '../stats.mjs';
import { addsUp, atRest, droppedOf, mustHold } from './claims.mjs';

const WORKERS = new URL('../workers/work-queue.mjs', import.meta.url);
const PRODUCERS = 3;
const CONSUMERS = 3;
const ways = ['plain', 'acknowledged'];

/**
 * Scenario producers-consumers: three threads publish, three others share the work as members of a group, without acknowledgement and with
 * it. A counter for each message says how often it was handled.
 */
export async function producersConsumers({ pick, beside }) {
  const seats = [
    ...Array.from({ length: CONSUMERS }, () => ({ workerData: { role: 'consume' } })),
    ...Array.from({ length: PRODUCERS }, (_, producer) => ({ workerData: { role: 'produce', producer } })),
  ];
  const crew = await Crew.start(WORKERS, seats);
  const each = pick(30_000, 100_000, 200_000);
  const all = PRODUCERS * each;
  const seenBy = { plain: [], acknowledged: [] };
  const what = 'scenario producers-consumers';
  const options = { transports: ways, rounds: pick(1, 3, 5), warmUps: 1, text: perSecond };
  const speeds = await beside(what, options, async (way, round) => {
    const seen = new Int32Array(new SharedArrayBuffer(4 * all));
    const order = { bus: `producers-${way}-${round}`, each, seen, ack: way === 'acknowledged' };
    const bus = new EventBus({ name: order.bus });
    const tell = (act) => {
      crew.tell({ act, order });
      return crew.answers(`${what}, ${way}`);
    };
    await tell('begin');
    const produced = (await tell('produce')).slice(CONSUMERS);
    const ledger = await atRest(bus);
    const consumed = (await tell('end')).slice(0, CONSUMERS);
    const dead = bus.deadLetters.stats.held;
    bus.close();
    seenBy[way].push({
      ledger,
      dead,
      lost: seen.filter((count) => count === 0).length,
      doubled: seen.filter((count) => count > 1).length,
      idle: consumed.filter(({ handled }) => handled === 0).length,
    });
    const first = produced.map(({ start }) => start).reduce((a, b) => (a < b ? a : b));
    const last = consumed.map(({ end }) => end).reduce((a, b) => (a > b ? a : b));
    return (all / Number(last - first)) * 1e9;
  });
  await crew.stop();
  const medians = mediansOf(speeds);
  return ways.map((way) => {
    const every = (claim) => seenBy[way].every(claim);
    return {
      row: 'producers-consumers',
      work: `${all.toLocaleString('en')} messages of ${PRODUCERS} threads, shared by a group of ${CONSUMERS}, ${way}: messages/s`,
      figure: perSecond(medians[way]),
      peer: '-',
      ratio: way === 'plain' ? '-' : `${(medians.acknowledged / medians.plain).toFixed(2)} x of plain`,
      ...mustHold('each handled exactly once', {
        'no message was lost': every(({ lost }) => lost === 0),
        'no message was handled twice': every(({ doubled }) => doubled === 0),
        'every consumer had work': every(({ idle }) => idle === 0),
        'nothing was dropped, and nothing is a dead letter': every(
          ({ ledger, dead }) => droppedOf(ledger) === 0 && ledger.deadLettered === 0 && dead === 0,
        ),
        'the ledger adds up': every(({ ledger }) => addsUp(ledger)),
        'handled is what was published': every(({ ledger }) => ledger.handled === all && ledger.published === all),
      }),
      aim: null,
    };
  });
}
