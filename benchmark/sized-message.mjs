// Messages of a given size, which is in a text: what agents send is mostly text.

/** Different ones, and their bytes together at most: memory for them must not become what is measured. */
const PREPARED = 4096;
const PREPARED_BYTES = 32 << 20;
/** JSON of everything but the text. */
const FRAME_BYTES = JSON.stringify({ priority: 1_000_000, text: '' }).length;
export const SMALLEST = FRAME_BYTES + 16;

/** `{priority, text}` of about so many bytes of JSON; every text is another one, flat, as a parser or a socket delivers it. */
export function prepareSized(bytes) {
  const count = Math.max(16, Math.min(PREPARED, Math.floor(PREPARED_BYTES / bytes)));
  return Array.from({ length: count }, (_, index) => {
    const text = `${index} `.padEnd(bytes - FRAME_BYTES, 'abcdefghijklmnopqrstuvwxyz ');
    return { priority: 0, text: Buffer.from(text).toString('latin1') };
  });
}

export function sizedDigest({ text }) {
  return text.length + text.charCodeAt(text.length - 1);
}
