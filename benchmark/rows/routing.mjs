import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import eventemitter2 from 'eventemitter2';
import { mediansOf } from '../beside.mjs';
import { patternOf, topicOf } from '../robots.mjs';
import { nanoseconds } from '../stats.mjs';

const FEW = 10_000;
const MOST_NS = 10_000;
/** Different topics that the peer is asked by turns. */
const TOPICS = 5000;

/**
 * Row 13: a topic among very many subscriptions with wildcards, one of which matches. Measured in Rust (benches/routes), for a call
 * from JavaScript costs more than a cached route; a publish routes within the native call that submits a whole batch.
 */
export async function routing(run) {
  const [few, many] = (await measured(run)).map(({ single }) => single);
  const peer = await measurePeer(run);
  return [
    row(few, 150, `eventemitter2 ${nanoseconds(peer)}`, `${(few.oneMatches.newNs / peer).toFixed(2)} x (new)`),
    row(many, 300, '-', '-'),
  ];
}

function row({ subscriptions, oneMatches }, aim, peer, ratio) {
  const { cachedNs, newNs } = oneMatches;
  return {
    row: '13',
    work: `route a topic among ${subscriptions.toLocaleString('en')} wildcard subscriptions: published to before; new`,
    figure: `${nanoseconds(cachedNs)}; ${nanoseconds(newNs)}`,
    peer,
    ratio,
    must: { text: '< 10 us', ok: Math.max(cachedNs, newNs) < MOST_NS },
    aim: { text: `${aim} ns (before)`, ok: cachedNs <= aim },
  };
}

/** The figures of the Rust benchmark. */
async function measured({ pick, say }) {
  const options = ['--only', 'matching', ...pick(['--quick'], ['--quick'], [])];
  const child = spawn('cargo', ['bench', '--quiet', '--no-default-features', '--bench', 'routes', '--', ...options], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let result = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    result += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  say('row 13: building and running the Rust benchmark');
  const code = await new Promise((resolve, reject) => {
    child.on('error', (error) => {
      reject(new Error(`row 13 needs cargo, as the build does: ${error.message}`));
    });
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`cargo bench ended with code ${code}:\n${errors}`);
  return JSON.parse(result).matching;
}

/** ns for an emit to one listener among those of as many patterns, the same as in benches/routes/population.rs. */
async function measurePeer({ pick, beside }) {
  const emitter = new eventemitter2.EventEmitter2({ wildcard: true, delimiter: '.', maxListeners: 0 });
  let calls = 0;
  const listener = () => {
    calls += 1;
  };
  for (let robot = 0; robot < FEW; robot += 1) emitter.on(patternOf(robot), listener);
  const topics = Array.from({ length: TOPICS }, (_, index) => topicOf((index * 7919) % FEW));
  const options = { transports: ['eventemitter2'], rounds: pick(5, 7, 15), warmUps: 3, text: nanoseconds };
  const seen = await beside('row 13', options, (_, round) => {
    calls = 0;
    const start = process.hrtime.bigint();
    for (const topic of topics) emitter.emit(topic, round);
    const elapsed = Number(process.hrtime.bigint() - start);
    if (calls !== TOPICS) throw new Error(`${calls} calls instead of ${TOPICS}`);
    return elapsed / TOPICS;
  });
  return mediansOf(seen).eventemitter2;
}
