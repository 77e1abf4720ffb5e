import { AsyncResource } from 'node:async_hooks';
import { Decoder } from '../codec/decoder';
import type { Tables } from '../codec/tables';
import {
  AnswerKind,
  Attention,
  Bus,
  Control,
  Flag,
  Record as Layout,
  LetterReason,
  Outcome,
} from '../generated/layout';
import { now } from '../monitor/clock';
import { type AcknowledgeFunctions, Acknowledgements, type Delivery } from './acknowledgements';
import { type ContextExtras, MessageContext } from './context';
import { publishedAt, weightOf } from './latency-sampling';
import { EventPriority } from './options';
import type { Outbox } from './outbox';
import { type Answers, Reply } from './reply';
import type { Requests } from './requests';
import { SharedValue } from './shared-value';
import { neverHandled, type Subscription } from './subscription';

/** A drain works for about this long, then yields to the event loop, ms. */
const BUDGET_MS = 1;
/** Every so many records the clock is looked at, which costs 50 ns. */
const RECORDS_PER_LOOK = 16;
/** In the place of a record's priority once it was delivered ahead of its turn. */
const DELIVERED = 0xff;
const FEWEST_RECORDS = 1;
const MOST_RECORDS = 256;
/** Names of topics that are kept, so that a message's topic is named without a crossing: all of a bus. */
const MOST_TOPIC_NAMES = Bus.MaxTopics;

// Kept from the start: a test that puts fake timers in the globals must not stop the bus.
const { nextTick } = process;
const nextTurn = setImmediate;
const clock = performance;

/** The context that handlers run in, however their messages came: that of the program's start. */
const root = new AsyncResource('AGENTWIRE');

const topicDecoder = new TextDecoder();
const noBytes = new Uint8Array(0);

/** What the inbox needs of the native side. */
export interface DrainFunctions extends AcknowledgeFunctions {
  drain(): void;
  drainCritical(): void;
  takeBlock(handleLow: number, handleHigh: number, target: Uint8Array): boolean;
  topicName(id: number): string | null;
  /** Process-wide id of this thread's endpoint. */
  readonly endpointId: number;
  /** Folds outcomes into the ledgers, outside of a drain. */
  foldOutcomes(): void;
  /** The clock by which messages expire, ms. */
  steadyClockMs(): number;
}

/**
 * Where this thread's messages arrive: native fills it with a batch, and from here each goes to its handlers. A drain works for
 * about a millisecond, then lets the event loop have its turn.
 */
export class Inbox {
  private readonly bytes = new Uint8Array(new SharedArrayBuffer(Bus.InboxBytes + Bus.CriticalInboxBytes));
  private readonly words = new Int32Array(this.bytes.buffer);
  private readonly view = new DataView(this.bytes.buffer);
  private readonly decoder: Decoder;
  private readonly blockDecoder: Decoder;
  private readonly subscriptions: (Subscription | undefined)[] = [];
  private readonly topicNames = new Map<number, string>();
  private outcomes: Uint32Array = new Uint32Array(0);
  private functions: DrainFunctions | undefined;
  private answers: Answers | undefined;
  private acknowledgements: Acknowledgements | undefined;
  /** The steady clock less this thread's, once a message expires. */
  private clockOffset: number | undefined;
  /** Look whether it is there that they wait for, whenever messages have ended. */
  private readonly watchers = new Set<() => void>();
  /** The records of the current batch that were not delivered yet. */
  private cursor = 0;
  private left = 0;
  private batchRecords = MOST_RECORDS / 4;
  private deadline = 0;
  private resuming = false;
  private folding = false;
  /** Word of the time at which the message was published that is being delivered, if it is measured for this target; else 0. */
  private published = 0;
  /** Targets of that message in this thread. */
  private targets = 1;
  /** A promise was settled or is waited for: its reactions run only when the pump has returned. */
  private owesReactions = false;

  constructor(
    private readonly control: Int32Array,
    tables: Tables,
    private readonly outbox: Outbox,
    private readonly requests: Requests,
    /** Called when a topic may have become writable. */
    private readonly onWritable: () => void,
    /** Called when subscriptions of a watched bus have changed. */
    private readonly onRoutes: () => void,
    /** Called when dead letters have come. */
    private readonly onLetters: () => void,
  ) {
    this.decoder = new Decoder(tables);
    this.decoder.attach(this.bytes);
    this.blockDecoder = new Decoder(tables);
  }

  /** The memory, for native. */
  get memory(): Uint8Array {
    return this.bytes;
  }

  connect(functions: DrainFunctions, answers: Answers): void {
    this.functions = functions;
    this.answers = answers;
    this.acknowledgements = new Acknowledgements(this.control, functions);
  }

  /** Calls `look` whenever messages have ended, until the returned function is called. */
  watch(look: () => void): () => void {
    this.watchers.add(look);
    return () => this.watchers.delete(look);
  }

  /** The counters of outcomes moved to larger memory. */
  setOutcomes(outcomes: Uint32Array): void {
    this.outcomes = outcomes;
  }

  /** Messages for the slot go to this subscription from now on. */
  attach(subscription: Subscription): void {
    this.subscriptions[subscription.slot] = subscription;
  }

  /** The subscription has ended: what still comes for its slot is counted, and nothing of it is kept. */
  detach(subscription: Subscription): void {
    if (this.subscriptions[subscription.slot] === subscription) this.subscriptions[subscription.slot] = undefined;
  }

  /** Takes what waits in the mailbox to the handlers, for as long as the budget lasts; then goes on in a later turn. */
  readonly pump = (): void => {
    let ended = false;
    try {
      this.pumpBudget();
      ended = true;
      this.tellWatchers();
    } finally {
      // Whatever went wrong went out to the event loop; the messages behind it still come.
      if (!ended) this.resumeSoon();
    }
  };

  private pumpBudget(): void {
    const functions = this.functions as DrainFunctions;
    const start = clock.now();
    this.deadline = start + BUDGET_MS;
    for (;;) {
      if (this.left === 0) {
        this.attend();
        this.control[Control.DrainRecords >> 2] = this.batchRecords;
        functions.drain();
        this.left = this.control[Control.InboxRecords >> 2];
        this.cursor = 0;
        if (this.left === 0) {
          // Parked, and rung awake; or, in a race with a sender, not parked: then the next turn looks again.
          if (this.control[Control.Parked >> 2] === 0) this.resumeSoon();
          return;
        }
      }
      const whole = this.deliverBatch();
      this.outbox.submit();
      // A drain that finds nothing may spin for a while, which reactions should not wait for.
      if (!whole || this.owesReactions || clock.now() >= this.deadline) {
        this.owesReactions = false;
        this.resumeSoon();
        return;
      }
    }
  }

  private readonly resume = (): void => {
    this.resuming = false;
    // Not in the asynchronous context of whoever happened to publish first.
    root.runInAsyncScope(this.pump);
  };

  /** Goes on in a later turn, which the event loop waits for. */
  resumeSoon(): void {
    if (this.resuming) return;
    this.resuming = true;
    nextTurn(this.resume);
  }

  /** Delivers the rest of the batch; false when the budget ran out before its end. */
  private deliverBatch(): boolean {
    let delivered = 0;
    while (this.left > 0) {
      const at = this.cursor;
      this.cursor = at + this.words[at >> 2];
      this.left--;
      this.deliver(at);
      if (this.control[Control.Attention >> 2] !== 0) this.attend();
      if (++delivered % RECORDS_PER_LOOK === 0 || this.batchRecords < RECORDS_PER_LOOK) {
        if (clock.now() >= this.deadline && this.left > 0) {
          // Handlers are slow: take less at once, so that urgent messages need not wait behind what was taken.
          this.batchRecords = Math.max(FEWEST_RECORDS, this.batchRecords >> 1);
          return false;
        }
      }
    }
    if (delivered >= this.batchRecords) this.batchRecords = Math.min(MOST_RECORDS, this.batchRecords * 2);
    return true;
  }

  /** Looks at what other threads wanted this one to notice at once. */
  private attend(): void {
    const bits = Atomics.exchange(this.control, Control.Attention >> 2, 0);
    if (bits & Attention.CriticalWaits) this.deliverCritical();
    if (bits & Attention.Writable) this.onWritable();
    if (bits & Attention.Routes) this.onRoutes();
    if (bits & Attention.Letters) this.onLetters();
  }

  /** First what this batch still has, as it came earlier, then what waits in the mailbox. */
  private deliverCritical(): void {
    for (let at = this.cursor, left = this.left; left > 0; left--) {
      const word = (at + Layout.Priority) >> 2;
      const meta = this.words[word];
      if ((meta & 0xff) === EventPriority.CRITICAL) {
        this.deliver(at);
        this.words[word] = meta | DELIVERED;
      }
      at += this.words[at >> 2];
    }
    (this.functions as DrainFunctions).drainCritical();
    let at: number = Bus.InboxBytes;
    for (let left = this.control[Control.InboxRecords >> 2]; left > 0; left--) {
      const next = at + this.words[at >> 2];
      this.deliver(at);
      at = next;
    }
  }

  /** Delivers one record to its target, or to each of its list. */
  private deliver(at: number): void {
    const word = at >> 2;
    const meta = this.words[word + (Layout.Priority >> 2)];
    if ((meta & 0xff) === DELIVERED) return;
    const target = this.words[word + (Layout.Target >> 2)] >>> 0;
    const length = this.words[word + (Layout.PayloadLength >> 2)];
    const flags = meta >>> 16;
    if (target === Bus.AnswerTarget) {
      this.settleRequest(at, flags, length);
    } else if (flags === 0) {
      const body = at + Layout.Extensions;
      const topic = this.topicName(this.words[word + (Layout.Topic >> 2)]);
      this.deliverTo(target, this.decoder, body, body + length, topic, word, meta, null);
    } else {
      this.deliverExtended(at, flags, target, length, meta);
    }
  }

  /** Delivers a record with extensions: they follow the fixed part in the order of their bits. */
  private deliverExtended(at: number, flags: number, target: number, length: number, meta: number): void {
    let next = at + Layout.Extensions;
    const extension = (flag: Flag) => {
      if ((flags & flag) === 0) return -1;
      next += Bus.ExtensionBytes;
      return next - Bus.ExtensionBytes;
    };
    const targetsAt = extension(Flag.Targets);
    const topicAt = extension(Flag.TopicInline);
    const headersAt = extension(Flag.Headers);
    const expiryAt = extension(Flag.Expiry);
    const correlationAt = extension(Flag.Correlation);
    const publishedWord = extension(Flag.Published) >> 2;
    const blockAt = extension(Flag.Block);
    const delivery = this.deliveryAt(extension(Flag.Delivery) >> 2);
    let replyAt = extension(Flag.Reply);
    // A message that was a dead letter: whoever asked has had his answer.
    if (replyAt >= 0 && this.words[(replyAt >> 2) + 1] === -1) replyAt = -1;
    const targetCount = targetsAt < 0 ? 1 : this.words[targetsAt >> 2];
    const list = next >> 2;
    if (targetsAt >= 0) next += (4 * targetCount + Bus.RecordAlign - 1) & -Bus.RecordAlign;

    let area: Uint8Array = this.bytes;
    let decoder = this.decoder;
    let start = next;
    if (blockAt >= 0) {
      area = this.takeBlock(blockAt, length);
      decoder = this.blockDecoder;
      decoder.attach(area);
      start = 0;
    }
    const end = start + length;
    const word = at >> 2;
    let topic: string;
    if (topicAt >= 0) {
      const topicLength = this.words[topicAt >> 2];
      // A copy: TextDecoder refuses shared memory on some runtimes.
      topic = topicDecoder.decode(area.slice(start, start + topicLength));
      start += topicLength;
    } else {
      topic = this.topicName(this.words[word + (Layout.Topic >> 2)]);
    }
    const headersStart = start;
    if (headersAt >= 0) start += this.words[headersAt >> 2];
    const isOwnEmit =
      headersAt >= 0 &&
      this.words[(headersAt >> 2) + 1] !== 0 &&
      this.words[word + (Layout.Publisher >> 2)] === (this.functions as DrainFunctions).endpointId;
    const isExpired = expiryAt >= 0 && this.isOver(expiryAt >> 2);
    const shared = targetCount > 1 ? new SharedValue() : undefined;
    // Of many targets one is measured for all: which one goes by the message's number.
    const measured = publishedWord < 0 ? -1 : (this.words[word + (Layout.Sequence >> 2)] >>> 0) % targetCount;
    for (let index = 0; index < targetCount; index++) {
      const slot = targetsAt < 0 ? target : this.words[list + index] >>> 0;
      const subscription = this.subscriptions[slot];
      const isHeard = isOwnEmit && subscription?.hearsEmit === true;
      if (isHeard || isExpired || subscription === undefined) {
        if (delivery === undefined) {
          const outcome = isHeard ? Outcome.Handled : isExpired ? Outcome.Expired : Outcome.Unsubscribed;
          this.outcomes[slot * (Outcome.Bytes >> 2) + (outcome >> 2)]++;
        } else if (subscription !== undefined) {
          this.acknowledgements?.reject(subscription, delivery, LetterReason.Expired, '');
        }
        if (replyAt >= 0)
          this.answers?.decline(this.words[replyAt >> 2], this.words[(replyAt >> 2) + 1], AnswerKind.Dropped);
        continue;
      }
      const reply = replyAt < 0 ? undefined : this.replyOf(replyAt >> 2, subscription);
      let extras: ContextExtras | null = null;
      if (start > headersStart || correlationAt >= 0 || reply !== undefined || delivery !== undefined) {
        const correlationId = correlationAt >= 0 ? this.view.getBigUint64(correlationAt, true) : undefined;
        let headers: ContextExtras['headers'];
        try {
          if (start > headersStart) headers = decoder.readRoot(headersStart, start) as ContextExtras['headers'];
        } catch (error) {
          this.undecodable(subscription, error, topic, delivery);
          reply?.decline();
          continue;
        }
        extras = { headers, correlationId, reply, delivery };
      }
      this.published = index === measured ? publishedWord : 0;
      this.targets = targetCount;
      this.deliverTo(slot, decoder, start, end, topic, word, meta, extras, shared);
      // A handler may have had a block of its own decoded meanwhile.
      if (blockAt >= 0) decoder.attach(area);
    }
    if (blockAt >= 0) decoder.attach(noBytes);
  }

  /** True when the time of a message has come, by the two words of its expiry. */
  private isOver(word: number): boolean {
    this.clockOffset ??= (this.functions as DrainFunctions).steadyClockMs() - clock.now();
    const ns = (this.words[word + 1] >>> 0) * 2 ** 32 + (this.words[word] >>> 0);
    return ns / 1e6 <= clock.now() + this.clockOffset;
  }

  /** The handle at a word; none there, or not at all, for a message that is not acknowledged. */
  private deliveryAt(word: number): Delivery | undefined {
    if (word < 0 || this.words[word + 1] === 0) return undefined;
    return { low: this.words[word], high: this.words[word + 1] };
  }

  private replyOf(word: number, subscription: Subscription): Reply {
    return new Reply(this.answers as Answers, this.words[word], this.words[word + 1], subscription);
  }

  /** The answer to a request of this thread. */
  private settleRequest(at: number, flags: number, length: number): void {
    this.owesReactions = true;
    const word = at >> 2;
    const id = this.words[word + (Layout.Sequence >> 2)] >>> 0;
    const kind = this.words[word + (Layout.Topic >> 2)] as AnswerKind;
    const body = at + Layout.Extensions;
    // Taken out in any case: it holds memory.
    const area = flags & Flag.Block ? this.takeBlock(body, length) : undefined;
    this.requests.settle(id, kind, () => {
      if (length === 0) return undefined;
      if (area === undefined) return this.decoder.readRoot(body, body + length);
      this.blockDecoder.attach(area);
      try {
        return this.blockDecoder.readRoot(0, length);
      } finally {
        this.blockDecoder.attach(noBytes);
      }
    });
  }

  /**
   * The payload of a large message. Without memory for it (or without the block, which cannot happen) there are no bytes, and
   * each target reports its message as undecodable.
   */
  private takeBlock(blockAt: number, length: number): Uint8Array {
    try {
      const area = new Uint8Array(length);
      const word = blockAt >> 2;
      const handle = [this.words[word] >>> 0, this.words[word + 1] >>> 0] as const;
      if ((this.functions as DrainFunctions).takeBlock(...handle, area)) return area;
    } catch (error) {
      process.emitWarning(error as Error);
    }
    return noBytes;
  }

  /** Decodes the payload for one subscription and calls its handler. */
  private deliverTo(
    slot: number,
    decoder: Decoder,
    start: number,
    end: number,
    topic: string,
    word: number,
    meta: number,
    extras: ContextExtras | null,
    shared?: SharedValue,
  ): void {
    // Taken at once: whatever becomes of this message, the next one is not measured by its time.
    let published = 0;
    if (this.published !== 0) {
      published = this.published;
      this.published = 0;
    }
    const subscription = this.subscriptions[slot];
    const counters = slot * (Outcome.Bytes >> 2);
    const delivery = extras?.delivery;
    if (subscription === undefined || subscription.closed) {
      // Of what is acknowledged native has given others what was not begun.
      if (delivery === undefined) this.outcomes[counters + (Outcome.Unsubscribed >> 2)]++;
      extras?.reply?.decline();
      return;
    }
    if (delivery === undefined) {
      this.acknowledgements?.flush();
    } else if (this.acknowledgements?.begin(subscription, delivery) !== true) {
      extras?.reply?.decline();
      return;
    }
    let payload: unknown;
    try {
      payload = subscription.isShared
        ? (shared ?? new SharedValue()).read(decoder, start, end)
        : decoder.readRoot(start, end);
    } catch (error) {
      this.undecodable(subscription, error, topic, delivery);
      extras?.reply?.decline();
      return;
    }
    const words = this.words;
    if (published !== 0) this.recordLatency(published, subscription);
    const context = new MessageContext(
      topic,
      meta,
      words[word + (Layout.Sequence >> 2)],
      words[word + (Layout.Sequence >> 2) + 1],
      words[word + (Layout.Timestamp >> 2)],
      words[word + (Layout.Timestamp >> 2) + 1],
      words[word + (Layout.Publisher >> 2)],
      extras,
    );
    try {
      const result = subscription.handler(payload, context);
      if (isThenable(result)) {
        this.settleLater(result, subscription, context);
      } else {
        if (delivery === undefined) this.outcomes[counters + (Outcome.Handled >> 2)]++;
        else this.acknowledgements?.acknowledge(subscription, delivery);
        extras?.reply?.settle(result);
      }
    } catch (error) {
      this.failed(subscription, error, context);
    }
  }

  /** The message that is being delivered is one of those that are measured. */
  private recordLatency(word: number, subscription: Subscription): void {
    const high = this.words[word + 1];
    const at = publishedAt(this.words[word], high);
    // 0 for one that was handed out before. The clock is the same for all threads, and what is in the outbox was written by JavaScript.
    const elapsed = now() - at;
    if (at === 0 || elapsed < 0) return;
    try {
      subscription.owner.latency().record(elapsed, Math.max(1, weightOf(high)) * this.targets);
    } catch {
      // No memory for the histogram: the message is handled all the same.
    }
  }

  /** The message is in flight until the handler's promise settles. Its slot is kept for it. */
  private settleLater(promise: PromiseLike<unknown>, subscription: Subscription, context: MessageContext): void {
    this.owesReactions = true;
    const { reply, delivery } = context.owed ?? {};
    // Only a real promise is sure to settle once.
    let settled = false;
    const resolved = (result: unknown) => {
      if (settled) return;
      settled = true;
      if (delivery === undefined) this.outcomes[subscription.slot * (Outcome.Bytes >> 2) + (Outcome.Handled >> 2)]++;
      else this.acknowledgements?.acknowledge(subscription, delivery);
      reply?.settle(result);
      this.foldSoon();
    };
    const rejected = (error: unknown) => {
      if (settled) return;
      settled = true;
      if (error !== neverHandled) {
        this.failed(subscription, error, context);
      } else {
        this.outcomes[subscription.slot * (Outcome.Bytes >> 2) + (Outcome.Unsubscribed >> 2)]++;
        reply?.decline();
      }
      this.foldSoon();
    };
    try {
      promise.then(resolved, rejected);
    } catch (error) {
      rejected(error);
    }
  }

  /** What settled outside of a drain gives its room back without waiting for the next one. */
  private foldSoon(): void {
    if (this.folding) return;
    this.folding = true;
    nextTick(() => {
      this.folding = false;
      (this.functions as DrainFunctions).foldOutcomes();
      this.outbox.lookForOwnMail();
      // This thread may have records waiting for just that room.
      this.outbox.submit();
      this.tellWatchers();
    });
  }

  private tellWatchers(): void {
    for (const look of [...this.watchers]) look();
  }

  /** A requester hears of the error; otherwise it is reported here. One whose message is tried again hears nothing yet. */
  private failed(subscription: Subscription, error: unknown, context: MessageContext): void {
    const { reply, delivery } = context.owed ?? {};
    if (delivery === undefined) {
      this.outcomes[subscription.slot * (Outcome.Bytes >> 2) + (Outcome.Failed >> 2)]++;
      if (reply?.fail(error) !== true) subscription.report(error, 'handler-error', context.topic);
      return;
    }
    const isDead = this.acknowledgements?.reject(subscription, delivery, LetterReason.HandlerError, error) === true;
    if (!isDead) reply?.decline();
    else if (reply?.fail(error) === true) return;
    subscription.report(error, 'handler-error', context.topic, { attempt: context.attempt, deadLettered: isDead });
  }

  private undecodable(subscription: Subscription, error: unknown, topic: string, delivery: Delivery | undefined): void {
    if (delivery === undefined) {
      this.outcomes[subscription.slot * (Outcome.Bytes >> 2) + (Outcome.Undecodable >> 2)]++;
    } else {
      this.acknowledgements?.reject(subscription, delivery, LetterReason.Undecodable, error);
    }
    subscription.report(error, 'undecodable', topic);
  }

  private topicName(id: number): string {
    return this.topicNames.get(id) ?? this.fetchTopicName(id);
  }

  private fetchTopicName(id: number): string {
    const name = (this.functions as DrainFunctions).topicName(id) ?? '';
    if (this.topicNames.size >= MOST_TOPIC_NAMES) this.topicNames.clear();
    this.topicNames.set(id, name);
    return name;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
