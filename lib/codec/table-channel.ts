import { InternLimit } from '../generated/layout';
import { native } from '../native';

/**
 * Whose quota of the process-wide tables new strings and shapes count against: a bus's, by its name, or the serializer's. One
 * object for each EventBus of a thread; those of one name have one quota.
 */
export class TableChannel {
  /** The channel of `serialize`. */
  static readonly serializer = new TableChannel(InternLimit.SerializerChannel);

  /** The channel of a bus, which native is asked for when it is needed first: many buses never do. */
  static ofBus(name: string): TableChannel {
    return new TableChannel(-1, name);
  }

  private constructor(
    private known: number,
    private readonly bus = '',
  ) {}

  /** The number that native knows it by. */
  get number(): number {
    if (this.known < 0) this.known = native.internChannel(this.bus);
    return this.known;
  }
}
