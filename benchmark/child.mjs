// A measurement in a process of its own: nothing that was measured before it is in its memory.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Runs a program of workers/ with an order: what it printed, which is one JSON value. */
export async function measureInChild(name, order, { nodeOptions = [], onLine = () => {} } = {}) {
  const program = fileURLToPath(new URL(`./workers/${name}`, import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', ...nodeOptions, program, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let result = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    result += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
    for (const line of text.split('\n')) if (line !== '') onLine(line);
  });
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`${name} ended with code ${code}:\n${errors}`);
  return JSON.parse(result);
}
