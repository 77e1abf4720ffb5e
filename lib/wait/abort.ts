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
