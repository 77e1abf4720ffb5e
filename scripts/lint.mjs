import './tools/node-version.mjs';

const { main, say, fromRoot } = await import('./tools/project.mjs');
const { setUp } = await import('./tools/build.mjs');
const { run } = await import('./tools/run.mjs');
const { readManifest } = await import('./tools/platform.mjs');

const usage = `npm run lint      formatting and lint of both languages, changing nothing
npm run format    formats both languages and applies the lint fixes that are safe`;

await main(async (args) => {
  if (args.includes('--help')) return void console.log(usage);
  await setUp();
  const biome = fromRoot('node_modules/@biomejs/biome', readManifest('node_modules/@biomejs/biome').bin.biome);
  const clippy = ['clippy', '--quiet', '--all-targets'];
  // A crate of its own, which needs another compiler to build but not to be formatted.
  const fuzz = ['--manifest-path', 'fuzz/Cargo.toml'];
  const commands = args.includes('--write')
    ? [
        ['cargo', ['fmt']],
        ['cargo', ['fmt', ...fuzz]],
        [process.execPath, [biome, 'check', '--write', '.']],
      ]
    : [
        ['cargo', ['fmt', '--check']],
        ['cargo', ['fmt', '--check', ...fuzz]],
        // With the Node glue and without it: the plain part must stand alone.
        ['cargo', [...clippy, '--', '-D', 'warnings']],
        ['cargo', [...clippy, '--no-default-features', '--', '-D', 'warnings']],
        [process.execPath, [biome, 'check', '--error-on-warnings', '.']],
      ];
  let exitCode = 0;
  for (const [command, options] of commands) {
    const code = await run(command, options);
    if (code > 128) return code;
    exitCode ||= code;
  }
  say(exitCode === 0 ? 'lint and format: nothing to complain about' : 'lint and format: see above');
  return exitCode;
});
