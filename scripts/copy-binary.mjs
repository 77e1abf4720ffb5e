// The `prepack` of npm/<platform>: `npm pack` there finds the binary beside its package.json. Git ignores the copy.
import './tools/node-version.mjs';

const { main, fromRoot, Refusal, say } = await import('./tools/project.mjs');
const { installFile } = await import('./tools/files.mjs');
const { setUp } = await import('./tools/build.mjs');
const { platformTriple } = await import('./tools/platform.mjs');
const { existsSync, readFileSync } = await import('node:fs');
const { basename, join } = await import('node:path');

await main(async () => {
  const folder = process.cwd();
  const triple = basename(folder);
  const binary = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).main;
  if (triple === platformTriple()) await setUp();
  if (!existsSync(fromRoot(binary))) {
    throw new Refusal(`${binary} is not here: it is built on ${triple}, and this is ${platformTriple()}`);
  }
  installFile(fromRoot(binary), join(folder, binary));
  say(`copied ${binary}`);
});
