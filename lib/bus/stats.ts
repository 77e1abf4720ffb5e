import type { NativeLedger } from '../generated/binding';

/** The ledger: admitted = handled + failed + the dropped + deadLettered + rerouted + inFlight, always. */
export interface SubscriptionStats {
  /** Messages that were admitted for this subscription. */
  admitted: number;
  /** Its handler returned or resolved. */
  handled: number;
  /** Its handler threw or rejected. */
  failed: number;
  /** Messages that no handler saw, by reason. */
  dropped: Dropped;
  /** With `ack`: messages that went to the dead letters; the reasons stand there. */
  deadLettered: number;
  /** With `ack`: messages that went on to another member of the group, which has admitted them and goes on counting. */
  rerouted: number;
  /** Waiting, resting between two attempts, or with a handler that has not settled. */
  inFlight: number;
  /** Messages that the subscription's filter kept away: they were not admitted and are no part of the sum. */
  filtered: number;
  /** With `ack`: what its handlers did. No part of the sum: a message is one, however often it is tried. */
  attempts: AttemptCounts;
}

/** What the handlers of a subscription with `ack` did. */
export interface AttemptCounts {
  /** Threw or rejected. */
  rejected: number;
  /** Were not done within `ackTimeoutMs`. */
  timedOut: number;
  /** Were done when the message had been given to somebody else. */
  late: number;
  /** Were called with a message that had failed before, here or elsewhere. */
  redelivered: number;
}

/** Messages that no handler saw, by reason. */
export interface Dropped {
  /** The subscription had ended when the message's turn came. */
  unsubscribed: number;
  /** The payload's bytes were no value. */
  undecodable: number;
  /** Its time was over (`expiresInMs`) before a handler was called, or its requester had given up. */
  expired: number;
  /** The subscriber's thread ended. */
  subscriberDied: number;
  /** There was no memory for it, although admission had found some. */
  overflow: number;
  /** Given up, with `overflow: 'drop-oldest'`. */
  oldest: number;
  /** Too much for a full subscription with `overflow: 'drop-newest'`; or memory was short, with either policy that drops. */
  newest: number;
}

/** @internal */
export function statsOf(ledger: NativeLedger): SubscriptionStats {
  const { admitted, handled, failed, deadLettered, rerouted, inFlight, filtered, attempts } = ledger;
  const { unsubscribed, undecodable, expired, subscriberDied, overflow, oldest, newest } = ledger;
  const dropped: Dropped = { unsubscribed, undecodable, expired, subscriberDied, overflow, oldest, newest };
  return { admitted, handled, failed, dropped, deadLettered, rerouted, inFlight, filtered, attempts };
}
