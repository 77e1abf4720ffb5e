import { checkInteger, refuseUnknown } from '../checks';
import { Decoder } from '../codec/decoder';
import { threadTables } from '../codec/thread-tables';
import { AgentwireArgumentError } from '../errors';
import type { NativeDeadLetter, NativeLetterCounts, NativeLetterFacts } from '../generated/binding';
import { LetterReason } from '../generated/layout';
import { matchesPattern } from './pattern';

/**
 * Why a message is a dead letter.
 * - `handler-error`, `timeout`: its last handler threw or rejected, or was not done within `ackTimeoutMs`.
 * - `expired`: `expiresInMs` was over before a handler was done with it.
 * - `overflow`: a full subscription with a policy that drops gave it up, or there was no memory.
 * - `subscriber-died`, `unsubscribed`: its subscriber's thread ended, or its subscription, and there was no other member of a group.
 * - `undecodable`: its bytes were no value.
 * - `no-subscriber`: nobody was subscribed, and it was published with `mandatory: true`.
 */
export type DeadLetterReason =
  | 'handler-error'
  | 'timeout'
  | 'expired'
  | 'overflow'
  | 'subscriber-died'
  | 'undecodable'
  | 'no-subscriber'
  | 'unsubscribed';

const reasons: readonly (readonly [LetterReason, DeadLetterReason])[] = [
  [LetterReason.HandlerError, 'handler-error'],
  [LetterReason.Timeout, 'timeout'],
  [LetterReason.Expired, 'expired'],
  [LetterReason.Overflow, 'overflow'],
  [LetterReason.SubscriberDied, 'subscriber-died'],
  [LetterReason.Undecodable, 'undecodable'],
  [LetterReason.NoSubscriber, 'no-subscriber'],
  [LetterReason.Unsubscribed, 'unsubscribed'],
];
const reasonNames = new Map<number, DeadLetterReason>(reasons);

/** Which dead letters: those that fit everything that is given. */
export interface DeadLetterFilter {
  /** One reason, or several. */
  reason?: DeadLetterReason | readonly DeadLetterReason[] | undefined;
  /** A pattern, as for `subscribe`. */
  topic?: string | undefined;
  /** The group that they were for. */
  group?: string | undefined;
  /** The id of the subscription that they were for. */
  subscription?: number | undefined;
  /** At most so many, oldest first. Default: all. */
  limit?: number | undefined;
}

export interface ReplayOptions {
  /** Also letters that were replayed 16 times and came back each time. Default: false, they stay. */
  force?: boolean | undefined;
}

/** The figures of a bus's dead letters, over all threads. Those that came = held + replayed + purged + discarded. */
export interface DeadLetterStats {
  /** Letters that came. */
  added: number;
  /** The same, by reason. */
  addedByReason: Record<DeadLetterReason, number>;
  /** Letters that are here. */
  held: number;
  /** Bytes of them. */
  bytes: number;
  /** Letters that were handed out again. */
  replayed: number;
  /** Letters that were purged. */
  purged: number;
  /** Letters that went for newer ones, for there are at most as many as the limits say. */
  discarded: number;
}

/** A message that nobody could handle. It stays readable when it is no dead letter any more. */
export class DeadLetter {
  private readonly facts: NativeLetterFacts;

  /** @internal */
  constructor(private readonly native: NativeDeadLetter) {
    this.facts = native.facts();
  }

  /** Unique in its bus; later ones are higher. */
  get id(): number {
    return this.facts.id;
  }

  get reason(): DeadLetterReason {
    return reasonNames.get(this.facts.reason) as DeadLetterReason;
  }

  /** The topic that it was published to. */
  get topic(): string {
    return this.facts.topic;
  }

  /** EventPriority. */
  get priority(): number {
    return this.facts.priority;
  }

  /** Handlers that have failed with it. */
  get attempts(): number {
    return this.facts.attempts;
  }

  /** Times that it was replayed. */
  get replays(): number {
    return this.facts.replays;
  }

  /** What the last handler threw, as a text; undefined when none did. */
  get error(): string | undefined {
    return this.facts.error ?? undefined;
  }

  /** When it was submitted: nanoseconds since the Unix epoch. */
  get timestamp(): bigint {
    return this.facts.publishedAt;
  }

  /** When it became a dead letter: nanoseconds since the Unix epoch. */
  get diedAt(): bigint {
    return this.facts.diedAt;
  }

  /** The endpoint (thread) that published it, as `context.publisher`. */
  get publisher(): number {
    return this.facts.publisher;
  }

  /** Its publisher's number for it, as `context.sequence`. */
  get sequence(): number {
    return this.facts.sequence;
  }

  /** The publisher's correlation id, if any. */
  get correlationId(): bigint | undefined {
    return this.facts.correlationId ?? undefined;
  }

  /** The id of the subscription that it was for; undefined when there was none. */
  get subscription(): number | undefined {
    return this.facts.subscription ?? undefined;
  }

  /** The pattern of that subscription. */
  get pattern(): string | undefined {
    return this.facts.pattern ?? undefined;
  }

  /** The group that it was for. */
  get group(): string | undefined {
    return this.facts.group ?? undefined;
  }

  /** Bytes that it takes. */
  get bytes(): number {
    return this.facts.bytes;
  }

  /** The publisher's headers, if any, decoded anew each time. */
  get headers(): Readonly<Record<string, unknown>> | undefined {
    const encoded = this.native.headers();
    return encoded === null ? undefined : (decode(encoded) as Record<string, unknown>);
  }

  /** What was published, decoded anew each time. Throws AgentwireDecodeError for one that is `undecodable`. */
  get payload(): unknown {
    return decode(this.native.payload());
  }
}

function decode(encoded: Uint8Array): unknown {
  return new Decoder(threadTables()).decode(encoded);
}

/** @internal What the dead letters need of their bus. */
export interface DeadLetterSource {
  after(id: number, most: number): NativeDeadLetter[];
  get(id: number): NativeDeadLetter | null;
  replay(id: number, force: boolean): 'done' | 'not-found' | 'too-often' | 'nobody' | 'full';
  purge(id: number): boolean;
  counts(): NativeLetterCounts;
  /** Has `DeadLetters.look` called when letters come, or not any more. The id of the newest one. */
  listen(yes: boolean): number;
  report(error: unknown): void;
}

/** A look at the letters takes so many at once. */
const PAGE = 256;

// Kept from the start: a test that puts fake timers in the globals must not stop the bus.
const nextTurn = setImmediate;
const filterKeys = ['reason', 'topic', 'group', 'subscription', 'limit'];

/** Is called with each dead letter, in every thread that listens. */
export type DeadLetterListener = (letter: DeadLetter) => unknown;

/** The messages of a bus that nobody could handle, of all threads: `bus.deadLetters`. */
export class DeadLetters {
  private readonly listeners: DeadLetterListener[] = [];
  private lastSeen = 0;

  /** @internal */
  constructor(private readonly source: DeadLetterSource) {}

  /** The dead letters that fit, oldest first. */
  list(filter: DeadLetterFilter = {}): DeadLetter[] {
    return [...this.select(filter)];
  }

  /** The dead letter of that id, if it is one still. */
  get(id: number): DeadLetter | undefined {
    checkId(id);
    const letter = this.source.get(id);
    return letter === null ? undefined : new DeadLetter(letter);
  }

  /**
   * Hands dead letters out again, by id or all that fit: how many it were. Each goes to whom it was for: a member of its group; its
   * subscription, or if that has ended the newest one with the same pattern; where there was no subscriber, everybody who matches now. It
   * begins anew, and expires no more. Those for whom there is nobody stay, and so do those whose subscription is full, and those that were
   * replayed 16 times already (`force`): a message that always fails does not go round for ever.
   */
  replay(which: number | DeadLetterFilter, { force = false }: ReplayOptions = {}): number {
    if (typeof force !== 'boolean') throw new AgentwireArgumentError('force', 'true or false', force);
    return this.count(which, (id) => this.source.replay(id, force) === 'done');
  }

  /** Deletes dead letters, by id or all that fit (`{}` is all): how many it were. */
  purge(which: number | DeadLetterFilter): number {
    return this.count(which, (id) => this.source.purge(id));
  }

  /** The figures now. */
  get stats(): DeadLetterStats {
    const { added, held, bytes, replayed, purged, discarded } = this.source.counts();
    const byReason = reasons.map(([reason, name]) => [name, added[reason] ?? 0]);
    return {
      added: added.reduce((sum, count) => sum + count, 0),
      addedByReason: Object.fromEntries(byReason),
      held,
      bytes,
      replayed,
      purged,
      discarded,
    };
  }

  /**
   * Calls `listener` with each dead letter that comes from now on, soon after it came, whatever thread it comes from. It does not keep
   * the thread alive (`bus.ref()` does), and what it throws is reported as a handler's error is.
   */
  on(event: 'letter', listener: DeadLetterListener): this {
    checkListener(event, listener);
    if (this.listeners.push(listener) === 1) this.lastSeen = this.source.listen(true);
    return this;
  }

  /** As `on`, for one letter. */
  once(event: 'letter', listener: DeadLetterListener): this {
    checkListener(event, listener);
    const first: DeadLetterListener = (letter) => {
      this.off('letter', first);
      return listener(letter);
    };
    return this.on(event, first);
  }

  /** Takes off what `on` added. */
  off(event: 'letter', listener: DeadLetterListener): this {
    checkListener(event, listener);
    const index = this.listeners.lastIndexOf(listener);
    if (index >= 0) this.listeners.splice(index, 1);
    if (index >= 0 && this.listeners.length === 0) this.source.listen(false);
    return this;
  }

  /** @internal The bus is about to be closed. */
  stop(): void {
    if (this.listeners.length > 0) this.source.listen(false);
    this.listeners.length = 0;
  }

  /** @internal Letters have come: calls the listeners. */
  readonly look = (): void => {
    if (this.listeners.length === 0) return;
    const letters = this.source.after(this.lastSeen, PAGE);
    for (const native of letters) {
      const letter = new DeadLetter(native);
      this.lastSeen = letter.id;
      for (const listener of [...this.listeners]) this.call(listener, letter);
    }
    // Others have their turn in between, however many letters come.
    if (letters.length === PAGE) nextTurn(this.look);
  };

  private call(listener: DeadLetterListener, letter: DeadLetter): void {
    try {
      const result = listener(letter);
      if (result instanceof Promise) result.catch((error: unknown) => this.source.report(error));
    } catch (error) {
      this.source.report(error);
    }
  }

  private count(which: number | DeadLetterFilter, done: (id: number) => boolean): number {
    if (typeof which === 'number') {
      checkId(which);
      return done(which) ? 1 : 0;
    }
    let count = 0;
    for (const letter of this.select(which)) if (done(letter.id)) count++;
    return count;
  }

  /** Those that are here when this is called. */
  private *select(filter: DeadLetterFilter): Generator<DeadLetter> {
    const fits = checkFilter(filter);
    const { limit = Number.POSITIVE_INFINITY } = filter;
    const { added } = this.stats;
    let after = 0;
    for (let found = 0; found < limit; ) {
      const page = this.source.after(after, PAGE);
      for (const native of page) {
        const letter = new DeadLetter(native);
        after = letter.id;
        // What came since this was called is not looked at: it may be what was just replayed.
        if (after > added) return;
        if (!fits(letter)) continue;
        yield letter;
        if (++found >= limit) return;
      }
      if (page.length < PAGE) return;
    }
  }
}

function checkId(id: number): void {
  checkInteger('id', id, 1, Number.MAX_SAFE_INTEGER);
}

function checkListener(event: string, listener: DeadLetterListener): void {
  if (event !== 'letter') throw new AgentwireArgumentError('event', '"letter"', event);
  if (typeof listener !== 'function') throw new AgentwireArgumentError('listener', 'a function', listener);
}

function checkFilter(filter: DeadLetterFilter): (letter: DeadLetter) => boolean {
  if (typeof filter !== 'object' || filter === null) {
    throw new AgentwireArgumentError('filter', 'an id or an object', filter);
  }
  refuseUnknown(filter, filterKeys, 'deadLetters');
  const { reason, topic, group, subscription, limit } = filter;
  const names: readonly unknown[] = reasons.map(([, name]) => name);
  const wanted = reason === undefined ? undefined : [reason].flat();
  for (const one of wanted ?? []) {
    if (!names.includes(one))
      throw new AgentwireArgumentError('reason', names.map((name) => `"${name}"`).join(', '), one);
  }
  if (topic !== undefined && typeof topic !== 'string') throw new AgentwireArgumentError('topic', 'a pattern', topic);
  if (group !== undefined && typeof group !== 'string') throw new AgentwireArgumentError('group', 'a string', group);
  if (subscription !== undefined) checkInteger('subscription', subscription, 1, Number.MAX_SAFE_INTEGER);
  if (limit !== undefined) checkInteger('limit', limit, 1, Number.MAX_SAFE_INTEGER);
  const pattern = topic?.split('.');
  return (letter) =>
    (wanted === undefined || wanted.includes(letter.reason)) &&
    (pattern === undefined || matchesPattern(pattern, letter.topic.split('.'))) &&
    (group === undefined || letter.group === group) &&
    (subscription === undefined || letter.subscription === subscription);
}
