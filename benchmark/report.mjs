// The table, its footnotes and the verdict, as text.
import { table } from './stats.mjs';

const HEADING = ['row', 'work', 'agentwire', 'peer', 'ratio', 'must be', 'must', 'aim at', 'aim'];

export function verdict(target) {
  return target === null ? '-' : target.ok ? 'PASS' : 'FAIL';
}

export function resultTable(results) {
  const line = ({ row, work, figure, peer, ratio, must, aim }) => {
    return [row, work, figure, peer, ratio, must?.text ?? '-', verdict(must), aim?.text ?? '-', verdict(aim)];
  };
  return table([HEADING, ...results.map(line)]);
}

export const NOISE_HEADING = 'Rounds that were noisy and repeated, by the part of the median that they had';

/** A line for each thing that whoever reads the figures must know: what was repeated, what stayed uneven, what else ran. */
export function footnotes({ effort, rounds, load, before }) {
  const notes = rounds.flatMap((record) => noteOf(record) ?? []);
  const complaints = load.filter(({ complaint }) => complaint !== null);
  if (complaints.length > 0) {
    const each = complaints.map(({ part, complaint }) => `${part} (${complaint})`);
    notes.push(`others used the cores: ${each.join(', ')}`);
  }
  const hurried = load.filter((one) => one.effort !== effort).map(({ part }) => part);
  if (hurried.length > 0) {
    notes.push(`measured as in a quick run, for this one had fallen behind its time: ${hurried.join(', ')}`);
  }
  if (before !== null) notes.push(before);
  return notes;
}

/** `row 1, hot: agentwire 67 %`: the round had 67 % of the median, and was repeated. */
function noteOf({ what, repeated, unsettled }) {
  const parts = [];
  if (repeated.length > 0) {
    const transports = [...new Set(repeated.map(({ transport }) => transport))];
    const each = transports.map((transport) => {
      const own = repeated.filter((round) => round.transport === transport);
      return `${transport} ${own.map(({ figure, median }) => percentText(figure / median)).join(', ')}`;
    });
    parts.push(each.join('; '));
  }
  if (unsettled !== null) parts.push(`still uneven: ${unsettled}`);
  return parts.length === 0 ? undefined : `${what}: ${parts.join('; ')}`;
}

/** PASS or FAIL, and how many of what. */
export function summary(results) {
  const judged = (kind) => results.filter((row) => row[kind] !== null);
  const met = (kind) => judged(kind).filter((row) => row[kind].ok);
  const missed = judged('must').filter(({ must }) => !must.ok);
  const counts = [
    `${met('must').length} of ${judged('must').length} musts met`,
    `${met('aim').length} of ${judged('aim').length} aims met`,
    ...results.filter(({ notRun }) => notRun).map(({ row, figure }) => `row ${row} ${figure}`),
  ];
  const rows = [...new Set(missed.map(({ row }) => row))];
  const end = rows.length === 0 ? '' : `; missed: ${rows.join(', ')}`;
  return `${missed.length === 0 ? 'PASS' : 'FAIL'}: ${counts.join(', ')}${end}`;
}

const percentText = (part) => `${Math.round(part * 100)} %`;
