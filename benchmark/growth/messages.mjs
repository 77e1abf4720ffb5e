import { Inflow } from '../inflow.mjs';
import { SMALLEST } from '../sized-message.mjs';
import { bytes as bytesText, perSecond } from '../stats.mjs';
import { Curve } from './curve.mjs';

const transports = ['agentwire', 'MessagePort', 'BroadcastChannel'];
const KIB = 1024;

/** Messages of 64 B to 1 MiB from one thread to another: how many a second. */
export async function messagesGrowth({ pick, beside, grow }) {
  const sizes = pick(
    [64, 4 * KIB, KIB * KIB],
    [64, KIB, 16 * KIB, 256 * KIB, KIB * KIB],
    [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, KIB * KIB],
  );
  const curve = new Curve();
  for (const bytes of sizes) {
    if (bytes < SMALLEST) throw new Error(`no message has ${bytes} bytes`);
    const inflow = await Inflow.start({ publishers: 1, bytes });
    const most = Math.ceil(pick(64, 128, 512) * ((KIB * KIB) / bytes));
    const messages = {
      agentwire: Math.min(pick(150_000, 300_000, 1_000_000), most),
      MessagePort: Math.min(pick(30_000, 60_000, 200_000), most),
      BroadcastChannel: Math.min(pick(30_000, 60_000, 200_000), most),
    };
    const what = `growth, messages of ${sizeText(bytes)}`;
    const options = {
      transports,
      rounds: pick(3, 3, 5),
      warmUps: 1,
      text: (speed) => `${perSecond(speed)}, ${bytesText(speed * bytes)}/s`,
    };
    curve.add(
      bytes,
      await beside(what, options, (transport, round) => {
        const order = { transport, bus: `growth-messages-${bytes}-${round}`, messages: messages[transport] };
        return inflow.round(`${what}: ${transport}`, order);
      }),
    );
    await inflow.stop();
  }
  grow({
    name: 'messages',
    title: 'Messages of 64 B to 1 MiB between two threads',
    x: { label: 'bytes of a message (JSON)', scale: 'bytes' },
    y: { label: 'messages/s', scale: 'count', better: 'higher' },
    series: curve.series,
  });
  return [];
}

const sizeText = (bytes) => (bytes < KIB ? `${bytes} B` : `${bytes / KIB} KiB`);
