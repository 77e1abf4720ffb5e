import type { Writable } from 'node:stream';

/** A command line that cannot be followed. The program ends with 2. */
export class UsageError extends Error {}

/** Something that the program was told to read and cannot. The program ends with 1. */
export class InputError extends Error {}

/** Writes all of the text. Who reads a pipe may leave (`| head`): then the program has nothing more to do, and ends quietly. */
export function write(stream: Writable, text: string): Promise<void> {
  if (!watched.has(stream)) {
    watched.add(stream);
    stream.on('error', endIfNobodyReads);
  }
  return new Promise((resolve) => {
    stream.write(text, () => resolve());
  });
}

const watched = new WeakSet<Writable>();

function endIfNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'EOF') throw error;
  process.exit();
}

/** Marks parts of the text: with colours for a terminal, with nothing elsewhere. */
export interface Paint {
  title(text: string): string;
  name(text: string): string;
  string(text: string): string;
  scalar(text: string): string;
  remark(text: string): string;
  error(text: string): string;
}

/** Colours where the stream is a terminal and NO_COLOR is not set. */
export function paintFor(stream: { isTTY?: boolean }): Paint {
  const isColoured = stream.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
  const style = (code: number) => (text: string) => (isColoured ? `\x1b[${code}m${text}\x1b[0m` : text);
  return { title: style(1), name: style(36), string: style(32), scalar: style(33), remark: style(2), error: style(31) };
}
