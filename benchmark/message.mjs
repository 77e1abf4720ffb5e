// The message of the speed targets: 181 bytes of JSON, its id, task id and payload (27 characters) different in each.

const AGENTS = 100;
/** Messages are prepared before the clock runs: what is measured is the way, not the making. */
const PREPARED = 4096;

export function makeMessage(sequence, agent = sequence % AGENTS) {
  const number = 1_000_000 + sequence;
  return {
    id: `msg${number}`,
    type: 'task.assignment',
    agent: `a${10 + (agent % 90)}`,
    data: { taskId: `t-${number}`, agent: `a${10 + (agent % 90)}`, payload: `count the words in: ${number}` },
    timestamp: 1_760_000_000_000 + sequence,
    priority: 2,
  };
}

/** A round of flat strings, as a parser or a socket would deliver them; one agent. */
export function prepareMessages() {
  return Array.from({ length: PREPARED }, (_, sequence) => JSON.parse(JSON.stringify(makeMessage(sequence, 32))));
}

/**
 * The cold case: 1,000 topics, 50 shapes, 100 agents. Message `i` goes to topic `i % 1000` with shape `i % 50`; each shape
 * has the target message's fields and one of its own.
 */
export function prepareColdMessages() {
  return Array.from({ length: PREPARED }, (_, sequence) => {
    const message = makeMessage(sequence);
    const shape = sequence % 50;
    return {
      topic: `agents.${sequence % 1000}.inbox`,
      message: JSON.parse(JSON.stringify({ [`field${shape}`]: shape, ...message })),
    };
  });
}

/** What a handler does with a message: reads it, so that no decoder gets away with not reading. */
export function digest(message) {
  return message.id.length + message.data.taskId.length + message.data.payload.length + (message.timestamp % 1000);
}
