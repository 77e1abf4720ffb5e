import { beside, mediansOf } from '../beside.mjs';
import { perSecond } from '../stats.mjs';

/** Row 1: one publisher thread, one subscriber thread. Cold counts from the first message, before anything is learnt. */
export async function throughput({ pair, quick, say }) {
  const rounds = quick ? 3 : 5;
  const hot = await compare(
    pair,
    rounds,
    { cold: false, agentwire: quick ? 1_000_000 : 2_000_000, MessagePort: quick ? 100_000 : 300_000 },
    say,
  );
  const cold = await compare(
    pair,
    rounds,
    { cold: true, agentwire: quick ? 500_000 : 1_000_000, MessagePort: quick ? 100_000 : 300_000 },
    say,
  );
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

async function compare(pair, rounds, { cold, ...messages }, say) {
  const speeds = await beside(['agentwire', 'MessagePort'], rounds, async (transport, round) => {
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
    const speed = (received / elapsed) * 1e9;
    say(`row 1 ${cold ? 'cold' : 'hot'}, round ${round + 1} of ${rounds}: ${transport} ${perSecond(speed)}`);
    return speed;
  });
  return mediansOf(speeds);
}
