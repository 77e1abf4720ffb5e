// A ring between two workers: one produces measurements, the other sums them up. Run: node examples/ring-two-workers.mjs
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { ZeroCopyRingBuffer } from 'agentwire';

const count = 1_000_000;

if (isMainThread) {
  const ring = new ZeroCopyRingBuffer(1024, 16); // 1,023 items of up to 12 bytes
  for (const role of ['producer', 'consumer']) {
    new Worker(new URL(import.meta.url), { workerData: { role, buffer: ring.buffer } });
  }
} else {
  const ring = ZeroCopyRingBuffer.attach(workerData.buffer);
  const bytes = new Uint8Array(8);
  const measurement = new Float64Array(bytes.buffer);
  if (workerData.role === 'producer') {
    for (let index = 0; index < count; index += 1) {
      measurement[0] = index % 100;
      while (!ring.enqueue(bytes)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); // full: rest for 1 ms
    }
    ring.enqueue(new Uint8Array(0));
  } else {
    let [received, sum] = [0, 0];
    // Blocks this thread, without cost, while there is nothing; the empty item is the end.
    for (let item = ring.dequeue(Infinity); item.length > 0; item = ring.dequeue(Infinity)) {
      bytes.set(item);
      sum += measurement[0];
      received += 1;
    }
    console.log(`${received} measurements, on average ${sum / received}`);
  }
}
