import './tools/node-version.mjs';

const { main, fromRoot, Refusal, say } = await import('./tools/project.mjs');
const { setUp, npm } = await import('./tools/build.mjs');
const { contentHash, isFresh, setStamp } = await import('./tools/files.mjs');
const { run } = await import('./tools/run.mjs');
const { existsSync } = await import('node:fs');

// `npm run bench` prints the tables, `npm run test:performance` (--targets) judges them; both are the benchmark's own main
// program, which gets every argument. The peers are dependencies of benchmark/ alone.
await main(async (args) => {
  const program = fromRoot('benchmark/main.mjs');
  // What measures nothing needs nothing: no build, no peers.
  if (args.some((arg) => arg === '--help' || arg.startsWith('--from')))
    return run(process.execPath, [program, ...args]);
  await setUp();
  if (!existsSync(program)) throw new Refusal('there is no benchmark yet (benchmark/main.mjs)');
  if (existsSync(fromRoot('benchmark/package-lock.json'))) {
    const hash = contentHash(['benchmark/package-lock.json']);
    if (!isFresh('benchmark', hash, ['benchmark/node_modules'])) {
      say('installing what the benchmarks compare with (npm install in benchmark/)');
      // Not `npm ci`: the lock file cannot name the peers' optional binaries of platforms that a registry does not carry, and `ci`
      // refuses a lock file without them. The versions are those of the lock file.
      const code = await npm(['install', '--no-save', '--loglevel=error', '--no-progress'], {
        cwd: fromRoot('benchmark'),
      });
      if (code !== 0) throw new Refusal('npm install failed in benchmark/; its own message is above');
      setStamp('benchmark', hash);
    }
  }
  return run(process.execPath, ['--expose-gc', program, ...args]);
});
