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

/** A line for each thing that whoever reads the figures must know: what was repeated, what stayed uneven, what else ran. */
export function footnotes({ rounds, load, before }) {
  const notes = [];
  for (const { what, repeated, unsettled, kept } of rounds) {
    if (repeated.length > 0) {
      const which = repeated.map(({ round, transport, figure, median }) => {
        return `round ${round} (${transport} ${percentText(figure / median)} of the others)`;
      });
      notes.push(`${what}: noisy and repeated: ${which.join(', ')}`);
    }
    if (unsettled !== null) {
      notes.push(
        `${what}: the rounds of ${unsettled} stayed uneven after ${countText(kept[unsettled].length, 'round')}`,
      );
    }
  }
  for (const { part, complaint } of load) {
    if (complaint) notes.push(`${part}: ${complaint} meanwhile`);
  }
  if (before !== null) notes.push(before);
  return notes;
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
const countText = (count, what) => `${count} ${what}${count === 1 ? '' : 's'}`;
