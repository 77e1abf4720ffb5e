// One set-up at a time per clone. The lock is a file with its holder's process id; a holder that died leaves a stale one.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { markAsCache } from './files.mjs';
import { cache, Refusal, say } from './project.mjs';

const lockFile = join(cache, 'setup.lock');
const pollMs = 200;
// A cold native build on a slow machine takes minutes; past this something is stuck, and waiting on would only hide it.
const giveUpMs = 30 * 60_000;

export async function withSetupLock(body) {
  await acquire();
  try {
    return await body();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

async function acquire() {
  mkdirSync(dirname(lockFile), { recursive: true });
  markAsCache(dirname(lockFile));
  const started = Date.now();
  let announced = false;
  while (!tryAcquire()) {
    const holder = readHolder();
    if (holder !== undefined && !isAlive(holder)) {
      breakStaleLock(holder);
      continue;
    }
    if (!announced) say(`another set-up is at work here (process ${holder ?? 'unknown'}); waiting for it`);
    announced = true;
    if (Date.now() - started > giveUpMs) {
      throw new Refusal(
        `process ${holder} has held ${lockFile} for half an hour; end it, or remove the file, and try again`,
      );
    }
    await sleep(pollMs);
  }
}

/** A link appears with its content or not at all; `open` with `wx` would show others an empty file for a moment. */
function tryAcquire() {
  const mine = `${lockFile}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, lockFile);
    return true;
  } catch (error) {
    return error.code !== 'EEXIST' && createLockFile();
  } finally {
    rmSync(mine, { force: true });
  }
}

/** For file systems without hard links. */
function createLockFile() {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder() {
  try {
    return Number(readFileSync(lockFile, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    // A reboot, or a container that starts from the same folder, hands out the same process ids again.
    return statSync(lockFile).mtimeMs > Date.now() - giveUpMs && pid !== process.pid;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Two waiters may both see the dead holder: only one of them succeeds in moving its file away. */
function breakStaleLock(deadHolder) {
  const aside = `${lockFile}.stale-${process.pid}`;
  try {
    if (readHolder() !== deadHolder) return;
    renameSync(lockFile, aside);
    // The file may have changed hands between the look and the move: then it is given back.
    if (Number(readFileSync(aside, 'utf8')) !== deadHolder) linkSync(aside, lockFile);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}
