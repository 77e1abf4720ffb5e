import type { Paint } from './output';
import { pad, widthOf } from './terminal-text';

/** A column: its heading, and on which side its texts stand. */
export interface Column {
  readonly title: string;
  readonly isText?: boolean;
}

/** A cell: a text, or one in a colour. */
export type Cell = string | { readonly text: string; readonly style: keyof Paint };

const GAP = '  ';
/** A first column narrower than this says nothing. */
const LEAST_NAME = 10;
/** Wider it would push figures out of sight. */
const MOST_NAME = 48;
/** So would another text. */
const MOST_TEXT = 24;

const textOf = (cell: Cell) => (typeof cell === 'string' ? cell : cell.text);

/** Rows below a heading, no wider than `width`: the first column is cut, then columns on the right are left out. */
export function printColumns(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
  paint: Paint,
): string[] {
  const isText = (column: number) => column === 0 || columns[column]?.isText === true;
  const widths = columns.map(({ title }, column) => {
    const most = column === 0 ? MOST_NAME : isText(column) ? MOST_TEXT : Number.POSITIVE_INFINITY;
    return Math.min(most, Math.max(widthOf(title), ...rows.map((row) => widthOf(textOf(row[column] as Cell)))));
  });
  const needed = () => widths.reduce((sum, each) => sum + each + GAP.length, -GAP.length);
  const least = Math.min(widths[0], LEAST_NAME);
  while (widths.length > 1 && needed() - (widths[0] - least) > width) widths.pop();
  widths[0] = Math.max(1, widths[0] - Math.max(0, needed() - width));
  const line = (cells: readonly string[]) => cells.join(GAP).trimEnd();
  const heading = widths.map((each, column) => pad(columns[column]?.title ?? '', each, isText(column)));
  return [
    paint.title(line(heading)),
    ...rows.map((row) =>
      line(
        widths.map((each, column) => {
          const cell = row[column] as Cell;
          const text = pad(textOf(cell), each, isText(column));
          return typeof cell === 'string' ? text : paint[cell.style](text);
        }),
      ),
    ),
  ];
}
