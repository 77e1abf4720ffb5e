import { refuseUnknown } from '../checks';
import { AgentwireArgumentError } from '../errors';
import type { PublishOptions } from './options';

/** A message of `publishBatch`. */
export interface BatchMessage {
  topic: string;
  payload: unknown;
  options?: PublishOptions | undefined;
}

const messageKeys = ['topic', 'payload', 'options'];

/**
 * Publishes the messages in order until one is refused: how many were admitted. An error of a message's value stops it as well,
 * and is thrown when nothing went before; so it is the first thing that the caller meets who goes on from there.
 */
export function publishEach(
  messages: readonly BatchMessage[],
  publish: (topic: string, payload: unknown, options: PublishOptions | undefined) => boolean,
): number {
  checkMessages(messages);
  const { length } = messages;
  for (let index = 0; index < length; index++) {
    try {
      const { topic, payload, options } = messages[index];
      if (!publish(topic, payload, options)) return index;
    } catch (error) {
      if (index === 0) throw error;
      return index;
    }
  }
  return length;
}

/** What has the wrong form is refused before anything is published. */
function checkMessages(messages: readonly BatchMessage[]): void {
  if (!Array.isArray(messages)) throw new AgentwireArgumentError('messages', 'an array of {topic, payload}', messages);
  for (let index = 0; index < messages.length; index++) {
    const message: unknown = messages[index];
    const name = `messages[${index}]`;
    if (typeof message !== 'object' || message === null || !('payload' in message)) {
      throw new AgentwireArgumentError(name, 'an object {topic, payload}', message);
    }
    refuseUnknown(message, messageKeys, name);
    const { topic } = message as { topic?: unknown };
    if (typeof topic !== 'string') throw new AgentwireArgumentError(`${name}.topic`, 'a string', topic);
  }
}
