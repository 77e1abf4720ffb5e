'use strict';

// What a bus knows of the way from publish to handler: which messages are measured, and what for.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus, LatencyHistogram, NanosecondTimer } = require('agentwire');
const { Thread, uniqueName, waitUntil } = require('./helpers.js');

function openBus(t, label) {
  const bus = new EventBus({ name: uniqueName(label) });
  t.after(() => bus.close());
  return bus;
}

/** Keeps this thread busy. */
function keepBusy(milliseconds) {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

async function publishAll(bus, topic, count) {
  for (let index = 0; index < count; index += 1) {
    while (!bus.publish(topic, { index })) await bus.writable(topic);
  }
}

/** Has the next message of this thread measured: after a pause the one behind the first is, whatever was published before. */
function measureNext(bus) {
  keepBusy(15);
  bus.publish('to.nobody', 0);
}

/** Messages that one measured message may stand for. */
const MOST_STANDS_FOR = 128;

describe('the latency of a bus', () => {
  it('is that of each message while there are few', async (t) => {
    const bus = openBus(t, 'latency');
    let handled = 0;
    bus.subscribe('t', () => {
      handled += 1;
    });
    for (let index = 0; index < 5; index += 1) {
      bus.publish('t', index);
      bus.flush();
      keepBusy(20);
      await waitUntil(() => handled === index + 1, 'the message');
    }
    const { latency, ...names } = bus.getMetrics();
    assert.equal(latency.count, 5);
    // The thread was busy with itself for so long before it came to the handler.
    assert.ok(latency.min >= 20e6 && latency.p50 >= 19.8e6, `${latency.min} ${latency.p50}`);
    assert.equal(names['communication.latency.p95'], latency.p95 / 1e6);
    assert.equal(names['communication.latency.p99'], latency.p99 / 1e6);
  });

  it('stands for all messages of a flood, from another thread and to several handlers', async (t) => {
    const bus = openBus(t, 'latency');
    const publisher = await Thread.start(t);
    let handled = 0;
    for (let subscriber = 0; subscriber < 3; subscriber += 1) {
      bus.subscribe('t', () => {
        handled += 1;
      });
    }
    const messages = 50_000;
    await publisher.run(
      async ({ agentwire }, name, publish, count) => {
        const other = new agentwire.EventBus({ name });
        // biome-ignore lint/security/noGlobalEval: the function came as text
        await eval(`(${publish})`)(other, 't', count);
        other.flush();
      },
      bus.name,
      publishAll.toString(),
      messages,
    );
    await waitUntil(() => handled === 3 * messages, 'all messages');
    const { count } = bus.getMetrics().latency;
    // Each message is measured with a probability of 1 in 128 at least, and stands for as many: four standard deviations.
    const most = 4 * 3 * Math.sqrt(messages * MOST_STANDS_FOR);
    assert.ok(Math.abs(count - 3 * messages) <= most, `${count} of ${3 * messages}, within ${most}`);
  });

  it('is that of all messages of bursts, not that of the first of each', async (t) => {
    const bus = openBus(t, 'latency');
    const publisher = await Thread.start(t);
    const exact = new LatencyHistogram(60_000);
    let handled = 0;
    bus.subscribe('t', (sentAt) => {
      exact.record(Math.max(0, NanosecondTimer.nowNs() - sentAt));
      // So the last of a burst waits for all before it.
      keepBusy(0.02);
      handled += 1;
    });
    const [bursts, each] = [200, 50];
    await publisher.run(
      async ({ agentwire }, name, count, size) => {
        const other = new agentwire.EventBus({ name });
        for (let burst = 0; burst < count; burst += 1) {
          for (let index = 0; index < size; index += 1) other.publish('t', agentwire.NanosecondTimer.nowNs());
          await new Promise((resolve) => setTimeout(resolve, 12));
        }
      },
      bus.name,
      bursts,
      each,
    );
    await waitUntil(() => handled === bursts * each, 'all messages');
    const [told, all] = [bus.getMetrics().latency, exact.getStats()];
    assert.ok(Math.abs(told.count / all.count - 1) < 0.2, `${told.count} of ${all.count}`);
    for (const p of ['p50', 'mean']) {
      assert.ok(Math.abs(told[p] / all[p] - 1) < 0.2, `${p}: ${told[p]} told, ${all[p]} of all`);
    }
  });

  it('is no business of a message that comes behind one that cannot be decoded', async (t) => {
    const [first, second] = [openBus(t, 'latency'), openBus(t, 'latency')];
    let failures = 0;
    let handled = 0;
    first.subscribe('t', () => assert.fail('it cannot be decoded'));
    second.subscribe('t', () => {
      handled += 1;
    });
    // Two messages of one batch: the payload of the first, which is measured, is spoilt in the outbox.
    const { endpoint } = first;
    process.once('warning', () => {
      failures += 1;
    });
    measureNext(first);
    // So that it is not submitted at once.
    endpoint.outbox.turnBegan = Number.POSITIVE_INFINITY;
    first.publish('t', 'spoil me');
    const bytes = endpoint.outbox.memory;
    const at = Buffer.from(bytes).indexOf('spoil me');
    assert.ok(at > 0, 'it waits in the outbox for the end of the turn');
    // An array of 15 elements, of which only eight bytes are there.
    bytes[at - 1] = 0xaf;
    for (let index = 0; index < 100; index += 1) second.publish('t', index);
    await waitUntil(() => handled === 100, 'the messages');
    const { latency } = second.getMetrics();
    assert.ok(latency.count <= 4 * 100, `${latency.count}`);
    assert.ok(latency.max < 60e9, `${latency.max}`);
    assert.deepEqual([first.getMetrics().latency.count, failures], [0, 1]);
  });

  it('is that of the first try where a message is tried again', async (t) => {
    const bus = openBus(t, 'latency');
    let tries = 0;
    bus.subscribe(
      't',
      () => {
        tries += 1;
        if (tries < 3) throw new Error('again');
      },
      { ack: true, backoffMs: 20 },
    );
    measureNext(bus);
    bus.publish('t', 'tried');
    await waitUntil(() => tries === 3, 'the last try');
    assert.equal(bus.getMetrics().latency.count, 1);
  });

  it('is measured of large messages, requests, headers and channels as well, and of each bus by itself', async (t) => {
    const bus = openBus(t, 'latency');
    const channel = bus.channel('tenant');
    t.after(() => channel.close());
    const sizes = [];
    bus.subscribe('large', (payload) => sizes.push(payload.length));
    bus.subscribe('ask', () => 'answer');
    channel.subscribe('t', () => sizes.push(0));
    bus.publish('large', new Uint8Array(100_000), { headers: { a: 1 }, correlationId: 5n, expiresInMs: 60_000 });
    bus.flush();
    keepBusy(15);
    await waitUntil(() => sizes.length === 1, 'the large message');
    keepBusy(15);
    assert.equal(await bus.request('ask', 'question'), 'answer');
    keepBusy(15);
    channel.publish('t', 'of a tenant');
    await waitUntil(() => sizes.length === 2, 'the message of the channel');
    assert.equal(bus.getMetrics().latency.count, 2);
    assert.equal(channel.getMetrics().latency.count, 1);
    assert.ok(bus.getMetrics().latency.max >= 15e6);
  });

  it('is kept of threads that have ended', async (t) => {
    const bus = openBus(t, 'latency');
    const subscriber = await Thread.start(t);
    await subscriber.run(({ agentwire, state }, name) => {
      state.bus = new agentwire.EventBus({ name });
      state.bus.subscribe('t', () => {});
    }, bus.name);
    bus.publish('t', 1);
    await waitUntil(() => bus.getMetrics().handled === 1, 'the message');
    await subscriber.terminate();
    await subscriber.exited;
    assert.equal(bus.getMetrics().latency.count, 1);
  });
});
