// The command line of `npm run bench` and `npm run test:performance`.
import { parseArgs } from 'node:util';
import { judgedFile, measuredFile, partialFile } from './results.mjs';

export const HELP = `Usage: npm run test:performance [-- options]
       npm run bench [-- options]

\`test:performance\` measures every row of the targets that fits into five minutes, and five scenarios, and judges them:
each has a "must" and an "aim". Exit code: 0 when every must is met, 1 when one is missed, 2 for a bad command line.

\`bench\` measures the same with more and longer rounds, how cost grows, and the profile of a message (about
a quarter of an hour), and writes docs/performance.md with its plots. It judges nothing by its exit code.

  --quick        fewer and shorter rounds: about two minutes for everything, and rough figures
  --row NAME     only this one; repeatable
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
                 scenarios
                   agents               100 agents, 10,000 messages each
                   priorities           all four under load: latency, shares, nobody starves
                   producers-consumers  several of each, with a group: everything handled exactly once
                   overflow             each policy in a flood: the ledger adds up
                   exhaustion           all blocks of a pool held, all memory for messages taken: and back
                 without targets
                   stages               the profile of one message
                   growth-messages, growth-publishers, growth-subscriptions, growth-agents
                                        how cost grows with the size of messages and the number of others
  --json         one JSON object on stdout, and nothing else there
  --output FILE  where the JSON goes; default ${judgedFile} (test:performance),
                 ${measuredFile} (bench), ${partialFile} (with --row)
  --write-docs   bench: write docs/performance.md and docs/images/ even of a quick run; a full run does so by itself
  --no-docs      bench: a full run writes no documentation
  --from FILE    bench: measure nothing, write docs/performance.md and docs/images/ of a saved JSON
  --help         this text

Progress goes to stderr, tables to stdout. The JSON has every round of every measurement. A noisy round is repeated, and the
table says which; docs/measuring.md has the rule.`;

const options = {
  quick: { type: 'boolean', default: false },
  targets: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  row: { type: 'string', multiple: true },
  output: { type: 'string' },
  'write-docs': { type: 'boolean', default: false },
  'no-docs': { type: 'boolean', default: false },
  from: { type: 'string' },
  help: { type: 'boolean', default: false },
};

/** A command line that makes no sense: the message says why. */
export class UsageError extends Error {}

/** The options as they were given, or a UsageError. */
export function readOptions(args) {
  let values;
  try {
    ({ values } = parseArgs({ args, options, allowPositionals: false }));
  } catch (error) {
    throw new UsageError(error.message);
  }
  const { targets, json, row, from, output, quick } = values;
  const [write, never] = [values['write-docs'], values['no-docs']];
  if (write && never) throw new UsageError('--write-docs and --no-docs contradict each other');
  if (targets && (write || never || from !== undefined)) {
    throw new UsageError('--write-docs, --no-docs and --from belong to `npm run bench`');
  }
  if (from !== undefined && (row !== undefined || quick || json || never || output !== undefined)) {
    throw new UsageError('--from measures nothing: it goes with no other option but --write-docs');
  }
  if (row !== undefined && write) {
    throw new UsageError('--write-docs needs everything: leave out --row');
  }
  return values;
}
