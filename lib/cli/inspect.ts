import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { capturedItems } from './capture';
import { InputError, paintFor, UsageError, write } from './output';
import { printFault, printItem } from './print-item';
import { jsonDocument } from './print-json';

const usage = `agentwire inspect [OPTIONS] FILE

Prints the messages in FILE (- for standard input), one behind the other, as serialize() wrote them or the codec; batches
message by message. What begins as no message is one value, to the end of the file. Bytes are never changed.

  --json         one JSON document, with tagged objects for what JSON cannot say
  --offset N     begin at byte N (0x... for hexadecimal)
  --full         print everything: long strings, binaries, arrays and objects are otherwise shortened
  --help         print this

The exit code is 0; 1 if something could not be read; 2 if the command line is wrong.`;

/** `agentwire inspect`: the exit code. */
export async function inspect(args: string[]): Promise<number> {
  const { isHelp, file, isJson, isFull, offset } = readArguments(args);
  if (isHelp) {
    await write(process.stdout, `${usage}\n`);
    return 0;
  }
  const bytes = await readAll(file);
  const name = file === '-' ? 'standard input' : file;
  if (bytes.length === 0) throw new InputError(`${name} is empty: there is no message in it`);
  if (offset >= bytes.length) {
    const length = bytes.length.toLocaleString('en');
    throw new UsageError(`--offset must be below ${length}, the bytes of ${name}; ${offset} was given`);
  }
  const errorPaint = paintFor(process.stderr);
  let exitCode = 0;
  if (isJson) {
    const items = [...capturedItems(bytes, offset)];
    await write(process.stdout, `${jsonDocument(name, bytes.length, items)}\n`);
    for (const { fault } of items) {
      if (fault === null) continue;
      exitCode = 1;
      await write(process.stderr, printFault(fault, errorPaint));
    }
    return exitCode;
  }
  const paint = paintFor(process.stdout);
  let separator = '';
  for (const item of capturedItems(bytes, offset)) {
    await write(process.stdout, separator + printItem(item, isFull, paint));
    separator = '\n';
    if (item.fault !== null) {
      exitCode = 1;
      await write(process.stderr, printFault(item.fault, errorPaint));
    }
  }
  return exitCode;
}

function readArguments(args: string[]) {
  const { values, positionals } = parse(args);
  const isHelp = values.help === true;
  if (!isHelp && positionals.length !== 1) {
    const given = positionals.length === 0 ? 'none' : `${positionals.length}`;
    throw new UsageError(`inspect takes one FILE (- for standard input), and ${given} was given\n\n${usage}`);
  }
  return {
    isHelp,
    file: positionals[0] ?? '-',
    isJson: values.json === true,
    isFull: values.full === true,
    offset: readOffset(values.offset ?? '0'),
  };
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        json: { type: 'boolean' },
        full: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        offset: { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError(`inspect: ${(error as Error).message}\n\n${usage}`);
  }
}

function readOffset(text: string): number {
  const offset = /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(offset)) return offset;
  throw new UsageError(`--offset must be a number of bytes, such as 24 or 0x18; ${JSON.stringify(text)} was given`);
}

async function readAll(file: string): Promise<Uint8Array> {
  if (file !== '-') {
    try {
      return await readFile(file);
    } catch (error) {
      throw new InputError(`${file} cannot be read: ${reasonOf(error as NodeJS.ErrnoException)}`);
    }
  }
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a folder; name a file in it';
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not read it';
  return message;
}
