import { refuseUnknown } from '../checks';
import { AgentwireArgumentError } from '../errors';
import { startRepeating, startTimer, stopRepeating, stopTimer } from '../wait/timers';
import { checkMilliseconds } from './options';

export interface CloseOptions {
  /**
   * True: nothing more is admitted to the subscriptions, and what they were promised already is handled first. False, the default: what
   * waits is dropped and counted.
   */
  drain?: boolean | undefined;
  /** With `drain`: how long that may take, in milliseconds; then what is left is dropped. Default 5,000. */
  timeoutMs?: number | undefined;
}

/** How a bus was closed. */
export interface CloseResult {
  /** True when every message that was admitted to its subscriptions has ended. */
  drained: boolean;
  /** Messages that had not ended, and were dropped (`dropped.unsubscribed`) or are still with handlers whose promises are pending. */
  unfinished: number;
}

const DEFAULT_TIMEOUT_MS = 5000;

export function checkCloseOptions(options: CloseOptions): { drain: boolean; timeoutMs: number } {
  if (typeof options !== 'object' || options === null) {
    throw new AgentwireArgumentError('options', 'an object', options);
  }
  refuseUnknown(options, ['drain', 'timeoutMs'], 'close');
  const { drain = false, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  if (typeof drain !== 'boolean') throw new AgentwireArgumentError('drain', 'true or false', drain);
  checkMilliseconds('timeoutMs', timeoutMs);
  return { drain, timeoutMs };
}

/** What is drained. */
export interface Draining {
  /** Messages that have not ended. */
  inFlight(): number;
  /** Hands on what transforms have collected: no more will come to fill it up. */
  handOn(): void;
  /** Calls `look` whenever messages have ended, until the returned function is called. */
  watch(look: () => void): () => void;
}

/** How often it is looked whether anything is in flight, ms, beside whenever messages end: a publisher may take its word back. */
const LOOK_MS = 50;

/**
 * Calls `done` when nothing is in flight any more, when the time is over, or when the returned function is called; once, maybe within this call.
 */
export function drained({ inFlight, handOn, watch }: Draining, timeoutMs: number, done: () => void): () => void {
  let isOver = false;
  const look = () => {
    handOn();
    if (!isOver && inFlight() === 0) end();
  };
  const end = () => {
    if (isOver) return;
    isOver = true;
    stopTimer(timer);
    stopRepeating(repeated);
    stopWatching();
    done();
  };
  const timer = startTimer(end, timeoutMs);
  const repeated = startRepeating(look, LOOK_MS);
  const stopWatching = watch(look);
  look();
  return end;
}
