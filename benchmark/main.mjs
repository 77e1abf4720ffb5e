// npm run bench: everything beside its peers, how cost grows, and the page that shows it. npm run test:performance: what has a target, judged.
import { efforts } from './effort.mjs';
import { machineText, readMachine, readVersions } from './machine.mjs';
import { HELP, readOptions, UsageError } from './options.mjs';
import {
  FORMAT,
  fromRoot,
  fromUser,
  judgedFile,
  measuredFile,
  partialFile,
  readResults,
  shownPath,
  writeResults,
} from './results.mjs';

try {
  process.exitCode = await main(readOptions(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  process.exitCode = 2;
}
// A part that hung may have left threads behind.
process.exit();

async function main(options) {
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  if (options.from !== undefined) return await renderFrom(fromUser(options.from));
  const { parts, notRun } = await choose(options);
  const { complaintBefore, readLoad } = await import('./load.mjs');
  const { measure } = await import('./measure.mjs');
  const { Progress } = await import('./progress.mjs');
  const effort = options.quick ? 'quick' : options.targets ? 'judged' : 'full';
  const before = readLoad() === undefined ? complaintBefore() : null;
  const progress = new Progress(parts.map(({ seconds }) => seconds[efforts.indexOf(effort)]));
  const date = new Date();
  // Of the beginning: files that change while it runs are no part of it.
  const versions = readVersions();
  const measured = await measure(parts, { effort, progress });
  const results = {
    format: FORMAT,
    date: date.toISOString(),
    seconds: Math.round((Date.now() - date.getTime()) / 1000),
    effort,
    machine: readMachine(),
    versions,
    before,
    ...measured,
    results: [...measured.results, ...notRun],
  };
  const file = outputFor(options);
  writeResults(file, results);
  if (options.json) console.log(JSON.stringify(results));
  else await print(results, file);
  await writePage(options, results);
  const missed = results.results.some(({ must }) => must !== null && !must.ok);
  return options.targets && missed ? 1 : 0;
}

/** What to measure, and a line for each that will not be. */
async function choose({ row: rows, targets }) {
  const { isJudged, parts } = await import('./catalogue.mjs');
  const known = parts.flatMap(({ names }) => names);
  const unknown = rows?.find((row) => !known.includes(row));
  if (unknown !== undefined) throw new UsageError(`--row ${unknown}: there are ${known.join(', ')}`);
  if (rows !== undefined) {
    return { parts: parts.filter(({ names }) => names.some((name) => rows.includes(name))), notRun: [] };
  }
  const isWanted = (part) => part.isLong !== true && (!targets || isJudged(part));
  const leftOut = parts.filter((part) => part.isLong === true);
  return { parts: parts.filter(isWanted), notRun: leftOut.map(notRunLine) };
}

function notRunLine({ names: [name], kind }) {
  return {
    kind,
    row: name,
    work: 'ten minutes at half of peak: growth of resident memory',
    figure: `not run: ten minutes; --row ${name}`,
    peer: '-',
    ratio: '-',
    must: null,
    aim: null,
    notRun: true,
  };
}

function outputFor({ output, row, targets }) {
  if (output !== undefined) return fromUser(output);
  return fromRoot(row !== undefined ? partialFile : targets ? judgedFile : measuredFile);
}

async function print(results, file) {
  const { footnotes, NOISE_HEADING, resultTable, summary } = await import('./report.mjs');
  console.log(`\n${machineText(results.machine, results.versions)}\n`);
  if (results.results.length > 0) console.log(`${resultTable(results.results)}\n`);
  for (const { row, error } of results.results) if (error !== undefined) console.log(`${row}: ${error}\n`);
  const notes = footnotes(results);
  if (notes.length > 0) console.log(`${NOISE_HEADING}:\n${notes.map((note) => `- ${note}`).join('\n')}\n`);
  if (results.effort === 'quick') console.log('A quick run: its figures are rough.');
  if (results.results.length > 0) console.log(`${summary(results.results)} (${results.seconds} s)`);
  console.log(`Every round: ${shownPath(file)}`);
}

/** The documentation is written by a full run, or where it was asked for; a quick run writes its page beside its JSON. */
async function writePage(options, results) {
  if (options.targets || options.row !== undefined || options['no-docs']) return;
  const { writePerformancePage } = await import('./page.mjs');
  const isDocs = !options.quick || options['write-docs'];
  const page = writePerformancePage(results, fromRoot(isDocs ? 'docs' : 'benchmark/results'));
  if (!options.json) console.log(`The page: ${shownPath(page)}`);
}

async function renderFrom(file) {
  const { writePerformancePage } = await import('./page.mjs');
  let results;
  try {
    results = readResults(file);
  } catch (error) {
    console.error(error.message);
    return 2;
  }
  console.log(`Written: ${shownPath(writePerformancePage(results, fromRoot('docs')))}`);
  return 0;
}
