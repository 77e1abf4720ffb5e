'use strict';

// The end of a wait from outside: an AbortSignal, or the thread's own end. No item is lost by it.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { ZeroCopyRingBuffer } = require('agentwire');
const { Thread, turn, waitUntil } = require('./helpers.js');

const bytes = (text) => new Uint8Array(Buffer.from(text));
const text = (item) => (item === null ? null : Buffer.from(item).toString());
const forEver = Number.POSITIVE_INFINITY;

describe('a signal', () => {
  it('that was aborted before ends the call at once; the item stays', async () => {
    const ring = new ZeroCopyRingBuffer(4, 64);
    ring.enqueue(bytes('item'));
    const reason = new Error('why');
    await assert.rejects(
      ring.dequeueAsync(forEver, { signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    );
    await assert.rejects(ring.dequeueAsync(0, { signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.equal(text(ring.dequeue()), 'item');
  });

  it('ends the wait with its reason; the next item is for the next one', async () => {
    const ring = new ZeroCopyRingBuffer(4, 64);
    const controller = new AbortController();
    const reason = { any: 'value' };
    const first = ring.dequeueAsync(forEver, { signal: controller.signal });
    const second = ring.dequeueAsync(50_000, { signal: new AbortController().signal });
    const third = ring.dequeueAsync(50_000, { signal: controller.signal });
    const fourth = ring.dequeueAsync();
    await turn();
    controller.abort(reason);
    for (const aborted of [first, third]) await assert.rejects(aborted, (error) => error === reason);
    ring.enqueueBatch(['a', 'b', 'c'].map(bytes));
    assert.deepEqual([text(await second), text(await fourth)], ['a', 'b']);
    for (let count = 0; count < 5; count += 1) await turn();
    assert.equal(text(ring.dequeue()), 'c');
  });

  it('that is aborted after the item came changes nothing', async () => {
    const ring = new ZeroCopyRingBuffer(4, 64);
    const controller = new AbortController();
    const pending = ring.dequeueAsync(forEver, { signal: controller.signal });
    ring.enqueue(bytes('item'));
    assert.equal(text(await pending), 'item');
    controller.abort();
    const other = ring.dequeueAsync();
    ring.enqueue(bytes('next'));
    assert.equal(text(await other), 'next');
  });

  it('may be that of many calls: Node.js does not warn, and each ends', async (t) => {
    const warnings = [];
    const onWarning = (warning) => warnings.push(warning.message);
    process.on('warning', onWarning);
    t.after(() => process.off('warning', onWarning));
    const ring = new ZeroCopyRingBuffer(300, 64);
    const controller = new AbortController();
    const { signal } = controller;
    const pending = Array.from({ length: 200 }, () => ring.dequeueAsync(forEver, { signal }));
    for (let count = 0; count < 100; count += 1) ring.enqueue(bytes(String(count)));
    assert.deepEqual(
      (await Promise.all(pending.slice(0, 100))).map(text),
      Array.from({ length: 100 }, (_, index) => String(index)),
    );
    controller.abort();
    const ends = await Promise.allSettled(pending.slice(100));
    assert.ok(ends.every(({ reason }) => reason?.name === 'AbortError'));
    ring.enqueue(bytes('later'));
    await turn();
    assert.equal(text(ring.dequeue()), 'later');
    assert.deepEqual(warnings, []);
  });

  it('loses no item, whenever it comes', async (t) => {
    const ring = new ZeroCopyRingBuffer(16, 64);
    const items = 1500;
    const thread = await Thread.start(t);
    const sent = thread.run(
      ({ agentwire }, buffer, items) => {
        const ring = agentwire.ZeroCopyRingBuffer.attach(buffer);
        for (let seed = 0; seed < items; seed += 1) while (!ring.enqueue(Buffer.from(String(seed))));
      },
      ring.buffer,
      items,
    );
    const got = [];
    let aborted = 0;
    while (got.length < items) {
      const controller = new AbortController();
      const pending = [1, 2, 3].map(() => ring.dequeueAsync(forEver, { signal: controller.signal }));
      setImmediate(() => controller.abort());
      for (const end of await Promise.allSettled(pending)) {
        if (end.status === 'fulfilled') got.push(Number(text(end.value)));
        else aborted += 1;
      }
    }
    await sent;
    t.diagnostic(`${aborted} waits were aborted`);
    assert.deepEqual(
      got,
      Array.from({ length: items }, (_, index) => index),
    );
  });
});

describe('a thread that ends while it waits in its event loop', () => {
  const ways = { terminate: undefined, 'process.exit': () => process.exit(), error: () => setImmediate(() => null.x) };
  for (const [name, end] of Object.entries(ways)) {
    it(`does no harm, and the items go to others: ${name}`, async (t) => {
      const ring = new ZeroCopyRingBuffer(64, 64);
      for (let round = 0; round < (name === 'terminate' ? 50 : 10); round += 1) {
        const thread = await Thread.start(t, { stderr: true });
        await thread.run(({ agentwire, state }, buffer) => {
          state.ring = agentwire.ZeroCopyRingBuffer.attach(buffer);
          for (let count = 0; count < 5; count += 1) state.ring.dequeueAsync();
          for (let count = 0; count < 5; count += 1) state.ring.dequeueAsync(1e6, { signal: AbortSignal.timeout(1e6) });
        }, ring.buffer);
        // Rings its bell while it ends.
        const ended = end === undefined ? thread.terminate() : thread.exited;
        if (end !== undefined) thread.start(end);
        let isOver = false;
        ended.then(() => {
          isOver = true;
        });
        while (!isOver) {
          ring.enqueue(bytes('item'));
          await turn();
        }
        ring.clear();
        const pending = ring.dequeueAsync();
        ring.enqueue(bytes('after'));
        assert.equal(text(await pending), 'after');
      }
      await waitUntil(() => ring.isEmpty(), 'an empty ring');
    });
  }
});
