// Child processes whose words go where they belong, and which end when we are told to end.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { root } from './project.mjs';

const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a program to its end and resolves to its exit code (128 + n when a signal ended it, as a shell says).
 * `stdout` is 'stderr' for set-up work, 'inherit' for what the user asked for.
 */
export function run(command, args, { env, cwd = root, stdout = 'inherit', shell = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      shell,
      stdio: ['inherit', stdout === 'stderr' ? 2 : 'inherit', 'inherit'],
    });
    let interrupted;
    const forward = (signal) => {
      interrupted = signal;
      // The terminal has told the child already when it told us; being told twice only makes it quit sooner.
      child.kill(signal);
    };
    for (const signal of forwarded) process.on(signal, forward);
    const done = () => {
      for (const signal of forwarded) process.off(signal, forward);
    };
    child.on('error', (error) => {
      done();
      reject(error);
    });
    child.on('exit', (code, signal) => {
      done();
      const ended = signal ?? interrupted;
      resolve(code !== null && (code !== 0 || ended === undefined) ? code : 128 + (constants.signals[ended] ?? 0));
    });
  });
}
