#!/usr/bin/env node
import { version } from '../version';
import { UsageError, write } from './output';

const usage = `agentwire COMMAND

Commands:
  inspect FILE   print captured messages for a person to read; inspect --help has the options
  top [URL]      show what a served monitor sees, live; top --help has the options

Options:
  --help         print this
  --version      print the version`;

/** What the commands are; each is loaded when it is called. */
const commands: Record<string, () => Promise<(args: string[]) => Promise<number>>> = {
  inspect: async () => (await import('./inspect.js')).inspect,
  top: async () => (await import('./top.js')).top,
};

async function main([command, ...args]: string[]): Promise<number> {
  if (command === '--help' || command === '-h' || command === 'help') {
    await write(process.stdout, `${usage}\n`);
    return 0;
  }
  if (command === '--version') {
    await write(process.stdout, `${version()}\n`);
    return 0;
  }
  const names = Object.keys(commands).join(', ');
  if (command === undefined) throw new UsageError(`a command is missing; there is: ${names}\n\n${usage}`);
  if (!Object.hasOwn(commands, command)) {
    const what = command.startsWith('-') ? 'option' : 'command';
    throw new UsageError(`there is no ${what} ${JSON.stringify(command)}; commands are: ${names}`);
  }
  const load = commands[command] as (typeof commands)[string];
  return (await load())(args);
}

main(process.argv.slice(2)).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  async (error: unknown) => {
    process.exitCode = error instanceof UsageError ? 2 : 1;
    await write(process.stderr, `agentwire: ${error instanceof Error ? error.message : String(error)}\n`);
  },
);
