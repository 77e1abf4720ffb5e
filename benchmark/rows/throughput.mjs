import { mediansOf } from '../beside.mjs';
import { perSecond } from '../stats.mjs';

/** Row 1: one publisher thread, one subscriber thread. Cold counts from the first message, before anything is learnt. */
export async function throughput(run) {
  const { pick } = run;
  const MessagePort = pick(60_000, 150_000, 300_000);
  const hot = await compare(run, { cold: false, agentwire: pick(500_000, 1_000_000, 2_000_000), MessagePort });
  const cold = await compare(run, { cold: true, agentwire: pick(300_000, 500_000, 1_000_000), MessagePort });
  return [
    row('1', 'messages/s, one topic, one shape', hot, 100_000, 12),
    row('1', 'messages/s, 1,000 topics, 50 shapes, 100 agents, cold', cold, 100_000, 8),
  ];
}

function row(number, work, { agentwire, MessagePort }, must, aimRatio) {
  const ratio = agentwire / MessagePort;
  return {
    row: number,
    work,
    figure: `${perSecond(agentwire)}`,
    peer: `MessagePort ${perSecond(MessagePort)}`,
    ratio: `${ratio.toFixed(1)} x`,
    must: { text: `${perSecond(must)}`, ok: agentwire >= must },
    aim: { text: `${aimRatio} x`, ok: ratio >= aimRatio },
  };
}

async function compare({ pair, pick, beside }, { cold, ...messages }) {
  const options = { transports: ['agentwire', 'MessagePort'], rounds: pick(3, 5, 5), text: perSecond };
  const speeds = await beside(`row 1, ${cold ? 'cold' : 'hot'}`, options, async (transport, round) => {
    const order = {
      kind: 'throughput',
      transport,
      cold,
      messages: messages[transport],
      // A bus of its own for each round: the cold rounds start cold.
      bus: `throughput-${cold}-${round}`,
      topic: 'agents.a42.inbox',
      pattern: 'agents.*.inbox',
    };
    const { elapsed, received } = await pair.round(order);
    return (received / elapsed) * 1e9;
  });
  return mediansOf(speeds);
}
