// A stream in a file that survives a restart: one process writes and is killed, the next one reads on.
// Run: node examples/stream-restart.mjs
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MemoryMappedBuffer } from 'agentwire';

/** A message goes in with its length before it, in one write, so it is there whole or not at all. */
function send(stream, message) {
  const text = Buffer.from(JSON.stringify(message));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return stream.write(Buffer.concat([length, text]));
}

function receive(stream) {
  const length = stream.read(4);
  if (length === null) return null;
  return JSON.parse(Buffer.from(stream.read(Buffer.from(length).readUInt32LE())).toString());
}

const [role, path] = process.argv.slice(2);

if (role === 'writer') {
  const stream = MemoryMappedBuffer.open(path, 1024 * 1024);
  for (let step = 1; step <= 3; step++) send(stream, { task: 'count', step });
  process.kill(process.pid, 'SIGKILL'); // no close, no flush: what was written is in the file
} else {
  const folder = mkdtempSync(join(tmpdir(), 'agentwire-example-'));
  const file = join(folder, 'tasks.stream');
  const { signal } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), 'writer', file], {
    stdio: 'inherit',
  });
  console.log(`the writer ended with ${signal}`);
  const stream = MemoryMappedBuffer.open(file);
  console.log(`${stream.getStats().used} bytes are in the stream`);
  for (let message = receive(stream); message !== null; message = receive(stream)) {
    console.log(`found task ${message.task}, step ${message.step}`);
  }
  stream.close();
  rmSync(folder, { recursive: true });
}
