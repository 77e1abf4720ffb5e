import { EventBus } from '../../index.mjs';
import { mediansOf } from '../beside.mjs';
import { Mesh } from '../mesh.mjs';
import { perSecond } from '../stats.mjs';
import { addsUp, atRest, droppedOf, mustHold } from './claims.mjs';

const AGENTS = 100;
const THREADS = 4;
const EACH = 10_000;
/** Whom an agent sends to, in turn: a divisor of what each sends, so that each also receives as many. */
const NEIGHBOURS = 50;
const WINDOW = 512;
const transports = ['agentwire', 'MessagePort'];

/**
 * Scenario agents: 100 agents over 4 threads send 10,000 messages each. What is lost, doubled or overtaken ends the run: every message carries
 * its sender and its number. Afterwards the bus's own ledger must say the same.
 */
export async function agents({ pick, beside }) {
  const mesh = await Mesh.start({ agents: AGENTS, threads: THREADS, neighbours: NEIGHBOURS }, { window: WINDOW });
  await mesh.warmUp(transports, pick(50_000, 200_000, 200_000));
  const all = AGENTS * EACH;
  const ledgers = [];
  const what = 'scenario agents';
  const options = { transports, rounds: pick(1, 3, 3), text: perSecond };
  const speeds = await beside(what, options, async (transport, round) => {
    const order = { transport, bus: `scenario-agents-${round}`, messages: all };
    if (transport !== 'agentwire') return mesh.storm(`${what}: ${transport}`, order);
    // Open here, so that its figures outlive the threads' part in it.
    const bus = new EventBus({ name: order.bus });
    const speed = await mesh.storm(`${what}: ${transport}`, order);
    ledgers.push(await atRest(bus));
    bus.close();
    return speed;
  });
  await mesh.stop();
  const { agentwire, MessagePort } = mediansOf(speeds);
  const each = (claim) => ledgers.every(claim);
  return [
    {
      row: 'agents',
      work: `${AGENTS} agents on ${THREADS} threads, ${EACH.toLocaleString('en')} messages each, messages/s in all`,
      figure: perSecond(agentwire),
      peer: `MessagePort ${perSecond(MessagePort)}`,
      ratio: `${(agentwire / MessagePort).toFixed(1)} x`,
      ...mustHold('none lost, doubled or overtaken', {
        [`${all} messages were published`]: each(({ published }) => published === all),
        'every message was handled': each(({ handled }) => handled === all),
        'nothing was dropped': each((ledger) => droppedOf(ledger) === 0),
        'the ledger adds up': each(addsUp),
      }),
      aim: null,
    },
  ];
}
