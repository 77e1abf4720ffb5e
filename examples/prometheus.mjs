// The figures of a program for Prometheus: a server of node:http answers with the newest sample.
// Run: node examples/prometheus.mjs
import { once } from 'node:events';
import { createServer } from 'node:http';
import { EventBus, PerformanceMonitor, prometheusHandler } from 'agentwire';

const bus = new EventBus({ name: 'scraped' });
const monitor = new PerformanceMonitor({ monitoringIntervalMs: 50 }).startMonitoring();
bus.subscribe('orders.*', () => {});
for (let order = 0; order < 10; order++) bus.publish('orders.new', { order });

const server = createServer(prometheusHandler(monitor)).listen(0, '127.0.0.1');
await once(server, 'listening');
await new Promise((resolve) => monitor.once('sample', resolve));

// What Prometheus does every 15 seconds or so.
const response = await fetch(`http://127.0.0.1:${server.address().port}/metrics`);
const text = await response.text();
console.log(text.split('\n').find((line) => line.startsWith('agentwire_messages_published_total')));

server.close();
monitor.stopMonitoring();
bus.close();
