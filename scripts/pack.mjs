// Makes the tarballs that would be published, from a staging folder, so that the clone stays as it is.
import './tools/node-version.mjs';

const { main, say, fromRoot, root, Refusal } = await import('./tools/project.mjs');
const { setUp, npm } = await import('./tools/build.mjs');
const { binaryName, platformTriple, readManifest } = await import('./tools/platform.mjs');
const { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } = await import(
  'node:fs'
);
const { tmpdir } = await import('node:os');
const { join, resolve } = await import('node:path');

const usage = `npm run pack:all [-- --out FOLDER] [--binaries FOLDER]

Packs the main package and the package of every platform whose binary is there (this machine's after a build; those of
other machines in the folder given by --binaries) into FOLDER (default: .cache/packages). Prints the tarballs on stdout.`;

await main(async (args) => {
  let out = fromRoot('.cache/packages');
  let binaries = root;
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--help') return void console.log(usage);
    if (args[i] === '--refuse-direct-publish') {
      throw new Refusal('the package needs its platform packages named in it: publish what `npm run pack:all` makes');
    }
    if (args[i] === '--out' && i + 1 < args.length) out = resolve(args[++i]);
    else if (args[i] === '--binaries' && i + 1 < args.length) binaries = resolve(args[++i]);
    else throw new Refusal(`unknown option ${args[i]}\n${usage}`, 2);
  }
  await setUp();
  mkdirSync(out, { recursive: true });
  const staging = mkdtempSync(join(tmpdir(), 'agentwire-pack-'));
  try {
    const folders = [stageMain(staging)];
    for (const triple of readdirSync(fromRoot('npm')).sort()) {
      const binary = [binaries, root].map((folder) => join(folder, binaryName(triple))).find(existsSync);
      if (binary !== undefined) folders.push(stagePlatform(staging, triple, binary));
      else if (triple === platformTriple())
        throw new Refusal(`${binaryName(triple)} is missing although it was just built`);
    }
    for (const folder of folders) {
      // --ignore-scripts: everything is built, and the staged copy has no scripts folder to call.
      const exitCode = await npm(['pack', folder, '--pack-destination', out, '--ignore-scripts', '--loglevel=error']);
      if (exitCode !== 0) throw new Refusal(`npm pack failed for ${folder}`);
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      console.log(join(out, `${name}-${version}.tgz`));
    }
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  say(`packed into ${out}`);
});

/**
 * The platform packages become optional dependencies only here. Named in the repository's own package.json they would be
 * looked up by every `npm ci` in a clone, where they are not published yet for the version at hand, and npm would refuse
 * its lock file.
 */
function stageMain(staging) {
  const { scripts: _, devDependencies: __, napi: ___, ...manifest } = readManifest();
  const folder = join(staging, 'agentwire');
  mkdirSync(folder);
  const optional = readdirSync(fromRoot('npm')).sort();
  manifest.optionalDependencies = Object.fromEntries(
    optional.map((triple) => [readManifest(`npm/${triple}`).name, manifest.version]),
  );
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const entry of [...manifest.files.map((pattern) => pattern.split('/')[0]), 'README.md', 'LICENSE']) {
    if (existsSync(fromRoot(entry))) cpSync(fromRoot(entry), join(folder, entry), { recursive: true });
  }
  return folder;
}

function stagePlatform(staging, triple, binary) {
  const folder = join(staging, triple);
  cpSync(fromRoot('npm', triple), folder, { recursive: true });
  const { scripts: _, ...manifest } = readManifest(`npm/${triple}`);
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  cpSync(binary, join(folder, binaryName(triple)));
  cpSync(fromRoot('LICENSE'), join(folder, 'LICENSE'));
  return folder;
}
