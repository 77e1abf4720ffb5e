import { checkInteger, refuseUnknown } from '../checks';
import { AgentwireArgumentError, AgentwireError } from '../errors';
import { LONGEST_DELAY_MS, startTimer, stopTimer } from '../wait/timers';
import type { MessageContext } from './context';
import type { Handler } from './subscription';

/** The handler gets what `fn` returns. */
export interface MapTransform<T = unknown, R = unknown> {
  type: 'map';
  fn: (payload: T, context: MessageContext) => R;
}

/** The handler gets the payloads that `fn` says yes to. The others count as handled. */
export interface FilterTransform<T = unknown> {
  type: 'filter';
  fn: (payload: T, context: MessageContext) => unknown;
}

/** The handler gets the running value after each message. Without `initial` it begins with the first payload, as Array's reduce does. */
export interface ReduceTransform<T = unknown, R = unknown> {
  type: 'reduce';
  fn: (value: R, payload: T, context: MessageContext) => R;
  initial?: R;
}

/** When a batch is full: after `count` messages, `windowMs` milliseconds after its first one, or whichever comes first. */
export type AggregateLimits =
  | { count: number; windowMs?: number | undefined }
  | { count?: undefined; windowMs: number };

/**
 * The handler gets arrays of payloads, each with the context of its last message. What is collected is in flight until its handler
 * is done, so `count` is at most the subscription's `queueLimit`, and a window that collects so many makes `publish` return false
 * until it closes. The end of the subscription hands on what there is.
 */
export type AggregateTransform = { type: 'aggregate'; fn?: undefined } & AggregateLimits;

/** As AggregateTransform; the handler gets what `fn` makes of each array. */
export type AggregateMapTransform<T = unknown, R = unknown> = {
  type: 'aggregate';
  fn: (payloads: T[], context: MessageContext) => R;
} & AggregateLimits;

/** What becomes of payloads on the subscriber's thread before its handler sees them. Every `fn` is synchronous. */
export type Transform<T = unknown, R = unknown> =
  | MapTransform<T, R>
  | FilterTransform<T>
  | ReduceTransform<T, R>
  | AggregateTransform
  | AggregateMapTransform<T, R>;

type AnyHandler = (payload: unknown, context: MessageContext) => unknown;

/** A handler with its transform in front. */
export interface Transformed {
  handler: AnyHandler;
  /** Hands on what waits to be handed on. */
  flush?: () => void;
}

const known = {
  map: ['type', 'fn'],
  filter: ['type', 'fn'],
  reduce: ['type', 'fn', 'initial'],
  aggregate: ['type', 'fn', 'count', 'windowMs'],
} as const;

/** The handler behind the transform, which is checked here. `queueLimit` is the subscription's. */
export function transformed(transform: unknown, handler: Handler<never>, queueLimit: number): Transformed {
  const inner = handler as AnyHandler;
  if (transform === undefined) return { handler: inner };
  if (typeof transform !== 'object' || transform === null)
    throw new AgentwireArgumentError('transform', 'an object {type, fn}', transform);
  const { type, fn } = transform as Transform;
  if (typeof type !== 'string' || !Object.hasOwn(known, type)) {
    throw new AgentwireArgumentError('transform.type', '"map", "filter", "reduce" or "aggregate"', type);
  }
  refuseUnknown(transform, known[type], `the transform "${type}"`);
  if (typeof fn !== 'function' && !(type === 'aggregate' && fn === undefined)) {
    throw new AgentwireArgumentError('transform.fn', 'a function', fn);
  }
  switch (type) {
    case 'map':
      return { handler: mapped(fn as MapTransform['fn'], inner) };
    case 'filter':
      return { handler: filtered(fn as FilterTransform['fn'], inner) };
    case 'reduce':
      return { handler: reduced(transform as ReduceTransform, inner) };
    default:
      return aggregated(transform as AggregateMapTransform, inner, queueLimit);
  }
}

function mapped(fn: MapTransform['fn'], handler: AnyHandler): AnyHandler {
  return (payload, context) => handler(settled('map', fn(payload, context)), context);
}

function filtered(fn: FilterTransform['fn'], handler: AnyHandler): AnyHandler {
  return (payload, context) => (settled('filter', fn(payload, context)) ? handler(payload, context) : undefined);
}

function reduced(transform: ReduceTransform, handler: AnyHandler): AnyHandler {
  const { fn } = transform;
  let begun = 'initial' in transform;
  let value = transform.initial;
  return (payload, context) => {
    // An fn that throws leaves the value as it was.
    value = begun ? settled('reduce', fn(value, payload, context)) : payload;
    begun = true;
    return handler(value, context);
  };
}

/** Payloads that are collected, and the promise that each of their messages waits for. */
class Batch {
  readonly payloads: unknown[] = [];
  readonly done: Promise<unknown>;
  resolve!: (result: unknown) => void;
  reject!: (error: unknown) => void;
  timer: ReturnType<typeof setTimeout> | undefined;

  constructor(public context: MessageContext) {
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}

function aggregated(
  {
    fn,
    count,
    windowMs,
  }: { fn?: AggregateMapTransform['fn']; count?: number | undefined; windowMs?: number | undefined },
  handler: AnyHandler,
  queueLimit: number,
): Transformed {
  if (count === undefined && windowMs === undefined) {
    throw new AgentwireArgumentError('transform', 'given a count, windowMs or both to aggregate by', {});
  }
  const most = count === undefined ? Number.POSITIVE_INFINITY : checkInteger('transform.count', count, 1, queueLimit);
  if (windowMs !== undefined && !(typeof windowMs === 'number' && windowMs > 0 && windowMs <= LONGEST_DELAY_MS)) {
    const expected = `a number of milliseconds above 0, at most ${LONGEST_DELAY_MS}`;
    throw new AgentwireArgumentError('transform.windowMs', expected, windowMs);
  }
  let batch: Batch | undefined;
  const flush = (): void => {
    const full = batch;
    if (full === undefined) return;
    batch = undefined;
    stopTimer(full.timer);
    try {
      const { payloads, context } = full;
      full.resolve(handler(fn === undefined ? payloads : settled('aggregate', fn(payloads, context)), context));
    } catch (error) {
      full.reject(error);
    }
  };
  return {
    handler(payload, context) {
      if (batch === undefined) {
        batch = new Batch(context);
        // An idle bus does not keep its thread alive, and neither does its window.
        if (windowMs !== undefined) batch.timer = startTimer(flush, windowMs).unref();
      }
      const { payloads, done } = batch;
      batch.context = context;
      if (payloads.push(payload) >= most) flush();
      return done;
    },
    flush,
  };
}

/** A promise in the place of a value would be handed on as it is, and be true to a filter whatever it resolves with. */
function settled<T>(type: string, result: T): T {
  if (typeof result === 'object' && result !== null && typeof (result as { then?: unknown }).then === 'function') {
    // Nobody else waits for it.
    (result as unknown as PromiseLike<unknown>).then(undefined, () => {});
    throw new AgentwireError(
      'ERR_AGENTWIRE_TRANSFORM',
      `fn of the transform "${type}" returned a promise; it must be synchronous: do what takes time in the handler`,
    );
  }
  return result;
}
