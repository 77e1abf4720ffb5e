// The words of the conversation between the coordinator and its agents: topics, message types, what each one carries.

import { MessageType } from 'agentwire';

/** Who publishes where. `agent` is an agent's number, from 0. */
export const topics = {
  /** Coordinator to one agent: a file to count. */
  task: (agent: number): string => `agent.${agent}.task`,
  /** Coordinator to every agent: stop, give back what you have not begun. */
  cancel: 'agents.cancel',
  /** Coordinator to every thread: the job is over, send your summary and end. */
  finish: 'agents.finish',
  /** Agents to the coordinator. */
  result: 'coordinator.result',
  error: 'coordinator.error',
  heartbeat: (agent: number): string => `coordinator.heartbeat.${agent}`,
  everyHeartbeat: 'coordinator.heartbeat.*',
  /** An agent's answer to a cancel: a task that it gives back undone. */
  returned: 'coordinator.returned',
  /** A thread's last words: what it sent, received and measured. */
  summary: 'coordinator.summary',
} as const;

interface Sent {
  /** `process.hrtime.bigint()` at publish: a monotonic clock that all threads of a process share. */
  sentAt: bigint;
}

/**
 * A path relative to the job's folder. File names are bytes, and some are not valid UTF-8:
 * such a path travels as its bytes, for as text it could not be opened any more.
 */
export type FilePath = string | Uint8Array;

export interface TaskAssignment extends Sent {
  type: typeof MessageType.TASK_ASSIGNMENT;
  /** The file's place in the sorted list of files. */
  taskId: number;
  agent: number;
  path: FilePath;
}

/** What counting one file gives. */
export interface FileCount {
  bytes: number;
  /** Newline characters, as `wc -l` counts. */
  lines: number;
  /** Runs of bytes between ASCII white space, as `wc -w` counts in the C locale. */
  words: number;
  /** Hexadecimal. */
  sha256: string;
  /** The file's change time (ctime, ms) when it was opened: tells a file that changed since from a wrong result. */
  changedMs: number;
}

/** Why a file has no count. */
export type FailureReason = 'binary' | 'unreadable' | 'not-a-file' | 'agent-died' | 'no-agent-left';

export interface FileFailure {
  reason: FailureReason;
  detail: string;
  /** As in `FileCount`; undefined where the file could not even be looked at. */
  changedMs: number | undefined;
}

export interface TaskResult extends Sent, FileCount {
  type: typeof MessageType.TASK_RESULT;
  taskId: number;
  agent: number;
}

export interface TaskError extends Sent, FileFailure {
  type: typeof MessageType.ERROR;
  taskId: number;
  agent: number;
}

export interface Heartbeat extends Sent {
  type: typeof MessageType.HEARTBEAT;
  agent: number;
  thread: number;
  /** Tasks that the agent has finished. An agent's first heartbeat is also how it reports for work. */
  done: number;
}

export interface Coordination extends Sent {
  type: typeof MessageType.COORDINATION;
  command: 'cancel' | 'finish';
}

export interface TaskReturned extends Sent {
  type: typeof MessageType.COORDINATION;
  agent: number;
  taskId: number;
}

export interface ThreadSummary extends Sent {
  type: typeof MessageType.METRICS;
  thread: number;
  traffic: TrafficSnapshot;
}

/** What one thread sent and received; indexed by message type. */
export interface TrafficSnapshot {
  sent: number[];
  received: number[];
  /** Times that `publish` did not admit a message and the sender waited. */
  refused: number;
  latency: LatencySnapshot[];
}

/** The buckets of a histogram that are not empty. */
export interface LatencySnapshot {
  buckets: Uint16Array;
  counts: Float64Array;
}

export type JobMessage =
  | TaskAssignment
  | TaskResult
  | TaskError
  | Heartbeat
  | Coordination
  | TaskReturned
  | ThreadSummary;

const typeNames = new Map<number, string>(
  Object.entries(MessageType).flatMap(([name, value]) => (typeof value === 'number' ? [[value, name] as const] : [])),
);

/** Length of an array that is indexed by message type. */
export const MESSAGE_TYPES = 1 + Math.max(...typeNames.keys());

/** `TASK_RESULT` for 3, and so on. */
export function messageTypeName(type: number): string {
  return typeNames.get(type) ?? `TYPE_${type}`;
}
