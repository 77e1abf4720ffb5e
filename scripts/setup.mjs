import './tools/node-version.mjs';

const { main, say } = await import('./tools/project.mjs');
const { setUp } = await import('./tools/build.mjs');

const usage = `npm run build [-- --force]

Installs the dependencies, builds the native addon and compiles the TypeScript, as far as something changed.
  --force   build everything again`;

await main(async (args) => {
  if (args.includes('--help')) return void console.log(usage);
  const unknown = args.find((arg) => arg !== '--force');
  if (unknown !== undefined) {
    say(`unknown option ${unknown}\n${usage}`);
    return 2;
  }
  await setUp({ force: args.includes('--force') });
});
