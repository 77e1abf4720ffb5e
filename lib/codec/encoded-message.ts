import { AgentwireArgumentError } from '../errors';
import { CodecLimit } from '../generated/layout';

/**
 * A message of a definition as who does not know the definition sees it: `decode` of a value gives it, and encoding it again
 * gives the same bytes. `definition.unwrap(encoded)` makes an object of it, `definition.wrap(object)` is the way back.
 */
export class EncodedMessage {
  /** CRC-32 of the definition's name; 0 within a field whose definition says what it holds. */
  readonly fingerprint: number;
  /** Version of the definition that wrote it. */
  readonly version: number;
  /** What the message holds, by tag of the field. */
  readonly fields: Map<number, unknown>;

  constructor(fingerprint: number, version: number, fields: Map<number, unknown>) {
    this.fingerprint = fingerprint;
    this.version = version;
    this.fields = fields;
    const wrong = malformation(this);
    if (wrong !== undefined) throw new AgentwireArgumentError(wrong.part, wrong.expected, wrong.given);
  }
}

interface Malformation {
  part: string;
  expected: string;
  given: unknown;
}

/** What is wrong with a message, if anything is: its Map may have changed since it was made. */
export function malformation({ fingerprint, version, fields }: EncodedMessage): Malformation | undefined {
  const upTo = CodecLimit.MaxVarint.toLocaleString('en');
  if (!isVarint(fingerprint)) {
    return { part: 'fingerprint', expected: `an integer from 0 to ${upTo}`, given: fingerprint };
  }
  if (!isVarint(version) || version === 0) {
    return { part: 'version', expected: `an integer from 1 to ${upTo}`, given: version };
  }
  if (!(fields instanceof Map)) return { part: 'fields', expected: 'a Map of values by tag', given: fields };
  return malformedTag(fields);
}

/** A key of a Map of fields that is no tag. */
export function malformedTag(fields: ReadonlyMap<unknown, unknown>): Malformation | undefined {
  for (const tag of fields.keys()) {
    if (isVarint(tag) && tag !== 0) continue;
    const upTo = CodecLimit.MaxVarint.toLocaleString('en');
    return { part: 'a key of fields', expected: `an integer from 1 to ${upTo}, the tag of a field`, given: tag };
  }
  return undefined;
}

function isVarint(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= CodecLimit.MaxVarint;
}
