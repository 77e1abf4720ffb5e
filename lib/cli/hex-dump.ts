const BYTES_PER_LINE = 16;
/** Lines before and behind the one with the byte. */
const LINES_AROUND = 2;

/** The bytes around one of them, which is marked. */
export function hexDump(bytes: Uint8Array, at: number): string {
  const first = Math.max(0, Math.floor(at / BYTES_PER_LINE) - LINES_AROUND) * BYTES_PER_LINE;
  const end = Math.min(bytes.length, (Math.floor(at / BYTES_PER_LINE) + LINES_AROUND + 1) * BYTES_PER_LINE);
  let text = '';
  // A place behind the last byte may lie on a line of its own.
  for (let start = first; start < end || start <= at; start += BYTES_PER_LINE) {
    const line = bytes.subarray(start, Math.min(start + BYTES_PER_LINE, end));
    const hex = Array.from(line, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const characters = Array.from(line, (byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.')).join(
      '',
    );
    const address = start.toString(16).padStart(8, '0');
    text += `${address}  ${hex.padEnd(BYTES_PER_LINE * 3 - 1)}  |${characters}|\n`;
    if (at >= start && at < start + BYTES_PER_LINE) text += `${' '.repeat(10 + 3 * (at - start))}^^\n`;
  }
  return text;
}
