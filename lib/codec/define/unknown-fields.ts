/**
 * The key of the fields that a message came with and its definition does not have: a Map of values by tag. `encode` writes them
 * back. `{...message}` carries them on, JSON does not show them.
 */
export const unknownFields: unique symbol = Symbol('agentwire.unknownFields');
