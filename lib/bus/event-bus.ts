import { types } from 'node:util';
import { TableChannel } from '../codec/table-channel';
import { AgentwireArgumentError, AgentwireClosedError, AgentwireError, fromNative, quote, textOf } from '../errors';
import { Bus } from '../generated/layout';
import { LatencyHistogram, statsOfCells } from '../monitor/latency-histogram';
import { native } from '../native';
import { checkSignal, onAbort } from '../wait/abort';
import { type BatchMessage, publishEach } from './batch';
import {
  type ChannelQuota,
  type ChannelTerms,
  checkChannel,
  otherQuota,
  type QuotaUsage,
  quotaUsageOf,
} from './channel';
import { type CloseOptions, type CloseResult, checkCloseOptions, drained } from './closing';
import { DeadLetters } from './dead-letters';
import { Emitter } from './emitter';
import { Endpoint } from './endpoint';
import { checkGroup, type GroupOptions, groupStatsOf, otherSettings, SubscriptionGroup } from './group';
import {
  type BusMetrics,
  busMetricsOf,
  checkMetricsOptions,
  type GroupMetrics,
  type MetricsOptions,
  subscriptionMetricsOf,
  ThroughputMeter,
  topicMetricsOf,
} from './metrics';
import {
  checkBusOptions,
  checkPublishOptions,
  checkSubscribeOptions,
  type EventBusOptions,
  type HandlerFailure,
  type PublishOptions,
  type SubscribeOptions,
} from './options';
import { checkRequestOptions, type RequestOptions, type RequestOwner } from './requests';
import { statsOf } from './stats';
import { MessageStream, type StreamOptions } from './stream';
import { type Handler, type Listener, Subscription, type SubscriptionOwner } from './subscription';
import { TopicEntry } from './topic-entry';
import {
  type AggregateMapTransform,
  type AggregateTransform,
  type FilterTransform,
  type MapTransform,
  type ReduceTransform,
  transformed,
} from './transform';

/** Topics without an id that are kept at hand; the oldest is forgotten for a new one. */
const MOST_INLINE_TOPICS = 1024;

/**
 * A bus: every thread of the process that opens the same name is on it. Messages published to a topic go to every subscription
 * whose pattern matches, in whatever thread; each gets its own copy.
 */
export class EventBus {
  /** The name that it was opened by; a channel's is that of its bus. */
  readonly name: string;
  /** What native knows it as: of a channel another name than of its bus. */
  private readonly nativeName: string;
  /** Of a channel: whose it is, and what it may have. */
  private readonly terms: ChannelTerms | undefined;
  private readonly channels = new Set<EventBus>();
  private readonly endpoint: Endpoint;
  private readonly handle: number;
  private readonly tableChannel: TableChannel;
  private readonly onError: EventBusOptions['onError'];
  private readonly topics = new Map<string, TopicEntry>();
  private readonly inlineTopics = new Map<string, TopicEntry>();
  private readonly subscriptions = new Set<Subscription>();
  private readonly waiting = new Set<(error: Error) => void>();
  private readonly throughput = new ThroughputMeter();
  /** This thread's part of the bus's latencies, once a message comes here that is measured. */
  private latency: LatencyHistogram | undefined;
  private emitter: Emitter | undefined;
  private letters: DeadLetters | undefined;
  private lastTopic: TopicEntry | undefined;
  private isClosed = false;
  /** A `close({ drain: true })` that is under way. */
  private closing: Promise<CloseResult> | undefined;
  private closeResult: CloseResult | undefined;
  /** Ends the wait of a `close({ drain: true })`. */
  private endDrain: (() => void) | undefined;

  constructor(options?: EventBusOptions);
  /** @internal A channel. */
  constructor(options: EventBusOptions, terms: ChannelTerms);
  constructor(options: EventBusOptions = {}, terms?: ChannelTerms) {
    const { name, onError, deadLetters } = checkBusOptions(options);
    this.name = name;
    this.terms = terms;
    this.nativeName = terms?.nativeName ?? name;
    this.tableChannel = TableChannel.ofBus(this.nativeName);
    this.onError = onError;
    this.endpoint = Endpoint.get();
    try {
      this.handle = this.open(terms);
    } catch (error) {
      throw fromNative(error, `the bus ${quote(name)} cannot be opened`);
    }
    if (deadLetters !== undefined) this.limitDeadLetters(deadLetters.limit, deadLetters.limitBytes);
  }

  private open(terms: ChannelTerms | undefined): number {
    const { native } = this.endpoint;
    if (terms === undefined) return native.openBus(this.nativeName);
    const opened = native.openChannel(this.nativeName, terms.quota);
    if (typeof opened !== 'number') throw otherQuota(terms.tenant, opened);
    return opened;
  }

  private limitDeadLetters(limit: number, limitBytes: number): void {
    const said = this.endpoint.native.limitDeadLetters(this.handle, limit, limitBytes);
    if (said === null) return;
    this.close();
    throw new AgentwireError(
      'ERR_AGENTWIRE_LIMITS',
      `the bus ${quote(this.name)} keeps at most ${said[0]} dead letters of ${said[1]} bytes, as it was opened with before; ` +
        `${limit} of ${limitBytes} were given: say the same everywhere, or say it once`,
    );
  }

  /** True after `close()`. */
  get closed(): boolean {
    return this.isClosed;
  }

  /**
   * Publishes a message. True when it is admitted: every subscription that matches when it is submitted (at the end of this
   * turn at the latest) will be handed it, or its end is counted with a reason. False when a subscription that matches is full:
   * nobody gets it, and the publisher may try again after `writable(topic)`.
   *
   * The payload is copied here: any JSON value, and undefined, bigint, Date, Map, Set, typed arrays, ArrayBuffer and DataView.
   * Throws AgentwireValueError for what cannot be sent, cycles included.
   */
  publish(topic: string, payload: unknown, options?: PublishOptions): boolean {
    if (this.isClosed) throw this.closedError();
    const checked = options === undefined ? undefined : checkPublishOptions(options);
    const last = this.lastTopic;
    const entry = last !== undefined && last.name === topic ? last : this.findTopic(topic);
    return this.endpoint.outbox.write(entry, payload, checked);
  }

  /**
   * Publishes the messages in order: how many were admitted. Where a subscription is full it stops, so that the caller goes on from
   * there after `writable(messages[count].topic)`. Nothing is published when one has the wrong form; a topic or a payload that
   * `publish` would refuse by an error stops it as well, and is thrown where it is the first of the batch.
   */
  publishBatch(messages: readonly BatchMessage[]): number {
    if (this.isClosed) throw this.closedError();
    return publishEach(messages, (topic, payload, options) => this.publish(topic, payload, options));
  }

  /** Submits what was published in this turn, now rather than at its end. */
  flush(): void {
    if (this.isClosed) throw this.closedError();
    this.endpoint.outbox.submit();
  }

  /** Resolves when a publish to the topic would be admitted: at once, or when the subscriptions that match have drained. */
  writable(topic: string): Promise<void> {
    if (this.isClosed) return Promise.reject(this.closedError());
    let entry: TopicEntry;
    try {
      this.endpoint.outbox.refuseReentry();
      entry = this.findTopic(topic);
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.whenWritable(entry, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  /** Calls `done` when a publish would be admitted, or with an error when the bus is closed; until the returned function is called. */
  private whenWritable(entry: TopicEntry, done: (error?: Error) => void): () => void {
    const { endpoint, handle } = this;
    const isWritable = () => {
      endpoint.outbox.submit();
      if (endpoint.outbox.isStalled) return false;
      const { native } = endpoint;
      return entry.index === 0 ? native.isWritableByName(handle, entry.name) : native.isWritable(entry.index);
    };
    if (isWritable()) {
      done();
      return () => {};
    }
    let isOver = false;
    const stopRetrying = endpoint.onWritable(() => {
      // Another of those who wait may have ended this one, after it was to be told.
      if (!isOver && isWritable()) end();
    });
    const stop = () => {
      isOver = true;
      stopRetrying();
      this.waiting.delete(end);
      endpoint.keepAlive(end, false);
    };
    const end = (error?: Error) => {
      stop();
      done(error);
    };
    this.waiting.add(end);
    // Somebody awaits this: the thread must not end before it comes.
    endpoint.keepAlive(end, true);
    return stop;
  }

  /**
   * Calls `handler` for every message whose topic matches `pattern`: segments split by `.`, where `*` stands for one segment and
   * `**` for zero or more. What a handler throws is counted and reported; it never takes the thread down.
   *
   * With a `transform` the handler's payload is what the transform makes of the messages, on this thread.
   */
  subscribe<T, R>(
    pattern: string,
    handler: Handler<R>,
    options: SubscribeOptions & { transform: MapTransform<T, R> },
  ): Subscription;
  subscribe<T>(
    pattern: string,
    handler: Handler<T>,
    options: SubscribeOptions & { transform: FilterTransform<T> },
  ): Subscription;
  subscribe<T, R>(
    pattern: string,
    handler: Handler<R>,
    options: SubscribeOptions & { transform: ReduceTransform<T, R> },
  ): Subscription;
  subscribe<T = unknown>(
    pattern: string,
    handler: Handler<T[]>,
    options: SubscribeOptions & { transform: AggregateTransform },
  ): Subscription;
  subscribe<T, R>(
    pattern: string,
    handler: Handler<R>,
    options: SubscribeOptions & { transform: AggregateMapTransform<T, R> },
  ): Subscription;
  subscribe<T = unknown>(
    pattern: string,
    handler: Handler<T>,
    options?: SubscribeOptions & { transform?: undefined },
  ): Subscription;
  subscribe(
    pattern: string,
    handler: Handler<never>,
    options: SubscribeOptions & { transform?: unknown } = {},
  ): Subscription {
    if (this.isClosed || this.closing !== undefined) throw this.closedError();
    if (typeof pattern !== 'string') throw new AgentwireArgumentError('pattern', 'a string', pattern);
    if (typeof handler !== 'function') throw new AgentwireArgumentError('handler', 'a function', handler);
    const checked = checkSubscribeOptions(options);
    const signal = checkSignal(options.signal);
    if (signal?.aborted) throw signal.reason;
    const behind = transformed(options.transform, handler, checked.native.queueLimit);
    const { native, inbox } = this.endpoint;
    let subscription: Subscription | undefined;
    const stopListening = signal === undefined ? undefined : onAbort(signal, () => subscription?.unsubscribe());
    try {
      const { slot, id } = this.endpoint.growing(() =>
        native.subscribe(this.handle, pattern, checked.native, checked.filter),
      );
      subscription = new Subscription(this.owner, slot, id, pattern, behind.handler);
      subscription.beforeEnd = behind.flush;
      subscription.isShared = checked.shared;
      inbox.attach(subscription);
      this.subscriptions.add(subscription);
      if (stopListening !== undefined) subscription.atEnd(stopListening);
      return subscription;
    } catch (error) {
      stopListening?.();
      throw fromNative(error, `the pattern ${quote(pattern)} cannot be subscribed to`);
    }
  }

  /**
   * The messages of a pattern, for `for await (const { topic, payload, context } of bus.stream('a.*'))`. It is subscribed when
   * this returns: what is published from then on waits for the loop, up to `highWaterMark`, and a full stream makes `publish`
   * return false, as a slow handler does. Waiting for the next message does not keep the thread alive; `ref()` does.
   */
  stream<T, R>(pattern: string, options: StreamOptions & { transform: MapTransform<T, R> }): MessageStream<R>;
  stream<T>(pattern: string, options: StreamOptions & { transform: FilterTransform<T> }): MessageStream<T>;
  stream<T, R>(pattern: string, options: StreamOptions & { transform: ReduceTransform<T, R> }): MessageStream<R>;
  stream<T = unknown>(pattern: string, options: StreamOptions & { transform: AggregateTransform }): MessageStream<T[]>;
  stream<T, R>(pattern: string, options: StreamOptions & { transform: AggregateMapTransform<T, R> }): MessageStream<R>;
  stream<T = unknown>(pattern: string, options?: StreamOptions & { transform?: undefined }): MessageStream<T>;
  stream<T>(pattern: string, options: StreamOptions = {}): MessageStream<T> {
    return new MessageStream<T>((...given) => this.subscribe(...given), pattern, options);
  }

  /**
   * Calls `listener(payload, topic, context)` for every message whose topic matches: of an `emit` in this thread at once and by
   * reference, without a context; of `publish`, and of an `emit` in another thread, as `subscribe` does. Adding one twice has it
   * called twice.
   */
  on<T = unknown>(pattern: string, listener: Listener<T>): this {
    this.ownEmitter().add(pattern, listener as Listener, false);
    return this;
  }

  /** As `on`, for one message: the listener is taken off before it is called. */
  once<T = unknown>(pattern: string, listener: Listener<T>): this {
    this.ownEmitter().add(pattern, listener as Listener, true);
    return this;
  }

  /** Takes off what `on` or `once` of this object added: the last one, where it was added more than once. */
  off<T = unknown>(pattern: string, listener: Listener<T>): this {
    if (typeof pattern !== 'string') throw new AgentwireArgumentError('pattern', 'a string', pattern);
    if (typeof listener !== 'function') throw new AgentwireArgumentError('listener', 'a function', listener);
    this.emitter?.remove(pattern, listener as Listener);
    return this;
  }

  /**
   * Hands the message to this thread's listeners (`on`, `once`, of every EventBus of this name) at once, in the order in which they
   * were added and by reference, and publishes it for everybody else, if there is anybody: listeners of other threads, and every
   * subscription and stream, get a copy. With nobody else nothing is copied, and the payload may be anything.
   *
   * True when somebody listens. False when nobody does, or when a subscription is full: then, as with `publish`, nobody gets it.
   * What a listener throws or rejects with is reported and counted as that of a handler is, and the next ones are called.
   * No topic is special, not `error` either.
   */
  emit(topic: string, payload?: unknown, options?: PublishOptions): boolean {
    if (this.isClosed) throw this.closedError();
    const checked = options === undefined ? undefined : checkPublishOptions(options);
    return (this.emitter ?? this.ownEmitter()).emit(topic, payload, checked);
  }

  /**
   * Publishes a message and resolves with the answer: what a handler returns, or its promise resolves with, or what it hands to
   * `context.reply`. Rejects with AgentwireRemoteError for what a handler throws, and with AgentwireRequestError when there is no
   * answer (nobody is subscribed, the message was dropped, its subscriber's thread died, `timeoutMs` is over). A full subscription is
   * waited for.
   *
   * Of several handlers the first that answers counts; a handler that returns undefined answers only where nobody else does. The
   * answer is a copy, as any payload is, and may be as large.
   */
  request<R = unknown>(topic: string, payload: unknown, options: RequestOptions = {}): Promise<R> {
    return new Promise((resolve, reject) => {
      if (this.isClosed) throw this.closedError();
      const { timeoutMs, signal, publish } = checkRequestOptions(options);
      const checked = checkPublishOptions(publish);
      const entry = this.findTopic(topic);
      const terms = { timeoutMs, signal, resolve, reject };
      this.endpoint.requests.begin<R>(this.requestOwner, entry, payload, checked, terms);
    });
  }

  /**
   * Makes a group: subscriptions with `group: name`, of any threads, share the messages that they match. Making it the same way
   * again, here or in another thread, gives the same group; with other options it is an error, ERR_AGENTWIRE_GROUP. It is there for as
   * long as a bus that made it is open or a member is subscribed.
   */
  createGroup(name: string, options: GroupOptions = {}): SubscriptionGroup {
    if (this.isClosed) throw this.closedError();
    const { numbers, ...group } = checkGroup(name, options);
    const said = this.endpoint.native.createGroup(this.handle, group.name, ...numbers);
    if (said !== null) throw otherSettings(group.name, said);
    return new SubscriptionGroup(group.name, group.balancing, group.delivery, () => {
      if (this.isClosed) throw this.closedError();
      const metrics = this.endpoint.native.groupMetrics(this.handle, group.name);
      // This bus has made it, so it is there.
      if (metrics === null) throw new AgentwireError('ERR_AGENTWIRE_INTERNAL', `the group ${quote(name)} is gone`);
      return groupStatsOf(metrics);
    });
  }

  /** How many subscriptions, of all threads, a message to this topic would go to. */
  countMatchingSubscriptions(topic: string): number {
    if (this.isClosed) throw this.closedError();
    if (typeof topic !== 'string') throw new AgentwireArgumentError('topic', 'a string', topic);
    try {
      return this.endpoint.native.countMatches(this.handle, topic);
    } catch (error) {
      throw fromNative(error, `${quote(topic)} cannot be a topic`);
    }
  }

  /**
   * The ids of the subscriptions, of all threads, that a message to this topic would go to now, in order of subscription:
   * `subscription.id`, and those of streams and listeners.
   */
  findMatchingSubscriptions(topic: string): number[] {
    if (this.isClosed) throw this.closedError();
    if (typeof topic !== 'string') throw new AgentwireArgumentError('topic', 'a string', topic);
    try {
      return this.endpoint.native.matchingIds(this.handle, topic);
    } catch (error) {
      throw fromNative(error, `${quote(topic)} cannot be a topic`);
    }
  }

  /** The figures of the bus, over all threads; with options, also those of each topic, subscription or group. */
  getMetrics(options: MetricsOptions = {}): BusMetrics {
    if (this.isClosed) throw this.closedError();
    const { perTopic, perSubscription, perGroup } = checkMetricsOptions(options);
    const { native } = this.endpoint;
    const metrics = busMetricsOf(native.busMetrics(this.handle), this.throughput, {
      malformed: native.malformedOutboxes(),
      listenerFailures: this.emitter?.failures ?? 0,
      latency: statsOfCells(native.busLatency(this.handle)),
    });
    if (perTopic) {
      const pattern = perTopic === true ? '**' : perTopic;
      try {
        metrics.perTopic = native.topicMetrics(this.handle, pattern).map(topicMetricsOf);
      } catch (error) {
        throw fromNative(error, `${quote(pattern)} cannot be a pattern`);
      }
    }
    if (perSubscription) metrics.perSubscription = native.subscriptionMetrics(this.handle).map(subscriptionMetricsOf);
    if (perGroup) metrics.perGroup = this.groupMetrics();
    return metrics;
  }

  private groupMetrics(): GroupMetrics[] {
    const { native } = this.endpoint;
    return native.groupNames(this.handle).flatMap((group) => {
      const metrics = native.groupMetrics(this.handle, group);
      // Its last holder may have let go of it in between.
      return metrics === null ? [] : [{ group, ...groupStatsOf(metrics) }];
    });
  }

  /** Keeps this thread alive while the bus is open. By default an idle bus lets the thread end. */
  ref(): this {
    if (this.isClosed) throw this.closedError();
    this.endpoint.keepAlive(this, true);
    return this;
  }

  /** Takes `ref()` back. */
  unref(): this {
    this.endpoint.keepAlive(this, false);
    return this;
  }

  /**
   * Submits what was published, ends this object's subscriptions and lets go of the bus; the bus itself lives on while another
   * EventBus has it open. Twice is once.
   *
   * All of that is done when `close()` returns. With `drain: true` the subscriptions get nothing new, but what was admitted is handled
   * first, and the bus is closed when the returned promise resolves, at the latest after `timeoutMs`; until then it publishes.
   */
  close(options: CloseOptions = {}): Promise<CloseResult> {
    const { drain, timeoutMs } = checkCloseOptions(options);
    if (this.isClosed) return Promise.resolve(this.closeNow());
    this.endpoint.outbox.refuseReentry();
    if (!drain) return Promise.resolve(this.closeNow());
    this.closing ??= this.closeDrained(timeoutMs);
    return this.closing;
  }

  /**
   * The channel of a tenant: a bus of its own on this one's threads, with topics, groups, dead letters and figures of its own, so that no
   * pattern reaches from one to another, and a quota. A tenant that floods its channel fills its own quota, and where handlers of several
   * channels share a thread, they are served in turn. Every thread that opens the channel gives the same quota.
   *
   * It is open until it is closed, or this object is, which drains its channels if it is drained itself.
   */
  channel(tenant: string, quota: ChannelQuota & Pick<EventBusOptions, 'onError' | 'deadLetters'> = {}): EventBus {
    if (this.isClosed || this.closing !== undefined) throw this.closedError();
    if (this.terms !== undefined) {
      throw new AgentwireError(
        'ERR_AGENTWIRE_CHANNEL',
        `the channel ${quote(this.terms.tenant)} has no channels; ask its bus`,
      );
    }
    if (typeof quota !== 'object' || quota === null) throw new AgentwireArgumentError('quota', 'an object', quota);
    const { onError = this.onError, deadLetters, ...limits } = quota;
    const terms = checkChannel(this.name, tenant, limits);
    const options = { name: this.name, ...(onError && { onError }), ...(deadLetters && { deadLetters }) };
    const channel: EventBus = new EventBus(options, { ...terms, onClosed: () => this.channels.delete(channel) });
    this.channels.add(channel);
    return channel;
  }

  /** The tenant, of a channel; undefined for a bus. */
  get tenant(): string | undefined {
    return this.terms?.tenant;
  }

  /** What of its quota is used, of a channel; undefined for a bus. */
  get quota(): QuotaUsage | undefined {
    if (this.isClosed) throw this.closedError();
    const used = this.endpoint.native.quotaUsed(this.handle);
    return used === null || this.terms === undefined ? undefined : quotaUsageOf(this.terms.quota, used);
  }

  /** What nobody could handle, in whatever thread: to be looked at and tried again. */
  get deadLetters(): DeadLetters {
    if (this.isClosed) throw this.closedError();
    this.letters ??= this.makeDeadLetters();
    return this.letters;
  }

  private makeDeadLetters(): DeadLetters {
    const { endpoint, handle } = this;
    const native = () => {
      if (this.isClosed) throw this.closedError();
      return endpoint.native;
    };
    const letters: DeadLetters = new DeadLetters({
      after: (id, most) => native().deadLetters(handle, id, most),
      get: (id) => native().deadLetter(handle, id),
      replay: (id, force) => {
        const replayed = native().replayDeadLetter(handle, id, force);
        // It may be for this thread.
        endpoint.outbox.lookForOwnMail();
        return replayed;
      },
      purge: (id) => native().purgeDeadLetter(handle, id),
      counts: () => native().deadLetterCounts(handle),
      listen: (yes) => endpoint.listenForLetters(this.nativeName, handle, letters.look, yes),
      report: (error) => this.reportFailure(error, { reason: 'handler-error', topic: '', pattern: '' }, true),
    });
    return letters;
  }

  private async closeDrained(timeoutMs: number): Promise<CloseResult> {
    const { inbox, native, outbox } = this.endpoint;
    // What was published before still finds its subscriptions.
    outbox.submit();
    for (const { slot, id } of this.subscriptions) native.stopAdmitting(slot, id);
    // Not before `closing` is known: handlers may be called below.
    await undefined;
    const draining = {
      inFlight: () => (this.isClosed ? 0 : native.inFlight(this.handle)),
      handOn: () => {
        for (const subscription of [...this.subscriptions]) subscription.finish();
      },
      watch: (look: () => void) => inbox.watch(look),
    };
    this.endpoint.keepAlive(draining, true);
    const channels = Promise.all([...this.channels].map((channel) => channel.close({ drain: true, timeoutMs })));
    await new Promise<void>((resolve) => {
      this.endDrain = drained(draining, timeoutMs, resolve);
    });
    const ofChannels = (await channels).reduce((sum, { unfinished }) => sum + unfinished, 0);
    this.endpoint.keepAlive(draining, false);
    const own = this.closeNow();
    const unfinished = own.unfinished + ofChannels;
    return { drained: unfinished === 0, unfinished };
  }

  private closeNow(): CloseResult {
    // Before anything ends: the handlers may publish still. One of them may close the bus.
    if (!this.isClosed) for (const subscription of [...this.subscriptions]) subscription.finish();
    if (this.closeResult !== undefined) return this.closeResult;
    const unfinished = this.endpoint.native.inFlight(this.handle);
    this.closeResult = { drained: unfinished === 0, unfinished };
    for (const channel of [...this.channels]) channel.closeNow();
    this.terms?.onClosed?.();
    this.isClosed = true;
    this.endDrain?.();
    this.letters?.stop();
    // Native submits first, then ends the subscriptions: what was published before still finds them.
    this.endpoint.native.closeBus(this.handle);
    for (const subscription of this.subscriptions) {
      subscription.markEnded();
      this.endpoint.inbox.detach(subscription);
    }
    this.subscriptions.clear();
    this.emitter?.close();
    this.latency?.leave();
    this.latency = undefined;
    // Before the outbox tells that it is empty: others may go on then, but not those who wait here.
    for (const fail of this.waiting) fail(this.closedError());
    this.endpoint.outbox.reset();
    this.endpoint.keepAlive(this, false);
    this.endpoint.requests.failAll(this.requestOwner, this.closedError());
    this.topics.clear();
    this.inlineTopics.clear();
    this.lastTopic = undefined;
    return this.closeResult;
  }

  /** `close()`, for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  private ownLatency(): LatencyHistogram {
    this.latency ??= new LatencyHistogram(Bus.LongestLatencyMs, 1, (_limit, memory) =>
      native.NativeHistogram.ofBus(this.endpoint.native, this.handle, memory),
    );
    return this.latency;
  }

  private ownEmitter(): Emitter {
    if (this.isClosed) throw this.closedError();
    this.emitter ??= new Emitter(this.nativeName, this.endpoint, this.handle, {
      subscribe: (pattern, handler) => this.subscribe(pattern, handler),
      publish: (topic, payload, options) => this.endpoint.outbox.write(this.findTopic(topic), payload, options),
    });
    return this.emitter;
  }

  private findTopic(topic: string): TopicEntry {
    if (typeof topic !== 'string') throw new AgentwireArgumentError('topic', 'a string', topic);
    const entry = this.topics.get(topic) ?? this.inlineTopics.get(topic) ?? this.resolveTopic(topic);
    this.lastTopic = entry;
    return entry;
  }

  private resolveTopic(topic: string): TopicEntry {
    let index: number;
    try {
      index = this.endpoint.growing(() => this.endpoint.native.resolveTopic(this.handle, topic));
    } catch (error) {
      throw fromNative(error, `${quote(topic)} cannot be a topic`);
    }
    const entry = new TopicEntry(topic, this.handle, index, this.tableChannel);
    if (index !== 0) {
      this.topics.set(topic, entry);
    } else {
      const [oldest] = this.inlineTopics.keys();
      if (oldest !== undefined && this.inlineTopics.size >= MOST_INLINE_TOPICS) this.inlineTopics.delete(oldest);
      this.inlineTopics.set(topic, entry);
    }
    return entry;
  }

  private readonly requestOwner: RequestOwner = {
    sendRequest: ({ entry, payload, options, id }, timeoutMs) =>
      this.endpoint.outbox.write(entry, payload, { ...options, request: { id, timeoutMs } }),
    whenWritable: (entry, done) => this.whenWritable(entry, done),
  };

  private readonly owner: SubscriptionOwner = {
    channel: () => this.tableChannel,
    latency: () => this.ownLatency(),
    end: (subscription) => {
      this.subscriptions.delete(subscription);
      this.endpoint.inbox.detach(subscription);
      this.endpoint.native.unsubscribe(subscription.slot, subscription.id);
      this.endpoint.outbox.lookForOwnMail();
    },
    stats: (subscription) => {
      const ledger = this.endpoint.native.subscriptionLedger(subscription.slot, subscription.id);
      if (ledger === null) {
        throw new AgentwireError(
          'ERR_AGENTWIRE_CLOSED',
          "the subscription has ended and its figures have become part of the bus's; see bus.getMetrics()",
        );
      }
      return statsOf(ledger);
    },
    report: (error, failure, isFirst) => this.reportFailure(error, failure, isFirst),
  };

  private reportFailure(error: unknown, failure: HandlerFailure, isFirst: boolean): void {
    if (this.onError !== undefined) {
      const failed = (second: unknown) =>
        warn(`onError of the bus ${JSON.stringify(this.name)} threw: ${textOf(second)}`);
      try {
        // It may be an async function: its rejection must not take the process down either.
        const result: unknown = this.onError(error, failure);
        if (types.isPromise(result)) result.catch(failed);
      } catch (second) {
        failed(second);
      }
      return;
    }
    if (!isFirst) return;
    const what = failure.reason === 'handler-error' ? 'a handler failed' : 'a message could not be decoded';
    warn(
      `${what} (pattern ${JSON.stringify(failure.pattern)}, topic ${JSON.stringify(failure.topic)}): ${textOf(error)}. Further ` +
        'failures of this subscription are only counted; give new EventBus an onError to see each.',
    );
  }

  private closedError(): AgentwireClosedError {
    const { terms } = this;
    const what = terms === undefined ? `the bus ${quote(this.name)}` : `the channel ${quote(terms.tenant)}`;
    return new AgentwireClosedError(what);
  }
}

function warn(message: string): void {
  process.emitWarning(message, { type: 'AgentwireWarning', code: 'AGENTWIRE_HANDLER_ERROR' });
}
