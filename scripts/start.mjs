// `npm start`: set up, then become the main job. The job runs in this very process: its exit code, its signals and its
// terminal are then the real ones, with nothing in between to pass them on.
import './tools/node-version.mjs';

const { main, fromRoot, Refusal } = await import('./tools/project.mjs');
const { setUp } = await import('./tools/build.mjs');
const { Module } = await import('node:module');
const { existsSync } = await import('node:fs');

// One Ctrl-C arrives twice: the terminal tells every process of its group, and npm tells its child once more. So does one
// SIGTERM that is sent to the group, as timeout(1) does.
const sameEventMs = 250;

function hearEachSignalOnce() {
  const { emit } = process;
  const last = { SIGINT: Number.NEGATIVE_INFINITY, SIGTERM: Number.NEGATIVE_INFINITY };
  process.emit = function (event, ...rest) {
    if (Object.hasOwn(last, event)) {
      const now = performance.now();
      if (now - last[event] < sameEventMs) return true;
      last[event] = now;
    }
    return emit.call(this, event, ...rest);
  };
}

let isReady = false;
await main(async () => {
  await setUp();
  isReady = true;
});

if (isReady) {
  const job = fromRoot('build/job/main.js');
  await main(() => {
    if (!existsSync(job)) throw new Refusal('there is no main job to start yet (job/main.ts)');
  });
  if (existsSync(job)) {
    hearEachSignalOnce();
    process.argv[1] = job;
    Module.runMain();
  }
}
