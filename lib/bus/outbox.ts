import { isMainThread } from 'node:worker_threads';
import { Encoder } from '../codec/encoder';
import type { Tables } from '../codec/tables';
import { toValueError } from '../codec/unsupported';
import { isOverflow } from '../codec/writer';
import { Bus, Control, Flag, Gate, Record as Layout } from '../generated/layout';
import { LatencySampling, SAMPLING_PAUSE_MS } from './latency-sampling';
import { EventPriority, type PublishOptions } from './options';
import { reentrant, ScratchEncoder } from './scratch-encoder';
import type { TopicEntry } from './topic-entry';

/** A record is begun only while this much is free: the longest inline one fits behind it. */
const LONGEST_RECORD = Bus.InlinePayloadBytes + 512;
const FULL_AT = Bus.OutboxBytes - LONGEST_RECORD;
/** Every so many records the clock is looked at, which costs 50 ns. */
const RECORDS_PER_LOOK = 16;
/** A turn that publishes for longer than this has its messages submitted before it ends, ms. */
const OLDEST_MS = 1;
/** Turns that publish are this far apart when there is time for a submit of their own, ms. */
const PAUSE_MS = 0.01;

// Kept from the start: a test that puts fake timers in the globals must not stop the bus.
const { nextTick } = process;
const clock = performance;

const topicEncoder = new TextEncoder();

/** What a record is written with. */
export interface RecordOptions extends PublishOptions {
  /** A message of `emit`: this thread's listeners were called, and are not again. */
  emitted?: boolean;
  /** A request: this thread's number for it, and how long it waits for the answer. */
  request?: { readonly id: number; readonly timeoutMs: number };
}

/** What the outbox needs of the native side. */
export interface SubmitFunctions {
  submit(): void;
  submitBlock(payload: Uint8Array): boolean;
  /** Sleeps until the record that was refused last may be admitted, for some milliseconds at most. */
  awaitRoom(mostMs: number): boolean;
}

/**
 * Where this thread writes its messages: records one behind the other, in memory shared with native, which takes them away
 * at `submit`. Nothing here crosses the boundary but `submit`, once for many messages.
 */
export class Outbox {
  private readonly bytes = new Uint8Array(new SharedArrayBuffer(Bus.OutboxBytes));
  private readonly words = new Int32Array(this.bytes.buffer);
  private readonly view = new DataView(this.bytes.buffer);
  private readonly encoder: Encoder;
  private readonly large: ScratchEncoder;
  private position = 0;
  private records = 0;
  private mark = 0;
  private turnBegan = 0;
  private stalled = false;
  private encoding = false;
  private flushing = false;
  private gates: Uint8Array = new Uint8Array(0);
  private functions: SubmitFunctions | undefined;
  private readonly sampling = new LatencySampling();
  /** When the message that is being written was published, if it is to be measured, else 0. */
  private publishedAt = 0;
  /** Sizes of the parts of the payload area that was encoded last. */
  private topicLength = 0;
  private headersLength = 0;

  constructor(
    private readonly control: Int32Array,
    tables: Tables,
    /** Called when this thread, asleep until then, has sent itself a message. */
    private readonly onOwnMail: () => void,
    /** Called when records that a full subscription had kept here have found their place. */
    private readonly onRoom: () => void,
  ) {
    this.encoder = new Encoder(tables);
    this.encoder.attach(this.bytes);
    this.large = new ScratchEncoder(tables);
  }

  /** The memory, for native. */
  get memory(): Uint8Array {
    return this.bytes;
  }

  connect(functions: SubmitFunctions): void {
    this.functions = functions;
  }

  /** The gates moved to larger memory. */
  setGates(gates: Uint8Array): void {
    this.gates = gates;
  }

  /** True while records wait that a submit could not place: messages that must ask wait behind them. */
  get isStalled(): boolean {
    return this.position !== 0;
  }

  private get isFull(): boolean {
    return this.position > FULL_AT || this.records >= Bus.OutboxRecords;
  }

  /** Writes a message. True when it is admitted, or will be with the rest of this turn's. */
  write(topic: TopicEntry, payload: unknown, options: RecordOptions | undefined): boolean {
    this.refuseReentry();
    this.publishedAt = this.sampling.take();
    if (this.isFull && !this.makeRoom()) return this.writeAndAsk(topic, payload, options);
    if (topic.large || this.gates[topic.index] !== Gate.Open) return this.writeAndAsk(topic, payload, options);
    const start = this.position;
    const end = this.writeRecord(topic, payload, options, start);
    if (end < 0) return this.writeAndAsk(topic, payload, options);
    this.commit(end);
    if (options?.priority === EventPriority.CRITICAL) this.submit();
    else if (!this.flushing) this.beginTurn();
    else if (this.records % RECORDS_PER_LOOK === 0) this.submitWhenOld();
    return true;
  }

  /** Hands everything that was written to native. What a full subscription refuses stays, in order. */
  submit(): void {
    // While a record is being written (a getter of its value got here) the outbox must stay as it is.
    if (this.position === 0 || this.encoding) return;
    (this.functions as SubmitFunctions).submit();
    this.position = this.control[Control.OutboxCommitted >> 2];
    this.records = this.position === 0 ? 0 : this.records - this.control[Control.RecordsTaken >> 2];
    this.mark = 0;
    this.lookForOwnMail();
    this.lookForRoom();
  }

  /** Throws while a record is being written: what would change the outbox under it must not go on. */
  refuseReentry(): void {
    if (this.encoding) throw reentrant();
  }

  /** Empties the outbox: native took everything on its own, or what was written is taken back. */
  reset(): void {
    this.position = 0;
    this.records = 0;
    this.control[Control.OutboxCommitted >> 2] = 0;
    this.lookForOwnMail();
    this.lookForRoom();
  }

  /** Native rings for other threads only: what this thread sent itself, or has room for now, is fetched in a later turn. */
  lookForOwnMail(): void {
    if (this.control[Control.OwnMail >> 2] === 0) return;
    this.control[Control.OwnMail >> 2] = 0;
    this.onOwnMail();
  }

  /** What a submit had left behind is gone: who waits for a topic may go on, whatever it was that made room. */
  private lookForRoom(): void {
    const wasStalled = this.stalled;
    this.stalled = this.position !== 0;
    if (wasStalled && !this.stalled) this.onRoom();
  }

  private makeRoom(): boolean {
    this.submit();
    return !this.isFull;
  }

  /** The record is complete: from now on it is submitted even if this thread ends. */
  private commit(end: number): void {
    this.position = end;
    this.records++;
    this.control[Control.OutboxCommitted >> 2] = end;
  }

  /**
   * A subscription is nearly full: the message is submitted alone and at once, and native's word is final. Where those who refuse
   * want their publishers to sleep, this thread does, in slices, so that it can be terminated.
   */
  private writeAndAsk(topic: TopicEntry, payload: unknown, options: RecordOptions | undefined): boolean {
    if (this.ask(topic, payload, options)) return true;
    if (isMainThread || this.blockMs === 0) return false;
    const { awaitRoom } = this.functions as SubmitFunctions;
    const deadline = clock.now() + this.blockMs;
    for (let left = this.blockMs; left > 0; left = deadline - clock.now()) {
      awaitRoom(left);
      if (this.ask(topic, payload, options)) return true;
      if (this.blockMs === 0) return false;
    }
    return false;
  }

  /** How long this thread may sleep for the record that was just refused. */
  private get blockMs(): number {
    return this.control[Control.BlockMs >> 2];
  }

  private ask(topic: TopicEntry, payload: unknown, options: RecordOptions | undefined): boolean {
    this.submit();
    if (this.position !== 0) return false;
    const end = topic.large ? -1 : this.writeRecord(topic, payload, options, 0);
    if (end < 0) return this.submitLarge(topic, payload, options);
    this.commit(end);
    this.submit();
    if (this.position === 0) return true;
    // Taken back, not placed: nobody who waits for room need look.
    this.stalled = false;
    this.reset();
    return false;
  }

  /** Submits a message whose payload area goes into a block of its own. Everything before it goes first. */
  private submitLarge(topic: TopicEntry, payload: unknown, options: RecordOptions | undefined): boolean {
    this.submit();
    if (this.position !== 0) return false;
    return this.large.encode(
      (encoder, memory) => this.encodeArea(encoder, memory, topic, payload, options, 0, memory.length),
      (area) => {
        topic.large = area.length > Bus.InlinePayloadBytes;
        const flags = this.flagsOf(topic, options);
        const body = Layout.Extensions + extensionBytes(flags);
        this.writeExtensions(0, flags, topic, options);
        this.writeFixed(topic, options, flags, 0, body, body);
        try {
          return (this.functions as SubmitFunctions).submitBlock(area);
        } finally {
          this.reset();
        }
      },
    );
  }

  /** Writes a record whose payload area fits inline: its end, or -1 when it does not. */
  private writeRecord(topic: TopicEntry, payload: unknown, options: RecordOptions | undefined, start: number): number {
    const isPlain = options === undefined && topic.index !== 0 && this.publishedAt === 0;
    const flags = isPlain ? 0 : this.flagsOf(topic, options);
    const body = start + Layout.Extensions + extensionBytes(flags);
    const end = this.encodeArea(this.encoder, this.bytes, topic, payload, options, body, body + Bus.InlinePayloadBytes);
    if (end < 0) return -1;
    if (flags !== 0) this.writeExtensions(start, flags, topic, options);
    return this.writeFixed(topic, options, flags, start, body, end);
  }

  /** Writes the inline topic, the headers and the payload, as far as there are any: the end, or -1 for no room. */
  private encodeArea(
    encoder: Encoder,
    memory: Uint8Array,
    topic: TopicEntry,
    payload: unknown,
    options: RecordOptions | undefined,
    start: number,
    end: number,
  ): number {
    let at = start;
    let part: unknown = payload;
    this.encoding = true;
    encoder.channel = topic.channel;
    try {
      if (topic.index === 0) {
        this.topicLength = topicEncoder.encodeInto(topic.name, memory.subarray(at)).written;
        at += this.topicLength;
      }
      this.headersLength = 0;
      if (options?.headers !== undefined) {
        part = options.headers;
        const headersStart = at;
        at = encoder.writeRoot(options.headers, at, end, topic.headers);
        this.headersLength = at - headersStart;
        part = payload;
      }
      return encoder.writeRoot(payload, at, end, topic.payloads);
    } catch (error) {
      if (isOverflow(error)) return -1;
      throw toValueError(part, error);
    } finally {
      this.encoding = false;
    }
  }

  /** Writes the fixed part of a record: the position behind the record. */
  private writeFixed(
    topic: TopicEntry,
    options: RecordOptions | undefined,
    flags: number,
    start: number,
    body: number,
    end: number,
  ): number {
    const next = (end + Bus.RecordAlign - 1) & -Bus.RecordAlign;
    const priority = options?.priority ?? EventPriority.NORMAL;
    const word = start >> 2;
    const words = this.words;
    words[word + (Layout.Length >> 2)] = next - start;
    words[word + (Layout.Priority >> 2)] = priority | (flags << 16);
    words[word + (Layout.Topic >> 2)] = topic.index;
    words[word + (Layout.PayloadLength >> 2)] = end - body;
    return next;
  }

  private flagsOf(topic: TopicEntry, options: RecordOptions | undefined): number {
    return flagsOf(topic, options) | (this.publishedAt === 0 ? 0 : Flag.Published);
  }

  private writeExtensions(start: number, flags: number, topic: TopicEntry, options: RecordOptions | undefined): void {
    let word = (start + Layout.Extensions) >> 2;
    if (flags & Flag.TopicInline) {
      this.words[word] = this.topicLength;
      this.words[word + 1] = topic.bus;
      word += Bus.ExtensionBytes >> 2;
    }
    if (flags & Flag.Headers) {
      this.words[word] = this.headersLength;
      this.words[word + 1] = options?.emitted ? 1 : 0;
      word += Bus.ExtensionBytes >> 2;
    }
    if (flags & Flag.Expiry) {
      const ns = (options?.expiresInMs as number) * 1e6;
      this.words[word] = ns % 2 ** 32;
      this.words[word + 1] = ns / 2 ** 32;
      word += Bus.ExtensionBytes >> 2;
    }
    if (flags & Flag.Correlation) {
      this.view.setBigUint64(word << 2, options?.correlationId as bigint, true);
      word += Bus.ExtensionBytes >> 2;
    }
    if (flags & Flag.Published) {
      this.words[word] = this.publishedAt % 2 ** 32;
      this.words[word + 1] = this.sampling.upperWord(this.publishedAt);
      word += Bus.ExtensionBytes >> 2;
    }
    if (options?.request !== undefined) {
      this.words[word] = options.request.id;
      this.words[word + 1] = options.request.timeoutMs;
    }
  }

  /**
   * The first message of a turn. After a pause it is submitted at once: a sleeping receiver wakes while the rest of the turn's
   * messages are being written, and a lone message does not wait for the turn's end. Otherwise all go together at the end of
   * the turn; `nextTick` runs once per 64 awaits, where a microtask would run each time.
   */
  private beginTurn(): void {
    const now = clock.now();
    const isAfterPause = now - this.turnBegan > PAUSE_MS;
    if (now - this.turnBegan > SAMPLING_PAUSE_MS) this.sampling.afterPause();
    this.turnBegan = now;
    if (isAfterPause) {
      this.submit();
    } else {
      this.flushing = true;
      nextTick(this.flushTurn);
    }
  }

  private readonly flushTurn = (): void => {
    this.flushing = false;
    this.submit();
  };

  private submitWhenOld(): void {
    const now = clock.now();
    if (this.mark === 0) this.mark = now;
    else if (now - this.mark > OLDEST_MS) this.submit();
  }
}

function flagsOf(topic: TopicEntry, options: RecordOptions | undefined): number {
  return (
    (topic.index === 0 ? Flag.TopicInline : 0) |
    (options?.headers !== undefined || options?.emitted ? Flag.Headers : 0) |
    (options?.expiresInMs !== undefined ? Flag.Expiry : 0) |
    (options?.correlationId !== undefined ? Flag.Correlation : 0) |
    (options?.request !== undefined ? Flag.Reply : 0) |
    (options?.mandatory ? Flag.Mandatory : 0)
  );
}

function extensionBytes(flags: number): number {
  let count = 0;
  for (let rest = flags & ~Flag.Mandatory; rest !== 0; rest &= rest - 1) count++;
  return count * Bus.ExtensionBytes;
}
