import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { EventBus } from '../bus/event-bus';
import { checkInteger } from '../checks';
import { MessageType } from '../codec/message-type';
import { OptimizedMessageSerializer } from '../codec/serializer';
import { AgentwireArgumentError, AgentwireError } from '../errors';
import { ZeroCopyRingBuffer } from '../ring/zero-copy-ring-buffer';
import { now } from './clock';
import { LatencyHistogram, type LatencyStats } from './latency-histogram';
import type { ValidatorOrder } from './validator-worker';

/** Whether messages were as fast as they should be. */
export interface LatencyValidation {
  /** `latency.p95` is at most the target. */
  passed: boolean;
  targetP95Ms: number;
  /** Messages that were published in another thread and handled in this one: all of them. */
  messageCount: number;
  /** From `publish` there to the handler here, ns: of every message. */
  latency: LatencyStats;
  /** From the first message to the last handler. */
  elapsedMs: number;
  messagesPerSecond: number;
}

/** What one operation of each part takes, ns: the median of several rounds. */
export interface ComponentTimes {
  /** `serializeInto` and `deserialize` of a message of 181 bytes of JSON. */
  serialization: number;
  /** `publish` to the handler of this thread that matches, among 1,000 patterns: the way without another thread. */
  routing: number;
  /** `enqueue` and `dequeueInto` of 512 bytes in a ring. */
  queueing: number;
  /** One message from another thread to a handler of this one, where many are on their way. */
  networking: number;
}

/** The message of all measurements: what agents send each other. */
const MESSAGE = {
  id: 'msg-000042',
  type: 'task.assignment',
  agent: 'agent-17',
  data: { taskId: 'task-0815', agent: 'agent-17', payload: 'summarize the quarterly fig' },
  timestamp: 1_764_115_200_000,
  priority: 2,
};
const TOPIC = 'agents.agent-17.inbox';
const PATTERNS = 1000;
/** Nothing has arrived for so long: the worker is gone, or the machine is stuck, ms. */
const PATIENCE_MS = 30_000;
/** Latencies above this are told as the longest, ms. */
const LONGEST_MS = 60_000;
const ROUNDS = 5;
/** Messages before those that count: until then V8 optimizes what they run through. */
const WARM_UP = 20_000;
const MOST_MESSAGES = 100_000_000;

let buses = 0;

/**
 * Measures how fast agentwire is here, on this machine and in this process: by its real ways, with a real worker thread for those that
 * lead to one. It takes a core of its own for a moment; run it before the work, not beside it.
 */
export class PerformanceValidator {
  /**
   * Sends messages from a worker thread to this one, and compares how long they take with a target.
   *
   * @param messageCount - How many, 1 to 100,000,000, in turns of 10.
   * @param targetP95Ms - What 95 of 100 should not take longer than, milliseconds, above 0.
   */
  async validateLatencyTarget(messageCount = 10_000, targetP95Ms = 1): Promise<LatencyValidation> {
    checkInteger('messageCount', messageCount, 1, MOST_MESSAGES);
    if (typeof targetP95Ms !== 'number' || !(targetP95Ms > 0 && targetP95Ms < Number.POSITIVE_INFINITY)) {
      throw new AgentwireArgumentError('targetP95Ms', 'a number of milliseconds above 0', targetP95Ms);
    }
    const hop = await Hop.start();
    try {
      await hop.carry({ count: Math.min(WARM_UP, messageCount), perTurn: 10 });
      hop.latencies.reset();
      const elapsedMs = await hop.carry({ count: messageCount, perTurn: 10 });
      const latency = hop.latencies.getStats();
      return {
        passed: latency.p95 <= targetP95Ms * 1e6,
        targetP95Ms,
        messageCount,
        latency,
        elapsedMs,
        messagesPerSecond: (messageCount / elapsedMs) * 1000,
      };
    } finally {
      await hop.end();
    }
  }

  /** What the parts of a message's way cost, one by one. It takes about a second. */
  async benchmarkComponents(): Promise<ComponentTimes> {
    const serialization = measureSerialization();
    const queueing = measureQueueing();
    const routing = await measureRouting();
    const networking = await measureNetworking();
    return { serialization, routing, queueing, networking };
  }
}

/** The way from a worker thread to a handler of this one. */
class Hop {
  /** Of every message that has come. */
  readonly latencies = new LatencyHistogram(LONGEST_MS);
  /** Why nothing more will come. */
  private failure: Error | undefined;
  private received = 0;
  private wanted = Number.POSITIVE_INFINITY;
  private arrived: (() => void) | undefined;
  private failed: ((error: Error) => void) | undefined;

  private constructor(
    private readonly bus: EventBus,
    private readonly worker: Worker,
  ) {
    bus.subscribe<typeof MESSAGE>(TOPIC, ({ timestamp }) => {
      this.latencies.record(Math.max(0, now() - timestamp));
      this.received += 1;
      if (this.received === this.wanted) this.arrived?.();
    });
    worker.on('error', (error: Error) => this.fail(error));
    worker.on('exit', (code: number) => this.fail(broken(`its worker thread ended with code ${code}`)));
  }

  static async start(): Promise<Hop> {
    buses += 1;
    const name = `agentwire.validator.${process.pid}.${buses}`;
    const bus = new EventBus({ name }).ref();
    const workerData = { bus: name, topic: TOPIC, message: MESSAGE };
    let hop: Hop | undefined;
    try {
      const worker = new Worker(join(__dirname, 'validator-worker.js'), { workerData });
      hop = new Hop(bus, worker);
      await hop.await((done) => worker.once('message', () => done()));
      return hop;
    } catch (error) {
      await hop?.end();
      bus.close();
      throw error;
    }
  }

  /** Has the messages sent, and waits until all have come: how long that took, ms. */
  async carry(order: ValidatorOrder): Promise<number> {
    this.received = 0;
    this.wanted = order.count;
    const begin = now();
    await this.await((done) => {
      this.arrived = done;
      this.worker.postMessage(order);
    });
    return (now() - begin) / 1e6;
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.failed?.(this.failure);
  }

  async end(): Promise<void> {
    this.failed = undefined;
    await this.worker.terminate();
    this.bus.close();
  }

  private await(begin: (done: () => void) => void): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      let seen = -1;
      const watch = setInterval(() => {
        if (this.received === seen) this.failed?.(broken(`no message has come for ${PATIENCE_MS / 1000} s`));
        seen = this.received;
      }, PATIENCE_MS);
      const end = () => {
        clearInterval(watch);
        this.failed = undefined;
        this.arrived = undefined;
      };
      this.failed = (error) => {
        end();
        reject(error);
      };
      begin(() => {
        end();
        resolve();
      });
    });
  }
}

function broken(what: string): AgentwireError {
  return new AgentwireError('ERR_AGENTWIRE_VALIDATION', `the validation could not be carried out: ${what}`);
}

/** ns for one of `count` calls, the median of the rounds. The first two rounds are warm-up. */
function time(count: number, work: (count: number) => void): number {
  const times: number[] = [];
  for (let round = -2; round < ROUNDS; round++) {
    const begin = now();
    work(count);
    if (round >= 0) times.push((now() - begin) / count);
  }
  return medianOf(times);
}

function medianOf(values: number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

function measureSerialization(): number {
  const serializer = new OptimizedMessageSerializer();
  const target = new Uint8Array(1024);
  return time(20_000, (count) => {
    for (let index = 0; index < count; index++) {
      const end = serializer.serializeInto(target, 0, MessageType.TASK_ASSIGNMENT, MESSAGE);
      serializer.deserialize(target.subarray(0, end));
    }
  });
}

function measureQueueing(): number {
  const ring = new ZeroCopyRingBuffer(64, 1024);
  const item = new Uint8Array(512);
  const target = new Uint8Array(1024);
  return time(50_000, (count) => {
    for (let index = 0; index < count; index++) {
      ring.enqueue(item);
      ring.dequeueInto(target);
    }
  });
}

async function measureRouting(): Promise<number> {
  buses += 1;
  const bus = new EventBus({ name: `agentwire.validator.${process.pid}.${buses}` }).ref();
  try {
    let handled = 0;
    let done = () => {};
    let wanted = 0;
    for (let pattern = 0; pattern < PATTERNS; pattern++) {
      bus.subscribe(`agents.agent-${pattern}.*`, () => {
        handled += 1;
        if (handled === wanted) done();
      });
    }
    const count = 20_000;
    const times: number[] = [];
    for (let round = -2; round < ROUNDS; round++) {
      handled = 0;
      wanted = count;
      const all = new Promise<void>((resolve) => {
        done = resolve;
      });
      const begin = now();
      for (let sent = 0; sent < count; ) {
        if (bus.publish(TOPIC, MESSAGE)) sent += 1;
        else await bus.writable(TOPIC);
      }
      await all;
      if (round >= 0) times.push((now() - begin) / count);
    }
    return medianOf(times);
  } finally {
    bus.close();
  }
}

async function measureNetworking(): Promise<number> {
  const hop = await Hop.start();
  try {
    const count = 50_000;
    const times: number[] = [];
    for (let round = -2; round < ROUNDS; round++) {
      const elapsedMs = await hop.carry({ count, perTurn: 1000 });
      if (round >= 0) times.push((elapsedMs * 1e6) / count);
    }
    return medianOf(times);
  } finally {
    await hop.end();
  }
}
