// A program that watches itself: a worker thread publishes, this one handles, and the monitor says what it sees of both.
// Run: node examples/monitoring.mjs
import { isMainThread, Worker } from 'node:worker_threads';
import { EventBus, PerformanceMonitor } from 'agentwire';

const bus = new EventBus({ name: 'monitored' });

if (isMainThread) {
  const monitor = new PerformanceMonitor({ queueDepth: 100, monitoringIntervalMs: 100 });
  monitor.on('alert', ({ level, metric }) => console.log(`${level}: ${metric}`));
  monitor.startMonitoring();

  // It never finishes what it begins, so messages pile up.
  bus.subscribe('tasks.*', () => new Promise(() => {}));
  const worker = new Worker(new URL(import.meta.url));
  monitor.on('sample', async () => {
    const { recommendations, sample } = monitor.getReport();
    const advice = recommendations.find(({ code }) => code === 'queue-bottleneck');
    if (advice === undefined) return;
    monitor.stopMonitoring();
    await worker.terminate();
    const [{ name }] = sample.buses;
    console.log(`more than a thousand messages wait on the bus ${name}; the advice: ${advice.advice}`);
    bus.close();
  });
} else {
  setInterval(() => {
    for (let task = 0; task < 100; task++) bus.publish(`tasks.${task % 3}`, { task });
  }, 5);
}
