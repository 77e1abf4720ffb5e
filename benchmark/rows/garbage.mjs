import { measureInChild } from '../child.mjs';
import { median } from '../stats.mjs';

/**
 * Row 17: bytes that the receiver's heap grows by for each message that a handler is given, less what decoding the same values
 * alone makes it grow by. workers/garbage.mjs says how they are counted.
 */
export async function garbage({ pick, say }) {
  const order = { messages: pick(10_000, 20_000, 50_000), rounds: pick(3, 5, 9) };
  // A young generation in which no collection happens during a round: 16 times what the messages should need.
  const nodeOptions = ['--min-semi-space-size=256', '--max-semi-space-size=256'];
  const rounds = await measureInChild('garbage.mjs', order, { nodeOptions });
  const middle = (name) => median(rounds.map((round) => round[name]));
  const [ours, value] = [middle('agentwire'), middle('decoded')];
  const [theirs, theirValue] = [middle('MessagePort'), middle('deserialized')];
  say(`row 17: agentwire ${ours.toFixed(0)} B, the value alone ${value.toFixed(0)} B`);
  say(`row 17: MessagePort ${theirs.toFixed(0)} B, the value alone ${theirValue.toFixed(0)} B`);
  const [beyond, theirsBeyond] = [ours - value, theirs - theirValue];
  return [
    {
      row: '17',
      work: 'heap bytes per delivered message, beyond the decoded value',
      figure: `${beyond.toFixed(0)} B (the value: ${value.toFixed(0)} B)`,
      peer: `MessagePort ${theirsBeyond.toFixed(0)} B (the value: ${theirValue.toFixed(0)} B)`,
      ratio: '',
      must: null,
      aim: { text: '< 128 B', ok: beyond < 128 },
    },
  ];
}
