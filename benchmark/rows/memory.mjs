import { medianFiguresOf } from '../beside.mjs';
import { measureInChild } from '../child.mjs';
import { bytes } from '../stats.mjs';

const FEW = 100;
const MANY = 1100;

/**
 * Row 16: agents on 4 threads, each a subscription with a topic and a handler of its own that has received 20 messages. The count
 * is agentwire's own of its native memory, and what Node.js counts as outside of V8's heap in each thread, less what was there
 * before agentwire was loaded. Beside it the resident memory of the whole process, less that of one that has only the threads;
 * it also holds the heaps, code, and what the allocators keep. Each figure comes from a process of its own.
 */
export async function memory({ pick, beside }) {
  const kinds = {
    'the threads alone': { transport: 'none', agents: 0 },
    [`agentwire, ${FEW} agents`]: { transport: 'agentwire', agents: FEW },
    [`agentwire, ${MANY} agents`]: { transport: 'agentwire', agents: MANY },
    [`MessagePort, ${FEW} agents`]: { transport: 'MessagePort', agents: FEW },
    [`MessagePort, ${MANY} agents`]: { transport: 'MessagePort', agents: MANY },
    'agentwire with codecs': { transport: 'agentwire', agents: FEW, tools: 'codecs' },
    'agentwire with all': { transport: 'agentwire', agents: FEW, tools: 'all' },
  };
  const options = {
    transports: Object.keys(kinds),
    rounds: pick(1, 2, 7),
    text: ({ counted, resident }) => `${bytes(counted)} counted, ${bytes(resident)} resident`,
    // The whole process: what is counted of an idle one is nothing, of which no part is small.
    keyOf: ({ resident }) => resident,
  };
  const seen = await beside('row 16', options, async (kind) => {
    const { counted, interned, resident } = await measureInChild('memory.mjs', kinds[kind]);
    return { counted, interned, resident };
  });
  const [none, few, many, peerFew, peerMany, codecs, all] = Object.values(medianFiguresOf(seen));
  const further = (more, less, what) => (more[what] - less[what]) / (MANY - FEW);
  const both = (counted, resident) => `${bytes(counted)} counted, ${bytes(resident)} resident`;
  const total = few.counted;
  const each = further(many, few, 'counted');
  return [
    {
      row: '16',
      work: `memory, ${FEW} agents on 4 threads`,
      figure: both(total, few.resident - none.resident),
      peer: `MessagePort ${both(peerFew.counted, peerFew.resident - none.resident)}`,
      ratio: '',
      must: { text: '10 MB', ok: total <= 10e6 },
      aim: { text: '5 MB', ok: total <= 5e6 },
    },
    {
      row: '16',
      work: 'memory, each further agent',
      figure: both(each, further(many, few, 'resident')),
      peer: `MessagePort ${both(further(peerMany, peerFew, 'counted'), further(peerMany, peerFew, 'resident'))}`,
      ratio: '',
      must: { text: '100 KB', ok: each <= 100e3 },
      aim: { text: '2 KB', ok: each <= 2e3 },
    },
    {
      row: '16',
      work: `memory, strings and shapes with an id (${FEW} agents)`,
      figure: `${bytes(few.interned)} counted`,
      peer: '-',
      ratio: '',
      must: { text: '1 MB', ok: few.interned <= 1e6 },
      aim: { text: '0.5 MB', ok: few.interned <= 0.5e6 },
    },
    {
      row: '16',
      work: 'memory, codecs: four serializers on each of 4 threads',
      figure: both(codecs.counted - few.counted, codecs.resident - few.resident),
      peer: '-',
      ratio: '',
      must: { text: '2 MB', ok: codecs.counted - few.counted <= 2e6 },
      aim: { text: '1 MB', ok: codecs.counted - few.counted <= 1e6 },
    },
    {
      row: '16',
      work: `memory, all: ${FEW} agents, codecs, a ring, filter and pools on each of 4 threads`,
      figure: both(all.counted, all.resident - none.resident),
      peer: '-',
      ratio: '',
      must: { text: '15 MB', ok: all.counted <= 15e6 },
      aim: { text: '8 MB', ok: all.counted <= 8e6 },
    },
  ];
}
