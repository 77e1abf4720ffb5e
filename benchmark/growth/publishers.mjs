import { Inflow } from '../inflow.mjs';
import { perSecond } from '../stats.mjs';
import { Curve } from './curve.mjs';

const transports = ['agentwire', 'MessagePort', 'BroadcastChannel'];

/** 1 to 16 threads publish the message of the targets to one: how many messages a second in all. */
export async function publishersGrowth({ pick, beside, grow }) {
  const curve = new Curve();
  const peer = pick(30_000, 60_000, 200_000);
  const messages = { agentwire: pick(150_000, 400_000, 1_000_000), MessagePort: peer, BroadcastChannel: peer };
  for (const publishers of pick([1, 4, 16], [1, 2, 4, 8, 16], [1, 2, 4, 8, 16])) {
    const inflow = await Inflow.start({ publishers });
    const what = `growth, ${publishers} publisher threads`;
    curve.add(
      publishers,
      await beside(what, { transports, rounds: pick(3, 3, 5), warmUps: 1, text: perSecond }, (transport, round) => {
        const order = { transport, bus: `growth-publishers-${publishers}-${round}`, messages: messages[transport] };
        return inflow.round(`${what}: ${transport}`, order);
      }),
    );
    await inflow.stop();
  }
  grow({
    name: 'publishers',
    title: '1 to 16 threads that publish to one',
    x: { label: 'publisher threads', scale: 'count' },
    y: { label: 'messages/s in all', scale: 'count', better: 'higher' },
    series: curve.series,
  });
  return [];
}
