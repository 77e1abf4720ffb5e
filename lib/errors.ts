import { inspect, types } from 'node:util';

/** The base of every error that agentwire throws: `code` is stable, the message says what to do. */
export class AgentwireError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** An argument of the wrong type or outside its range. */
export class AgentwireArgumentError extends AgentwireError {
  constructor(argument: string, expected: string, given: unknown) {
    super('ERR_AGENTWIRE_ARGUMENT', `${argument} must be ${expected}; ${describe(given)} was given`);
  }
}

/** A length or an index outside of what the receiver can take. Nothing was written. */
export class AgentwireRangeError extends RangeError {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A use of something after its `close()`. */
export class AgentwireClosedError extends AgentwireError {
  constructor(what: string, remedy = 'open a new one with new EventBus({name})') {
    super('ERR_AGENTWIRE_CLOSED', `${what} is closed; ${remedy}`);
  }
}

/** A filter that cannot be subscribed with: the message names the condition. */
export class AgentwireFilterError extends AgentwireError {
  constructor(message: string, options?: ErrorOptions) {
    super('ERR_AGENTWIRE_FILTER', message, options);
  }
}

/** Gives an error of the native part the class that users can test for. */
export function fromNative(error: unknown, context: string): AgentwireError {
  const { code, message } = error as { code?: string; message?: string };
  if (code === 'ERR_AGENTWIRE_FILTER') return new AgentwireFilterError(`${context}: ${message}`, { cause: error });
  return new AgentwireError(code ?? 'ERR_AGENTWIRE_INTERNAL', `${context}: ${message}`, { cause: error });
}

/** Runs a native call whose errors get `context` in front. */
export function withContext<T>(context: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error, context);
  }
}

/** A string in quotes, cut where it is long. */
export function quote(text: string): string {
  return text.length > 60 ? `${JSON.stringify(text.slice(0, 60))}...` : JSON.stringify(text);
}

export function describe(value: unknown): string {
  try {
    return describeUnsafely(value);
  } catch {
    // A Proxy, or a getter that throws.
    return 'an object that cannot be looked at';
  }
}

function describeUnsafely(value: unknown): string {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
    case 'bigint':
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'object':
      return Array.isArray(value) ? 'an array' : `an object (${value.constructor?.name ?? 'without a class'})`;
    default:
      return `a ${typeof value}`;
  }
}

/** An error with its stack, for a person to read. Anything can be thrown, also what cannot be made a string. */
export function textOf(error: unknown): string {
  try {
    return `${types.isNativeError(error) ? (error.stack ?? error.message) : inspect(error)}`;
  } catch {
    return 'an error that cannot be shown';
  }
}
