'use strict';

// Filters across threads: what a subscription does not want never reaches its thread, takes no room and is counted.

const assert = require('node:assert/strict');
const { describe, it } = require('node:test');
const { assertLedger, publishAll, stall, Thread, turn, waitUntil } = require('./helpers.js');
const { openBus } = require('./listeners.js');

const where = (field, operator, value, more = {}) => ({
  operator: 'AND',
  conditions: [{ field, operator, value, ...more }],
});

/** A thread with a subscription for each of `[pattern, options]`; `state.got` has the payloads of each. */
async function startFiltered(t, bus, subscriptions) {
  const thread = await Thread.start(t);
  await thread.run(
    ({ agentwire, state }, name, subscriptions) => {
      state.bus = new agentwire.EventBus({ name });
      state.got = subscriptions.map(() => []);
      state.subscriptions = subscriptions.map(([pattern, options], index) =>
        state.bus.subscribe(pattern, (payload) => state.got[index].push(payload), options),
      );
    },
    bus.name,
    subscriptions,
  );
  return thread;
}

const gotBy = (thread) => thread.run(({ state }) => state.got);
const statsOf = (thread) => thread.run(({ state }) => state.subscriptions.map(({ stats }) => stats));
const settled = (thread) =>
  waitUntil(async () => (await statsOf(thread)).every(({ inFlight }) => inFlight === 0), 'all to settle');

/** What of `payloads` a filter lets through, on this thread. */
function wanted(t, filter, payloads) {
  const bus = openBus(t);
  const { stats: before } = bus.subscribe('t', () => {}, { filter });
  assert.equal(before.filtered, 0);
  return payloads.filter((payload) => {
    const admitted = () => bus.getMetrics().admitted;
    const count = admitted();
    assert.equal(bus.publish('t', payload), true);
    bus.flush();
    return admitted() > count;
  });
}

describe('across threads', () => {
  it('two subscriptions of one topic get what each wants', async (t) => {
    const bus = openBus(t);
    const thread = await startFiltered(t, bus, [
      ['n', { filter: where('n', 'lt', 10) }],
      ['n', { filter: where('n', 'gte', 5) }],
      ['n', {}],
    ]);
    const all = Array.from({ length: 20 }, (_, n) => ({ n }));
    await publishAll(bus, 'n', all);
    bus.flush();
    await waitUntil(async () => (await gotBy(thread))[2].length === 20, 'all messages');
    assert.deepEqual(await gotBy(thread), [all.slice(0, 10), all.slice(5), all]);
    await settled(thread);
    const stats = await statsOf(thread);
    assert.deepEqual(
      stats.map(({ admitted, handled, filtered }) => [admitted, handled, filtered]),
      [
        [10, 10, 10],
        [15, 15, 5],
        [20, 20, 0],
      ],
    );
    const metrics = bus.getMetrics();
    assert.deepEqual([metrics.published, metrics.unmatched, metrics.filtered], [20, 0, 15]);
    assertLedger(metrics);
  });

  it('threads get what they want, in order, and the others nothing', async (t) => {
    const bus = openBus(t);
    const kinds = ['red', 'green', 'blue'];
    const threads = await Promise.all(
      kinds.map((kind) => startFiltered(t, bus, [['colours.*', { filter: where('colour.name', 'eq', kind) }]])),
    );
    const all = Array.from({ length: 3000 }, (_, n) => ({ n, colour: { name: kinds[(n * 7) % 3] } }));
    for (const [n, payload] of all.entries()) await publishAll(bus, `colours.${n % 2}`, [payload]);
    bus.flush();
    for (const [index, thread] of threads.entries()) {
      const expected = all.filter(({ colour }) => colour.name === kinds[index]);
      await waitUntil(async () => (await gotBy(thread))[0].length >= expected.length, 'its messages');
      const [got] = await gotBy(thread);
      for (const parity of [0, 1]) {
        const isOf = ({ n }) => n % 2 === parity;
        assert.deepEqual(got.filter(isOf), expected.filter(isOf));
      }
      const [{ admitted, filtered }] = await statsOf(thread);
      assert.deepEqual([admitted, filtered], [1000, 2000]);
    }
    assert.equal(bus.getMetrics().filtered, 6000);
  });

  it('a thread that wants nothing is not woken, and takes no room', async (t) => {
    const bus = openBus(t);
    const options = { queueLimit: 1, filter: where('for', 'eq', 'you') };
    const thread = await startFiltered(t, bus, [['t', options]]);
    const stalled = await stall(thread);
    for (let n = 0; n < 1000; n += 1) assert.equal(bus.publish('t', { for: 'others', n }), true);
    bus.flush();
    const { admitted, filtered, unmatched, published } = bus.getMetrics();
    assert.deepEqual([admitted, filtered, unmatched, published], [0, 1000, 1000, 1000]);
    // One fills it; what it does not want passes it by all the same.
    assert.equal(bus.publish('t', { for: 'you', n: 1 }), true);
    assert.equal(bus.publish('t', { for: 'you', n: 2 }), false);
    assert.equal(bus.publish('t', { for: 'others', n: 3 }), true);
    bus.flush();
    assert.equal(bus.getMetrics().refused, 1);
    stalled.release();
    await bus.writable('t');
    assert.equal(bus.publish('t', { for: 'you', n: 4 }), true);
    await waitUntil(async () => (await gotBy(thread))[0].length === 2, 'the two');
    assert.deepEqual(
      (await gotBy(thread))[0].map(({ n }) => n),
      [1, 4],
    );
    const [stats] = await statsOf(thread);
    assert.deepEqual([stats.admitted, stats.filtered], [2, 1001]);
  });

  it('a subscription that is full holds up only what it wants', async (t) => {
    const bus = openBus(t);
    const full = await startFiltered(t, bus, [['t', { queueLimit: 1, filter: where('to', 'eq', 'full') }]]);
    const other = await startFiltered(t, bus, [['t', { queueLimit: 4, filter: where('to', 'eq', 'other') }]]);
    const stalled = await stall(full);
    assert.equal(bus.publish('t', { to: 'full' }), true);
    assert.equal(bus.publish('t', { to: 'full' }), false);
    // Many times the limit of the other one: writable() resolves although the first is full.
    const all = Array.from({ length: 100 }, (_, n) => ({ to: 'other', n }));
    await publishAll(bus, 't', all);
    await waitUntil(async () => (await gotBy(other))[0].length === 100, 'all messages');
    assert.deepEqual((await gotBy(other))[0], all);
    assert.equal(bus.getMetrics().inFlight - 1, 0);
    stalled.release();
    await waitUntil(async () => (await gotBy(full))[0].length === 1, 'the one');
  });

  it('large payloads are seen whole', async (t) => {
    const bus = openBus(t);
    const thread = await startFiltered(t, bus, [['big', { filter: where('last', 'eq', 'yes') }]]);
    const big = (last, bytes) => ({ data: new Uint8Array(bytes).fill(7), text: 'é'.repeat(bytes), last });
    for (const bytes of [3000, 5000, 100_000, 1_000_000]) {
      assert.equal(bus.publish('big', big('no', bytes), { headers: { last: 'yes' } }), true);
      assert.equal(bus.publish('big', big('yes', bytes), { headers: { last: 'no' } }), true);
    }
    bus.flush();
    await waitUntil(async () => (await statsOf(thread))[0].handled === 4, 'the four');
    const lengths = await thread.run(({ state }) => state.got[0].map(({ data, last }) => [last, data.length]));
    assert.deepEqual(
      lengths,
      [3000, 5000, 100_000, 1_000_000].map((bytes) => ['yes', bytes]),
    );
    const [{ admitted, filtered }] = await statsOf(thread);
    assert.deepEqual([admitted, filtered], [4, 4]);
  });

  it('headers are before the payload, and not seen', (t) => {
    const bus = openBus(t);
    const subscription = bus.subscribe('t', () => {}, { filter: where('a', 'eq', 1) });
    bus.publish('t', { a: 1 }, { headers: { a: 2 }, correlationId: 5n });
    bus.publish('t', { a: 2 }, { headers: { a: 1 } });
    bus.publish('t', { a: 2 }, { headers: { a: 1 }, priority: 0 });
    bus.publish('t', { a: 1 }, { headers: {}, priority: 0 });
    bus.flush();
    const { admitted, filtered } = subscription.stats;
    assert.deepEqual([admitted, filtered], [2, 2]);
  });

  it('the figures of a subscription that ended stay in those of the bus', async (t) => {
    const bus = openBus(t);
    const subscription = bus.subscribe('t', () => {}, { filter: where('a', 'eq', 1) });
    for (let n = 0; n < 10; n += 1) bus.publish('t', { a: n });
    bus.flush();
    subscription.unsubscribe();
    await turn();
    bus.publish('t', { a: 5 });
    bus.flush();
    assert.equal(bus.getMetrics().filtered, 9);
  });

  it('a subscription without a filter comes and goes beside one', async (t) => {
    const bus = openBus(t);
    const filtered = bus.subscribe('t', () => {}, { filter: where('a', 'gt', 0) });
    for (let round = 0; round < 20; round += 1) {
      const plain = bus.subscribe('*', () => {});
      bus.publish('t', { a: round % 2 });
      bus.flush();
      assert.equal(plain.stats.admitted, 1);
      plain.unsubscribe();
      bus.publish('t', { a: round % 2 });
      bus.flush();
    }
    const { admitted, filtered: kept } = filtered.stats;
    assert.deepEqual([admitted, kept], [20, 20]);
  });
});

describe('operators', () => {
  const day = 86_400_000;
  const cases = [
    ['eq', 'eq', 5, [5, 5n, new Date(5)], ['5', 4, null, [5], {}]],
    ['eq of bigints', 'eq', 2n ** 70n, [2n ** 70n, 2 ** 70], [2n ** 70n + 1n, 2 ** 71]],
    ['eq of null', 'eq', null, [null], [0, false, undefined, '']],
    ['eq of zeros', 'eq', 0, [0, -0, 0n], ['', false, null]],
    ['eq without case', 'eq', 'Été', ['été', 'ÉTÉ'], ['ete', 'été '], { caseSensitive: false }],
    ['ne', 'ne', 'a', ['b', undefined, 5, ['a']], ['a']],
    ['ne without case', 'ne', 'a', ['b'], ['a', 'A'], { caseSensitive: false }],
    ['gt', 'gt', 1.5, [2, 2n, Infinity, new Date(2)], [1, 1.5, Number.NaN, '2', undefined]],
    ['lt of dates', 'lt', new Date(day), [new Date(0), 0], [new Date(day), day, new Date(Number.NaN)]],
    ['gte of text', 'gte', 'b', ['b', 'ba', 'c', '～'], ['a', 'B', '', 5]],
    ['lte', 'lte', 2n, [2, 1.9, 2n, -(2n ** 80n)], [2.1, 3n]],
    ['contains in text', 'contains', 'ell', ['hello', 'ell'], ['HELLO', 'el', 5]],
    ['contains without case', 'contains', 'ELL', ['hello', 'Jelly'], ['help'], { caseSensitive: false }],
    ['contains in arrays and sets', 'contains', 2, [[1, 2], new Set([2]), [2n]], [['2'], [[2]], [], 2]],
    ['contains of keys', 'contains', 'k', [new Map([['k', 0]]), { k: undefined }], [new Map([[0, 'k']]), { l: 'k' }]],
    ['matches', 'matches', '^a[0-9]+$', ['a1', 'a123'], ['a', 'ba1', 'a1\n', 5, ['a1']]],
    ['matches by RegExp', 'matches', /^é.x$/ims, ['É\nX', 'z\néyx'], ['éx']],
    ['matches without case', 'matches', 'abc', ['xABCx', 'abc'], ['ab'], { caseSensitive: false }],
    ['in', 'in', ['a', 1, null], ['a', 1, 1n, null], ['A', 0, undefined]],
    ['in a Set without case', 'in', new Set(['a', 'b']), ['A', 'b'], ['c'], { caseSensitive: false }],
    ['exists', 'exists', true, [null, 0, '', {}], [undefined]],
    ['exists by itself', 'exists', undefined, [null], [undefined]],
    ['exists: false', 'exists', false, [undefined], [null, 0]],
  ];
  for (const [name, operator, value, yes, no, more] of cases) {
    it(name, (t) => {
      const payloads = [...yes, ...no].map((x) => ({ d: [{ x }] }));
      assert.deepEqual(wanted(t, where('d[0].x', operator, value, more), payloads), payloads.slice(0, yes.length));
    });
  }

  it('a field that is missing fulfils ne and exists: false alone', (t) => {
    const payloads = [{}, { a: 5 }, null, 'text', [1]];
    for (const [operator, value, expected] of [
      ['ne', 1, payloads],
      ['exists', false, payloads],
      ['exists', true, []],
      ['eq', 1, []],
      ['lte', 1, []],
      ['contains', 'a', []],
      ['matches', '', []],
      ['in', [1], []],
    ]) {
      assert.deepEqual(wanted(t, where('a.b', operator, value), payloads), expected, operator);
    }
  });

  it('groups within groups', (t) => {
    const filter = {
      operator: 'OR',
      conditions: [
        {
          operator: 'AND',
          conditions: [
            { field: 'a', operator: 'gt', value: 1 },
            { field: 'b', operator: 'eq', value: true },
          ],
        },
        { field: 'c', operator: 'exists' },
      ],
    };
    const yes = [{ a: 2, b: true }, { c: null }, { a: 0, b: true, c: 1 }];
    assert.deepEqual(wanted(t, filter, [...yes, { a: 2, b: false }, { a: 1, b: true }, {}]), yes);
  });

  it('a filter is read once: what is done to it afterwards changes nothing', (t) => {
    const bus = openBus(t);
    const filter = where('a', 'in', [1]);
    const subscription = bus.subscribe('t', () => {}, { filter });
    filter.conditions[0].value.push(2);
    filter.conditions.push({ field: 'b', operator: 'exists' });
    for (const a of [1, 2]) bus.publish('t', { a });
    bus.flush();
    assert.equal(subscription.stats.admitted, 1);
  });
});
