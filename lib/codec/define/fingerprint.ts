/** CRC-32 (IEEE 802.3) of a name in UTF-8: how messages name their definition. Newer runtimes have it built in, older ones not. */
export function fingerprintOf(name: string): number {
  let crc = 0xffff_ffff;
  for (const byte of Buffer.from(name, 'utf8')) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return ~crc >>> 0;
}
