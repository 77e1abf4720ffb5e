// The messages of a load, and what their receiver does with each: the same for both transports.

/** 181 bytes of JSON. Every `id` and `taskId` is another string, and so is every payload, of 27 characters. */
export interface LoadMessage {
  id: string;
  type: 'task.assignment';
  agent: string;
  data: { taskId: string; agent: string; payload: string };
  timestamp: number;
  priority: number;
}

/** Seven digits for the first nine million messages, so that they are all of one length. */
const FIRST_NUMBER = 1_000_000;
/** Some Unix time in milliseconds; the receiver takes the sequence number from what exceeds it. */
const FIRST_TIMESTAMP = 1_760_000_000_000;
const AGENT = 'a42';

/** @param sequence From 0. */
export function makeLoadMessage(sequence: number): LoadMessage {
  const number = FIRST_NUMBER + sequence;
  return {
    id: `msg${number}`,
    type: 'task.assignment',
    agent: AGENT,
    data: { taskId: `t-${number}`, agent: AGENT, payload: `count the words in: ${number}` },
    timestamp: FIRST_TIMESTAMP + sequence,
    priority: 2,
  };
}

/** One message in this many is compared with what was sent, field by field. */
const INSPECT_EVERY = 1_009;

/** What a receiver has seen. */
export interface Tally {
  received: number;
  /** Sum of the sequence numbers: tells a lost, doubled or mixed-up message where the count does not. */
  checksum: number;
  /** Characters of the strings that differ in every message: reading them is the handler's work. */
  characters: number;
  /** Inspected messages that were not as sent. */
  spoiled: number;
}

export function noTally(): Tally {
  return { received: 0, checksum: 0, characters: 0, spoiled: 0 };
}

export function tally(seen: Tally, message: LoadMessage): void {
  const sequence = message.timestamp - FIRST_TIMESTAMP;
  seen.received += 1;
  seen.checksum += sequence;
  seen.characters += message.id.length + message.data.taskId.length + message.data.payload.length;
  if (sequence % INSPECT_EVERY === 0 && JSON.stringify(message) !== JSON.stringify(makeLoadMessage(sequence))) {
    seen.spoiled += 1;
  }
}

/** What a receiver of all the messages must have seen. Exact up to 2^53: for some 130 million messages. */
export function expectedTally(messages: number): Tally {
  let characters = 0;
  // All numbers of the same digits make the same characters.
  for (let from = 0; from < messages; ) {
    const digits = String(FIRST_NUMBER + from).length;
    const to = Math.min(messages, 10 ** digits - FIRST_NUMBER);
    const { id, data } = makeLoadMessage(from);
    characters += (to - from) * (id.length + data.taskId.length + data.payload.length);
    from = to;
  }
  return { received: messages, checksum: (messages * (messages - 1)) / 2, characters, spoiled: 0 };
}
