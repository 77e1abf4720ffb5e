/** What a message between agents is about. */
export const MessageType = {
  HEARTBEAT: 1,
  TASK_ASSIGNMENT: 2,
  TASK_RESULT: 3,
  COORDINATION: 4,
  ERROR: 5,
  BATCH: 6,
  STREAM_START: 7,
  STREAM_DATA: 8,
  STREAM_END: 9,
  METRICS: 10,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];
