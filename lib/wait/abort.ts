import { AgentwireArgumentError } from '../errors';

/**
 * What is used of an `AbortSignal`. The real one is a type of DOM or Node.js declarations, which a program that uses agentwire
 * need not have.
 */
export interface AbortSignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: (event: { readonly target: unknown }) => void): void;
  removeEventListener(type: 'abort', listener: (event: { readonly target: unknown }) => void): void;
}

/** A signal, or nothing. It may come from another realm or library: what it can do counts. */
export function checkSignal(signal: unknown): AbortSignalLike | undefined {
  if (signal === undefined) return undefined;
  const like = typeof signal === 'object' && signal !== null ? (signal as Partial<AbortSignalLike>) : {};
  if (
    typeof like.aborted !== 'boolean' ||
    typeof like.addEventListener !== 'function' ||
    typeof like.removeEventListener !== 'function'
  ) {
    throw new AgentwireArgumentError('signal', 'an AbortSignal', signal);
  }
  return like as AbortSignalLike;
}

/** Those who wait for a signal. It has one listener for all of them, as Node.js warns of many. */
interface Waiting {
  callbacks: Set<() => void>;
  listener: () => void;
}

const waiting = new WeakMap<AbortSignalLike, Waiting>();

/** Calls `callback` when the signal, which was not aborted yet, is; until the returned function is called. */
export function onAbort(signal: AbortSignalLike, callback: () => void): () => void {
  const { callbacks } = waiting.get(signal) ?? listen(signal);
  callbacks.add(callback);
  return () => {
    if (callbacks.delete(callback) && callbacks.size === 0) forget(signal);
  };
}

function listen(signal: AbortSignalLike): Waiting {
  const callbacks = new Set<() => void>();
  const listener = () => {
    forget(signal);
    for (const callback of callbacks) callback();
  };
  signal.addEventListener('abort', listener);
  const entry = { callbacks, listener };
  waiting.set(signal, entry);
  return entry;
}

function forget(signal: AbortSignalLike): void {
  const entry = waiting.get(signal);
  if (entry === undefined) return;
  waiting.delete(signal);
  signal.removeEventListener('abort', entry.listener);
}
