import { AgentwireError } from '../errors';

/** A text that is no JSON, or that the mapping of values to JSON cannot read: where, and what is wrong. */
export class AgentwireJsonError extends AgentwireError {
  constructor(
    message: string,
    /** The line, from 1. */
    readonly line: number,
    /** Where in the line, from 1, in UTF-16 code units. */
    readonly column: number,
  ) {
    super('ERR_AGENTWIRE_JSON', `${message} (at line ${line}, column ${column})`);
  }
}
