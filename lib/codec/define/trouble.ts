import { describe, quote } from '../../errors';
import type { Decoder } from '../decoder';
import { AgentwireDecodeError } from '../reader';
import { propertyStep } from '../unsupported';
import { expectedOf, type Field } from './fields';
import type { Plan } from './plan';

/** What went wrong while a message was read, on its way out of the fields that it happened in. Not an error: it has no stack. */
class Trouble {
  path = '';

  constructor(readonly error: AgentwireDecodeError) {}
}

/** Adds to what was thrown that it happened in a field (or in an element of it, by its index); 0 for no field. */
export function inField(thrown: unknown, plan: Plan, tag: number): unknown {
  if (tag === 0) return thrown;
  const field = plan.fieldOf.get(tag);
  return within(thrown, field === undefined ? `.(tag ${tag})` : propertyStep(field.name));
}

export function within(thrown: unknown, step: string): unknown {
  const trouble = thrown instanceof AgentwireDecodeError ? new Trouble(thrown) : thrown;
  if (trouble instanceof Trouble) trouble.path = step + trouble.path;
  return trouble;
}

/** Makes of what was thrown what the user gets: an error that names the message and the field. */
export function toDecodeError(thrown: unknown, name: string): unknown {
  const error = thrown instanceof Trouble ? thrown.error : thrown;
  if (!(error instanceof AgentwireDecodeError)) return error;
  const where = thrown instanceof Trouble ? `, field ${thrown.path.replace(/^\./, '')}` : '';
  // The error adds the place by itself.
  const place = ` (at byte ${error.offset})`;
  const reason = error.message.endsWith(place) ? error.message.slice(0, -place.length) : error.message;
  return new AgentwireDecodeError(`message ${quote(name)}${where}: ${reason}`, error.offset);
}

/** A value, read at `at`, that is not the field's. */
export function misread(decoder: Decoder, field: Field, value: unknown, at: number): AgentwireDecodeError {
  const expected = field.repeated ? 'an array' : expectedOf(field);
  const stranger =
    field.kind === 'enum' && typeof value === 'string'
      ? '; a later version may have added it: use that, or make the field optional, open, or give it a default'
      : '';
  return decoder.error(`it must be ${expected}, and is ${describe(value)}${stranger}`, at);
}

/** An element of a repeated field, which starts at `at`, that is not the field's. */
export function misreadElement(decoder: Decoder, field: Field, value: unknown, index: number, at: number): unknown {
  return within(misread(decoder, { ...field, repeated: false }, value, at), `[${index}]`);
}

/** A message, which starts at `at`, without a field that it must have. */
export function missing(decoder: Decoder, field: Field, at: number): AgentwireDecodeError {
  return decoder.error(`the field ${quote(field.name)} (tag ${field.tag}) is missing, which is required`, at);
}
