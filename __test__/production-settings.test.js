'use strict';

// PRODUCTION_SETTINGS: everything that it recommends is made of it, and is what it says.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { BloomFilter, BufferPool, ObjectPool, PerformanceMonitor, ZeroCopyRingBuffer } = require('agentwire');
const { PRODUCTION_SETTINGS } = require('agentwire/performance-optimizations');

it('a ring of the recommended size holds what it says', () => {
  const { capacity, itemSize } = PRODUCTION_SETTINGS.ring;
  const ring = new ZeroCopyRingBuffer(capacity, itemSize);
  assert.deepEqual([ring.getStats().capacity, ring.getStats().itemSize], [65_536, 8192]);
  const longest = new Uint8Array(8188).fill(7);
  assert.ok(ring.enqueue(longest));
  assert.deepEqual(ring.dequeue(), longest);
  assert.throws(() => ring.enqueue(new Uint8Array(8189)), RangeError);
});

it('pools, a filter and a monitor are made of it', () => {
  const { bufferPool, monitor, objectPool, stringFilter } = PRODUCTION_SETTINGS;
  const objects = new ObjectPool(
    () => ({}),
    () => {},
    objectPool.maxPoolSize,
    objectPool.threadCacheSize,
  );
  const taken = Array.from({ length: 1100 }, () => objects.acquire());
  for (const object of taken) objects.release(object);
  assert.deepEqual([objects.getStats().totalCached, objects.getStats().threadCacheCount], [1000, 64]);
  const blocks = new BufferPool(bufferPool.blockSize, bufferPool.maxBlocks);
  assert.deepEqual([blocks.blockSize, blocks.maxBlocks], [8192, 1000]);
  const filter = new BloomFilter(stringFilter.expectedItems, stringFilter.falsePositiveRate);
  for (let index = 0; index < 50_000; index += 1) filter.add(`in ${index}`);
  let wrong = 0;
  for (let index = 0; index < 50_000; index += 1) wrong += Number(filter.mightContain(`out ${index}`));
  assert.ok(wrong <= 500, `${wrong} of 50,000 are 1 % or less`);
  const { thresholds } = new PerformanceMonitor(monitor);
  assert.deepEqual(thresholds, new PerformanceMonitor().thresholds);
  assert.deepEqual([thresholds.latencyP95Ms, thresholds.monitoringIntervalMs], [1, 1000]);
});

it('nobody changes it for others', () => {
  for (const part of [PRODUCTION_SETTINGS, ...Object.values(PRODUCTION_SETTINGS)]) assert.ok(Object.isFrozen(part));
});
