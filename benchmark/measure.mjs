// Runs parts of the catalogue, one after the other, and gathers what they found.
import { Rounds } from './beside.mjs';
import { Crew } from './crew.mjs';
import { effortInTime, efforts, pickFor, repeatSeconds } from './effort.mjs';
import { complaintAbout, othersBetween, readLoad } from './load.mjs';
import { Pair } from './pair.mjs';

/** A part that takes so many times as long as it should hangs; the short ones are given a minute besides. */
const PATIENCE = 5;

/**
 * `{results, rounds, load, details, growth}`. A part that ends with an error is a row that misses its must; the others are measured all
 * the same.
 */
export async function measure(parts, { effort, progress }) {
  const say = (line) => progress.say(line);
  const rounds = new Rounds({ say, repeatSeconds: repeatSeconds[effort] });
  const measured = { results: [], rounds: [], load: [], details: {}, growth: [] };
  const run = {
    say,
    beside: (...given) => rounds.beside(...given),
    /** What the tables do not hold and the page shows. */
    keep: (name, value) => {
      measured.details[name] = value;
    },
    grow: (series) => {
      measured.growth.push(series);
    },
  };
  const start = performance.now();
  let done = 0;
  for (const [index, part] of parts.entries()) {
    const [name] = part.names;
    const left = parts.slice(index);
    const expected = efforts.map((_, which) => left.reduce((sum, { seconds }) => sum + seconds[which], 0));
    const elapsed = (performance.now() - start) / 1000;
    const inTime = effortInTime(effort, { elapsed, done, expected });
    const pick = pickFor(inTime);
    const seconds = pick(...part.seconds);
    progress.begin(titleOf(part));
    const before = readLoad();
    try {
      const rows = await within(PATIENCE * seconds + 60, runPart(part, { ...run, pick }));
      measured.results.push(...rows.map((row) => ({ kind: part.kind, ...row })));
    } catch (error) {
      progress.say(`${titleOf(part)} ended with an error: ${error.stack}`);
      measured.results.push(failed(part, error));
    } finally {
      await Crew.stopAll();
    }
    const load = othersBetween(before, readLoad());
    measured.load.push({ part: name, effort: inTime, ...load, complaint: complaintAbout(load) });
    done += seconds;
    measured.rounds.push(...rounds.take().map((record) => ({ part: name, ...record })));
    progress.end();
  }
  progress.stop();
  return measured;
}

export function titleOf({ names, kind }) {
  if (kind === 'row') return `row ${names.join(', ')}`;
  return kind === 'scenario' ? `scenario ${names[0]}` : names[0];
}

async function runPart({ run: work, workers }, run) {
  if (workers === undefined) return work(run);
  const pair = await Pair.start(workers);
  try {
    return await work({ ...run, pair });
  } finally {
    await pair.stop();
  }
}

async function within(seconds, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not end within ${Math.round(seconds)} s`)), seconds * 1000);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function failed({ names, kind }, error) {
  return {
    kind,
    row: names[0],
    work: `ended with an error: ${error.message.split('\n')[0]}`,
    figure: '-',
    peer: '-',
    ratio: '-',
    must: { text: 'runs to its end', ok: false },
    aim: null,
    error: error.message,
  };
}
