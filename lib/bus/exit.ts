/**
 * What to do when the process (or this worker) exits by itself or by `process.exit`. Native sees the end of a worker on its own,
 * but not that of the main thread.
 *
 * One listener serves every copy of this module in the thread: test runners load it once for each file, and Node warns of a leak
 * when each brings a listener.
 */
export function onExit(action: () => void): void {
  const holder = process as unknown as { [key: symbol]: Set<() => void> | undefined };
  let actions = holder[key];
  if (actions === undefined) {
    const all = new Set<() => void>();
    holder[key] = all;
    actions = all;
    process.on('exit', () => {
      for (const each of all) {
        try {
          each();
        } catch (error) {
          // The others' messages still go out.
          process.emitWarning(error as Error);
        }
      }
    });
  }
  actions.add(action);
}

const key = Symbol.for('agentwire.exit');
