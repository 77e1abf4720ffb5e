import { threadId } from 'node:worker_threads';
import { threadTables } from '../codec/thread-tables';
import { Attention, Control, Gate, Outcome } from '../generated/layout';
import { native } from '../native';
import { onExit } from './exit';
import { Inbox } from './inbox';
import { Outbox } from './outbox';
import { Answers } from './reply';
import { Requests } from './requests';

/** Topics and subscriptions that the first memory has room for. It doubles as needed. */
const FIRST_GATES = 1024;
const FIRST_SLOTS = 256;

/**
 * This thread's place on all its buses: one outbox, one inbox, one mailbox, however many agents live here. Made with the first
 * bus; it lasts as long as the thread.
 */
export class Endpoint {
  private static current: Endpoint | undefined;

  static get(): Endpoint {
    Endpoint.current ??= new Endpoint();
    return Endpoint.current;
  }

  /** Has what this thread's handlers have done counted by now, where figures are read of all threads. */
  static foldOutcomes(): void {
    Endpoint.current?.native.foldOutcomes();
  }

  readonly native: InstanceType<typeof native.NativeEndpoint>;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  /** What this thread waits for answers to. */
  readonly requests: Requests;
  private readonly control: Int32Array;
  private routes = 0;
  private gates = shared(FIRST_GATES);
  private outcomes = shared(FIRST_SLOTS * Outcome.Bytes);
  /** Who waits for a topic to become writable. */
  private writableWaiters = new Set<() => void>();
  /** Who listens for dead letters, and of which bus. */
  private readonly letterListeners = new Map<() => void, string>();
  private readonly awake = new Set<object>();

  private constructor() {
    const tables = threadTables();
    const controlBytes = shared(Control.Bytes);
    const control = new Int32Array(controlBytes.buffer);
    this.control = control;
    control[Control.MaySpin >> 2] = 1;
    this.outbox = new Outbox(control, tables, () => this.inbox.resumeSoon(), this.tellWaiting);
    this.requests = new Requests((yes) => this.keepAlive(this.requests, yes));
    this.inbox = new Inbox(
      control,
      tables,
      this.outbox,
      this.requests,
      this.retryWaiting,
      this.outdateRoutes,
      this.tellOfLetters,
    );
    // Topics without an id are always asked for: index 0 is theirs together.
    this.gates[0] = Gate.Ask;
    this.native = new native.NativeEndpoint(
      this.outbox.memory,
      this.inbox.memory,
      controlBytes,
      this.gates,
      this.outcomes,
      this.inbox.pump,
    );
    this.native.setThreadNumber(threadId);
    const { submit, submitBlock, drain, drainCritical, takeBlock, answer, begin, acknowledge } =
      this.native.functions();
    this.outbox.connect({ submit, submitBlock, awaitRoom: (mostMs) => this.native.awaitRoom(mostMs) });
    this.outbox.setGates(this.gates);
    const drainFunctions = {
      drain,
      drainCritical,
      takeBlock,
      begin,
      acknowledge,
      reject: (...given: Parameters<typeof this.native.reject>) => this.native.reject(...given),
      endpointId: this.native.id,
      topicName: (id: number) => this.native.topicName(id),
      foldOutcomes: () => this.native.foldOutcomes(),
      steadyClockMs: native.steadyClockMs,
    };
    this.inbox.connect(drainFunctions, new Answers(tables, answer));
    this.inbox.setOutcomes(new Uint32Array(this.outcomes.buffer));
    onExit(() => this.outbox.submit());
    // Parks, so that the first message rings.
    this.inbox.pump();
  }

  /** Runs a native call that files something in memory shared with JavaScript, and grows that memory when it is full. */
  growing<T>(call: () => T): T {
    for (;;) {
      try {
        return call();
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'OUTGROWN') throw error;
        this.grow();
      }
    }
  }

  /** Keeps the thread's event loop alive while any of `who` wants it. */
  keepAlive(who: object, yes: boolean): void {
    const before = this.awake.size > 0;
    if (yes) this.awake.add(who);
    else this.awake.delete(who);
    const after = this.awake.size > 0;
    if (before !== after) this.native.keepAlive(after);
  }

  /** Calls `retry` whenever room may have been made, until the returned function is called. */
  onWritable(retry: () => void): () => void {
    this.writableWaiters.add(retry);
    return () => this.writableWaiters.delete(retry);
  }

  /** Calls `look` whenever dead letters came to the bus, or not any more. The id of the newest letter. */
  listenForLetters(bus: string, handle: number, look: () => void, yes: boolean): number {
    if (yes) this.letterListeners.set(look, bus);
    else this.letterListeners.delete(look);
    // Natively this thread listens once.
    const anybody = [...this.letterListeners.values()].includes(bus);
    return this.native.listenForDeadLetters(handle, anybody);
  }

  /** Changes whenever routes that were looked up on a watched bus may be stale. */
  get routesVersion(): number {
    // A plain load: who subscribed and then had this thread told of it is seen.
    if (this.control[Control.Attention >> 2] & Attention.Routes) {
      Atomics.and(this.control, Control.Attention >> 2, ~Attention.Routes);
      this.routes++;
    }
    return this.routes;
  }

  /** What was looked up of routes is stale. */
  readonly outdateRoutes = (): void => {
    this.routes++;
  };

  private readonly retryWaiting = (): void => {
    this.outbox.submit();
    this.tellWaiting();
  };

  private readonly tellWaiting = (): void => {
    for (const retry of [...this.writableWaiters]) retry();
  };

  private readonly tellOfLetters = (): void => {
    for (const look of [...this.letterListeners.keys()]) look();
  };

  private grow(): void {
    this.gates = enlarged(this.gates);
    this.native.growGates(this.gates);
    this.outbox.setGates(this.gates);
    this.outcomes = enlarged(this.outcomes);
    this.native.growOutcomes(this.outcomes);
    this.inbox.setOutcomes(new Uint32Array(this.outcomes.buffer));
  }
}

function shared(bytes: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(bytes));
}

function enlarged(memory: Uint8Array): Uint8Array {
  const larger = shared(2 * memory.length);
  larger.set(memory);
  return larger;
}
