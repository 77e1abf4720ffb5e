import { AgentwireError, quote } from '../../errors';

/** A definition of messages that cannot be: in itself, or beside others of its name. */
export class AgentwireDefinitionError extends AgentwireError {
  constructor(
    code: 'ERR_AGENTWIRE_DEFINITION' | 'ERR_AGENTWIRE_INCOMPATIBLE_DEFINITION',
    /** Name of the message. */
    readonly definition: string,
    /** Name of the field; undefined where it is not one of them. */
    readonly field: string | undefined,
    reason: string,
  ) {
    const where = field === undefined ? '' : `, field ${quote(field)}`;
    super(code, `defineMessage(${quote(definition)})${where}: ${reason}`);
  }
}

/** A definition that is wrong by itself. */
export function badDefinition(name: string, field: string | undefined, reason: string): AgentwireDefinitionError {
  return new AgentwireDefinitionError('ERR_AGENTWIRE_DEFINITION', name, field, reason);
}

/** A definition that does not go with another one. */
export function incompatible(name: string, field: string | undefined, reason: string): AgentwireDefinitionError {
  return new AgentwireDefinitionError('ERR_AGENTWIRE_INCOMPATIBLE_DEFINITION', name, field, reason);
}
