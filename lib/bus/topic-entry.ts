import { Slot } from '../codec/slot';
import type { TableChannel } from '../codec/table-channel';

/** A topic as this thread publishes to it. */
export class TopicEntry {
  /** What was published to it before: predicts the shape of the next payload. */
  readonly payloads = new Slot();
  readonly headers = new Slot();
  /** The last payload did not fit inline: the next one is not even tried there. */
  large = false;

  constructor(
    readonly name: string,
    /** The bus handle that it belongs to. */
    readonly bus: number,
    /** Index of the topic for records; 0 when the bus has no ids left, and the name travels with each message. */
    readonly index: number,
    /** The bus's, for what is new in its messages. */
    readonly channel: TableChannel,
  ) {}
}
