import type { Decoder } from '../decoder';
import type { Encoder } from '../encoder';
import type { Slot } from '../slot';
import type { Definition } from './compatibility';
import type { Field } from './fields';

/** A definition as it is compiled. */
export interface Plan extends Definition {
  /** The fields by ascending tag. */
  readonly byTag: readonly Field[];
  readonly fieldOf: ReadonlyMap<number, Field>;
  /** Position in `fieldList` by name. */
  readonly positions: ReadonlyMap<string, number>;
  /** Properties that are no fields are kept, else refused. */
  readonly keepsExtra: boolean;
  /** The encoder's memory of what is no field. */
  readonly otherSlot: Slot;
}

/** Writes a message, behind `fingerprint` (0 within a field); the next position. Throws MISFIT and what the encoder throws. */
export type MessageWriter = (value: unknown, fingerprint: number, at: number, encoder: Encoder) => number;
/** Reads a message. Throws AgentwireDecodeError, or Trouble with one in it. */
export type MessageReader = (decoder: Decoder, fingerprint: number) => object;

/** How a definition's messages are written and read, within others too. */
export interface Codec {
  write: MessageWriter;
  read: MessageReader;
}

/** A field that is not in the bytes. */
export const ABSENT = Symbol('absent');

/** The value that an object has for a field. */
export function givenFor(field: Field, object: object): unknown {
  if (field.inherited && !Object.hasOwn(object, field.name)) return undefined;
  return (object as Record<string, unknown>)[field.name];
}

/** True when a field of that value is not written: the reader gives the same for none. */
export function isLeftOut(field: Field, value: unknown): boolean {
  if (value === undefined) return field.kind !== 'any' || !isRequired(field);
  return field.repeated && !field.optional && Array.isArray(value) && value.length === 0;
}

export function isRequired(field: Field): boolean {
  return !field.optional && !field.repeated && field.defaultValue === undefined;
}

/** True when an unknown member of an enum counts as an absent field, and is kept aside. */
export function toleratesStrangers(field: Field): boolean {
  return field.kind === 'enum' && !field.open && !field.repeated && !isRequired(field);
}
