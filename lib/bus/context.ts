import type { Delivery } from './acknowledgements';
import type { Reply } from './reply';

/** What arrived beside the payload when the publisher gave options. */
export interface ContextExtras {
  headers: Readonly<Record<string, unknown>> | undefined;
  correlationId: bigint | undefined;
  reply: Reply | undefined;
  /** It is to be acknowledged. */
  delivery: Delivery | undefined;
}

/**
 * What a handler is told about its message. Each delivery has its own, which stays valid for as long as it is held.
 *
 * Numbers of 64 bits are kept as two halves and made only when somebody asks: a context costs less than 128 bytes.
 */
export class MessageContext {
  constructor(
    /** The topic that it was published to. */
    readonly topic: string,
    private readonly meta: number,
    private readonly sequenceLow: number,
    private readonly sequenceHigh: number,
    private readonly timestampLow: number,
    private readonly timestampHigh: number,
    /** The endpoint (thread) that published it: an id that is unique in the process. */
    readonly publisher: number,
    private readonly extras: ContextExtras | null,
  ) {}

  /** @internal What its handler owes: an answer, an acknowledgement. */
  get owed(): Pick<ContextExtras, 'reply' | 'delivery'> | null {
    return this.extras;
  }

  /** EventPriority: 0 CRITICAL, 1 HIGH, 2 NORMAL, 3 LOW. */
  get priority(): number {
    return this.meta & 0xff;
  }

  /** With `ack`: how many handlers have failed with the message, here or in another member of the group. 0 at the first. */
  get attempt(): number {
    return (this.meta >>> 8) & 0xff;
  }

  /** Counts the publisher's messages, from 1. */
  get sequence(): number {
    return (this.sequenceHigh >>> 0) * 0x1_0000_0000 + (this.sequenceLow >>> 0);
  }

  /** When it was submitted: nanoseconds since the Unix epoch. */
  get timestamp(): bigint {
    return (BigInt(this.timestampHigh >>> 0) << 32n) | BigInt(this.timestampLow >>> 0);
  }

  /** The publisher's headers, if any. */
  get headers(): Readonly<Record<string, unknown>> | undefined {
    return this.extras?.headers;
  }

  /** The publisher's correlation id, if any. */
  get correlationId(): bigint | undefined {
    return this.extras?.correlationId;
  }

  /**
   * Answers a request (`bus.request`), before the handler returns or long after; then what the handler returns is no answer any more.
   * False when somebody has answered already, or the requester's thread is gone; a requester that has given up meanwhile drops the answer.
   * Undefined for a message that is no request.
   */
  get reply(): ((value: unknown) => boolean) | undefined {
    return this.extras?.reply?.send;
  }
}
