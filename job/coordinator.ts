// The main thread's part: hands every file to an agent, takes in what comes back, and notices who no longer answers.

import { join } from 'node:path';
import { EventBus, EventPriority, MessageType } from 'agentwire';
import { type AgentThread, shareOut, startThread } from './agent-threads.js';
import type { FileOutcome } from './count-file.js';
import {
  type Coordination,
  type FilePath,
  type Heartbeat,
  messageTypeName,
  type TaskError,
  type TaskResult,
  type TaskReturned,
  type ThreadSummary,
  topics,
} from './messages.js';
import { addToTotals, noTotals, type Totals } from './reference-pass.js';
import { Sender, Traffic } from './traffic.js';

export interface JobPlan {
  /** Absolute. */
  folder: string;
  files: readonly FilePath[];
  threads: number;
  agents: number;
  busName: string;
  heartbeatMs?: number;
  graceMs?: number;
  /** The entry of the worker threads; tests put one that fails in its place. */
  workerFile?: string;
}

export interface JobProgress {
  done: number;
  bytes: number;
  /** Agents that were not heard of for several heartbeats. */
  silentAgents: number;
}

export interface ThreadShare {
  thread: number;
  agents: number;
  files: number;
  bytes: number;
  /** Sent and received; 0 for a thread that died, which took its count along. */
  messages: number;
  /** How it died, if it did. */
  death: string | undefined;
}

export interface JobOutcome {
  /** By task id. Undefined: cancelled before it was done. */
  outcomes: (FileOutcome | undefined)[];
  /** Added up as the answers came in. */
  totals: Totals;
  threads: ThreadShare[];
  traffic: Traffic;
  /** What should not happen, in words: messages lost or delivered twice. */
  faults: string[];
  cancelled: boolean;
  /** Starting the threads, until every agent has reported. */
  startMs: number;
  /** From the first assignment to the last answer. */
  workMs: number;
}

/**
 * Tasks that a thread's agents hold between them, at least: enough that none waits for the coordinator's next message,
 * little enough that a cancel gives back next to nothing and that one large file delays few others.
 */
const TASKS_PER_THREAD = 64;
/** Per agent, so that its next task is there when it finishes one. */
const LEAST_TASKS_PER_AGENT = 2;

const HEARTBEAT_MS = 500;
/** With thousands of agents each says less often that it is there: their heartbeats are not to be the job's main work. */
const MOST_HEARTBEATS_PER_MS = 1;
const SILENT_AFTER_HEARTBEATS = 6;
/** After a cancel: how long agents may take to give back their tasks, and threads to end, before they are ended. */
const GRACE_MS = 3_000;
/** When all is done: how long threads may take to end. Nobody waits for Ctrl-C then, and a busy machine is slow. */
const END_MS = 15_000;
/** How long messages that were sent may be on their way after every thread has ended. */
const SETTLE_MS = 5_000;

interface AgentState {
  id: number;
  thread: AgentThread;
  topic: string;
  /** Task ids that it holds. */
  outstanding: Set<number>;
  alive: boolean;
  reported: boolean;
  /** An assignment was refused; another try is under way. */
  waiting: boolean;
  heardAt: number;
}

export async function runJob(
  plan: JobPlan,
  signal: AbortSignal,
  onProgress?: (read: () => JobProgress) => void,
): Promise<JobOutcome> {
  const coordinator = new Coordinator(plan);
  onProgress?.(() => coordinator.progress());
  return coordinator.run(signal);
}

class Coordinator {
  readonly #plan: JobPlan;
  readonly #bus: EventBus;
  readonly #traffic = new Traffic();
  readonly #sender: Sender;
  readonly #heartbeatMs: number;
  readonly #tasksPerAgent: number;
  readonly #threads: AgentThread[];
  readonly #agents: AgentState[];
  readonly #shares: ThreadShare[];
  readonly #outcomes: (FileOutcome | undefined)[];
  readonly #totals = noTotals();
  readonly #faults: string[] = [];
  /** Threads whose summary has arrived: by another way than the news of their end, so before or after it. */
  readonly #summaries = new Set<number>();
  /** Agents that are expected and have not reported for work. */
  #absent: number;
  #next = 0;
  #outstanding = 0;
  #done = 0;
  #cancelled = false;
  /** A thread died and took along its count of messages: sent and received cannot be compared. */
  #booksOpen = false;

  // The next step of `run` waits for one of these; they are looked at whenever something has happened.
  #awaited: { isMet: () => boolean; resolve: () => void } | undefined;
  #fail: (error: unknown) => void = () => {};

  constructor(plan: JobPlan) {
    this.#plan = plan;
    this.#absent = plan.agents;
    this.#heartbeatMs = plan.heartbeatMs ?? Math.max(HEARTBEAT_MS, plan.agents / MOST_HEARTBEATS_PER_MS);
    this.#outcomes = new Array<FileOutcome | undefined>(plan.files.length).fill(undefined);
    this.#bus = new EventBus({ name: plan.busName });
    this.#sender = new Sender(this.#bus, this.#traffic);
    this.#listen();

    const shares = shareOut(plan.agents, plan.threads);
    const file = plan.workerFile ?? join(__dirname, 'agent-worker.js');
    this.#tasksPerAgent = Math.max(LEAST_TASKS_PER_AGENT, Math.ceil(TASKS_PER_THREAD / shares[0].length));
    const { busName, folder } = plan;
    const heartbeatMs = this.#heartbeatMs;
    this.#threads = shares.map((agents, thread) =>
      startThread(file, { busName, folder, thread, agents, heartbeatMs }, (dead) => this.#threadDied(dead)),
    );
    this.#shares = this.#threads.map(({ index, agents }) => ({
      thread: index,
      agents: agents.length,
      files: 0,
      bytes: 0,
      messages: 0,
      death: undefined,
    }));
    this.#agents = Array.from({ length: plan.agents }, (_, id) => ({
      id,
      thread: this.#threads[id % plan.threads],
      topic: topics.task(id),
      outstanding: new Set<number>(),
      alive: true,
      reported: false,
      waiting: false,
      heardAt: performance.now(),
    }));
  }

  progress(): JobProgress {
    const silentSince = performance.now() - SILENT_AFTER_HEARTBEATS * this.#heartbeatMs;
    const silentAgents = this.#agents.filter(
      (agent) => agent.alive && agent.reported && agent.heardAt < silentSince,
    ).length;
    return { done: this.#done, bytes: this.#totals.bytes, silentAgents };
  }

  async run(signal: AbortSignal): Promise<JobOutcome> {
    const failed = new Promise<never>((_, reject) => (this.#fail = reject));
    const cancel = (): void => this.#cancel();
    try {
      return await Promise.race([this.#runToEnd(signal, cancel), failed]);
    } finally {
      signal.removeEventListener('abort', cancel);
      this.#bus.close();
      await Promise.all(this.#threads.map((thread) => thread.worker.terminate()));
    }
  }

  async #runToEnd(signal: AbortSignal, cancel: () => void): Promise<JobOutcome> {
    const startedAt = performance.now();
    // A task published to an agent that has not subscribed yet would be admitted and reach nobody.
    await this.#until(() => this.#absent === 0);

    const readyAt = performance.now();
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel);
    for (const agent of this.#agents) this.#assign(agent);
    this.#endIfNobodyIsLeft();
    await this.#until(() => this.#outstanding === 0 && (this.#cancelled || this.#next >= this.#plan.files.length));
    const workMs = performance.now() - readyAt;

    await this.#dismiss();
    await this.#settle();
    return {
      outcomes: this.#outcomes,
      totals: this.#totals,
      threads: this.#shares,
      traffic: this.#traffic,
      faults: this.#faults,
      cancelled: this.#cancelled,
      startMs: readyAt - startedAt,
      workMs,
    };
  }

  #listen(): void {
    this.#on<Heartbeat>(topics.everyHeartbeat, ({ agent }) => this.#heard(agent));
    this.#on<TaskResult>(topics.result, ({ taskId, agent, bytes, lines, words, sha256, changedMs }) =>
      this.#answered(agent, taskId, { ok: true, bytes, lines, words, sha256, changedMs }),
    );
    this.#on<TaskError>(topics.error, ({ taskId, agent, reason, detail, changedMs }) =>
      this.#answered(agent, taskId, { ok: false, reason, detail, changedMs }),
    );
    this.#on<TaskReturned>(topics.returned, ({ agent, taskId }) => {
      this.#release(this.#agents[agent], taskId);
    });
    this.#on<ThreadSummary>(topics.summary, ({ thread, traffic }) => this.#summed(thread, traffic));
  }

  /** Counts and times the message, and lets an error in our own handler end the job: the bus would only count it. */
  #on<T extends { type: number; sentAt: bigint }>(topic: string, handle: (message: T) => void): void {
    this.#bus.subscribe<T>(topic, (message) => {
      this.#traffic.arrived(message);
      try {
        handle(message);
        this.#look();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #heard(id: number): void {
    const agent = this.#agents[id];
    agent.heardAt = performance.now();
    if (agent.reported || !agent.alive) return;
    agent.reported = true;
    this.#absent -= 1;
  }

  #assign(agent: AgentState): void {
    const { files } = this.#plan;
    while (!this.#cancelled && agent.alive && !agent.waiting) {
      if (this.#next >= files.length || agent.outstanding.size >= this.#tasksPerAgent) return;
      const taskId = this.#next;
      const draft = { type: MessageType.TASK_ASSIGNMENT, taskId, agent: agent.id, path: files[taskId] } as const;
      if (!this.#sender.offer(agent.topic, draft)) {
        this.#assignLater(agent);
        return;
      }
      this.#next += 1;
      this.#outstanding += 1;
      agent.outstanding.add(taskId);
    }
  }

  /** Meanwhile the file is anybody's: it was not admitted, so it is still the next one. */
  #assignLater(agent: AgentState): void {
    agent.waiting = true;
    this.#bus.writable(agent.topic).then(
      () => {
        agent.waiting = false;
        this.#assign(agent);
      },
      (error: unknown) => this.#fail(error),
    );
  }

  #answered(id: number, taskId: number, outcome: FileOutcome): void {
    const agent = this.#agents[id];
    const before = this.#outcomes[taskId];
    if (!this.#release(agent, taskId)) {
      // The last words of a thread can arrive after the news of its death, or after we stopped waiting for what
      // was cancelled: they are answers all the same.
      const late = before === undefined ? this.#cancelled : !before.ok && before.reason === 'agent-died';
      if (!late) {
        this.#faults.push(`file ${taskId}: an answer of agent ${id} that nobody waited for`);
        return;
      }
    }
    this.#outcomes[taskId] = outcome;
    const share = this.#shares[agent.thread.index];
    share.files += 1;
    if (outcome.ok) share.bytes += outcome.bytes;
    addToTotals(this.#totals, outcome);
    if (before === undefined) this.#done += 1;
    this.#assign(agent);
  }

  /** False: the agent did not hold this task. */
  #release(agent: AgentState | undefined, taskId: number): boolean {
    if (agent?.outstanding.delete(taskId) !== true) return false;
    this.#outstanding -= 1;
    return true;
  }

  #threadDied(thread: AgentThread): void {
    this.#shares[thread.index].death = thread.death;
    this.#booksOpen = true;
    for (const id of thread.agents) {
      const agent = this.#agents[id];
      agent.alive = false;
      if (!agent.reported) this.#absent -= 1;
      const detail = `thread ${thread.index}: ${thread.death}`;
      for (const taskId of agent.outstanding) this.#lose(taskId, 'agent-died', detail);
      this.#outstanding -= agent.outstanding.size;
      agent.outstanding.clear();
    }
    this.#endIfNobodyIsLeft();
    this.#look();
  }

  /** Without an agent, the files that nobody has begun never will be. */
  #endIfNobodyIsLeft(): void {
    if (this.#cancelled || this.#agents.some((agent) => agent.alive)) return;
    for (; this.#next < this.#plan.files.length; this.#next += 1) {
      this.#lose(this.#next, 'no-agent-left', 'every agent thread has died');
    }
  }

  #lose(taskId: number, reason: 'agent-died' | 'no-agent-left', detail: string): void {
    this.#outcomes[taskId] = { ok: false, reason, detail, changedMs: undefined };
    this.#done += 1;
  }

  #cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#command(topics.cancel, 'cancel');
    // A thread that is stuck, in a read that never returns for instance, cannot give anything back.
    setTimeout(() => {
      for (const agent of this.#agents) agent.outstanding.clear();
      this.#outstanding = 0;
      this.#look();
    }, this.#plan.graceMs ?? GRACE_MS).unref();
    this.#look();
  }

  #command(topic: string, command: Coordination['command']): void {
    this.#sender
      .send(topic, { type: MessageType.COORDINATION, command }, EventPriority.CRITICAL)
      .catch((error: unknown) => this.#fail(error));
  }

  /** Every thread sends its summary and ends; one that does not is ended. */
  async #dismiss(): Promise<void> {
    for (const thread of this.#threads) thread.dismissed = true;
    this.#command(topics.finish, 'finish');
    const patienceMs = this.#cancelled ? (this.#plan.graceMs ?? GRACE_MS) : END_MS;
    await withinMs(Promise.all(this.#threads.map((thread) => thread.ended)), patienceMs);
    for (const thread of this.#threads.filter(({ running }) => running)) {
      this.#shares[thread.index].death = `did not end within ${patienceMs / 1_000} s`;
      this.#booksOpen = true;
      await thread.worker.terminate();
    }
  }

  #summed(index: number, traffic: ThreadSummary['traffic']): void {
    const sum = (counts: number[]): number => counts.reduce((a, b) => a + b, 0);
    this.#summaries.add(index);
    this.#shares[index].messages = sum(traffic.sent) + sum(traffic.received);
    this.#traffic.merge(traffic);
  }

  /** Waits for what is still on its way, then holds what was sent against what was received. */
  async #settle(): Promise<void> {
    const faults = (): string[] => [...this.#withoutSummary(), ...(this.#booksOpen ? [] : this.#unbalanced())];
    await withinMs(
      this.#until(() => faults().length === 0),
      SETTLE_MS,
    );
    this.#faults.push(...faults());
  }

  #withoutSummary(): string[] {
    return this.#shares
      .filter(({ thread, death }) => death === undefined && !this.#summaries.has(thread))
      .map(({ thread }) => `thread ${thread}: ended without a summary`);
  }

  #unbalanced(): string[] {
    const { sent, received } = this.#traffic;
    return sent.flatMap((count, type) => {
      // A command goes to many, so its two counts are not meant to be equal.
      if (type === MessageType.COORDINATION || count === received[type]) return [];
      return [`${messageTypeName(type)}: ${count} messages sent, ${received[type]} received`];
    });
  }

  /** Resolves when the condition holds. One wait at a time: a new one takes the place of one that was given up. */
  #until(isMet: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited = { isMet, resolve };
      this.#look();
    });
  }

  #look(): void {
    if (this.#awaited?.isMet() !== true) return;
    this.#awaited.resolve();
    this.#awaited = undefined;
  }
}

/** Waits for the promise, but not longer; unlike the promise, the wait keeps the process alive. */
function withinMs(promise: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    promise.then(() => resolve(), reject).finally(() => clearTimeout(timer));
  });
}
