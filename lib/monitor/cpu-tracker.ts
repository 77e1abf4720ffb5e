import { availableParallelism } from 'node:os';
import type { NativeThreadFigures } from '../generated/binding';
import { native } from '../native';
import { now } from './clock';
import type { CpuSample, ThreadSample } from './sample';

/** CPU of the process and of its threads, since the look before. */
export interface CpuStats extends CpuSample {
  /** Cores that the process may use: `percent` is at most 100 times as much. */
  cores: number;
  /** The threads that have a bus. */
  threads: ThreadSample[];
}

/** How much of the CPU this process takes, and each of its threads that has a bus. */
export class CPUTracker {
  private since = now();
  private usage = process.cpuUsage();
  private threads = new Map<number, NativeThreadFigures>();

  constructor() {
    this.rememberThreads(native.allThreads());
  }

  /** What was used since the look before, or since the tracker was made. The first look after less than a millisecond says nothing. */
  getStats(): CpuStats {
    const time = now();
    const usage = process.cpuUsage();
    const microseconds = Math.max(1, (time - this.since) / 1000);
    const cores = availableParallelism();
    const percent = (used: number) => (Math.max(0, used) / microseconds) * 100;
    // The system counts CPU time in steps, so in a short time it may seem to be more than there was.
    const most = cores * 100;
    const ofUser = percent(usage.user - this.usage.user);
    const ofSystem = percent(usage.system - this.usage.system);
    const scale = Math.min(1, most / Math.max(1, ofUser + ofSystem));
    const [userPercent, systemPercent] = [ofUser * scale, ofSystem * scale];
    const found = native.allThreads();
    const threads = found.map((thread) => this.threadSample(thread, microseconds));
    this.rememberThreads(found);
    this.since = time;
    this.usage = usage;
    return { percent: Math.min(most, userPercent + systemPercent), userPercent, systemPercent, cores, threads };
  }

  private threadSample(thread: NativeThreadFigures, microseconds: number): ThreadSample {
    const before = this.threads.get(thread.endpoint);
    const cpuNs = thread.cpuNs ?? null;
    const percentOf = (ns: number) => (Math.max(0, ns) / microseconds) * 0.1;
    const perSecond = (count: number, last: number | undefined) => ((count - (last ?? 0)) / microseconds) * 1e6;
    const submitted = thread.submitted - (before?.submitted ?? 0);
    const ratio = (part: number, of: number) => (of > 0 ? part / of : 0);
    return {
      endpoint: thread.endpoint,
      threadId: thread.thread,
      name: nameOf(thread.thread),
      // Of a thread that is new here: what it used before the look is not of this time.
      cpuPercent: cpuNs === null ? null : Math.min(100, percentOf(cpuNs - (before?.cpuNs ?? cpuNs))),
      delivered: perSecond(thread.drained, before?.drained),
      published: perSecond(thread.submitted, before?.submitted),
      messagesPerSubmit: ratio(submitted, thread.submits - (before?.submits ?? 0)),
      bytesPerMessage: ratio(thread.submittedBytes - (before?.submittedBytes ?? 0), submitted),
      queuedBytes: thread.waitingBytes,
      isParked: thread.isParked,
    };
  }

  private rememberThreads(threads: readonly NativeThreadFigures[]): void {
    this.threads = new Map(threads.map((thread) => [thread.endpoint, thread]));
  }
}

function nameOf(thread: number): string {
  return thread === 0 ? 'main' : `worker ${thread}`;
}
