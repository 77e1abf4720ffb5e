// One agent: takes in the files assigned to it, has them counted, answers for each, and says now and then that it is there.

import { type EventBus, EventPriority, MessageType, type Subscription } from 'agentwire';
import type { FileOutcome } from './count-file.js';
import { type Coordination, type TaskAssignment, topics } from './messages.js';
import type { Sender, Traffic } from './traffic.js';
import { absolutePath } from './walk.js';
import type { WorkLoop } from './work-loop.js';

/** What the agents of one thread share. */
export interface AgentSurroundings {
  bus: EventBus;
  sender: Sender;
  traffic: Traffic;
  loop: WorkLoop;
  folder: string;
  thread: number;
  heartbeatMs: number;
}

export class Agent {
  readonly #id: number;
  readonly #around: AgentSurroundings;
  readonly #subscriptions: Subscription[];
  readonly #heartbeat: NodeJS.Timeout;
  #done = 0;
  #cancelled = false;

  constructor(id: number, around: AgentSurroundings) {
    this.#id = id;
    this.#around = around;
    const { bus, traffic } = around;
    this.#subscriptions = [
      bus.subscribe<TaskAssignment>(topics.task(id), (task) => {
        traffic.arrived(task);
        this.#take(task);
      }),
      bus.subscribe<Coordination>(topics.cancel, (command) => {
        traffic.arrived(command);
        this.#cancelled = true;
      }),
    ];
    this.#heartbeat = setInterval(() => this.#beat(), around.heartbeatMs);
    this.#heartbeat.unref();
  }

  /** The first heartbeat must arrive: without it the coordinator does not know that this agent is there. */
  async report(): Promise<void> {
    await this.#around.sender.send(topics.heartbeat(this.#id), this.#heartbeatDraft(), EventPriority.LOW);
  }

  stop(): void {
    clearInterval(this.#heartbeat);
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  #take(task: TaskAssignment): void {
    const { folder, loop } = this.#around;
    // Cancelled work goes the same way and is given back when its turn comes: nothing is ever without an answer.
    loop.add({
      path: absolutePath(folder, task.path),
      wanted: () => !this.#cancelled,
      done: (outcome) => this.#answer(task.taskId, outcome),
      dropped: () => this.#giveBack(task.taskId),
    });
  }

  async #answer(taskId: number, outcome: FileOutcome): Promise<void> {
    const { sender } = this.#around;
    this.#done += 1;
    if (outcome.ok) {
      const { bytes, lines, words, sha256, changedMs } = outcome;
      const result = {
        type: MessageType.TASK_RESULT,
        taskId,
        agent: this.#id,
        bytes,
        lines,
        words,
        sha256,
        changedMs,
      } as const;
      await sender.send(topics.result, result);
    } else {
      const { reason, detail, changedMs } = outcome;
      const error = { type: MessageType.ERROR, taskId, agent: this.#id, reason, detail, changedMs } as const;
      await sender.send(topics.error, error);
    }
  }

  async #giveBack(taskId: number): Promise<void> {
    const returned = { type: MessageType.COORDINATION, agent: this.#id, taskId } as const;
    await this.#around.sender.send(topics.returned, returned, EventPriority.HIGH);
  }

  #beat(): void {
    // A refused heartbeat is not tried again: the next one says the same, later.
    this.#around.sender.offer(topics.heartbeat(this.#id), this.#heartbeatDraft(), EventPriority.LOW);
  }

  #heartbeatDraft() {
    return { type: MessageType.HEARTBEAT, agent: this.#id, thread: this.#around.thread, done: this.#done } as const;
  }
}
