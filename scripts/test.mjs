import './tools/node-version.mjs';

const { main, say, fromRoot } = await import('./tools/project.mjs');
const { setUp } = await import('./tools/build.mjs');
const { run } = await import('./tools/run.mjs');
const { findTests, runTests } = await import('./tools/tests.mjs');
const { readManifest } = await import('./tools/platform.mjs');
const { existsSync } = await import('node:fs');

const usage = `npm test [-- OPTIONS] [PATTERN...]

Sets up, then runs the Rust tests, the type tests and the JavaScript tests. With PATTERNs: only the JavaScript tests whose
path contains one of them.
  --rust-only        the tests of the plain Rust part
  --types-only       the type tests
  --js-only          the JavaScript tests
  --name REGEX       only the JavaScript tests whose name matches`;

const parts = { '--rust-only': 'rust', '--types-only': 'types', '--js-only': 'js' };

await main(async (args) => {
  const wanted = new Set();
  const patterns = [];
  const nodeOptions = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === '--help') return void console.log(usage);
    if (Object.hasOwn(parts, arg)) wanted.add(parts[arg]);
    else if (arg === '--name' && i + 1 < args.length) nodeOptions.push(`--test-name-pattern=${args[++i]}`);
    else if (arg.startsWith('-')) {
      say(`unknown option ${arg}\n${usage}`);
      return 2;
    } else patterns.push(arg);
  }
  if (wanted.size === 0) {
    const all = patterns.length + nodeOptions.length > 0 ? ['js'] : ['rust', 'types', 'js'];
    for (const part of all) wanted.add(part);
  }
  const files = findTests(patterns);
  if (wanted.has('js') && files.length === 0) {
    say(`no test file's path contains ${patterns.join(' or ')}`);
    return 2;
  }

  await setUp();
  // Every part runs, so that one run tells everything; the first failure decides the exit code.
  let exitCode = 0;
  const part = async (name, running) => {
    const code = await running();
    if (code !== 0) say(`the ${name} tests failed (exit code ${code})`);
    exitCode ||= code;
    return code > 128;
  };
  if (wanted.has('rust')) {
    const interrupted = await part('Rust', () => run('cargo', ['test', '--no-default-features']));
    if (interrupted) return exitCode;
  }
  const project = '__test__/types/tsconfig.json';
  if (wanted.has('types') && existsSync(fromRoot(project))) {
    const tsc = fromRoot('node_modules/typescript', readManifest('node_modules/typescript').bin.tsc);
    const interrupted = await part('type', async () => {
      const code = await run(process.execPath, [tsc, '--noEmit', '-p', project]);
      if (code === 0) say('the type tests pass');
      return code;
    });
    if (interrupted) return exitCode;
  }
  if (wanted.has('js')) await part('JavaScript', () => runTests(process.execPath, files, nodeOptions));
  return exitCode;
});
