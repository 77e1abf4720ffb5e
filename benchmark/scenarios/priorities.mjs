import { EventBus, EventPriority } from '../../index.mjs';
import { medianFiguresOf } from '../beside.mjs';
import { Crew } from '../crew.mjs';
import { STEADY_LATENCY } from '../noise.mjs';
import { median, percentile, percentilesText } from '../stats.mjs';
import { addsUp, atRest, droppedOf, mustHold } from './claims.mjs';

const WORKERS = new URL('../workers/priorities.mjs', import.meta.url);
const names = Object.keys(EventPriority);
/** How CRITICAL, HIGH, NORMAL and LOW are served while each has messages that wait: docs/delivery.md, shares. */
const SHARES = [440, 60, 40, 10];
/** Fits into a subscription of the default limit. */
const BACKLOG = 10_000;
/** A batch is served whole, so a share is met within this part of it. */
const TOLERANCE = 0.25;

/**
 * Scenario priorities. First the shares: a thread stands still while a backlog of each priority builds up, and is then let go. Then latency: LOW floods
 * the thread while messages of the others come one by one.
 */
export async function priorities({ pick, beside, say }) {
  const crew = await Crew.start(WORKERS, [
    { workerData: { role: 'host', priorities: names.length } },
    ...names.map((_, priority) => ({ workerData: { role: 'publish', priority } })),
  ]);
  const run = async (acts, order) => {
    const answers = {};
    for (const act of acts) {
      crew.tell({ act, order });
      answers[act] = await crew.answers(`scenario priorities, ${act}`);
    }
    return answers;
  };
  const shared = () => new Int32Array(new SharedArrayBuffer(4));
  const common = { publishers: names.length };

  const served = [];
  for (let round = 0; round < pick(1, 3, 5); round++) {
    const order = { ...common, bus: `priorities-shares-${round}`, backlog: BACKLOG, gate: shared(), arrived: shared() };
    const { runShares } = await run(['beginShares', 'runShares', 'end'], order);
    served.push(sharesOf(runShares[0].order));
    say(`scenario priorities, shares in round ${round + 1}: ${shareText(served.at(-1))}`);
  }

  const ledgers = [];
  const options = { transports: ['agentwire'], rounds: pick(1, 3, 5), steady: STEADY_LATENCY, text: loadText };
  const latencies = await beside('scenario priorities, under load', options, async (_, round) => {
    const order = { ...common, bus: `priorities-load-${round}`, paced: pick(200, 300, 500), arrived: shared() };
    const bus = new EventBus({ name: order.bus });
    const epoch = process.hrtime.bigint();
    const { runLoad } = await run(['beginLoad', 'runLoad'], { ...order, epoch });
    const ledger = await atRest(bus);
    const { end } = await run(['end'], order);
    bus.close();
    const sent = runLoad.slice(1).reduce((sum, answer) => sum + answer.sent, 0);
    const seen = end[0].latencies;
    ledgers.push({ ...ledger, sent, starved: seen.some(({ length }) => length === 0) });
    const at = (priority) => (p) => percentile(seen[priority], p);
    const [critical, low] = [at(0), at(names.length - 1)];
    return {
      p50: critical(0.5),
      p95: critical(0.95),
      p99: critical(0.99),
      low50: low(0.5),
      low95: low(0.95),
      low99: low(0.99),
    };
  });
  await crew.stop();
  return [sharesRow(served), loadRow(medianFiguresOf(latencies).agentwire, ledgers)];
}

/** The part of each priority in what was handled while every priority had messages that waited. */
function sharesOf(order) {
  const counts = names.map(() => 0);
  let all = 0;
  for (const priority of order) {
    counts[priority]++;
    all++;
    if (counts[priority] === BACKLOG) break;
  }
  return counts.map((count) => count / all);
}

const wanted = SHARES.map((share) => share / SHARES.reduce((sum, one) => sum + one, 0));
const shareText = (shares) => shares.map((share) => `${(100 * share).toFixed(1)} %`).join(' / ');

function sharesRow(served) {
  const shares = names.map((_, priority) => median(served.map((one) => one[priority])));
  const isMet = (share, priority) => Math.abs(share / wanted[priority] - 1) <= TOLERANCE;
  return {
    row: 'priorities',
    work: 'shares while each priority has messages that wait: CRITICAL / HIGH / NORMAL / LOW',
    figure: shareText(shares),
    peer: '-',
    ratio: '-',
    ...mustHold(`${shareText(wanted)}, within a quarter`, {
      'each priority had its share': served.every((one) => one.every(isMet)),
    }),
    aim: null,
  };
}

const lowOf = ({ low50, low95, low99 }) => ({ p50: low50, p95: low95, p99: low99 });
const loadText = (figures) => `CRITICAL ${percentilesText(figures)}, LOW ${percentilesText(lowOf(figures))}`;

function loadRow(figures, ledgers) {
  const each = (claim) => ledgers.every(claim);
  return {
    row: 'priorities',
    work: 'CRITICAL while LOW floods the same thread: p50 / p95 / p99',
    figure: percentilesText(figures),
    peer: `LOW ${percentilesText(lowOf(figures))}`,
    ratio: `p50 1/${Math.round(figures.low50 / figures.p50)}`,
    ...mustHold('p95 below p50 of LOW; nobody starves', {
      "CRITICAL's p95 is below LOW's p50": figures.p95 < figures.low50,
      'messages of every priority were handled': each(({ starved }) => !starved),
      'all that was published was handled': each(({ sent, handled }) => sent === handled),
      'nothing was dropped': each((ledger) => droppedOf(ledger) === 0),
      'the ledger adds up': each(addsUp),
    }),
    aim: null,
  };
}
