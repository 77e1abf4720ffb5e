// npm run bench: the targets' rows, each beside its peer in the same run. npm run test:performance: the same, judged.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Pair } from './pair.mjs';
import { acknowledge } from './rows/acknowledge.mjs';
import { bloom } from './rows/bloom.mjs';
import { codecs } from './rows/codec.mjs';
import { codecPool } from './rows/codec-pool.mjs';
import { crowd } from './rows/crowd.mjs';
import { emitter } from './rows/emitter.mjs';
import { fanOut } from './rows/fan-out.mjs';
import { garbage } from './rows/garbage.mjs';
import { histogram } from './rows/histogram.mjs';
import { latency } from './rows/latency.mjs';
import { memory } from './rows/memory.mjs';
import { mesh } from './rows/mesh.mjs';
import { pools } from './rows/pools.mjs';
import { request } from './rows/request.mjs';
import { ringAlone } from './rows/ring-alone.mjs';
import { ringPair } from './rows/ring-pair.mjs';
import { routing } from './rows/routing.mjs';
import { soak } from './rows/soak.mjs';
import { stages } from './rows/stages.mjs';
import { stringPool } from './rows/string-pool.mjs';
import { tenants } from './rows/tenants.mjs';
import { throughput } from './rows/throughput.mjs';
import { table } from './stats.mjs';

const HELP = `Usage: npm run bench [-- options]
       npm run test:performance [-- options]    judges each row; exits with 1 when a "must" is missed

  --quick        fewer and shorter rounds: three to four minutes
  --row N        only this row; repeatable
                   1        messages/s between two threads
                   2, 3     latency, receiver awake and asleep
                   4        agents on 4 threads that send to each other
                   5        100 threads that send to each other
                   6, 7     ring on one thread, between two threads
                   8        object pool, buffer pool
                   9        Bloom filter
                   10       string pool
                   11       codec pool
                   12       messages to bytes and back
                   13       routes among very many subscriptions
                   14       emit and publish on one thread
                   15       histogram
                   16       memory of agents
                   17       garbage per message
                   18       ten minutes at half of peak: only when asked for (one minute, not judged, with --quick)
                   ack      messages/s that are acknowledged
                   tenants  latency of a tenant beside one that floods
                   fan-out  one thread to many subscribers in others
                   request  requests and answers between two threads
                   stages   the profile of one message
  --json         one JSON object on stdout
  --help         this text`;

const options = {
  quick: { type: 'boolean', default: false },
  targets: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  row: { type: 'string', multiple: true },
  help: { type: 'boolean', default: false },
};

let values;
try {
  ({ values } = parseArgs({ options, allowPositionals: false }));
} catch (error) {
  console.error(`${error.message}\n\n${HELP}`);
  process.exit(2);
}
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const rows = [
  { names: ['1'], run: throughput, workers: 'peer.mjs' },
  { names: ['2', '3'], run: latency, workers: 'peer.mjs' },
  { names: ['4'], run: mesh },
  { names: ['5'], run: crowd },
  { names: ['6'], run: ringAlone },
  { names: ['7'], run: ringPair, workers: 'ring.mjs' },
  { names: ['8'], run: pools, workers: 'buffer-pool.mjs' },
  { names: ['9'], run: bloom },
  { names: ['10'], run: stringPool },
  { names: ['11'], run: codecPool },
  { names: ['12'], run: codecs },
  { names: ['13'], run: routing },
  { names: ['14'], run: emitter },
  { names: ['15'], run: histogram },
  { names: ['16'], run: memory },
  { names: ['17'], run: garbage },
  { names: ['ack'], run: acknowledge, workers: 'peer.mjs' },
  { names: ['tenants'], run: tenants },
  { names: ['fan-out'], run: fanOut },
  { names: ['request'], run: request },
  { names: ['18'], run: soak, isLong: true },
];
const known = [...rows.flatMap(({ names }) => names), 'stages'];
const unknown = values.row?.find((row) => !known.includes(row));
if (unknown !== undefined) {
  console.error(`--row ${unknown}: there are the rows ${known.join(', ')}`);
  process.exit(2);
}
const wanted = (names, isLong = false) =>
  values.row === undefined ? !isLong : names.some((name) => values.row.includes(name));

const say = (line) => console.error(line);
const results = [];
for (const { names, run, workers, isLong } of rows) {
  if (!wanted(names, isLong)) continue;
  const pair = workers === undefined ? undefined : await Pair.start(workers);
  results.push(...(await run({ pair, quick: values.quick, say })));
  await pair?.stop();
}
const profile = wanted(['stages']) ? await stages({ quick: values.quick }) : undefined;

const machine = `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, Node.js ${process.versions.node}, ${process.platform}`;
const missed = results.filter(({ must }) => must !== null && !must.ok);
if (values.json) {
  console.log(JSON.stringify({ machine, date: new Date().toISOString(), results, profile }));
} else {
  console.log(`\n${machine}\n`);
  if (results.length > 0) console.log(`${table([heading(), ...results.map(line)])}\n`);
  if (profile !== undefined) console.log(`One message, ns per stage:\n\n${profile}\n`);
}
if (values.targets) {
  if (!values.json)
    console.log(missed.length === 0 ? 'PASS: every must is met' : `FAIL: ${missed.length} rows miss their must`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}

function heading() {
  return ['row', 'work', 'agentwire', 'peer', 'ratio', 'must', '', 'aim', ''];
}

function line({ row, work, figure, peer, ratio, must, aim }) {
  const verdict = (target) => (target === null ? '' : target.ok ? 'PASS' : 'FAIL');
  return [row, work, figure, peer, ratio, must?.text ?? '-', verdict(must), aim?.text ?? '-', verdict(aim)];
}
