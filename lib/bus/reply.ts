import { types } from 'node:util';
import { Slot } from '../codec/slot';
import type { Tables } from '../codec/tables';
import { toValueError } from '../codec/unsupported';
import { isOverflow } from '../codec/writer';
import { AnswerKind } from '../generated/layout';
import { ScratchEncoder } from './scratch-encoder';
import type { Subscription } from './subscription';

/** Sends an answer natively; false when it comes late. */
export type AnswerFunction = (handleLow: number, handleHigh: number, kind: number, payload: Uint8Array) => boolean;

/** Characters of an error's message, and of its stack, that the requester gets. */
const LONGEST_TEXT = 16_384;

const noBytes = new Uint8Array(0);

/** What an error is sent as. */
export interface ErrorAnswer {
  name: string;
  message: string;
  code?: string | undefined;
  stack?: string | undefined;
}

/** Sends the answers of this thread's handlers. */
export class Answers {
  private readonly scratch: ScratchEncoder;
  private readonly place = new Slot();

  constructor(
    tables: Tables,
    private readonly answer: AnswerFunction,
  ) {
    this.scratch = new ScratchEncoder(tables);
  }

  /** Sends a value. Throws for one that cannot be sent. */
  send(low: number, high: number, kind: AnswerKind, value: unknown, subscription: Subscription): boolean {
    return this.scratch.encode(
      (encoder, memory) => {
        encoder.channel = subscription.owner.channel();
        try {
          return encoder.writeRoot(value, 0, memory.length, this.place);
        } catch (error) {
          if (isOverflow(error)) return -1;
          throw toValueError(value, error);
        }
      },
      (bytes) => this.answer(low, high, kind, bytes),
    );
  }

  /** Says that this delivery has no answer. */
  decline(low: number, high: number, kind: AnswerKind): void {
    this.answer(low, high, kind, noBytes);
  }
}

/** The answer that one delivery of a request owes: it is given once, or declined. */
export class Reply {
  private isGiven = false;

  constructor(
    private readonly answers: Answers,
    private readonly low: number,
    private readonly high: number,
    private readonly subscription: Subscription,
  ) {}

  /** `context.reply`. */
  readonly send = (value: unknown): boolean => {
    if (this.isGiven) return false;
    // First, for what it throws leaves the answer open.
    const { answers, low, high, subscription } = this;
    const inTime = answers.send(low, high, AnswerKind.Value, value, subscription);
    this.isGiven = true;
    return inTime;
  };

  /** The handler has returned, or its promise has resolved. */
  settle(result: unknown): void {
    if (this.isGiven) return;
    if (result === undefined) {
      if (this.subscription.answersLater) return;
      this.isGiven = true;
      this.answers.decline(this.low, this.high, AnswerKind.Undefined);
      return;
    }
    try {
      this.send(result);
    } catch (error) {
      // A value that cannot be sent: the requester is told so.
      this.fail(error);
    }
  }

  /** The handler has thrown, or its promise has rejected. False when that is no answer, for there is one. */
  fail(error: unknown): boolean {
    if (this.isGiven) return false;
    this.isGiven = true;
    const { answers, low, high } = this;
    try {
      answers.send(low, high, AnswerKind.Error, describe(error), this.subscription);
    } catch {
      // There is no memory for it.
      answers.decline(low, high, AnswerKind.Dropped);
    }
    return true;
  }

  /** No handler has seen the message. */
  decline(): void {
    if (this.isGiven) return;
    this.isGiven = true;
    this.answers.decline(this.low, this.high, AnswerKind.Dropped);
  }
}

/** Texts of errors are for people; one of megabytes is not sent as it is. */
function cut(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}...`;
}

/** Anything can be thrown, also what cannot be looked at. */
function describe(error: unknown): ErrorAnswer {
  try {
    if (!types.isNativeError(error)) return { name: 'Error', message: cut(String(error)) };
    const { name, message, stack } = error;
    const { code } = error as { code?: unknown };
    return {
      name: cut(String(name)),
      message: cut(String(message)),
      code: typeof code === 'string' ? cut(code) : undefined,
      stack: typeof stack === 'string' ? cut(stack) : undefined,
    };
  } catch {
    return { name: 'Error', message: 'an error that cannot be shown' };
  }
}
