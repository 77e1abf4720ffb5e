import { defineMessage } from './define/define-message';
import type { MessageOf } from './define/types';

// The four messages of agents. Users send what they have, so every field may be absent and every other property is kept; times
// are numbers or bigints in whatever unit, kept as they are given.

/** A task for an agent. */
export const TaskAssignmentMessage = defineMessage(
  'task.assignment',
  {
    id: { tag: 1, type: 'string', optional: true },
    taskId: { tag: 2, type: 'string', optional: true },
    agentId: { tag: 3, type: 'string', optional: true },
    taskType: { tag: 4, type: 'string', optional: true },
    priority: { tag: 5, type: 'any', optional: true },
    payload: { tag: 6, type: 'any', optional: true },
    dependencies: { tag: 7, type: 'string', repeated: true, optional: true },
    requiredCapabilities: { tag: 8, type: 'string', repeated: true, optional: true },
    description: { tag: 9, type: 'string', optional: true },
    timestamp: { tag: 10, type: 'time', optional: true },
    deadline: { tag: 11, type: 'time', optional: true },
    timeout: { tag: 12, type: 'time', optional: true },
    attempt: { tag: 13, type: 'integer', optional: true },
    metadata: { tag: 14, type: 'any', optional: true },
  },
  { extra: 'keep' },
);
export type TaskAssignmentMessage = MessageOf<typeof TaskAssignmentMessage>;

/** What became of a task. */
export const TaskResultMessage = defineMessage(
  'task.result',
  {
    id: { tag: 1, type: 'string', optional: true },
    taskId: { tag: 2, type: 'string', optional: true },
    agentId: { tag: 3, type: 'string', optional: true },
    status: { tag: 4, type: 'string', optional: true },
    success: { tag: 5, type: 'boolean', optional: true },
    result: { tag: 6, type: 'any', optional: true },
    error: { tag: 7, type: 'any', optional: true },
    timestamp: { tag: 8, type: 'time', optional: true },
    startedAt: { tag: 9, type: 'time', optional: true },
    completedAt: { tag: 10, type: 'time', optional: true },
    duration: { tag: 11, type: 'time', optional: true },
    metrics: { tag: 12, type: 'any', optional: true },
    metadata: { tag: 13, type: 'any', optional: true },
  },
  { extra: 'keep' },
);
export type TaskResultMessage = MessageOf<typeof TaskResultMessage>;

/** What agents say to one another to work together. */
export const CoordinationMessage = defineMessage(
  'coordination',
  {
    id: { tag: 1, type: 'string', optional: true },
    type: { tag: 2, type: 'string', optional: true },
    coordinationType: { tag: 3, type: 'string', optional: true },
    sourceAgent: { tag: 4, type: 'string', optional: true },
    targetAgents: { tag: 5, type: 'string', repeated: true, optional: true },
    action: { tag: 6, type: 'string', optional: true },
    data: { tag: 7, type: 'any', optional: true },
    priority: { tag: 8, type: 'any', optional: true },
    timestamp: { tag: 9, type: 'time', optional: true },
    expiresAt: { tag: 10, type: 'time', optional: true },
    metadata: { tag: 11, type: 'any', optional: true },
  },
  { extra: 'keep' },
);
export type CoordinationMessage = MessageOf<typeof CoordinationMessage>;

/** A sign of life, with how busy the agent is. */
export const HeartbeatMessage = defineMessage(
  'heartbeat',
  {
    agentId: { tag: 1, type: 'string', optional: true },
    timestamp: { tag: 2, type: 'time', optional: true },
    status: { tag: 3, type: 'string', optional: true },
    sequence: { tag: 4, type: 'time', optional: true },
    load: { tag: 5, type: 'number', optional: true },
    cpuUsage: { tag: 6, type: 'number', optional: true },
    memoryUsage: { tag: 7, type: 'any', optional: true },
    activeTasks: { tag: 8, type: 'any', optional: true },
    queueDepth: { tag: 9, type: 'number', optional: true },
    uptime: { tag: 10, type: 'time', optional: true },
    metrics: { tag: 11, type: 'any', optional: true },
  },
  { extra: 'keep' },
);
export type HeartbeatMessage = MessageOf<typeof HeartbeatMessage>;
