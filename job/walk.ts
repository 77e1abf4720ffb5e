// Finding the files of a folder, in an order that is the same every time.

import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { systemErrorText } from './count-file.js';
import type { FilePath } from './messages.js';

export interface FolderContents {
  /** Relative to the folder, sorted within each of its folders by code unit. */
  files: FilePath[];
  /** Folders left out on purpose. */
  skippedFolders: { path: FilePath; reason: 'git' | 'cache' }[];
  /** Symbolic links, sockets, pipes, devices: neither files nor folders, and links are not followed. */
  otherEntries: number;
  unreadableFolders: { path: FilePath; detail: string }[];
}

export interface WalkOptions {
  /** Walk also what is left out otherwise: `.git`, and folders that carry a CACHEDIR.TAG, as cargo's `target` does. */
  all: boolean;
  signal?: AbortSignal;
  onProgress?: (files: number) => void;
}

/** What a CACHEDIR.TAG begins with, so that tools recognise it (https://bford.info/cachedir/). */
const CACHE_SIGNATURE = 'Signature: 8a477f597d28d172789f06886806bc55';

/** How long the walk may keep the event loop from Ctrl-C and the progress line. */
const TURN_MS = 10;

interface Entry {
  name: FilePath;
  kind: 'file' | 'folder' | 'other';
}

export async function walk(root: string, options: WalkOptions): Promise<FolderContents> {
  const found: FolderContents = { files: [], skippedFolders: [], otherEntries: 0, unreadableFolders: [] };
  // Depth first, with the next folder to visit on top; '' is the root.
  const pending: FilePath[] = [''];
  let turnAt = performance.now() + TURN_MS;

  for (let folder = pending.pop(); folder !== undefined && options.signal?.aborted !== true; folder = pending.pop()) {
    visit(root, folder, options.all, found, pending);
    if (performance.now() >= turnAt) {
      options.onProgress?.(found.files.length);
      await turn();
      turnAt = performance.now() + TURN_MS;
    }
  }
  return found;
}

function visit(root: string, folder: FilePath, all: boolean, found: FolderContents, pending: FilePath[]): void {
  let entries: Entry[];
  try {
    entries = list(absolutePath(root, folder));
  } catch (error) {
    found.unreadableFolders.push({ path: folder === '' ? '.' : folder, detail: systemErrorText(error) });
    return;
  }
  const isRoot = folder === '';
  if (!all && !isRoot && entries.some((entry) => entry.name === 'CACHEDIR.TAG') && isCache(root, folder)) {
    found.skippedFolders.push({ path: folder, reason: 'cache' });
    return;
  }

  const folders: FilePath[] = [];
  for (const entry of entries) {
    const path = isRoot ? entry.name : joinPath(folder, entry.name);
    if (entry.kind === 'file') found.files.push(path);
    else if (entry.kind === 'other') found.otherEntries += 1;
    else if (entry.name === '.git' && !all) found.skippedFolders.push({ path, reason: 'git' });
    else folders.push(path);
  }
  for (const path of folders.reverse()) pending.push(path);
}

/** Sorted. Names that are not valid UTF-8 come as bytes. */
function list(folder: string | Buffer): Entry[] {
  const entries: Entry[] = readdirSync(folder, { withFileTypes: true }).map((entry) => ({
    name: entry.name,
    kind: entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : 'other',
  }));
  entries.sort(byName);
  // U+FFFD is what Node puts where bytes were not UTF-8; then only the bytes will open the file.
  return entries.some((entry) => pathText(entry.name).includes('\uFFFD')) ? listBytes(folder) : entries;
}

function listBytes(folder: string | Buffer): Entry[] {
  return readdirSync(folder, { withFileTypes: true, encoding: 'buffer' as BufferEncoding })
    .map((entry): Entry => {
      const bytes = entry.name as unknown as Buffer;
      const text = bytes.toString('utf8');
      return {
        name: Buffer.from(text, 'utf8').equals(bytes) ? text : Uint8Array.from(bytes),
        kind: entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : 'other',
      };
    })
    .sort(byName);
}

function byName(a: Entry, b: Entry): number {
  const [x, y] = [pathText(a.name), pathText(b.name)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function isCache(root: string, folder: FilePath): boolean {
  try {
    const file = openSync(absolutePath(root, joinPath(folder, 'CACHEDIR.TAG')), 'r');
    try {
      const start = Buffer.alloc(CACHE_SIGNATURE.length);
      return readSync(file, start, 0, start.length, 0) === start.length && start.toString('latin1') === CACHE_SIGNATURE;
    } finally {
      closeSync(file);
    }
  } catch {
    return false;
  }
}

function joinPath(folder: FilePath, name: FilePath): FilePath {
  if (typeof folder === 'string' && typeof name === 'string') return `${folder}/${name}`;
  return Uint8Array.from(Buffer.concat([Buffer.from(folder), Buffer.from('/'), Buffer.from(name)]));
}

/** What to hand to `fs`. */
export function absolutePath(root: string, path: FilePath): string | Buffer {
  if (typeof path === 'string') return path === '' ? root : `${root}/${path}`;
  return Buffer.concat([Buffer.from(`${root}/`), path]);
}

/** For people and JSON: bytes that are not UTF-8 show as U+FFFD. */
export function pathText(path: FilePath): string {
  return typeof path === 'string' ? path : Buffer.from(path).toString('utf8');
}
