// The entry of a worker thread: its agents, one bus, one work loop.

import { isMainThread, workerData } from 'node:worker_threads';
import { EventBus, MessageType } from 'agentwire';
import { Agent } from './agent.js';
import { type Coordination, topics } from './messages.js';
import { Sender, Traffic } from './traffic.js';
import { WorkLoop } from './work-loop.js';

/** What a thread is told when it starts. */
export interface ThreadPlan {
  busName: string;
  folder: string;
  thread: number;
  /** Numbers of the agents that live here. */
  agents: number[];
  heartbeatMs: number;
}

async function main(plan: ThreadPlan): Promise<void> {
  const bus = new EventBus({ name: plan.busName });
  // An idle bus lets its thread end; this one stays until the coordinator says that there is no more work.
  bus.ref();
  const traffic = new Traffic();
  const sender = new Sender(bus, traffic);
  const around = { ...plan, bus, sender, traffic, loop: new WorkLoop(die) };
  const agents = plan.agents.map((id) => new Agent(id, around));

  bus.subscribe<Coordination>(topics.finish, (command) => {
    traffic.arrived(command);
    finish().catch(die);
  });

  async function finish(): Promise<void> {
    for (const agent of agents) agent.stop();
    const counted = traffic.snapshot();
    // The summary counts itself, so that the books balance.
    counted.sent[MessageType.METRICS] += 1;
    await sender.send(topics.summary, { type: MessageType.METRICS, thread: plan.thread, traffic: counted });
    bus.flush();
    bus.close();
  }

  for (const agent of agents) await agent.report();
}

/** Ends the thread with the error for the coordinator to see; a rejected promise inside a handler would only be counted. */
function die(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}

if (!isMainThread) main(workerData as ThreadPlan).catch(die);
