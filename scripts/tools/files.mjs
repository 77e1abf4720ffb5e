// Small file operations that never leave a reader with half a file.
import { createHash, randomBytes } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { cache, fromRoot, root } from './project.mjs';

/** Every file below the given files and folders (paths relative to the root), sorted, absent ones left out. */
export function filesBelow(paths) {
  const found = [];
  const walk = (path) => {
    let entries;
    try {
      entries = readdirSync(path, { withFileTypes: true });
    } catch (error) {
      if (error.code === 'ENOTDIR') found.push(path);
      else if (error.code !== 'ENOENT') throw error;
      return;
    }
    for (const entry of entries) {
      if (entry.isDirectory()) walk(join(path, entry.name));
      else found.push(join(path, entry.name));
    }
  };
  for (const path of paths) walk(fromRoot(path));
  return found.sort();
}

/** One hash over names and contents: a touched file is not a changed one, and a checkout of the same content rebuilds nothing. */
export function contentHash(paths, extra = '') {
  const hash = createHash('sha256').update(extra);
  for (const file of filesBelow(paths)) {
    const content = readFileSync(file);
    hash.update(`\0${relative(root, file).split(sep).join('/')}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

const stampFile = (name) => join(cache, 'stamps', name);

/** True when the step ended with this hash and its outputs are still there. */
export function isFresh(name, hash, outputs) {
  try {
    return readFileSync(stampFile(name), 'utf8') === hash && outputs.every((path) => existsSync(fromRoot(path)));
  } catch {
    return false;
  }
}

export function setStamp(name, hash) {
  writeAtomically(stampFile(name), hash);
}

/** A step that is about to change its outputs is not fresh until it ends. */
export function dropStamp(name) {
  rmSync(stampFile(name), { force: true });
}

const temporaryNameFor = (path) => `${path}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;

/** Marks a folder as one that can be made again, for backup programs and for the main job's default folder. */
export function markAsCache(folder) {
  writeIfChanged(join(folder, 'CACHEDIR.TAG'), 'Signature: 8a477f597d28d172789f06886806bc55\n');
}

export function writeAtomically(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = temporaryNameFor(path);
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

/** Leaves an identical file alone, so that what depends on it stays fresh. */
export function writeIfChanged(path, content) {
  if (existsSync(path) && readFileSync(path).equals(Buffer.from(content))) return;
  writeAtomically(path, content);
}

/**
 * Puts a file in place by renaming. The old one is moved out of the way first where Windows would refuse to replace a loaded
 * binary; elsewhere a process that has the old file mapped keeps its old bytes.
 */
export function installFile(source, target) {
  mkdirSync(dirname(target), { recursive: true });
  const temporary = temporaryNameFor(target);
  copyFileSync(source, temporary);
  try {
    renameSync(temporary, target);
  } catch (error) {
    if (process.platform !== 'win32') throw error;
    mkdirSync(cache, { recursive: true });
    renameSync(target, temporaryNameFor(join(cache, 'replaced')));
    renameSync(temporary, target);
  }
}

/** Makes `target` hold what `source` holds, file by file, so that a program that runs from `target` meanwhile sees whole files. */
export function mirrorFolder(source, target) {
  const names = (folder) => filesBelow([relative(root, folder)]).map((file) => relative(folder, file));
  const wanted = new Set(names(source));
  for (const name of wanted) writeIfChanged(join(target, name), readFileSync(join(source, name)));
  for (const name of names(target)) if (!wanted.has(name)) rmSync(join(target, name), { force: true });
  removeEmptyFolders(target);
}

function removeEmptyFolders(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name));
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}
