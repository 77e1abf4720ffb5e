import { mediansOf } from '../beside.mjs';
import { perSecond } from '../stats.mjs';

const ways = ['plain', 'acknowledged'];

/** Row ack: the work of row 1, hot, where the subscription acknowledges and where it does not. */
export async function acknowledge({ pair, pick, beside }) {
  const options = { transports: ways, rounds: pick(3, 5, 5), text: perSecond };
  const speeds = await beside('row ack', options, async (way, round) => {
    const { elapsed, received } = await pair.round({
      kind: 'throughput',
      transport: 'agentwire',
      cold: false,
      messages: pick(300_000, 1_000_000, 1_500_000),
      bus: `acknowledge-${way}-${round}`,
      topic: 'agents.a42.inbox',
      pattern: 'agents.*.inbox',
      subscribe: { ack: way === 'acknowledged' },
    });
    return (received / elapsed) * 1e9;
  });
  const { plain, acknowledged } = mediansOf(speeds);
  const ratio = acknowledged / plain;
  return [
    {
      row: 'ack',
      work: 'messages/s that are acknowledged, one topic, one shape',
      figure: perSecond(acknowledged),
      peer: `without acknowledgement ${perSecond(plain)}`,
      ratio: `${ratio.toFixed(2)} x`,
      must: null,
      aim: { text: '0.5 x', ok: ratio >= 0.5 },
    },
  ];
}
