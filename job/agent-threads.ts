// Worker threads that carry the agents: started, watched, ended.

import { Worker } from 'node:worker_threads';
import type { ThreadPlan } from './agent-worker.js';

export interface AgentThread {
  readonly index: number;
  readonly agents: readonly number[];
  readonly worker: Worker;
  /** Settles when the thread is gone, however it went. */
  readonly ended: Promise<void>;
  running: boolean;
  /** It was told to end: a clean end is no death from here on. */
  dismissed: boolean;
  /** How it died, if it did. */
  death: string | undefined;
}

/** Agent `n` lives on thread `n mod threads`: the shares differ by at most one. */
export function shareOut(agents: number, threads: number): number[][] {
  const shares = Array.from({ length: threads }, (): number[] => []);
  for (let agent = 0; agent < agents; agent += 1) shares[agent % threads].push(agent);
  return shares;
}

export function startThread(file: string, plan: ThreadPlan, died: (thread: AgentThread) => void): AgentThread {
  const worker = new Worker(file, { workerData: plan, name: `agents ${plan.thread}` });
  let cause: string | undefined;
  let settle = (): void => {};
  const thread: AgentThread = {
    index: plan.thread,
    agents: plan.agents,
    worker,
    ended: new Promise((resolve) => (settle = resolve)),
    running: true,
    dismissed: false,
    death: undefined,
  };
  // 'exit' always follows 'error', and is the moment from which the thread's memory is really given back.
  worker.on('error', (error: unknown) => {
    cause = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  });
  worker.on('exit', (code) => {
    thread.running = false;
    if (cause !== undefined || !thread.dismissed) {
      thread.death = cause ?? `exited with code ${code}`;
      died(thread);
    }
    settle();
  });
  return thread;
}
