// The name of this machine's binary, as napi-rs spells it.
import { readFileSync } from 'node:fs';
import { fromRoot } from './project.mjs';

export function platformTriple() {
  const { platform, arch } = process;
  if (platform === 'linux') return `linux-${arch}-${isMusl() ? 'musl' : 'gnu'}`;
  if (platform === 'win32') return `win32-${arch}-msvc`;
  return `${platform}-${arch}`;
}

function isMusl() {
  const { report } = process;
  const previous = report.excludeNetwork;
  report.excludeNetwork = true;
  try {
    return !report.getReport().header.glibcVersionRuntime;
  } finally {
    report.excludeNetwork = previous;
  }
}

export const binaryName = (triple = platformTriple()) => `agentwire.${triple}.node`;
export const readManifest = (folder = '.') => JSON.parse(readFileSync(fromRoot(folder, 'package.json'), 'utf8'));
