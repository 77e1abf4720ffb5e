'use strict';

// The sub-paths that carry the names of the modules they take the place of: the very classes of the root, at no cost until they
// are used.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const root = require('agentwire');
const { runNode } = require('./helpers.js');

/** What the ES module view of a CommonJS module has besides: the second since Node 23, the third is the compiler's mark. */
const ownNamesOfTheView = ['default', 'module.exports', '__esModule'];

const subPaths = {
  'agentwire/enhanced-event-bus': ['EnhancedEventBus', 'EventBus', 'EventPriority', 'SubscriptionGroup'],
  'agentwire/ultra-fast-serialization': [
    'CompressionType',
    'MessageSerializer',
    'MessageType',
    'UltraFastBinaryDecoder',
    'VarintEncoder',
    'codec',
  ],
  'agentwire/optimized-serialization': [
    'BatchMessageSerializer',
    'BinaryCodecPool',
    'BloomFilter',
    'CompressionType',
    'MessageType',
    'OptimizedMessageSerializer',
    'OptimizedStringPool',
    'codec',
    'globalBatchSerializer',
    'globalSerializer',
  ],
  'agentwire/performance-optimizations': [
    'CPUTracker',
    'LatencyHistogram',
    'MemoryTracker',
    'NanosecondTimer',
    'PRODUCTION_SETTINGS',
    'PerformanceMonitor',
    'PerformanceValidator',
    'globalPerformanceMonitor',
    'performanceValidator',
  ],
  'agentwire/zero-copy-structures': ['BorrowedItem', 'RingClaim', 'ZeroCopyRingBuffer', 'globalMessageBuffer'],
};

for (const [subPath, names] of Object.entries(subPaths)) {
  describe(subPath, () => {
    it('gives what the root gives, by require and by import', async () => {
      const required = require(subPath);
      const imported = await import(subPath);
      const importedNames = Object.keys(imported).filter((name) => !ownNamesOfTheView.includes(name));
      assert.deepEqual(importedNames.sort(), Object.keys(required).sort());
      for (const name of names) assert.ok(name in required, name);
      for (const [name, value] of Object.entries(required)) {
        assert.equal(imported[name], value, name);
        assert.equal(root[name], value, name);
      }
    });
  });
}

/** A few words of shared memory are nothing. */
const mostBytes = 64;

/** Runs a program that counts the shared memory that is made, in a process of its own. */
async function count(program, ...flags) {
  const counting = `
    globalThis.made = 0;
    globalThis.SharedArrayBuffer = class SharedArrayBuffer extends globalThis.SharedArrayBuffer {
      constructor(bytes, ...rest) { super(bytes, ...rest); globalThis.made += bytes; }
    };`;
  const { code, stdout, stderr } = await runNode([...flags, '-e', `${counting}${program}`], { cwd: __dirname });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' }, stdout);
  return stdout.trim();
}

describe('the global ring', () => {
  it('is not made by importing, by whatever way', async () => {
    const ways = [
      `require('agentwire'); console.log(made);`,
      `require('agentwire/zero-copy-structures'); console.log(made);`,
      `import('agentwire').then(() => console.log(made));`,
      `import('agentwire/zero-copy-structures').then(() => console.log(made));`,
    ];
    for (const way of ways) assert.ok(Number(await count(way)) <= mostBytes, way);
  });

  it('is made by the first use, once, with the default size', async () => {
    const program = `
      const { globalMessageBuffer, ZeroCopyRingBuffer } = require('agentwire/zero-copy-structures');
      const steps = [globalMessageBuffer instanceof ZeroCopyRingBuffer, made <= ${mostBytes}];
      globalMessageBuffer.enqueue(Buffer.from('first'));
      steps.push(made > 2 ** 29);
      const after = made;
      steps.push(String(Buffer.from(require('agentwire').globalMessageBuffer.dequeue())), made < after + 2 ** 20);
      steps.push(globalMessageBuffer.getStats().capacity, globalMessageBuffer.getStats().itemSize);
      console.log(JSON.stringify(steps));`;
    const steps = [true, true, true, 'first', true, 65_536, 8192];
    assert.deepEqual(JSON.parse(await count(program)), steps);
  });

  it('is a ring in every respect', () => {
    const { globalMessageBuffer, ZeroCopyRingBuffer } = root;
    assert.ok(globalMessageBuffer instanceof ZeroCopyRingBuffer);
    assert.equal(globalMessageBuffer.constructor, ZeroCopyRingBuffer);
    assert.equal(globalMessageBuffer.enqueue, globalMessageBuffer.enqueue);
    const other = ZeroCopyRingBuffer.attach(globalMessageBuffer.buffer);
    const { enqueue } = globalMessageBuffer;
    assert.equal(enqueue(Buffer.from('text')), true);
    assert.equal(Buffer.from(other.dequeue()).toString(), 'text');
    const claim = globalMessageBuffer.claim();
    claim.commit(0);
    assert.equal(globalMessageBuffer.size(), 1);
    assert.equal(globalMessageBuffer.clear(), 1);
    for (const name of ['enqueue', 'dequeueAsync', 'buffer', 'getStats']) assert.ok(name in globalMessageBuffer, name);
  });

  it('belongs to its thread; another thread attaches to its buffer', async () => {
    const program = `
      const { Worker } = require('node:worker_threads');
      const { globalMessageBuffer } = require('agentwire');
      const code = "const { workerData } = require('node:worker_threads');" +
        "const { globalMessageBuffer, ZeroCopyRingBuffer } = require('agentwire');" +
        "globalMessageBuffer.enqueue(Buffer.from('own'));" +
        "ZeroCopyRingBuffer.attach(workerData).enqueue(Buffer.from('to main'));";
      new Worker(code, { eval: true, workerData: globalMessageBuffer.buffer }).on('exit', (code) => {
        console.log(code, globalMessageBuffer.drain().map((item) => Buffer.from(item).toString()).join());
      });`;
    assert.equal(await count(program), '0 to main');
  });
});
