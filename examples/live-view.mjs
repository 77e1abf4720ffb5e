// A monitor that is served: charts for a browser, figures for `npx agentwire top` and for any other program.
// Leave out `close()` and keep the program alive (`server.ref()`) to look at it.

import { EventBus, PerformanceMonitor } from 'agentwire';

const bus = new EventBus({ name: 'watched' });
bus.subscribe('work.*', () => {});
const monitor = new PerformanceMonitor({ monitoringIntervalMs: 100 }).startMonitoring();
const server = await monitor.serve({ port: 0 }); // any port that is free
console.log('open in a browser, or follow in a terminal:', server.url);

const working = setInterval(() => bus.publish('work.done', { at: Date.now() }), 1);
await new Promise((resolve) => setTimeout(resolve, 1000));
clearInterval(working);

const { samples } = await (await fetch(`${server.url}api/history`)).json();
const handled = samples.some(({ buses }) => buses.some(({ name, handled }) => name === 'watched' && handled > 0));
console.log('its samples show the messages:', handled);

await server.close();
monitor.stopMonitoring();
await bus.close();
