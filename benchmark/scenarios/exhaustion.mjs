import { freemem } from 'node:os';
import { BufferPool } from '../../index.mjs';
import { mediansOf } from '../beside.mjs';
import { measureInChild } from '../child.mjs';
import { Crew } from '../crew.mjs';
import { STEADY_NANOSECONDS } from '../noise.mjs';
import { bytes, median, nanoseconds, perSecond } from '../stats.mjs';
import { addsUp, droppedOf, mustHold } from './claims.mjs';

const WORKERS = new URL('../workers/pool-exhaustion.mjs', import.meta.url);
const THREADS = 3;
const BLOCKS = 256;
const BLOCK_BYTES = 4096;
const ways = ['never exhausted', 'exhausted before'];
/** The memory for messages, of which a quarter is written to, and as much again for what else runs. */
const NEEDED_BYTES = 2 * 2 ** 30;
/** Afterwards it must be so fast again, as a part of before: less would be something that was left behind, not noise. */
const BACK = 0.5;

/** Scenario exhaustion: everything is taken, of a buffer pool and of the memory for messages; then it is given back, and all is as before. */
export async function exhaustion(run) {
  return [await ofBlocks(run), await ofMessages(run)];
}

/**
 * Three threads take all blocks, until each is refused. One of them dies with what it holds, the others give theirs back. Then the speed, beside
 * that of a pool that was never exhausted.
 */
async function ofBlocks({ pick, beside }) {
  const pools = Object.fromEntries(ways.map((way) => [way, new BufferPool(BLOCK_BYTES, BLOCKS)]));
  const buffers = Object.fromEntries(ways.map((way) => [way, pools[way].buffer]));
  const seats = Array.from({ length: THREADS }, () => ({ workerData: { buffers } }));
  const crew = await Crew.start(WORKERS, seats);
  const pool = pools['exhausted before'];
  const tell = (act, order) => {
    crew.tell({ act, order });
    return crew.answers(`scenario exhaustion, ${act}`);
  };
  const seen = [];
  const exhaust = async (order) => {
    const taken = await tell('take', order);
    const stats = pool.getStats();
    const own = pool.acquire();
    const given = await tell('give', order);
    const left = pool.getStats();
    seen.push({ taken, stats, isRefused: own === null, given, left });
  };
  const options = {
    transports: ways,
    rounds: pick(3, 5, 7),
    warmUps: 1,
    steady: STEADY_NANOSECONDS,
    text: nanoseconds,
  };
  const times = await beside('scenario exhaustion, blocks', options, async (way) => {
    const order = { pool: way, repeats: pick(200_000, 500_000, 1_000_000) };
    if (way === 'exhausted before') await exhaust(order);
    const answers = await tell('time', order);
    return Math.max(...answers.map(({ ns }) => ns));
  });
  const dying = await Crew.start(WORKERS, seats.slice(0, 1));
  dying.tell({ act: 'take', order: { pool: 'exhausted before', most: BLOCKS } });
  const [{ taken: heldByDying }] = await dying.answers('scenario exhaustion, take and die');
  await dying.stop();
  const leftByDying = pool.getStats().inUse;
  await crew.stop();
  const { 'never exhausted': fresh, 'exhausted before': recovered } = mediansOf(times);
  const every = (claim) => seen.every(claim);
  return {
    row: 'exhaustion',
    work: `${BLOCKS} blocks of a pool, all held by ${THREADS} threads, then acquire + release`,
    figure: nanoseconds(recovered),
    peer: `a pool never exhausted ${nanoseconds(fresh)}`,
    ratio: `${(recovered / fresh).toFixed(2)} x`,
    ...mustHold(`all come back, ${1 / BACK} x at most`, {
      'all blocks were held, each by one': every(
        ({ taken, stats }) =>
          taken.reduce((sum, one) => sum + one.taken, 0) === BLOCKS && stats.inUse === BLOCKS && stats.free === 0,
      ),
      'everybody was refused by the pool': every(
        ({ taken, isRefused }) => isRefused && taken.every((one) => one.isExhausted),
      ),
      'no block was in two hands': every(({ given }) => given.every(({ spoilt }) => spoilt === 0)),
      'all blocks came back': every(({ left }) => left.inUse === 0 && left.free === BLOCKS),
      'those of a thread that died came back': heldByDying === BLOCKS && leftByDying === 0,
      'it is as fast as before': recovered <= fresh / BACK,
    }),
    aim: null,
  };
}

/** Threads that stand still are sent 256 KiB a message until the process has no memory for more, 1 GiB of it; then they go on. */
async function ofMessages({ pick, say }) {
  const work = 'the memory for messages taken, then messages/s between two threads';
  if (freemem() < NEEDED_BYTES) {
    const figure = `not run: needs ${bytes(NEEDED_BYTES)} of free memory`;
    return { row: 'exhaustion', work, figure, peer: '-', ratio: '-', must: null, aim: null, notRun: true };
  }
  const order = { rounds: pick(3, 3, 5), messages: pick(50_000, 200_000, 500_000) };
  const { before, full, isResumed, after, ledger } = await measureInChild('memory-exhaustion.mjs', order);
  const [was, is] = [median(before.speeds), median(after.speeds)];
  const percent = (part) => `${(100 * part).toFixed(1)} %`;
  say(
    `scenario exhaustion, messages: ${percent(before.utilization)} taken before, ${percent(full.utilization)} at the height ` +
      `(${bytes(full.resident)} resident), ${percent(after.utilization)} after (${bytes(after.resident)}); ` +
      `${perSecond(was)} before, ${perSecond(is)} after`,
  );
  return {
    row: 'exhaustion',
    work,
    figure: perSecond(is),
    peer: `before ${perSecond(was)}; ${full.taken.toLocaleString('en')} messages of 256 KiB waited`,
    ratio: `${(is / was).toFixed(2)} x`,
    ...mustHold(`refused, resumed, none lost, ${BACK} x or more`, {
      'nine tenths were taken': full.utilization >= 0.9,
      'publish returned false': full.refused > 0,
      'publish went on after writable': isResumed,
      'every message was handled': ledger.handled === ledger.published && droppedOf(ledger) === 0,
      'the ledger adds up': addsUp(ledger),
      'the memory came back': after.utilization <= before.utilization + 0.01,
      'it is as fast as before': is >= BACK * was,
    }),
    aim: null,
  };
}
