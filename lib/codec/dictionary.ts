import { STATIC_STRINGS } from '../generated/layout';

/** Lengths of the dictionary's strings. */
const SHORTEST = 2;
const LONGEST = 16;
/** Buckets of the table below. */
const BUCKETS = 2048;

/** The number of the first string of a bucket, or -1; and for each string the next one of its bucket. */
const first = new Int16Array(BUCKETS).fill(-1);
const next = new Int16Array(STATIC_STRINGS.length).fill(-1);

STATIC_STRINGS.forEach((text, number) => {
  const bucket = bucketOf(text, text.length);
  next[number] = first[bucket] as number;
  first[bucket] = number;
});

function bucketOf(text: string, length: number): number {
  return (
    (length * 131 + text.charCodeAt(0) * 31 + text.charCodeAt(length - 1) * 7 + text.charCodeAt(length >> 1)) &
    (BUCKETS - 1)
  );
}

/**
 * The number of a string in the dictionary of the wire format, or -1. Three characters and the length rule nearly every other
 * string out, which a Map would first hash as a whole.
 */
export function staticNumber(text: string): number {
  const length = text.length;
  if (length < SHORTEST || length > LONGEST) return -1;
  for (let number = first[bucketOf(text, length)] as number; number >= 0; number = next[number] as number) {
    if (STATIC_STRINGS[number] === text) return number;
  }
  return -1;
}

/** The string of a number that is one byte. */
export function staticString(number: number): string {
  return STATIC_STRINGS[number] as string;
}
