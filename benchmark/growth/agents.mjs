import { Mesh } from '../mesh.mjs';
import { perSecond } from '../stats.mjs';
import { Curve } from './curve.mjs';

const transports = ['agentwire', 'MessagePort'];
const THREADS = 4;
/** Whom each agent sends to, in turn: as many for a thousand agents as for eleven, so that only their number changes. */
const NEIGHBOURS = 10;
const WINDOW = 512;

/** 1 to 1,000 agents over 4 threads that send to each other: how many messages a second in all. One agent sends to itself. */
export async function agentsGrowth({ pick, beside, grow }) {
  const curve = new Curve();
  const messages = { agentwire: pick(150_000, 500_000, 1_000_000), MessagePort: pick(50_000, 100_000, 300_000) };
  for (const agents of pick([1, 30, 1000], [1, 10, 100, 1000], [1, 3, 10, 30, 100, 300, 1000])) {
    const shape = {
      agents,
      threads: Math.min(agents, THREADS),
      neighbours: Math.max(1, Math.min(agents - 1, NEIGHBOURS)),
    };
    const mesh = await Mesh.start(shape, { window: WINDOW });
    const what = `growth, ${agents} agents`;
    curve.add(
      agents,
      await beside(what, { transports, rounds: pick(3, 3, 5), warmUps: 1, text: perSecond }, (transport, round) => {
        const order = { transport, bus: `growth-agents-${agents}-${round}`, messages: messages[transport] };
        return mesh.storm(`${what}: ${transport}`, order);
      }),
    );
    await mesh.stop();
  }
  grow({
    name: 'agents',
    title: `1 to 1,000 agents on ${THREADS} threads that send to each other`,
    x: { label: 'agents', scale: 'count' },
    y: { label: 'messages/s in all', scale: 'count', better: 'higher' },
    series: curve.series,
  });
  return [];
}
