import { types } from 'node:util';
import { Control, type LetterReason } from '../generated/layout';
import type { Subscription } from './subscription';

/** A message that its handler acknowledges: its handle in the subscription's native table. */
export interface Delivery {
  readonly low: number;
  readonly high: number;
}

/** What acknowledgements need of the native side. */
export interface AcknowledgeFunctions {
  /** A handler is about to be called: for whom and with what stands in the control block. */
  begin(): void;
  /** Carries out the acknowledgement that stands in the control block, if there is one. */
  acknowledge(): void;
  /** True when the message is a dead letter now. */
  reject(slot: number, low: number, high: number, reason: LetterReason, error: string): boolean;
}

const SLOT = Control.AcknowledgedSlot >> 2;
const LOW = Control.AcknowledgedLow >> 2;
const HIGH = Control.AcknowledgedHigh >> 2;

/**
 * Begins and settles this thread's messages of subscriptions with `ack`. An acknowledgement is written into the control block, where the
 * next native call finds it, also should the thread be terminated before: it takes no call of its own.
 */
export class Acknowledgements {
  constructor(
    private readonly control: Int32Array,
    private readonly functions: AcknowledgeFunctions,
  ) {}

  /** True when the handler is to be called. Else the message is another's by now: its time was over, or the subscription's. */
  begin(subscription: Subscription, { low, high }: Delivery): boolean {
    const { control } = this;
    control[Control.BegunSlot >> 2] = subscription.slot;
    control[Control.BegunLow >> 2] = low;
    control[Control.BegunHigh >> 2] = high;
    this.functions.begin();
    return control[Control.BegunHigh >> 2] !== 0;
  }

  /** The handler is done. */
  acknowledge(subscription: Subscription, { low, high }: Delivery): void {
    this.flush();
    const { control } = this;
    control[SLOT] = subscription.slot;
    control[LOW] = low;
    control[HIGH] = high;
  }

  /** Carries out what was written, before something begins that may take its time. */
  flush(): void {
    if (this.control[HIGH] !== 0) this.functions.acknowledge();
  }

  /** The handler has failed, or the message cannot be handled. True when it is a dead letter now. */
  reject(subscription: Subscription, delivery: Delivery, reason: LetterReason, error: unknown): boolean {
    return this.functions.reject(subscription.slot, delivery.low, delivery.high, reason, textOf(error));
  }
}

/** Anything can be thrown, also what cannot be made a string. */
function textOf(error: unknown): string {
  try {
    return types.isNativeError(error) ? `${error.name}: ${error.message}` : String(error);
  } catch {
    return 'an error that cannot be shown';
  }
}
