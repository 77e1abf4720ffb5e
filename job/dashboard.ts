// --dashboard: what the job does, as charts in a browser and in `npx agentwire top`.

import { AgentwireError, type DashboardServer, PerformanceMonitor } from 'agentwire';
import { type DashboardOptions, UsageError } from './options.js';

/** Monitors this process and serves what is seen, until it is closed. */
export class Dashboard {
  private constructor(
    private readonly monitor: PerformanceMonitor,
    private readonly server: DashboardServer,
  ) {}

  static async open({ port }: DashboardOptions): Promise<Dashboard> {
    const monitor = new PerformanceMonitor();
    try {
      const server = await monitor.serve({ port });
      monitor.startMonitoring();
      return new Dashboard(monitor, server);
    } catch (error) {
      if (!(error instanceof AgentwireError)) throw error;
      throw new UsageError(`--dashboard: ${error.message.split('; ')[0]}; try --dashboard 0, which takes a free port`);
    }
  }

  get url(): string {
    return this.server.url;
  }

  /** Keeps the process and its page alive until Ctrl-C. */
  async untilInterrupted(): Promise<void> {
    this.server.ref();
    await new Promise<void>((resolve) => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve());
    });
  }

  async close(): Promise<void> {
    this.monitor.stopMonitoring();
    await this.server.close();
  }
}
