'use strict';

// What a bus knows of the way from publish to handler: which messages are measured, and what for.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { EventBus } = require('agentwire');
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

/** Messages that one measured message may stand for. */
const MOST_PASSED_OVER = 128;

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
    assert.ok(count <= 3 * messages && count >= 3 * (messages - MOST_PASSED_OVER), `${count} of ${3 * messages}`);
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
