import { native } from '../native';

/** Something that this thread waits for. */
export interface Waiting {
  /** Looks whether it is there. Called in the event loop when it may be. */
  look(): void;
}

/**
 * This thread's bell: other threads ring it when something may be there that this one waits for. Made with the first wait.
 */
export class ThreadBell {
  private static current: ThreadBell | undefined;

  static get(): ThreadBell {
    ThreadBell.current ??= new ThreadBell();
    return ThreadBell.current;
  }

  private readonly waiting = new Set<Waiting>();
  readonly native = new native.ThreadBell(() => {
    for (const each of [...this.waiting]) each.look();
  });

  private constructor() {}

  /** The event loop lives on while somebody waits. */
  add(waiting: Waiting): void {
    if (this.waiting.size === 0) this.native.keepAlive(true);
    this.waiting.add(waiting);
  }

  remove(waiting: Waiting): void {
    if (this.waiting.delete(waiting) && this.waiting.size === 0) this.native.keepAlive(false);
  }
}
