'use strict';

// A payload's buffer may be transferred away right after publish: the message is a copy.

const assert = require('node:assert/strict');
const { it } = require('node:test');
const { EventBus } = require('agentwire');
const { Thread, uniqueName, waitUntil } = require('./helpers.js');

const transfer = (buffer) => structuredClone(buffer, { transfer: [buffer] });

function openBus(t) {
  const bus = new EventBus({ name: uniqueName('transferred') });
  t.after(() => bus.close());
  return bus;
}

it('a buffer that is transferred right after publish arrives', async (t) => {
  const bus = openBus(t);
  const thread = await Thread.start(t);
  await thread.run(({ agentwire, state }, name) => {
    state.bus = new agentwire.EventBus({ name });
    state.got = [];
    state.bus.subscribe('x', (payload) => state.got.push(payload));
  }, bus.name);
  const here = [];
  bus.subscribe('x', (payload) => here.push(payload));
  const expected = [];
  for (const length of [0, 8, 4000, 5000, 100_000, 2_000_000]) {
    const makers = [
      (buffer) => buffer,
      (buffer) => new Uint8Array(buffer),
      (buffer) => ({ view: new DataView(buffer) }),
    ];
    for (const make of makers) {
      const bytes = new Uint8Array(length).fill(length % 251);
      const { buffer } = bytes;
      expected.push(make(bytes.slice().buffer));
      assert.equal(bus.publish('x', make(buffer)), true);
      const moved = transfer(buffer);
      assert.equal(buffer.byteLength, 0);
      new Uint8Array(moved).fill(1);
    }
  }
  await waitUntil(() => here.length === expected.length, 'all here');
  assert.deepEqual(here, expected);
  await waitUntil(async () => (await thread.run(({ state }) => state.got.length)) === expected.length, 'all there');
  assert.deepEqual(await thread.run(({ state }) => state.got), expected);
});

it('a buffer that was transferred before is refused, not sent as empty', (t) => {
  const bus = openBus(t);
  for (const make of [(buffer) => buffer, (buffer) => new Uint8Array(buffer), (buffer) => new DataView(buffer)]) {
    const buffer = new ArrayBuffer(16);
    const value = make(buffer);
    assert.equal(bus.publish('x', { value }), true);
    transfer(buffer);
    for (let i = 0; i < 5; i += 1) {
      assert.throws(() => bus.publish('x', { value }), {
        name: 'AgentwireValueError',
        code: 'ERR_AGENTWIRE_UNSUPPORTED',
        path: '$.value',
        message: /detached ArrayBuffer/,
      });
    }
  }
});

it('a buffer that arrived may be transferred on', async (t) => {
  const bus = openBus(t);
  const moved = [];
  bus.subscribe('x', ({ bytes }) => moved.push(transfer(bytes.buffer)));
  bus.subscribe('x', ({ bytes }) => moved.push(transfer(bytes.buffer)));
  for (const length of [16, 5000]) bus.publish('x', { bytes: new Uint8Array(length).fill(7) });
  await waitUntil(() => moved.length === 4, 'all');
  assert.deepEqual(
    moved.map(({ byteLength }) => byteLength),
    [16, 16, 5000, 5000],
  );
  for (const buffer of moved) assert.ok(new Uint8Array(buffer).every((byte) => byte === 7));
});

it('a buffer that a getter transfers away while it is being published is refused', (t) => {
  const bus = openBus(t);
  const buffer = new ArrayBuffer(16);
  const value = {
    get first() {
      if (buffer.byteLength > 0) transfer(buffer);
      return 1;
    },
    bytes: new Uint8Array(buffer),
  };
  assert.throws(() => bus.publish('x', value), { code: 'ERR_AGENTWIRE_UNSUPPORTED', path: '$.bytes' });
});
