import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';

/** A file of the page, as it is sent. */
export interface PageFile {
  readonly type: string;
  readonly content: Uint8Array;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

let files: ReadonlyMap<string, PageFile> | undefined;

/**
 * The files of the page by path, about 100 KB, read once: what a request names is looked up here and never in the file system. Beside them lies the
 * chart library uPlot with its licence, which the build puts there.
 */
export function pageFiles(): ReadonlyMap<string, PageFile> {
  files ??= readPage(join(__dirname, 'page'));
  return files;
}

function readPage(folder: string): ReadonlyMap<string, PageFile> {
  const found = new Map<string, PageFile>();
  for (const name of readdirSync(folder)) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const path = name === 'index.html' ? '/' : `/${name}`;
    found.set(path, { type, content: readFileSync(join(folder, name)) });
  }
  return found;
}
