import { types } from 'node:util';
import { AgentwireError } from '../errors';
import { CodecLimit } from '../generated/layout';
import { EncodedMessage, malformation } from './encoded-message';

/** What the encoder throws on the hot path, without a stack: the reason is looked for only then. */
export const UNSUPPORTED = Symbol('unsupported value');
export const TOO_DEEP = Symbol('too deep');

/** A value that cannot be sent: the path to the part that is in the way, and what to do. */
export class AgentwireValueError extends AgentwireError {
  constructor(
    code: string,
    message: string,
    /** Where in the value, as JavaScript would write it. */
    readonly path: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

/** Turns what encoding threw into an error for the user; what a getter of the value threw stays as it is. */
export function toValueError(value: unknown, thrown: unknown): unknown {
  return thrown === UNSUPPORTED || thrown === TOO_DEEP ? explain(value) : thrown;
}

export function tooLarge(maxBytes: number): AgentwireValueError {
  return new AgentwireValueError(
    'ERR_AGENTWIRE_TOO_LARGE',
    `the value takes more than ${maxBytes} bytes encoded; send it in parts, or send a reference to it`,
    '$',
  );
}

/** Walks a value that was refused, to name the part and the reason. */
function explain(root: unknown): AgentwireValueError {
  const ancestors: unknown[] = [];
  return (
    findUnsupported(root, '$', ancestors) ??
    new AgentwireValueError(
      'ERR_AGENTWIRE_UNSUPPORTED',
      'the value changed while it was encoded; send data without side effects',
      '$',
    )
  );
}

/** The first part of a value that cannot be encoded, or undefined. `ancestors` are the containers around the value, outermost first. */
export function findUnsupported(value: unknown, path: string, ancestors: unknown[]): AgentwireValueError | undefined {
  const unsupported = (what: string, advice: string) =>
    new AgentwireValueError('ERR_AGENTWIRE_UNSUPPORTED', `${path} is ${what}, which cannot be sent; ${advice}`, path);
  if (typeof value === 'function') return unsupported('a function', 'send data and have the handler act on it');
  if (typeof value === 'symbol') return unsupported('a symbol', 'send a string');
  if (typeof value !== 'object' || value === null) return undefined;
  const at = ancestors.indexOf(value);
  if (at >= 0) {
    return new AgentwireValueError(
      'ERR_AGENTWIRE_CYCLE',
      `${path} refers back to an object that contains it; send a tree, with ids in the place of references`,
      path,
    );
  }
  if (ancestors.length >= CodecLimit.MaxDepth && isContainer(value)) {
    return new AgentwireValueError(
      'ERR_AGENTWIRE_TOO_DEEP',
      `the value is nested more than ${CodecLimit.MaxDepth} deep (at ${path.slice(0, 60)}...); flatten it`,
      path,
    );
  }
  const kind = unsupportedKind(value);
  if (kind !== undefined) return unsupported(kind[0], kind[1]);
  if (!isContainer(value)) return undefined;
  ancestors.push(value);
  try {
    if (types.isMap(value)) {
      for (const [key, entry] of value) {
        const found =
          findUnsupported(key, `${path}.keys()`, ancestors) ??
          findUnsupported(entry, `${path}.get(${label(key)})`, ancestors);
        if (found) return found;
      }
      return undefined;
    }
    if (value instanceof EncodedMessage) {
      for (const [tag, entry] of value.fields) {
        const found = findUnsupported(entry, `${path}.fields.get(${tag})`, ancestors);
        if (found) return found;
      }
      return undefined;
    }
    if (types.isSet(value)) {
      for (const entry of value) {
        const found = findUnsupported(entry, `${path}.values()`, ancestors);
        if (found) return found;
      }
      return undefined;
    }
    for (const key of Object.keys(value)) {
      const step = Array.isArray(value) ? `[${key}]` : propertyStep(key);
      const found = findUnsupported((value as Record<string, unknown>)[key], path + step, ancestors);
      if (found) return found;
    }
    return undefined;
  } finally {
    ancestors.pop();
  }
}

/** How JavaScript writes the way from an object to its property. */
export function propertyStep(key: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** True for an object that holds other values, which counts as a level of nesting. */
export function isContainer(value: object): boolean {
  return !(ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value) || types.isDate(value));
}

/** False for a view that lies outside of its buffer, which was transferred or has shrunk, or that says so of itself. */
export function isReadableView(view: ArrayBufferView): boolean {
  try {
    return !isDetached(view.buffer) && new Uint8Array(view.buffer, view.byteOffset, view.byteLength).length >= 0;
  } catch {
    return false;
  }
}

/** True for a buffer whose bytes were transferred away. It looks like an empty one; but no view can be made of it. */
export function isDetached(buffer: ArrayBufferLike): boolean {
  if (types.isSharedArrayBuffer(buffer)) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function label(key: unknown): string {
  return typeof key === 'string' ? JSON.stringify(key) : typeof key === 'object' ? '...' : String(key);
}

/** Names a built-in object with inner state that own properties do not show, and what to send instead. */
export function unsupportedKind(value: object): [what: string, advice: string] | undefined {
  if (types.isArrayBuffer(value) && isDetached(value))
    return ['a detached ArrayBuffer', 'send it before it is transferred'];
  if (ArrayBuffer.isView(value) && isDetached(value.buffer)) {
    return ['a view of a detached ArrayBuffer', 'send it before the buffer is transferred'];
  }
  if (ArrayBuffer.isView(value) && !isReadableView(value)) {
    return ['a view outside of its buffer', 'send a view of what the buffer still has'];
  }
  if (types.isNativeError(value)) return ['an Error', 'send what the receiver needs of it: {name, message, stack}'];
  if (types.isPromise(value)) return ['a Promise', 'await it first'];
  if (types.isRegExp(value)) return ['a RegExp', 'send its source and flags'];
  if (types.isBoxedPrimitive(value)) return ['a boxed primitive', 'send the primitive itself'];
  if (types.isSharedArrayBuffer(value)) {
    return [
      'a SharedArrayBuffer',
      'a message is a copy: send a typed array over it to copy it, or pass it by workerData',
    ];
  }
  if (types.isWeakMap(value) || types.isWeakSet(value)) return ['a weak collection', 'send a Map or a Set'];
  if (looksPlain(value)) return undefined;
  if (types.isProxy(value)) return ['a Proxy', 'send a plain copy of what it shows'];
  if (types.isGeneratorObject(value) || types.isMapIterator(value) || types.isSetIterator(value)) {
    return ['an iterator', 'send an array of what it yields'];
  }
  if (types.isExternal(value) || types.isModuleNamespaceObject(value)) return ['a host object', 'send plain data'];
  if (isWeakRef(value)) return ['a WeakRef', 'send what it refers to'];
  if (value instanceof EncodedMessage) {
    const wrong = malformation(value);
    if (wrong !== undefined) return ['a malformed EncodedMessage', `${wrong.part} must be ${wrong.expected}`];
  }
  return undefined;
}

/** What a Proxy or a host object shows is sent, when it shows an array or an object without a class. */
function looksPlain(value: object): boolean {
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function isWeakRef(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object WeakRef]';
}
