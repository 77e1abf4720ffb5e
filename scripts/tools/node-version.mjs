// Imported for its effect, before anything that an older Node could not even parse or load.
const major = Number(process.versions.node.split('.')[0]);
if (major < 20) {
  console.error(
    `agentwire needs Node.js 20 or newer; this is ${process.version}. Install a current one from nodejs.org.`,
  );
  process.exit(1);
}
