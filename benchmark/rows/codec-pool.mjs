import { createRequire } from 'node:module';
import { timeBeside } from '../clock.mjs';
import { nanoseconds } from '../stats.mjs';

const { BinaryCodecPool } = createRequire(import.meta.url)('../../index.js');

/** Row 11: an encoder is taken from the pool and given back, as each call of a serializer does; the same for a decoder. */
export async function codecPool(run) {
  const { pick, say } = run;
  const pool = new BinaryCodecPool();
  const bytes = new Uint8Array(64);
  const { encoder, decoder } = await timeBeside(
    run,
    'row 11',
    {
      encoder(count) {
        for (let index = 0; index < count; index++) pool.releaseEncoder(pool.acquireEncoder());
      },
      decoder(count) {
        for (let index = 0; index < count; index++) pool.releaseDecoder(pool.acquireDecoder(bytes));
      },
    },
    { repeats: pick(500_000, 2_000_000, 3_000_000), rounds: pick(5, 7, 9) },
  );
  const { created } = pool.getStats().encoderPool;
  if (created !== 1) throw new Error(`the pool made ${created} encoders for one user`);
  say(`row 11: encoder ${nanoseconds(encoder)}, decoder ${nanoseconds(decoder)}`);
  const row = (work, figure) => ({
    row: '11',
    work: `codec pool: acquire + release of ${work}`,
    figure: nanoseconds(figure),
    peer: '',
    ratio: '',
    must: { text: '< 500 ns', ok: figure < 500 },
    aim: { text: '25 ns', ok: figure <= 25 },
  });
  return [row('an encoder', encoder), row('a decoder', decoder)];
}
